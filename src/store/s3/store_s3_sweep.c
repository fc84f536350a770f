#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/s3/store_s3_call.h"

#define PAGE_MAX (16 << 20) /* Bytes. */
#define PAGES_MAX 10000     /* A listing that is longer goes in circles. */

/*
 * Uploads whose program has died.  Their parts are seen by no listing of
 * objects, and paid for.
 */
struct sweep {
	struct s3 *s;
	char *prefix; /* The store's and the caller's, joined. */
	int64_t before_ms;
	uint64_t *n;
	char *key, *id; /* Where the next page begins; NULL: the first. */
};

static int
get_page(struct sweep *w, struct s3_page *page, struct err *err)
{
	CLEANUP(freep_buf) struct buf body = BUF_INIT;
	const struct sigv4_param query[] = {
		{ "uploads", "" },
		{ "encoding-type", "url" },
		{ "prefix", w->prefix },
		{ "key-marker", w->key },
		{ "upload-id-marker", w->id },
	};
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "GET",
		.action = "s3:ListBucketMultipartUploads",
		.query = query,
		.nquery = w->key == NULL  ? 3
			  : w->id == NULL ? 4
					  : 5,
		.out = &body,
		.max = PAGE_MAX,
		.xml = true,
	};
	int rc;

	if ((rc = s3_call(w->s, &c, err)) < 0)
		return rc;
	return s3_xml_page(body.p, body.len, S3_UPLOADS, page, err);
}

static int
give_up(struct sweep *w, const struct s3_item *it, struct err *err)
{
	const char *name = str_has_prefix(it->key, w->s->place.prefix);
	const struct sigv4_param query[] = { { "uploadId", it->id } };
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "DELETE",
		.key = name,
		.action = "s3:AbortMultipartUpload",
		.query = query,
		.nquery = 1,
	};
	struct err e = ERR_INIT;

	/* A server may list by another rule than was asked for. */
	if (it->time_ms >= w->before_ms || name == NULL ||
	    str_has_prefix(it->key, w->prefix) == NULL || !store_name_ok(name))
		return 0;
	if (s3_call(w->s, &c, &e) == 0) {
		++*w->n;
		return 0;
	}
	/* It has ended meanwhile, one way or the other. */
	if (e.code == -HF_ENOTFOUND)
		return 0;
	*err = e;
	return err_wrap(err, "the upload of '%s'", name);
}

static int
sweep_page(struct sweep *w, bool *more, struct err *err)
{
	struct s3_page page = { .items = NULL };
	size_t i;
	int rc;

	rc = get_page(w, &page, err);
	for (i = 0; rc == 0 && i < page.n; i++)
		rc = give_up(w, &page.items[i], err);
	*more = page.more;
	free(w->key);
	free(w->id);
	w->key = TAKE(page.next);
	w->id = TAKE(page.after);
	s3_page_clear(&page);
	return rc;
}

int
s3_sweep(struct store *st, const char *prefix, int64_t before_ms, uint64_t *n,
    struct err *err)
{
	struct sweep w = {
		.s = (struct s3 *)st, .before_ms = before_ms, .n = n
	};
	bool more = true;
	int pages, rc;

	rc = str_printf(&w.prefix, err, "%s%s", w.s->place.prefix, prefix);
	for (pages = 0; rc == 0 && more && pages < PAGES_MAX; pages++)
		rc = sweep_page(&w, &more, err);
	free(w.prefix);
	free(w.key);
	free(w.id);
	if (rc < 0)
		return err_wrap(err, "sweep '%s'", st->place);
	return 0;
}
