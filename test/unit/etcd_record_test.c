#include <stdlib.h>
#include <string.h>

#include "etcd/etcd_bucket_file.h"
#include "etcd/etcd_index.h"
#include "etcd/etcd_record.h"
#include "test.h"

/* What a reader handed on, in words. */
struct heard {
	char text[2048];
	size_t len;
};

static int
hear_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct heard *h = arg;

	(void)err;
	h->len += (size_t)snprintf(h->text + h->len, sizeof(h->text) - h->len,
	    "%d.%d%s=%.*s;", (int)r->main, (int)r->sub, r->tombstone ? "t" : "",
	    (int)r->len, (const char *)r->value);
	return 0;
}

static int
hear_bucket(
    void *arg, const uint8_t *p, size_t n, uint64_t seq, struct err *err)
{
	struct heard *h = arg;

	(void)err;
	h->len += (size_t)snprintf(h->text + h->len, sizeof(h->text) - h->len,
	    "[%.*s %d]", (int)n, (const char *)p, (int)seq);
	return 0;
}

static int
hear_pair(void *arg, const uint8_t *k, size_t nk, const uint8_t *v, size_t nv,
    struct err *err)
{
	struct heard *h = arg;

	(void)err;
	h->len += (size_t)snprintf(h->text + h->len, sizeof(h->text) - h->len,
	    "%.*s=%.*s;", (int)nk, (const char *)k, (int)nv, (const char *)v);
	return 0;
}

static void
add_record(struct buf *b, uint64_t main, uint64_t sub, bool tombstone,
    const char *value)
{
	const struct etcd_record r = { .main = main,
		.sub = sub,
		.tombstone = tombstone,
		.value = (const uint8_t *)value,
		.len = strlen(value) };
	uint8_t head[ETCD_RECORD_HEAD];
	struct err e = ERR_INIT;

	etcd_record_head(&r, head);
	CHECK_OK(buf_add(b, head, sizeof(head), &e), &e);
	CHECK_OK(buf_add(b, value, r.len, &e), &e);
}

static void
begin(struct buf *b, void (*head)(uint8_t[ETCD_MAGIC_LEN]))
{
	uint8_t magic[ETCD_MAGIC_LEN];
	struct err e = ERR_INIT;

	b->len = 0;
	head(magic);
	CHECK_OK(buf_add(b, magic, sizeof(magic), &e), &e);
}

static int
read_segment(
    const uint8_t *p, size_t n, size_t piece, struct heard *h, struct err *e)
{
	struct etcd_segment_reader r;
	size_t i, k;
	int rc = 0;

	*h = (struct heard){ .len = 0 };
	etcd_segment_reader_init(&r, hear_record, h);
	for (i = 0; rc == 0 && i < n; i += k) {
		k = n - i < piece ? n - i : piece;
		rc = etcd_segment_reader_feed(&r, p + i, k, e);
	}
	if (rc == 0)
		rc = etcd_segment_reader_end(&r, e);
	etcd_segment_reader_clear(&r);
	return rc;
}

static int
read_buckets(
    const uint8_t *p, size_t n, size_t piece, struct heard *h, struct err *e)
{
	const struct etcd_bucket_sink sink = { hear_bucket, hear_pair, h };
	struct etcd_bucket_reader r;
	size_t i, k;
	int rc = 0;

	*h = (struct heard){ .len = 0 };
	etcd_bucket_reader_init(&r, &sink);
	for (i = 0; rc == 0 && i < n; i += k) {
		k = n - i < piece ? n - i : piece;
		rc = etcd_bucket_reader_feed(&r, p + i, k, e);
	}
	if (rc == 0)
		rc = etcd_bucket_reader_end(&r, e);
	etcd_bucket_reader_clear(&r);
	return rc;
}

TEST(record__a_segment_reads_back_whatever_the_pieces)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct heard h;
	size_t piece;

	begin(&b, etcd_segment_head);
	add_record(&b, 2, 0, false, "one");
	add_record(&b, 2, 1, true, "");
	add_record(&b, 7, 0, false, "a longer value than the head is");
	for (piece = 1; piece <= b.len; piece++) {
		CHECK_OK(read_segment(b.p, b.len, piece, &h, &e), &e);
		CHECK_STR(h.text,
		    "2.0=one;2.1t=;7.0=a longer value than the head is;");
	}
	/* Cut anywhere but between records, it is not whole. */
	for (piece = 0; piece < b.len; piece++) {
		if (piece == 8 || piece == 32 || piece == 53)
			continue;
		CHECK_FAIL(
		    read_segment(b.p, piece, 5, &h, &e), &e, HF_ECORRUPT);
	}
}

