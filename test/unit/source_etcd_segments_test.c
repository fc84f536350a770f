#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "crypto/secret.h"
#include "etcd/etcd_hashkv.h"
#include "source/etcd/source_etcd_memo.h"
#include "source/etcd/source_etcd_segments.h"
#include "source_record.h"
#include "test.h"

/* A database in the small: records ascending, all of them alive. */
struct model {
	struct rec {
		uint64_t main, sub;
		bool tombstone;
		uint32_t len, seed; /* The value is made of them. */
	} v[60000];
	size_t n;
	uint64_t revision;
};

static uint32_t state = 1;

static uint32_t
rnd(uint32_t below)
{
	state = state * 1664525 + 1013904223;
	return (state >> 8) % below;
}

static void
value_of(const struct rec *r, uint8_t *to)
{
	uint32_t i;

	for (i = 0; i < r->len; i++)
		to[i] = (uint8_t)(r->seed + i * 7);
}

static void
append(struct model *m, size_t n, uint32_t maxlen)
{
	for (; n > 0; n--) {
		if (m->n == 0 || rnd(3) > 0)
			m->revision++;
		m->v[m->n] = (struct rec){ .main = m->revision,
			.tombstone = rnd(10) == 0,
			.len = rnd(maxlen),
			.seed = rnd(1 << 20) };
		if (m->n > 0 && m->v[m->n - 1].main == m->revision)
			m->v[m->n].sub = m->v[m->n - 1].sub + 1;
		m->n++;
	}
}

/* Of each ten records within a range, kill ${of_ten}. */
static void
kill_some(struct model *m, size_t from, size_t to, uint32_t of_ten)
{
	size_t i, k = 0;

	for (i = 0; i < m->n; i++)
		if (i < from || i >= to || rnd(10) >= of_ten)
			m->v[k++] = m->v[i];
	m->n = k;
}

/* What a backup made of it. */
struct made {
	struct record rec;
	struct etcd_index index;
};

static void
made_clear(struct made *b)
{
	record_clear(&b->rec);
	etcd_index_clear(&b->index);
}

static int
try_backup(const struct model *m, const struct record *base, struct made *b,
    struct err *e)
{
	CLEANUP(freep_source_etcd_segments)
	struct source_etcd_segments *s = NULL;
	struct source_etcd_out out = { .sink = &b->rec.sink };
	static uint8_t value[1 << 21];
	size_t i;
	int rc;

	record_init(&b->rec);
	b->rec.base = base;
	b->index =
	    (struct etcd_index){ .page_size = 4096, .revision = m->revision };
	if ((rc = source_etcd_out_folder(&out, "records", e)) < 0 ||
	    (rc = source_etcd_segments_new(&out, &s, e)) < 0)
		return rc;
	for (i = 0; i < m->n; i++) {
		const struct etcd_record r = { .main = m->v[i].main,
			.sub = m->v[i].sub,
			.tombstone = m->v[i].tombstone,
			.value = value,
			.len = m->v[i].len };

		value_of(&m->v[i], value);
		if ((rc = source_etcd_segments_take(s, &r, e)) < 0)
			return rc;
	}
	return source_etcd_segments_end(s, &b->index, e);
}

static void
backup(const struct model *m, const struct record *base, struct made *b)
{
	struct err e = ERR_INIT;

	CHECK_OK(try_backup(m, base, b, &e), &e);
}

/* Reading it back: every living record must be the model's next one. */
struct check {
	const struct model *m;
	const struct etcd_index_segment *seg;
	uint32_t i; /* In the segment. */
	size_t at;  /* In the model. */
};

static int
check_record(void *arg, const struct etcd_record *r, struct err *err)
{
	static uint8_t value[1 << 21];
	struct check *c = arg;
	const struct rec *want;

	(void)err;
	if (!etcd_index_alive(c->seg, c->i++))
		return 0;
	CHECK(c->at < c->m->n);
	want = &c->m->v[c->at++];
	value_of(want, value);
	CHECK(r->main == want->main && r->sub == want->sub);
	CHECK(r->tombstone == want->tombstone && r->len == want->len);
	CHECK(memcmp(r->value, value, r->len) == 0);
	return 0;
}

