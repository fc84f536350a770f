#include <stdlib.h>
#include <string.h>

#include "crypto/hash.h"
#include "source/source_paged.h"
#include "source/source_paged_map.h"
#include "source/source_paged_memo.h"
#include "source_record.h"
#include "test.h"

#define PAGE 4096u
#define TAIL 32 /* What a snapshot of etcd has behind its last page. */
#define FOLDER "db.pages/"
#define MAP FOLDER "map"

/* A file in memory. */
struct model {
	uint8_t *p;
	size_t n, reads;
	uint32_t page_size;
};

static uint32_t state = 1;

static void
fill(uint8_t *p, size_t n)
{
	for (; n > 0; n--) {
		state = state * 1664525 + 1013904223;
		*p++ = (uint8_t)(state >> 24);
	}
}

static void
resize(struct model *m, size_t n)
{
	CHECK((m->p = realloc(m->p, n + 1)) != NULL);
	if (n > m->n)
		fill(m->p + m->n, n - m->n);
	m->n = n;
}

static struct model
make(size_t pages, size_t tail)
{
	struct model m = { .page_size = PAGE };

	resize(&m, pages * PAGE + tail);
	return m;
}

static void
clear(struct model *m)
{
	free(m->p);
}

static void
touch(struct model *m, size_t page)
{
	fill(m->p + page * m->page_size + 100, 8);
}

static int
read_model(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	struct model *m = arg;

	(void)err;
	CHECK(off <= m->n && n <= m->n - off);
	memcpy(to, m->p + off, n);
	m->reads++;
	return 0;
}

static int
try_backup(struct model *m, const struct record *base, struct record *rec,
    struct err *e)
{
	char path[] = "db";
	struct entry entry = {
		.path = path,
		.type = ENTRY_FILE,
		.mode = 0640,
		.uid = 7,
		.size = m->n,
		.has_sha256 = true,
	};
	const struct source_paged_file f = {
		.entry = &entry,
		.page_size = m->page_size,
		.read = read_model,
		.arg = m,
	};

	record_init(rec);
	rec->base = base;
	if (sha256_of(m->p, m->n, entry.sha256, e) < 0)
		return e->code;
	return source_paged_write(&f, &rec->sink, e);
}

static void
backup(struct model *m, const struct record *base, struct record *rec)
{
	struct err e = ERR_INIT;

	CHECK_OK(try_backup(m, base, rec, &e), &e);
}

/* Pages that come back, one by one. */
struct back {
	const struct model *m;
	const struct source_paged_group *group;
	uint64_t pages;
};

static int
check_page(void *arg, const struct source_paged_page *page, struct err *err)
{
	struct back *b = arg;
	const struct model *m = b->m;

	(void)err;
	if (!source_paged_alive(b->group, page->i))
		return 0;
	CHECK(page->number * m->page_size < m->n);
	CHECK(page->len == source_paged_len(m->n, m->page_size, page->number));
	CHECK(memcmp(m->p + page->number * m->page_size, page->p, page->len) ==
	      0);
	b->pages++;
	return 0;
}

static void
load_map(const struct record *rec, struct source_paged_map *map)
{
	const struct record_entry *e = record_find(rec, MAP);
	struct err err = ERR_INIT;

	CHECK(e != NULL && e->e.mode == 0640 && e->e.uid == 7);
	CHECK_OK(
	    source_paged_map_decode(e->data.p, e->data.len, map, &err), &err);
}

/* What is in ${rec} must be the model, each page of it once. */
static void
check_same(const struct model *m, const struct record *rec)
{
	CLEANUP(freep_source_paged_map) struct source_paged_map map = { 0 };
	struct back b = { .m = m };
	struct err e = ERR_INIT;
	char path[40];
	size_t i;

	load_map(rec, &map);
	CHECK(map.size == m->n && map.page_size == m->page_size);
	CHECK(rec->n == 2 + map.ngroups);
	for (i = 0; i < map.ngroups; i++) {
		const struct record_entry *g;

		(void)snprintf(path, sizeof(path), FOLDER "%016llx",
		    (unsigned long long)map.groups[i].number);
		CHECK((g = record_find(rec, path)) != NULL);
		b.group = &map.groups[i];
		CHECK_OK(
		    source_paged_group_read(g->data.p, g->data.len,
			map.page_size, map.groups[i].pages, check_page, &b, &e),
		    &e);
	}
	CHECK(b.pages == source_paged_count(m->n, m->page_size));
}

