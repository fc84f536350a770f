#include <stdlib.h>
#include <string.h>

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