/* A kept file has its bytes in the record that it was kept from. */
static const struct buf *
data_of(const struct record *r, const char *path)
{
	const struct record_entry *e = record_find(r, path);

	while (e != NULL && e->kept) {
		r = r->base;
		e = record_find(r, path);
	}
	CHECK(e != NULL);
	return &e->data;
}

static void
check_same(const struct model *m, const struct made *b)
{
	struct check c = { .m = m };
	struct etcd_segment_reader r;
	char path[ETCD_INDEX_PATH_LEN];
	struct err e = ERR_INIT;
	const struct buf *d;
	size_t i;

	for (i = 0; i < b->index.nsegments; i++) {
		c.seg = &b->index.segments[i];
		c.i = 0;
		d = data_of(
		    &b->rec, etcd_index_path(c.seg->main, c.seg->sub, path));
		etcd_segment_reader_init(&r, check_record, &c);
		CHECK_OK(etcd_segment_reader_feed(&r, d->p, d->len, &e), &e);
		CHECK_OK(etcd_segment_reader_end(&r, &e), &e);
		etcd_segment_reader_clear(&r);
		CHECK(c.i == c.seg->records);
	}
	CHECK(c.at == m->n && b->index.records == m->n);
}

/* How many segments were kept. */
static size_t
kept(const struct made *b)
{
	size_t i, n = 0;

	for (i = 0; i < b->rec.n; i++)
		n += b->rec.v[i].kept;
	return n;
}

/* Bytes that were written and not kept. */
static uint64_t
written(const struct made *b)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < b->rec.n; i++)
		if (!b->rec.v[i].kept)
			sum += b->rec.v[i].data.len;
	return sum;
}

/* The index must also survive its encoding. */
static void
check_index(const struct made *b)
{
	CLEANUP(freep_buf) struct buf x = BUF_INIT;
	struct etcd_index again = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(etcd_index_encode(&b->index, &x, &e), &e);
	CHECK_OK(etcd_index_decode(x.p, x.len, &again, &e), &e);
	CHECK(again.nsegments == b->index.nsegments);
	etcd_index_clear(&again);
}

TEST(segments__nothing_is_written_again_when_nothing_has_changed)
{
	static struct model m;
	struct made a, b;

	append(&m, 20000, 400);
	backup(&m, NULL, &a);
	CHECK(a.index.nsegments > 3 && kept(&a) == 0);
	check_same(&m, &a);
	backup(&m, &a.rec, &b);
	CHECK(written(&b) == 0 && kept(&b) == a.index.nsegments);
	check_same(&m, &b);
	check_index(&b);
	made_clear(&a);
	made_clear(&b);
}

TEST(segments__what_is_new_and_who_died_is_all_that_travels)
{
	static struct model m;
	struct made a, b;

	append(&m, 20000, 400);
	backup(&m, NULL, &a);
	kill_some(&m, 0, 20000, 1);
	append(&m, 100, 400);
	backup(&m, &a.rec, &b);
	CHECK(kept(&b) == a.index.nsegments);
	CHECK(written(&b) < 100 * 450);
	check_same(&m, &b);
	check_index(&b);
	made_clear(&a);
	made_clear(&b);
}

TEST(segments__a_segment_less_than_half_alive_is_written_again)
{
	static struct model m;
	struct made a, b;
	size_t n;

	append(&m, 20000, 400);
	backup(&m, NULL, &a);
	n = a.index.segments[0].records;
	kill_some(&m, 0, n, 7);
	backup(&m, &a.rec, &b);
	CHECK(kept(&b) == a.index.nsegments - 1);
	CHECK(written(&b) > 0 && written(&b) < 500000);
	check_same(&m, &b);
	made_clear(&a);
	made_clear(&b);
}