/* Bytes of groups that were written, and how many groups were kept. */
static size_t
written(const struct record *rec)
{
	size_t i, n = 0;

	for (i = 0; i < rec->n; i++)
		if (!rec->v[i].kept && strcmp(rec->v[i].e.path, MAP) != 0)
			n += rec->v[i].data.len;
	return n;
}

static size_t
kept(const struct record *rec)
{
	size_t i, n = 0;

	for (i = 0; i < rec->n; i++)
		n += rec->v[i].kept;
	return n;
}

/* What one group of ${n} whole pages takes. */
static size_t
group_of(size_t n)
{
	return SOURCE_PAGED_GROUP_HEAD + n * (SOURCE_PAGED_GROUP_ROW + PAGE);
}

TEST(paged__has_all_pages_in_groups_of_a_frame)
{
	static const size_t pages[] = { 0, 1, 2, 254, 255, 256, 511, 700 };
	size_t i, k;

	for (i = 0; i < sizeof(pages) / sizeof(pages[0]); i++)
		for (k = 0; k < 2; k++) {
			CLEANUP(clear)
			struct model m = make(pages[i], k * TAIL);
			CLEANUP(freep_record) struct record rec;
			size_t n = pages[i] + k;

			backup(&m, NULL, &rec);
			check_same(&m, &rec);
			CHECK(rec.n == 2 + (n + 254) / 255);
			CHECK(rec.v[0].e.type == ENTRY_DIR);
			CHECK(rec.v[0].e.mode == 0750);
		}
}

TEST(paged__of_the_same_again_nothing_is_written)
{
	CLEANUP(clear) struct model m = make(600, TAIL);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	CLEANUP(freep_record) struct record three;

	backup(&m, NULL, &one);
	backup(&m, &one, &two);
	backup(&m, &two, &three);
	CHECK(kept(&two) == 3 && written(&two) == 0);
	CHECK(kept(&three) == 3 && written(&three) == 0);
	check_same(&m, &three);
}

TEST(paged__of_one_changed_page_that_page_is_written)
{
	CLEANUP(clear) struct model m = make(600, TAIL);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	CLEANUP(freep_record) struct record three;
	CLEANUP(freep_record) struct record four;

	backup(&m, NULL, &one);
	touch(&m, 300);
	backup(&m, &one, &two);
	CHECK(kept(&two) == 3 && written(&two) == group_of(1));
	check_same(&m, &two);
	/* The same one again: what was written for it before is used up. */
	touch(&m, 300);
	backup(&m, &two, &three);
	CHECK(kept(&three) == 3 && written(&three) == group_of(1));
	CHECK(record_find(&three, FOLDER "0000000000000003") == NULL);
	check_same(&m, &three);
	/* And back to what it was at first, which nobody remembers. */
	memcpy(m.p + 300 * PAGE,
	    one.v[2].data.p + SOURCE_PAGED_GROUP_HEAD +
		255 * SOURCE_PAGED_GROUP_ROW + (300 - 255) * PAGE,
	    PAGE);
	backup(&m, &three, &four);
	check_same(&m, &four);
	CHECK(written(&four) == group_of(1));
}

TEST(paged__gathers_pages_that_changed_here_and_there)
{
	CLEANUP(clear) struct model m = make(2000, TAIL);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	size_t i;

	backup(&m, NULL, &one);
	for (i = 3; i < 2000; i += 40)
		touch(&m, i);
	backup(&m, &one, &two);
	CHECK(kept(&two) == 8 && written(&two) == group_of(50));
	check_same(&m, &two);
}