TEST(record__a_segment_that_breaks_a_rule_is_refused)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct heard h;

	begin(&b, etcd_segment_head);
	add_record(&b, 7, 1, false, "x");
	add_record(&b, 7, 1, false, "x");
	CHECK_FAIL(read_segment(b.p, b.len, 999, &h, &e), &e, HF_ECORRUPT);

	begin(&b, etcd_segment_head);
	add_record(&b, 7, 1, false, "x");
	add_record(&b, 6, 2, false, "x");
	CHECK_FAIL(read_segment(b.p, b.len, 999, &h, &e), &e, HF_ECORRUPT);

	begin(&b, etcd_segment_head);
	add_record(&b, (uint64_t)1 << 63, 0, false, "x");
	CHECK_FAIL(read_segment(b.p, b.len, 999, &h, &e), &e, HF_ECORRUPT);

	begin(&b, etcd_segment_head);
	add_record(&b, 1, 0, false, "x");
	b.p[ETCD_MAGIC_LEN + 16] = 2; /* Neither dead nor alive. */
	CHECK_FAIL(read_segment(b.p, b.len, 999, &h, &e), &e, HF_ECORRUPT);

	begin(&b, etcd_bucket_file_head);
	CHECK_FAIL(read_segment(b.p, b.len, 999, &h, &e), &e, HF_ECORRUPT);
}

static void
add_item(struct buf *b, bool bucket, const char *key, uint64_t seq,
    const char *value)
{
	uint8_t head[ETCD_BUCKET_ITEM_HEAD];
	struct err e = ERR_INIT;

	etcd_bucket_item_head(
	    head, bucket, (uint32_t)strlen(key), seq, (uint32_t)strlen(value));
	CHECK_OK(buf_add(b, head, sizeof(head), &e), &e);
	CHECK_OK(buf_add(b, key, strlen(key), &e), &e);
	CHECK_OK(buf_add(b, value, strlen(value), &e), &e);
}

TEST(record__the_buckets_read_back_whatever_the_pieces)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct heard h;
	size_t piece;

	begin(&b, etcd_bucket_file_head);
	add_item(&b, true, "alarm", 0, "");
	add_item(&b, true, "meta", 3, "");
	add_item(&b, false, "a", 0, "1");
	add_item(&b, false, "ab", 0, "");
	add_item(&b, true, "zz", 0, "");
	add_item(&b, false, "a", 0, "2");
	for (piece = 1; piece <= b.len; piece++) {
		CHECK_OK(read_buckets(b.p, b.len, piece, &h, &e), &e);
		CHECK_STR(h.text, "[alarm 0][meta 3]a=1;ab=;[zz 0]a=2;");
	}
	CHECK_FAIL(read_buckets(b.p, b.len - 1, 7, &h, &e), &e, HF_ECORRUPT);
}

TEST(record__buckets_that_break_a_rule_are_refused)
{
	static const struct {
		bool bucket;
		const char *key;
		uint64_t seq;
		const char *value;
	} bad[][3] = {
		{ { false, "a", 0, "1" } }, /* No bucket yet. */
		{ { true, "key", 0, "" } }, /* Has its own place. */
		{ { true, "", 0, "" } },    /* No name. */
		{ { true, "b", 0, "" }, { true, "a", 0, "" } },
		{ { true, "b", 0, "" }, { true, "b", 0, "" } },
		{ { true, "b", 0, "" }, { false, "k", 0, "1" },
		    { false, "k", 0, "2" } },
		{ { true, "b", 0, "" }, { false, "k", 1, "1" } },
		{ { true, "b", 0, "1" } },
	};
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct heard h;
	size_t i, k;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		begin(&b, etcd_bucket_file_head);
		for (k = 0; k < 3 && bad[i][k].key != NULL; k++)
			add_item(&b, bad[i][k].bucket, bad[i][k].key,
			    bad[i][k].seq, bad[i][k].value);
		CHECK_FAIL(
		    read_buckets(b.p, b.len, 999, &h, &e), &e, HF_ECORRUPT);
	}
}