TEST(segments__a_segment_that_died_is_gone)
{
	static struct model m;
	struct made a, b;

	append(&m, 20000, 400);
	backup(&m, NULL, &a);
	kill_some(&m, 0, a.index.segments[0].records, 10);
	backup(&m, &a.rec, &b);
	CHECK(b.index.nsegments == a.index.nsegments - 1);
	CHECK(written(&b) == 0);
	check_same(&m, &b);
	made_clear(&a);
	made_clear(&b);
}

TEST(segments__the_same_revisions_with_other_content_are_not_taken_for_old)
{
	static struct model m;
	struct made a, b;
	size_t cut;

	append(&m, 20000, 400);
	backup(&m, NULL, &a);
	/* The cluster was set back to the end of the first segment, and has
	 * counted on from there with other writes. */
	cut = a.index.segments[0].records;
	m.n = cut;
	m.revision = m.v[cut - 1].main;
	append(&m, 20000, 400);
	backup(&m, &a.rec, &b);
	CHECK(kept(&b) == 1);
	check_same(&m, &b);
	made_clear(&a);
	made_clear(&b);
}

/* A database of one record of revision 7, with that value. */
static struct etcd_record
valued(const char *value)
{
	return (struct etcd_record){
		.main = 7, .value = (const uint8_t *)value, .len = strlen(value)
	};
}

static void
backup_one(
    const struct etcd_record *r, const struct record *base, struct made *b)
{
	CLEANUP(freep_source_etcd_segments)
	struct source_etcd_segments *s = NULL;
	struct source_etcd_out out = { .sink = &b->rec.sink };
	struct err e = ERR_INIT;

	record_init(&b->rec);
	b->rec.base = base;
	b->index = (struct etcd_index){ .page_size = 4096, .revision = 7 };
	CHECK_OK(source_etcd_segments_new(&out, &s, &e), &e);
	CHECK_OK(source_etcd_segments_take(s, r, &e), &e);
	CHECK_OK(source_etcd_segments_end(s, &b->index, &e), &e);
}

static uint32_t
hashkv(const struct etcd_record *r)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *sum = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_hashkv_sum_new(7, 0, &sum, &e), &e);
	CHECK_OK(etcd_hashkv_sum_add(sum, r, &e), &e);
	return etcd_hashkv_sum_end(sum);
}

/*
 * Whoever may write values into a cluster that was set back can count to the
 * same revision, with a value of the same length and the same checksum: the
 * members' own hash is the same then.  It is stored all the same.
 */
TEST(segments__a_value_forged_to_the_same_checksum_is_stored)
{
	const struct etcd_record old = valued("fzotpfnkty");
	const struct etcd_record forged = valued("ddnyqbvmir");
	struct made a, b;
	const struct buf *d;

	CHECK(forged.main == old.main && forged.len == old.len);
	CHECK(crc32c(0, forged.value, forged.len) ==
	      crc32c(0, old.value, old.len));
	CHECK(hashkv(&forged) == hashkv(&old));
	backup_one(&old, NULL, &a);
	backup_one(&forged, &a.rec, &b);
	CHECK(kept(&b) == 0 && b.index.nsegments == 1);
	d = data_of(&b.rec, "records/0000000000000007-00000000");
	CHECK(d->len > forged.len);
	CHECK(
	    memcmp(d->p + d->len - forged.len, forged.value, forged.len) == 0);
	made_clear(&a);
	made_clear(&b);
}