TEST(paged__forgets_what_was_cut_off)
{
	CLEANUP(clear) struct model m = make(600, TAIL);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	CLEANUP(freep_record) struct record three;

	backup(&m, NULL, &one);
	/* The rest of the last page is written, for it has become shorter. */
	resize(&m, 400 * PAGE + 10);
	backup(&m, &one, &two);
	CHECK(kept(&two) == 2);
	CHECK(written(&two) ==
	      SOURCE_PAGED_GROUP_HEAD + SOURCE_PAGED_GROUP_ROW + 10);
	check_same(&m, &two);
	/* What grows again is new, though it has the old numbers. */
	resize(&m, 600 * PAGE + TAIL);
	backup(&m, &two, &three);
	CHECK(kept(&three) == 2);
	CHECK(written(&three) == group_of(200) + SOURCE_PAGED_GROUP_ROW + TAIL);
	check_same(&m, &three);
}

TEST(paged__writes_what_has_been_appended)
{
	CLEANUP(clear) struct model m = make(300, 0);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;

	backup(&m, NULL, &one);
	resize(&m, 310 * PAGE);
	backup(&m, &one, &two);
	CHECK(kept(&two) == 2 && written(&two) == group_of(10));
	check_same(&m, &two);
}

TEST(paged__takes_a_page_that_has_moved_for_a_new_one)
{
	CLEANUP(clear) struct model m = make(600, TAIL);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	uint8_t page[PAGE];

	backup(&m, NULL, &one);
	memcpy(page, m.p + 10 * PAGE, PAGE);
	memcpy(m.p + 10 * PAGE, m.p + 500 * PAGE, PAGE);
	memcpy(m.p + 500 * PAGE, page, PAGE);
	backup(&m, &one, &two);
	CHECK(kept(&two) == 3 && written(&two) == group_of(2));
	check_same(&m, &two);
}

TEST(paged__keeps_a_group_until_a_quarter_of_it_is_used)
{
	CLEANUP(clear) struct model m = make(200, 0);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	CLEANUP(freep_record) struct record three;
	size_t i;

	backup(&m, NULL, &one);
	for (i = 0; i < 150; i++)
		touch(&m, i);
	backup(&m, &one, &two);
	CHECK(kept(&two) == 1 && written(&two) == group_of(150));
	check_same(&m, &two);
	/* One more: what is left of it is written with that. */
	touch(&m, 150);
	backup(&m, &two, &three);
	CHECK(kept(&three) == 1 && written(&three) == group_of(50));
	CHECK(record_find(&three, FOLDER "0000000000000000") == NULL);
	check_same(&m, &three);
}

TEST(paged__is_right_after_many_changes_of_all_kinds)
{
	CLEANUP(clear) struct model m = make(900, TAIL);
	struct record rec[30];
	size_t i, k;

	backup(&m, NULL, &rec[0]);
	for (i = 1; i < 30; i++) {
		fill((uint8_t *)&k, sizeof(k));
		if (i % 3 == 0)
			resize(&m, (600 + k % 600) * PAGE + k % 3 * TAIL);
		for (k = k % 500; k > 0; k--)
			touch(&m, (k * 7919 + i * 31) % (m.n / PAGE));
		backup(&m, &rec[i - 1], &rec[i]);
		check_same(&m, &rec[i]);
	}
	for (i = 0; i < 30; i++)
		record_clear(&rec[i]);
}

TEST(paged__stores_large_pages_too)
{
	CLEANUP(clear) struct model m = make(600, TAIL);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;

	m.page_size = SOURCE_PAGED_MAX;
	backup(&m, NULL, &one);
	check_same(&m, &one);
	touch(&m, 3);
	backup(&m, &one, &two);
	CHECK(written(&two) ==
	      SOURCE_PAGED_GROUP_HEAD + SOURCE_PAGED_GROUP_ROW + m.page_size);
	check_same(&m, &two);
}

/* The last backup was of another form, or of a file with other pages. */
TEST(paged__builds_on_nothing_that_is_not_its_own)
{
	CLEANUP(clear) struct model m = make(300, TAIL);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	CLEANUP(freep_record) struct record three;

	backup(&m, NULL, &one);
	m.page_size = 2 * PAGE;
	backup(&m, &one, &two);
	CHECK(kept(&two) == 0);
	check_same(&m, &two);
	m.page_size = PAGE;
	one.v[1].e.path[0] = 'e';
	one.v[2].memo.len--;
	backup(&m, &one, &three);
	CHECK(kept(&three) == 0);
	check_same(&m, &three);
}

