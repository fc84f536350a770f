#include <string.h>

#include "base/err.h"
#include "etcd/etcd_bucket_file.h"
#include "etcd/etcd_index.h"
#include "etcd/etcd_record.h"
#include "fuzz.h"
#include "source/etcd/source_etcd_memo.h"

/*
 * The files of the records form, and what a host remembers of one.  The first
 * byte says which, the second how the rest is cut into pieces: how it is cut
 * must not matter.
 */
struct seen {
	uint64_t count, bytes;
};

static int
see_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct seen *s = arg;

	(void)err;
	s->count++;
	s->bytes += r->len;
	return 0;
}

static int
see_bucket(void *arg, const uint8_t *p, size_t n, uint64_t seq, struct err *err)
{
	struct seen *s = arg;

	(void)p;
	(void)seq;
	(void)err;
	MUST(n > 0);
	s->count++;
	return 0;
}

static int
see_pair(void *arg, const uint8_t *k, size_t nk, const uint8_t *v, size_t nv,
    struct err *err)
{
	struct seen *s = arg;

	(void)k;
	(void)v;
	(void)err;
	MUST(nk > 0 && s->count > 0);
	s->bytes += nk + nv;
	return 0;
}

static int
segment(const uint8_t *p, size_t n, size_t piece, struct seen *s)
{
	struct etcd_segment_reader r;
	struct err e = ERR_INIT;
	size_t i, k;
	int rc = 0;

	etcd_segment_reader_init(&r, see_record, s);
	for (i = 0; rc == 0 && i < n; i += k) {
		k = n - i < piece ? n - i : piece;
		rc = etcd_segment_reader_feed(&r, p + i, k, &e);
	}
	if (rc == 0)
		rc = etcd_segment_reader_end(&r, &e);
	etcd_segment_reader_clear(&r);
	return rc;
}

static int
buckets(const uint8_t *p, size_t n, size_t piece, struct seen *s)
{
	const struct etcd_bucket_sink sink = { see_bucket, see_pair, s };
	struct etcd_bucket_reader r;
	struct err e = ERR_INIT;
	size_t i, k;
	int rc = 0;

	etcd_bucket_reader_init(&r, &sink);
	for (i = 0; rc == 0 && i < n; i += k) {
		k = n - i < piece ? n - i : piece;
		rc = etcd_bucket_reader_feed(&r, p + i, k, &e);
	}
	if (rc == 0)
		rc = etcd_bucket_reader_end(&r, &e);
	etcd_bucket_reader_clear(&r);
	return rc;
}

/* What decodes encodes to the same bytes. */
static void
whole_index(const uint8_t *p, size_t n)
{
	struct buf again = BUF_INIT;
	struct etcd_index x = { 0 };
	struct err e = ERR_INIT;

	if (etcd_index_decode(p, n, &x, &e) < 0)
		return;
	MUST(etcd_index_encode(&x, &again, &e) == 0 && again.len == n);
	MUST(memcmp(again.p, p, n) == 0);
	buf_free(&again);
	etcd_index_clear(&x);
}

static void
memo(const uint8_t *p, size_t n)
{
	struct source_etcd_memo m;
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	if (!source_etcd_memo_ok(p, n))
		return;
	MUST(buf_add(&b, p, n, &e) == 0);
	for (i = 0; i < source_etcd_memo_count(&b); i++) {
		source_etcd_memo_kill(&b, i);
		source_etcd_memo_get(&b, i, &m);
		MUST(!m.alive && source_etcd_memo_same(&m, &m));
	}
	MUST(i > 0 && b.len == n);
	buf_free(&b);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct seen whole = { 0 }, cut = { 0 };
	size_t piece;
	int a, b;

	if (n < 2)
		return 0;
	piece = (size_t)p[1] + 1;
	if (p[0] % 4 == 2) {
		whole_index(p + 2, n - 2);
		return 0;
	}
	if (p[0] % 4 == 3) {
		memo(p + 2, n - 2);
		return 0;
	}
	a = (p[0] % 4 == 0 ? segment : buckets)(p + 2, n - 2, n, &whole);
	b = (p[0] % 4 == 0 ? segment : buckets)(p + 2, n - 2, piece, &cut);
	MUST(a == b && whole.count == cut.count && whole.bytes == cut.bytes);
	return 0;
}