/* Byte by byte what doc/format.md says; the id is of SipHash's own vectors. */
TEST(segments__a_memo_has_these_bytes)
{
	static const uint8_t want[] = { 'H', 'F', 'E', 'M', 1, 0, 0, 0, 0, 1, 2,
		3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x30, 1, 0, 0, 0,
		0, 0, 0, 0x20, 1, 0, 0, 8, 0, 0, 0, 3, 0x62, 0x24, 0x93, 0x9a,
		0x79, 0xf5, 0xf5, 0x93 };
	static const uint8_t value[8] = { 0, 1, 2, 3, 4, 5, 6, 7 };
	const struct etcd_record r = { .main = 0x130,
		.sub = 0x120,
		.tombstone = true,
		.value = value,
		.len = sizeof(value) };
	CLEANUP(freep_secret) struct secret *key = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct source_etcd_memo m;
	struct err e = ERR_INIT;

	CHECK_OK(secret_copy(want + 8, SIPHASH_KEY_LEN, &key, &e), &e);
	CHECK_OK(source_etcd_memo_begin(&b, key, &e), &e);
	source_etcd_memo_of(key, &r, &m);
	CHECK_OK(source_etcd_memo_add(&b, &m, &e), &e);
	CHECK(b.len == sizeof(want) && memcmp(b.p, want, b.len) == 0);
	source_etcd_memo_kill(&b, 0);
	CHECK(b.p[SOURCE_ETCD_MEMO_HEAD + 16] == 1);
}

/* An id that agrees is all that a value is known by: so all of it counts. */
TEST(segments__every_bit_of_a_value_counts)
{
	char value[] = "a value of some length";
	const struct etcd_record r = valued(value);
	struct made a, b;
	size_t i;

	backup_one(&r, NULL, &a);
	for (i = 0; i < 8 * r.len; i++) {
		value[i / 8] ^= (char)(1 << i % 8);
		backup_one(&r, &a.rec, &b);
		CHECK(kept(&b) == 0);
		made_clear(&b);
		value[i / 8] ^= (char)(1 << i % 8);
	}
	backup_one(&r, &a.rec, &b);
	CHECK(kept(&b) == 1);
	made_clear(&a);
	made_clear(&b);
}

/* What an increment writes is compared with the next one's: under one key. */
TEST(segments__all_backups_of_a_chain_have_one_key_and_others_another)
{
	static struct model m;
	struct made a, b, other;
	const struct buf *first, *last;

	append(&m, 100, 400);
	backup(&m, NULL, &a);
	append(&m, 100, 400);
	backup(&m, &a.rec, &b);
	backup(&m, NULL, &other);
	CHECK(b.index.nsegments == 2 && kept(&b) == 1);
	first = &a.rec.v[1].memo;
	last = &b.rec.v[2].memo;
	CHECK(memcmp(source_etcd_memo_key(first), source_etcd_memo_key(last),
		  SIPHASH_KEY_LEN) == 0);
	CHECK(memcmp(source_etcd_memo_key(first),
		  source_etcd_memo_key(&other.rec.v[1].memo),
		  SIPHASH_KEY_LEN) != 0);
	made_clear(&a);
	made_clear(&b);
	made_clear(&other);
}

/* Ids under another key say nothing, even if they happen to agree. */
TEST(segments__no_id_under_another_key_is_believed)
{
	static struct model m;
	struct made a, b;

	append(&m, 20000, 400);
	backup(&m, NULL, &a);
	a.rec.v[2].memo.p[SOURCE_ETCD_MEMO_HEAD - 1] ^= 1;
	backup(&m, &a.rec, &b);
	CHECK(kept(&b) == a.index.nsegments - 1);
	check_same(&m, &b);
	made_clear(&a);
	made_clear(&b);
}

