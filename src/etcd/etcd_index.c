#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_index.h"

#define MAGIC "HFEX"
#define VERSION 1
#define SEGMENT_LEN 44 /* Bytes, when encoded, without a bitmap. */

void
etcd_index_clear(struct etcd_index *x)
{
	size_t i;

	for (i = 0; i < x->nsegments; i++)
		free(x->segments[i].live);
	free(x->segments);
	*x = (struct etcd_index){ 0 };
}

char *
etcd_index_path(uint64_t main, uint64_t sub, char to[ETCD_INDEX_PATH_LEN])
{
	(void)snprintf(to, ETCD_INDEX_PATH_LEN,
	    "records/%016" PRIx64 "-%08" PRIx64, main, sub);
	return to;
}

int
etcd_index_add(
    struct etcd_index *x, const struct etcd_index_segment *s, struct err *err)
{
	struct etcd_index_segment *grown = x->segments;

	/*
	 * There is room for 1, 2, 4, ...: it is full when the count is a power
	 * of 2.
	 */
	if ((x->nsegments & (x->nsegments - 1)) == 0)
		grown = reallocarray(x->segments,
		    x->nsegments > 0 ? 2 * x->nsegments : 1, sizeof(*grown));
	if (grown == NULL) {
		free(s->live);
		return err_nomem(err);
	}
	x->segments = grown;
	grown[x->nsegments++] = *s;
	return 0;
}

static int
encode_segment(
    const struct etcd_index_segment *s, struct buf *b, struct err *err)
{
	int rc;

	if ((rc = buf_add_u64(b, s->main, err)) < 0 ||
	    (rc = buf_add_u64(b, s->sub, err)) < 0 ||
	    (rc = buf_add_u64(b, s->last_main, err)) < 0 ||
	    (rc = buf_add_u64(b, s->last_sub, err)) < 0 ||
	    (rc = buf_add_u32(b, s->records, err)) < 0 ||
	    (rc = buf_add_u32(b, s->alive, err)) < 0)
		return rc;
	return buf_add_bytes(
	    b, s->live, s->live != NULL ? (s->records + 7) / 8 : 0, err);
}

int
etcd_index_encode(const struct etcd_index *x, struct buf *b, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = buf_add(b, MAGIC, 4, err)) < 0 ||
	    (rc = buf_add_u32(b, VERSION, err)) < 0 ||
	    (rc = buf_add_u32(b, x->page_size, err)) < 0 ||
	    (rc = buf_add_u64(b, x->revision, err)) < 0 ||
	    (rc = buf_add_u64(b, x->compact_revision, err)) < 0 ||
	    (rc = buf_add_u64(b, x->hash_compact, err)) < 0 ||
	    (rc = buf_add_u32(b, x->hash, err)) < 0 ||
	    (rc = buf_add_u64(b, x->records, err)) < 0 ||
	    (rc = buf_add_u64(b, x->bytes, err)) < 0 ||
	    (rc = buf_add_u32(b, (uint32_t)x->nsegments, err)) < 0)
		return rc;
	for (i = 0; rc == 0 && i < x->nsegments; i++)
		rc = encode_segment(&x->segments[i], b, err);
	return rc;
}

static int
corrupt(struct err *err, const char *what)
{
	return err_set(
	    err, HF_ECORRUPT, "the index of etcd's records: %s", what);
}

/* Does the bitmap agree with the counts, with no bit behind the end? */
static bool
bitmap_ok(const struct etcd_index_segment *s, const uint8_t *bits, size_t n)
{
	uint32_t alive = 0;
	size_t i;

	if (n == 0)
		return s->alive == s->records;
	if (n != ((size_t)s->records + 7) / 8 ||
	    (s->records % 8 != 0 && bits[n - 1] >> (s->records % 8) != 0))
		return false;
	for (i = 0; i < n; i++)
		alive += (uint32_t)__builtin_popcount(bits[i]);
	return alive == s->alive;
}

