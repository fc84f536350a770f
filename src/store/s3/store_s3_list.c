#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/s3/store_s3_call.h"

#define PAGE_MAX (16 << 20) /* Bytes of one page of a listing. */

struct listing {
	struct s3 *s;
	char *prefix; /* The store's and the caller's, joined. */
	char *token;  /* Where the next page begins, or NULL. */
	store_list_fn *fn;
	void *arg;
};

static int
get_page(struct listing *l, struct s3_page *page, struct err *err)
{
	CLEANUP(freep_buf) struct buf body = BUF_INIT;
	struct sigv4_param query[5] = {
		{ "list-type", "2" },
		{ "encoding-type", "url" },
		{ "max-keys", "1000" },
		{ "prefix", l->prefix },
		{ "continuation-token", l->token },
	};
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "GET",
		.action = "s3:ListBucket",
		.query = query,
		.nquery = l->token == NULL ? 4 : 5,
		.out = &body,
		.max = PAGE_MAX,
		.xml = true,
	};
	int rc;

	if ((rc = s3_call(l->s, &c, err)) < 0)
		return rc;
	return s3_xml_page(body.p, body.len, S3_OBJECTS, page, err);
}

static int
give_items(struct listing *l, const struct s3_page *page, struct err *err)
{
	const struct s3_item *it = page->items;
	struct store_info info;
	size_t i;
	int rc;

	for (i = 0; i < page->n; i++, it++) {
		info = (struct store_info){
			.name = str_has_prefix(it->key, l->s->place.prefix),
			.len = it->size,
			.mtime_ms = it->time_ms,
		};
		if (info.name == NULL)
			return err_set(err, HF_ECORRUPT,
			    "the server lists '%s', which was not asked for",
			    it->key);
		if ((rc = l->fn(l->arg, &info, err)) < 0)
			return rc;
	}
	return 0;
}

/* Give one page to the caller; ${more} says whether another follows. */
static int
list_page(struct listing *l, bool *more, struct err *err)
{
	struct s3_page page = { .items = NULL };
	int rc;

	if ((rc = get_page(l, &page, err)) < 0)
		(void)err_wrap(err, "list '%s'", l->s->base.place);
	else
		rc = give_items(l, &page, err);
	*more = page.more;
	if (rc == 0 && page.more && l->token != NULL &&
	    strcmp(l->token, page.next) == 0)
		rc = err_set(err, HF_EUNAVAIL,
		    "list '%s': the listing goes round in circles",
		    l->s->base.place);
	free(l->token);
	l->token = TAKE(page.next);
	s3_page_clear(&page);
	return rc;
}

int
s3_list(struct store *st, const char *prefix, store_list_fn *fn, void *arg,
    struct err *err)
{
	struct listing l = { .s = (struct s3 *)st, .fn = fn, .arg = arg };
	bool more = true;
	int rc;

	if ((rc = str_printf(
		 &l.prefix, err, "%s%s", l.s->place.prefix, prefix)) < 0)
		return rc;
	while (rc == 0 && more)
		rc = list_page(&l, &more, err);
	free(l.prefix);
	free(l.token);
	return rc;
}
