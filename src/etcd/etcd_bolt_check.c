#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bolt_impl.h"

#define NEST_MAX 8      /* Buckets in buckets; etcd has one level. */
#define MANY 0xffff     /* Of free pages: the first u64 is their count. */
#define IDS_AT_ONCE 512 /* Numbers of free pages that are read together. */

struct walk {
	const struct etcd_bolt *bolt;
	uint8_t *seen; /* A bit for each page. */
};

/* Return whether the page was marked before. */
static bool
mark(struct walk *w, uint64_t id)
{
	uint8_t bit = (uint8_t)(1U << (id & 7));
	bool was = (w->seen[id >> 3] & bit) != 0;

	w->seen[id >> 3] |= bit;
	return was;
}

static int
on_pages(void *arg, uint64_t first, uint64_t n, struct err *err)
{
	struct walk *w = arg;
	uint64_t id;

	for (id = first; id < first + n; id++)
		if (mark(w, id))
			return err_set(err, HF_ECORRUPT,
			    "page %" PRIu64 " is used twice, once by page "
			    "%" PRIu64,
			    id, first);
	return 0;
}

/* Their content was checked when the file was opened; bbolt reads both. */
static int
check_metas(struct walk *w, struct err *err)
{
	const struct etcd_bolt *b = w->bolt;
	uint8_t head[BOLT_HEADER];
	struct bolt_header h;
	uint64_t id;
	int rc;

	for (id = 0; id < 2; id++) {
		rc = bolt_file_read(
		    b->file, id * b->page_size, head, sizeof(head), err);
		if (rc < 0)
			return rc;
		bolt_header(head, &h);
		if (h.id != id || h.type != BOLT_META)
			return err_set(err, HF_ECORRUPT,
			    "page %" PRIu64 " should be a meta page and is "
			    "not",
			    id);
	}
	return 0;
}

static int
walk_bucket(struct walk *w, const struct etcd_bolt_item *bucket, int depth,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	int rc;

	if (depth > NEST_MAX)
		return err_set(err, HF_ECORRUPT,
		    "buckets lie in buckets, more than %d deep", NEST_MAX);
	if ((rc = etcd_bolt_cursor_new(w->bolt, bucket, &c, err)) < 0)
		return rc;
	bolt_cursor_watch(c, on_pages, w);
	while ((rc = etcd_bolt_next(c, &item, err)) == 1)
		if ((item.flags & ETCD_BOLT_BUCKET) != 0 &&
		    (rc = walk_bucket(w, &item, depth + 1, err)) < 0)
			return rc;
	return rc;
}

static int
check_free(struct walk *w, uint64_t id, struct err *err)
{
	if (id < 2 || id >= w->bolt->pages)
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64 " is in the list of free pages, and the "
		    "file has %" PRIu64,
		    id, w->bolt->pages);
	if (mark(w, id))
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64 " is in the list of free pages, and is in "
		    "use or was there before",
		    id);
	return 0;
}

/* Check the ${n} numbers of free pages that lie at ${off}. */
static int
check_ids(struct walk *w, uint64_t off, uint64_t n, struct err *err)
{
	uint8_t ids[8 * IDS_AT_ONCE];
	size_t i, some;
	int rc;

	for (; n > 0; n -= some, off += 8 * some) {
		some = n < IDS_AT_ONCE ? (size_t)n : IDS_AT_ONCE;
		rc = bolt_file_read(w->bolt->file, off, ids, 8 * some, err);
		if (rc < 0)
			return rc;
		for (i = 0; i < some; i++)
			if ((rc = check_free(w, le64_get(ids + 8 * i), err)) <
			    0)
				return rc;
	}
	return 0;
}

static int
check_freelist(struct walk *w, struct err *err)
{
	const struct etcd_bolt *b = w->bolt;
	uint64_t off = b->freelist * b->page_size, n, at = BOLT_HEADER;
	uint8_t head[BOLT_HEADER + 8];
	struct bolt_header h;
	int rc;

	rc = bolt_file_read(b->file, off, head, sizeof(head), err);
	if (rc < 0)
		return rc;
	bolt_header(head, &h);
	if (h.id != b->freelist || h.type != BOLT_FREELIST ||
	    h.overflow >= b->pages - h.id)
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64 " should be the list of free pages and is "
		    "not",
		    b->freelist);
	n = h.count;
	if (n == MANY) {
		n = le64_get(head + BOLT_HEADER);
		at += 8;
	}
	if (n > (((uint64_t)h.overflow + 1) * b->page_size - at) / 8)
		return err_set(err, HF_ECORRUPT,
		    "page %" PRIu64 " has no room for %" PRIu64 " free pages",
		    b->freelist, n);
	if ((rc = on_pages(w, h.id, (uint64_t)h.overflow + 1, err)) < 0)
		return rc;
	return check_ids(w, off + at, n, err);
}

static int
check_all_seen(struct walk *w, struct err *err)
{
	uint64_t id;

	for (id = 2; id < w->bolt->pages; id++)
		if (!mark(w, id))
			return err_set(err, HF_ECORRUPT,
			    "page %" PRIu64 " is neither in use nor in the "
			    "list of free pages",
			    id);
	return 0;
}

int
etcd_bolt_check(const struct etcd_bolt *b, struct err *err)
{
	CLEANUP(freep_mem) uint8_t *seen = NULL;
	struct walk w = { .bolt = b };
	int rc;

	if ((w.seen = seen = calloc(1, (size_t)(b->pages / 8 + 1))) == NULL)
		return err_nomem(err);
	if ((rc = check_metas(&w, err)) < 0 ||
	    (rc = walk_bucket(&w, NULL, 0, err)) < 0)
		return rc;
	/*
	 * If there is no list, bbolt takes all pages for free that it does not
	 * reach.
	 */
	if (b->freelist == ETCD_BOLT_NO_FREELIST)
		return 0;
	if ((rc = check_freelist(&w, err)) < 0)
		return rc;
	return check_all_seen(&w, err);
}