/* Ids under another key say nothing, even if they happen to agree. */
TEST(paged__believes_no_id_under_another_key)
{
	CLEANUP(clear) struct model m = make(600, TAIL);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;

	backup(&m, NULL, &one);
	one.v[2].memo.p[4] ^= 1; /* The key of the second group. */
	backup(&m, &one, &two);
	CHECK(kept(&two) == 2);
	check_same(&m, &two);
}

/* A state that says so was not ours; the file must be right all the same. */
TEST(paged__takes_a_page_that_two_groups_have_from_one)
{
	CLEANUP(clear) struct model m = make(510, 0);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	struct err e = ERR_INIT;

	backup(&m, NULL, &one);
	one.v[2].memo.len = one.v[2].data.len = 0;
	CHECK_OK(
	    buf_add(&one.v[2].memo, one.v[1].memo.p, one.v[1].memo.len, &e),
	    &e);
	CHECK_OK(
	    buf_add(&one.v[2].data, one.v[1].data.p, one.v[1].data.len, &e),
	    &e);
	backup(&m, &one, &two);
	CHECK(kept(&two) == 1 && written(&two) == group_of(255));
	check_same(&m, &two);
}

TEST(paged__has_a_new_key_where_there_is_no_last_backup)
{
	CLEANUP(clear) struct model m = make(3, 0);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record two;
	struct source_paged_memo a, b;

	backup(&m, NULL, &one);
	backup(&m, NULL, &two);
	source_paged_memo_get(&one.v[1].memo, 0, &a);
	source_paged_memo_get(&two.v[1].memo, 0, &b);
	CHECK(memcmp(a.id, b.id, sizeof(a.id)) != 0);
	CHECK(memcmp(source_paged_memo_key(&one.v[1].memo),
		  source_paged_memo_key(&two.v[1].memo),
		  SOURCE_PAGED_KEY_LEN) != 0);
}

/* An id that agrees is all that a page is known by: so all of it counts. */
TEST(paged__looks_at_every_bit_of_a_page)
{
	CLEANUP(clear) struct model m = make(1, 0);
	CLEANUP(freep_record) struct record one;
	size_t i;

	backup(&m, NULL, &one);
	for (i = 0; i < PAGE; i += i == 4092 ? 3 : 31) {
		CLEANUP(freep_record) struct record two;

		m.p[i] ^= (uint8_t)(1 << i % 8);
		backup(&m, &one, &two);
		CHECK(kept(&two) == 0 && written(&two) == group_of(1));
		m.p[i] ^= (uint8_t)(1 << i % 8);
	}
}

TEST(paged__ends_when_it_is_asked_to_stop)
{
	CLEANUP(clear) struct model m = make(3000, 0);
	struct record rec;
	struct err e = ERR_INIT;
	long stop;

	for (stop = 1; stop <= 3; stop++) {
		char path[] = "db";
		struct entry entry = { .path = path,
			.type = ENTRY_FILE,
			.size = m.n,
			.has_sha256 = true };
		const struct source_paged_file f = { &entry, PAGE, read_model,
			&m };

		record_init(&rec);
		rec.stop_after = stop;
		CHECK_FAIL(source_paged_write(&f, &rec.sink, &e), &e, HF_EINTR);
		CHECK(record_find(&rec, MAP) == NULL);
		record_clear(&rec);
	}
}

