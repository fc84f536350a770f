#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "repo/legacy/repo_legacy.h"
#include "store/store.h"

struct loader {
	const char *prefix;
	struct repo_legacy_list *list;
	size_t cap;
};

/* Return the entry of that stem; if there is one, it is among the last. */
static struct repo_legacy_entry *
find(struct repo_legacy_list *l, const char *stem, size_t n)
{
	size_t i;

	/* ".dump" comes before ".key", and no other stem between them. */
	for (i = l->n; i-- > 0 && i + 2 >= l->n;)
		if (strlen(l->v[i].stem) == n &&
		    memcmp(l->v[i].stem, stem, n) == 0)
			return &l->v[i];
	return NULL;
}

static int
add(struct loader *l, const char *stem, size_t n, int64_t ms,
    struct repo_legacy_entry **ret, struct err *err)
{
	struct repo_legacy_entry *grown;
	size_t cap;
	int rc;

	if (l->list->n == l->cap) {
		cap = l->cap == 0 ? 64 : 2 * l->cap;
		grown = reallocarray(l->list->v, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		l->list->v = grown;
		l->cap = cap;
	}
	*ret = &l->list->v[l->list->n];
	**ret = (struct repo_legacy_entry){ .time_ms = ms };
	rc = str_printf(&(*ret)->stem, err, "%.*s", (int)n, stem);
	if (rc < 0)
		return rc;
	l->list->n++;
	return 0;
}

static int
listed(void *arg, const struct store_info *info, struct err *err)
{
	struct loader *l = arg;
	struct repo_legacy_entry *e;
	enum repo_legacy_kind kind;
	int64_t ms;
	size_t n;
	int rc;

	if (!repo_legacy_name_parse(l->prefix, info->name, &ms, &kind))
		return 0;
	n = (size_t)(strrchr(info->name, '.') - info->name);
	if ((e = find(l->list, info->name, n)) == NULL &&
	    (rc = add(l, info->name, n, ms, &e, err)) < 0)
		return rc;
	if (kind == REPO_LEGACY_DUMP) {
		e->has_dump = true;
		e->dump_len = info->len;
	} else {
		e->has_key = true;
		e->key_len = info->len;
	}
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	const struct repo_legacy_entry *x = a, *y = b;

	if (x->time_ms != y->time_ms)
		return x->time_ms < y->time_ms ? -1 : 1;
	return strcmp(x->stem, y->stem);
}

int
repo_legacy_list_load(struct store *s, const char *prefix,
    struct repo_legacy_list *ret, struct err *err)
{
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list all = { NULL, 0 };
	struct loader l = { .prefix = prefix, .list = &all };
	CLEANUP(freep_mem) char *begin = NULL;
	int rc;

	/* List all of them before anything is done.  With the "-", "prod" does
	 * not list what "prod2" has; and a '/' in the prefix is one of its
	 * bytes, not a folder to be entered. */
	if ((rc = str_printf(&begin, err, "%s-", prefix)) < 0 ||
	    (rc = store_list(s, begin, listed, &l, err)) < 0)
		return rc;
	if (all.n > 0)
		qsort(all.v, all.n, sizeof(*all.v), by_time);
	*ret = all;
	all = (struct repo_legacy_list){ NULL, 0 };
	return 0;
}

void
repo_legacy_list_clear(struct repo_legacy_list *l)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		free(l->v[i].stem);
	free(l->v);
	*l = (struct repo_legacy_list){ NULL, 0 };
}