static bool
before(uint64_t main1, uint64_t sub1, uint64_t main2, uint64_t sub2)
{
	return main1 != main2 ? main1 < main2 : sub1 < sub2;
}

/* Are the revisions of ${s} in order, and behind those of ${last}? */
static bool
order_ok(
    const struct etcd_index_segment *last, const struct etcd_index_segment *s)
{
	if (s->records == 0 || s->alive == 0 || s->main > INT64_MAX ||
	    s->sub > UINT32_MAX || s->last_main > INT64_MAX ||
	    s->last_sub > UINT32_MAX)
		return false;
	if (last != NULL &&
	    !before(last->last_main, last->last_sub, s->main, s->sub))
		return false;
	if (s->records == 1)
		return s->main == s->last_main && s->sub == s->last_sub;
	return before(s->main, s->sub, s->last_main, s->last_sub);
}

static int
decode_segment(struct cur *c, struct etcd_index *x, struct err *err)
{
	struct etcd_index_segment s = { 0 };
	const uint8_t *bits;
	size_t n;

	s.main = cur_u64(c);
	s.sub = cur_u64(c);
	s.last_main = cur_u64(c);
	s.last_sub = cur_u64(c);
	s.records = cur_u32(c);
	s.alive = cur_u32(c);
	bits = cur_bytes(c, &n);
	if (c->bad)
		return corrupt(err, "it is cut");
	if (!bitmap_ok(&s, bits, n) ||
	    !order_ok(
		x->nsegments > 0 ? &x->segments[x->nsegments - 1] : NULL, &s))
		return corrupt(err, "a segment that makes no sense");
	if (n > 0) {
		if ((s.live = malloc(n)) == NULL)
			return err_nomem(err);
		memcpy(s.live, bits, n);
	}
	return etcd_index_add(x, &s, err);
}

/*
 * Read all that comes before the segments; ${*n} is how many of them there are.
 */
static bool
decode_head(struct cur *c, struct etcd_index *x, uint32_t *n)
{
	const uint8_t *magic = cur_take(c, 4);
	uint32_t version = cur_u32(c);

	x->page_size = cur_u32(c);
	x->revision = cur_u64(c);
	x->compact_revision = cur_u64(c);
	x->hash_compact = cur_u64(c);
	x->hash = cur_u32(c);
	x->records = cur_u64(c);
	x->bytes = cur_u64(c);
	*n = cur_u32(c);
	return !c->bad && memcmp(magic, MAGIC, 4) == 0 && version == VERSION &&
	       x->page_size >= 512 && x->page_size <= 65536 &&
	       (x->page_size & (x->page_size - 1)) == 0 && x->revision >= 1 &&
	       x->revision <= INT64_MAX && x->compact_revision <= x->revision &&
	       x->hash_compact <= x->revision && *n <= c->left / SEGMENT_LEN;
}

static int
decode(struct cur *c, struct etcd_index *x, struct err *err)
{
	uint64_t alive = 0;
	uint32_t i, n;
	int rc;

	if (!decode_head(c, x, &n))
		return corrupt(err, "it is none, or of another version");
	for (i = 0; i < n; i++) {
		if ((rc = decode_segment(c, x, err)) < 0)
			return rc;
		alive += x->segments[i].alive;
	}
	if (!cur_end(c) || alive != x->records ||
	    (n > 0 && x->segments[n - 1].last_main > x->revision))
		return corrupt(err, "it does not add up");
	return 0;
}

int
etcd_index_decode(
    const uint8_t *p, size_t n, struct etcd_index *ret, struct err *err)
{
	struct etcd_index x = { 0 };
	struct cur c;
	int rc;

	cur_init(&c, p, n);
	if ((rc = decode(&c, &x, err)) < 0)
		etcd_index_clear(&x);
	else
		*ret = x;
	return rc;
}