static void
make_index(struct etcd_index *x)
{
	struct etcd_index_segment first = { .main = 2,
		.last_main = 40,
		.records = 12,
		.alive = 3 },
				  second = { .main = 41,
					  .sub = 2,
					  .last_main = 41,
					  .last_sub = 2,
					  .records = 1,
					  .alive = 1 };
	struct err e = ERR_INIT;

	*x = (struct etcd_index){ .page_size = 4096,
		.revision = 41,
		.compact_revision = 30,
		.hash_compact = 30,
		.hash = 0x12345678,
		.records = 4,
		.bytes = 1234 };
	first.live = calloc(1, 2);
	CHECK(first.live != NULL);
	first.live[0] = 0x81;
	first.live[1] = 0x08;
	CHECK_OK(etcd_index_add(x, &first, &e), &e);
	CHECK_OK(etcd_index_add(x, &second, &e), &e);
}

TEST(record__the_index_reads_back_and_says_who_is_alive)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_index x, y = { 0 };
	char path[ETCD_INDEX_PATH_LEN];
	struct err e = ERR_INIT;
	uint32_t i;

	make_index(&x);
	CHECK_OK(etcd_index_encode(&x, &b, &e), &e);
	CHECK_OK(etcd_index_decode(b.p, b.len, &y, &e), &e);
	CHECK(y.page_size == 4096 && y.revision == 41 && y.hash == 0x12345678);
	CHECK(y.compact_revision == 30 && y.hash_compact == 30);
	CHECK(y.records == 4 && y.bytes == 1234 && y.nsegments == 2);
	CHECK(y.segments[0].last_main == 40 && y.segments[1].sub == 2);
	for (i = 0; i < 12; i++)
		CHECK(etcd_index_alive(&y.segments[0], i) ==
		      (i == 0 || i == 7 || i == 11));
	CHECK(etcd_index_alive(&y.segments[1], 0));
	CHECK_STR(
	    etcd_index_path(41, 2, path), "records/0000000000000029-00000002");
	etcd_index_clear(&x);
	etcd_index_clear(&y);
}

TEST(record__an_index_that_does_not_add_up_is_refused)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_index x, y = { 0 };
	struct err e = ERR_INIT;
	uint8_t *copy;
	size_t i;

	make_index(&x);
	CHECK_OK(etcd_index_encode(&x, &b, &e), &e);
	etcd_index_clear(&x);
	for (i = 0; i < b.len; i++)
		CHECK_FAIL(etcd_index_decode(b.p, i, &y, &e), &e, HF_ECORRUPT);
	/* A record behind the last, one too many alive, a later start. */
	CHECK(b.len > 0 && (copy = malloc(b.len)) != NULL);
	for (i = 0; i < 3; i++) {
		static const struct {
			size_t off;
			uint8_t value;
		} bad[] = { { 97, 0x18 }, { 96, 0x83 }, { 56, 50 } };

		memcpy(copy, b.p, b.len);
		copy[bad[i].off] = bad[i].value;
		CHECK_FAIL(
		    etcd_index_decode(copy, b.len, &y, &e), &e, HF_ECORRUPT);
	}
	free(copy);
}

TEST(record__reports_that_memory_ran_out)
{
	CLEANUP(freep_buf) struct buf seg = BUF_INIT, idx = BUF_INIT;
	struct etcd_index x, y = { 0 };
	struct err e = ERR_INIT;
	struct heard h;
	int rc;

	begin(&seg, etcd_segment_head);
	add_record(&seg, 2, 0, false, "one");
	make_index(&x);
	CHECK_OK(etcd_index_encode(&x, &idx, &e), &e);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = read_segment(seg.p, seg.len, 3, &h, &e);
		if (rc == 0)
			rc = etcd_index_decode(idx.p, idx.len, &y, &e);
		test_malloc_fail(0);
		if (rc == 0)
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	etcd_index_clear(&x);
	etcd_index_clear(&y);
}
