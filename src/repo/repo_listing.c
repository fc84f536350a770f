#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "repo/repo_impl.h"
#include "repo/repo_listing.h"
#include "store/store.h"

struct collect {
	struct repo_listing *l;
	size_t cap;
	size_t skip; /* strlen("hf1/<vault>/") */
};

static int
collect(void *arg, const struct store_info *info, struct err *err)
{
	struct collect *c = arg;
	struct repo_listed *row;

	if (c->l->n == c->cap) {
		c->cap = c->cap * 2 + 16;
		row = reallocarray(c->l->v, c->cap, sizeof(*row));
		if (row == NULL)
			return err_nomem(err);
		c->l->v = row;
	}
	row = &c->l->v[c->l->n];
	*row = (struct repo_listed){
		.len = info->len,
		.mtime_ms = info->mtime_ms,
	};
	if (str_dup(info->name + c->skip, &row->name, err) < 0)
		return err->code;
	c->l->n++;
	return 0;
}

int
repo_listing_load(struct repo *r, const char *prefix, struct repo_listing *ret,
    struct err *err)
{
	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	char object[REPO_NAME_MAX + 64];
	struct collect c = { .l = &l };

	c.skip = strlen(repo_object(r, "", object));
	if (store_list(
		r->store, repo_object(r, prefix, object), collect, &c, err) < 0)
		return err_wrap(err, "list '%s'", prefix);
	*ret = l;
	l = (struct repo_listing){ 0 };
	return 0;
}

void
repo_listing_clear(struct repo_listing *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->v[i].name);
	free(l->v);
	*l = (struct repo_listing){ 0 };
}