TEST(paged__survives_running_out_of_memory_anywhere)
{
	CLEANUP(clear) struct model m = make(300, TAIL);
	CLEANUP(freep_record) struct record one;
	struct record two;
	struct err e;
	int rc = -1;

	backup(&m, NULL, &one);
	touch(&m, 5);
	TEST_TORTURE (n) {
		e = (struct err)ERR_INIT;
		test_malloc_fail(n);
		rc = try_backup(&m, &one, &two, &e);
		test_malloc_fail(0);
		record_clear(&two);
		if (rc == 0)
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	CHECK(rc == 0);
}

/* Each of these is one byte, or number, that is not as it was. */
static void
refuse_group(uint8_t *p, size_t n, size_t at, uint8_t x)
{
	struct err e = ERR_INIT;
	struct model m = { .page_size = PAGE };
	struct source_paged_group g = { .pages = 3, .alive = 3 };
	struct back b = { .m = &m, .group = &g };

	p[at] ^= x;
	CHECK_FAIL(source_paged_group_read(p, n, PAGE, 3, check_page, &b, &e),
	    &e, HF_ECORRUPT);
	p[at] ^= x;
}

TEST(paged__refuses_a_group_before_its_first_page)
{
	CLEANUP(clear) struct model m = make(3, 0);
	CLEANUP(freep_record) struct record rec;
	size_t row = SOURCE_PAGED_GROUP_HEAD;
	struct err e = ERR_INIT;
	struct buf *d;

	backup(&m, NULL, &rec);
	d = &rec.v[1].data;
	refuse_group(d->p, d->len, 0, 1);        /* Magic, */
	refuse_group(d->p, d->len, 4, 3);        /* version, */
	refuse_group(d->p, d->len, 9, 0x30);     /* page size, */
	refuse_group(d->p, d->len, 12, 1);       /* pages, */
	refuse_group(d->p, d->len, row + 12, 1); /* their order, */
	refuse_group(d->p, d->len, row + 31, 0x80);
	refuse_group(d->p, d->len, row + 8, 1); /* and lengths. */
	refuse_group(d->p, d->len, row + 9, 0x10);
	refuse_group(d->p, d->len - 1, 0, 0);
	refuse_group(d->p, row + 20, 0, 0);
	refuse_group(d->p, 3, 0, 0);
	CHECK_OK(buf_add(d, "x", 1, &e), &e);
	refuse_group(d->p, d->len, 0, 0);
}

static void
refuse_map(const uint8_t *p, size_t n, size_t at, uint8_t x)
{
	CLEANUP(freep_source_paged_map) struct source_paged_map map = { 0 };
	uint8_t *copy = malloc(n + 1);
	struct err e = ERR_INIT;

	CHECK(copy != NULL);
	memcpy(copy, p, n);
	copy[n] = 0;
	copy[at] ^= x;
	CHECK_FAIL(source_paged_map_decode(copy, n, &map, &e), &e, HF_ECORRUPT);
	free(copy);
}

TEST(paged__refuses_a_map_that_does_not_add_up)
{
	CLEANUP(clear) struct model m = make(300, 0);
	CLEANUP(freep_record) struct record one;
	CLEANUP(freep_record) struct record rec;
	const struct buf *d;
	const size_t row = 8 + 8 + 4 + 32 + 4;

	backup(&m, NULL, &one);
	touch(&m, 1);
	backup(&m, &one, &rec);
	d = &rec.v[rec.n - 1].data;
	refuse_map(d->p, d->len, 0, 1);     /* Magic, */
	refuse_map(d->p, d->len, 4, 3);     /* version, */
	refuse_map(d->p, d->len, 10, 0x10); /* size, */
	refuse_map(d->p, d->len, 15, 0x80);
	refuse_map(d->p, d->len, 16, 1); /* page size, */
	refuse_map(d->p, d->len, 17, 0x14);
	refuse_map(d->p, d->len, row - 4, 1); /* number of groups, */
	refuse_map(d->p, d->len, row - 1, 0x80);
	refuse_map(d->p, d->len, row, 1);     /* their order, */
	refuse_map(d->p, d->len, row + 8, 1); /* counts, */
	refuse_map(d->p, d->len, row + 12, 1);
	refuse_map(d->p, d->len, row + 20, 1); /* and bitmaps. */
	refuse_map(d->p, d->len, row + 20 + 31, 0x80);
	refuse_map(d->p, d->len - 1, 0, 0);
	refuse_map(d->p, row - 1, 0, 0);
}