/* What an older program remembered, rows of 21 bytes, and what was cut. */
TEST(segments__a_memo_of_another_form_is_ignored)
{
	static struct model m;
	struct made a, b;
	struct err e = ERR_INIT;
	struct buf *memo;
	size_t i;

	append(&m, 20000, 400);
	backup(&m, NULL, &a);
	for (i = 0; i < a.rec.n; i++) {
		memo = &a.rec.v[i].memo;
		if (i % 3 == 0 && memo->len > 0)
			memo->len--;
		else if (i % 3 == 1 && memo->len > 0)
			memo->p[4]++;
		else
			memo->len = 0;
	}
	memo = &a.rec.v[2].memo;
	for (i = 0; i < 25; i++)
		CHECK_OK(buf_add(memo,
			     "\1\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0"
			     "\1\2\3\4\2",
			     21, &e),
		    &e);
	backup(&m, &a.rec, &b);
	CHECK(kept(&b) == 0);
	check_same(&m, &b);
	made_clear(&a);
	made_clear(&b);
}

/* Otherwise a segment of few records, and many new ones between its first and
 * its last, would be held in memory all at once. */
TEST(segments__what_was_held_is_written_when_the_first_record_differs)
{
	static struct model m;
	struct source_etcd_out out = { 0 };
	CLEANUP(freep_source_etcd_segments)
	struct source_etcd_segments *s = NULL;
	struct etcd_record r = { .main = 1, .value = (const uint8_t *)"a" };
	struct err e = ERR_INIT;
	struct made a, b = { 0 };

	m.v[m.n++] = (struct rec){ .main = 1 };
	m.v[m.n++] = (struct rec){ .main = 50000 };
	backup(&m, NULL, &a);
	record_init(&b.rec);
	b.rec.base = &a.rec;
	out.sink = &b.rec.sink;
	CHECK_OK(source_etcd_segments_new(&out, &s, &e), &e);
	CHECK_OK(source_etcd_segments_take(s, &r, &e), &e);
	CHECK(!b.rec.begun);
	r.main = 2;
	r.len = 1;
	CHECK_OK(source_etcd_segments_take(s, &r, &e), &e);
	CHECK(b.rec.begun);
	CHECK_OK(source_etcd_segments_end(s, &b.index, &e), &e);
	CHECK(b.index.nsegments == 1 && b.index.segments[0].records == 2);
	made_clear(&a);
	made_clear(&b);
}

TEST(segments__a_value_of_megabytes_has_a_segment_of_its_own)
{
	static struct model m;
	struct made a;

	append(&m, 3, 10);
	m.v[1].len = 2000000;
	backup(&m, NULL, &a);
	CHECK(a.index.nsegments == 2);
	check_same(&m, &a);
	made_clear(&a);
}

TEST(segments__an_empty_database_has_none)
{
	static struct model m;
	struct made a, b;

	m.revision = 1;
	backup(&m, NULL, &a);
	CHECK(a.index.nsegments == 0);
	backup(&m, &a.rec, &b);
	check_index(&b);
	made_clear(&a);
	made_clear(&b);
}

TEST(segments__ten_generations_of_anything_read_back)
{
	static struct made gen[10];
	static struct model m;
	size_t i;

	append(&m, 5000, 300);
	for (i = 0; i < 10; i++) {
		backup(&m, i > 0 ? &gen[i - 1].rec : NULL, &gen[i]);
		check_same(&m, &gen[i]);
		check_index(&gen[i]);
		kill_some(&m, rnd(3000), rnd(6000), rnd(10));
		append(&m, rnd(3000), 600);
	}
	CHECK(kept(&gen[9]) > 0);
	for (i = 0; i < 10; i++)
		made_clear(&gen[i]);
}

TEST(segments__memory_that_runs_out_is_reported)
{
	static struct model m;
	struct made a, b;
	struct err e = ERR_INIT;
	int rc;

	append(&m, 300, 4000);
	backup(&m, NULL, &a);
	kill_some(&m, 0, 100, 3);
	append(&m, 100, 4000);
	TEST_TORTURE (n) {
		e = (struct err)ERR_INIT;
		test_malloc_fail(n);
		rc = try_backup(&m, &a.rec, &b, &e);
		test_malloc_fail(0);
		made_clear(&b);
		if (rc == 0)
			break;
		CHECK(e.code == -HF_ENOMEM);
	}
	made_clear(&a);
}
