#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "etcd/etcd_bolt.h"
#include "test.h"
#include "test_bolt.h"
#include "test_bolt_disk.h"

#define PAGES 14U

/*
 * The root (2) has four buckets: "empty" and "inline" in its own page, "one",
 * of a single leaf (13), and "tree": 3 over 4 and 5, these over the leaves
 * 6, 7 to 9 (one run) and 10.  11 and 12 are free.
 */
static char big[1200];

static void
make(struct test_bolt *t, bool in_memory, uint64_t freelist)
{
	static const char *const top[] = { "b", "p" };
	static const char *const left[] = { "b", "h" };
	static const char *const right[] = { "p" };
	struct etcd_bolt_item kv[4], buckets[4];
	uint8_t room[3][128], one[16];

	test_bolt_init(t, in_memory);
	test_bolt_meta(t, 0, 7, 2, freelist, PAGES);
	test_bolt_meta(t, 1, 6, 2, freelist, PAGES);

	kv[0] = test_bolt_item("i", "inside");
	buckets[0] = test_bolt_inline("empty", room[0], NULL, 0);
	buckets[1] = test_bolt_inline("inline", room[1], kv, 1);
	buckets[2] = test_bolt_at("one", one, 13);
	buckets[3] = test_bolt_at("tree", room[2], 3);
	test_bolt_leaf(test_bolt_page(t, 2), 2, 0, buckets, 4);

	test_bolt_branch(test_bolt_page(t, 3), 3, top, (uint64_t[]){ 4, 5 }, 2);
	test_bolt_branch(
	    test_bolt_page(t, 4), 4, left, (uint64_t[]){ 6, 7 }, 2);
	test_bolt_branch(test_bolt_page(t, 5), 5, right, (uint64_t[]){ 10 }, 1);
	kv[0] = test_bolt_item("b", "1");
	kv[1] = test_bolt_item("d", "2");
	kv[2] = test_bolt_item("f", "");
	test_bolt_leaf(test_bolt_page(t, 6), 6, 0, kv, 3);
	memset(big, 'x', sizeof(big) - 1);
	kv[0] = test_bolt_item("j", big);
	kv[1] = test_bolt_item("jj", "4");
	test_bolt_leaf(test_bolt_page(t, 7), 7, 2, kv, 2);
	kv[0] = test_bolt_item("q", "5");
	test_bolt_leaf(test_bolt_page(t, 10), 10, 0, kv, 1);
	test_bolt_leaf(test_bolt_page(t, 13), 13, 0, kv, 1);
	if (freelist != ETCD_BOLT_NO_FREELIST) {
		test_bolt_header(test_bolt_page(t, 11), 11, 0x10, 1, 0);
		le64_put(test_bolt_page(t, 11) + 16, 12);
	}
}

static bool
is(const struct etcd_bolt_item *item, const char *key, const char *value)
{
	return item->nkey == strlen(key) && item->nvalue == strlen(value) &&
	       memcmp(item->key, key, item->nkey) == 0 &&
	       memcmp(item->value, value, item->nvalue) == 0;
}

static void
reads(const struct etcd_bolt_file *f)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	const char *want[][2] = { { "b", "1" }, { "d", "2" }, { "f", "" },
		{ "j", big }, { "jj", "4" }, { "q", "5" } };
	struct err e = ERR_INIT;
	struct etcd_bolt_item item;
	struct etcd_bolt b;
	int i, round;

	CHECK_OK(etcd_bolt_open(&b, f, &e), &e);
	CHECK_OK(etcd_bolt_bucket(&b, "tree", &c, &e), &e);
	for (round = 0; round < 2; round++) {
		CHECK(etcd_bolt_first(c, &item, &e) == 1);
		for (i = 0; i < 6; i++) {
			CHECK(is(&item, want[i][0], want[i][1]));
			CHECK(etcd_bolt_next(c, &item, &e) == (i < 5));
		}
		CHECK(etcd_bolt_next(c, &item, &e) == 0);
	}
}

TEST(bolt__reads_all_of_a_tree_in_order)
{
	struct test_bolt t;

	make(&t, true, ETCD_BOLT_NO_FREELIST);
	reads(&t.file);
	make(&t, false, ETCD_BOLT_NO_FREELIST);
	reads(&t.file);
}

TEST(bolt__seeks_to_the_key_or_to_the_next_one)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	static const char *const cases[][2] = { { "", "b" }, { "a", "b" },
		{ "b", "b" }, { "c", "d" }, { "g", "j" }, { "h", "j" },
		{ "jj", "jj" }, { "k", "q" }, { "q", "q" } };
	struct err e = ERR_INIT;
	struct etcd_bolt_item item;
	struct test_bolt t;
	struct etcd_bolt b;
	size_t i;

	make(&t, false, ETCD_BOLT_NO_FREELIST);
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK_OK(etcd_bolt_bucket(&b, "tree", &c, &e), &e);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CHECK(etcd_bolt_seek(
			  c, cases[i][0], strlen(cases[i][0]), &item, &e) == 1);
		CHECK(item.nkey == strlen(cases[i][1]));
		CHECK(memcmp(item.key, cases[i][1], item.nkey) == 0);
	}
	CHECK(etcd_bolt_seek(c, "r", 1, &item, &e) == 0);
	CHECK(etcd_bolt_next(c, &item, &e) == 0);
	CHECK(etcd_bolt_seek(c, "d", 1, &item, &e) == 1);
	CHECK(etcd_bolt_next(c, &item, &e) == 1 && is(&item, "f", ""));
	CHECK(etcd_bolt_last(c, &item, &e) == 1);
	CHECK(item.nkey == 1 && item.key[0] == 'q');
	CHECK(etcd_bolt_next(c, &item, &e) == 0);
}

static void
lists(bool in_memory)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *root = NULL;
	static const char *const names[] = { "empty", "inline", "one", "tree" };
	struct etcd_bolt_item bucket, item;
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;
	int i, rc;

	make(&t, in_memory, 11);
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK_OK(etcd_bolt_cursor_new(&b, NULL, &root, &e), &e);
	for (i = 0; i < 4; i++) {
		CLEANUP(freep_etcd_bolt_cursor)
		struct etcd_bolt_cursor *c = NULL;

		CHECK(etcd_bolt_next(root, &bucket, &e) == 1);
		CHECK(bucket.flags == ETCD_BOLT_BUCKET);
		CHECK(memcmp(bucket.key, names[i], bucket.nkey) == 0);
		CHECK_OK(etcd_bolt_cursor_new(&b, &bucket, &c, &e), &e);
		rc = etcd_bolt_next(c, &item, &e);
		CHECK(rc == (i > 0));
		if (i == 1)
			CHECK(is(&item, "i", "inside"));
	}
	CHECK(etcd_bolt_next(root, &bucket, &e) == 0);
}

TEST(bolt__lists_buckets_and_reads_those_inside_a_page)
{
	lists(true);
	lists(false);
}

TEST(bolt__says_that_there_is_no_such_bucket)
{
	struct etcd_bolt_cursor *c = NULL;
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;

	make(&t, true, 11);
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK_FAIL(etcd_bolt_bucket(&b, "on", &c, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(etcd_bolt_bucket(&b, "zz", &c, &e), &e, HF_ENOTFOUND);
	CHECK(c == NULL);
}

TEST(bolt__believes_the_newer_of_two_meta_pages_and_either_alone)
{
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;

	make(&t, true, 11);
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK(b.txid == 7 && b.root == 2 && b.freelist == 11);
	CHECK(b.pages == PAGES && b.page_size == TEST_BOLT_PAGE);
	test_bolt_meta(&t, 1, 8, 3, 11, PAGES);
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK(b.txid == 8 && b.root == 3);
	t.p[TEST_BOLT_PAGE + 40] ^= 1;
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK(b.txid == 7);
	t.p[TEST_BOLT_PAGE + 40] ^= 1;
	t.p[16 + 30] ^= 1;
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK(b.txid == 8);
	t.p[TEST_BOLT_PAGE + 40] ^= 1;
	CHECK_FAIL(etcd_bolt_open(&b, &t.file, &e), &e, HF_ECORRUPT);
}

/* One number of the newer meta page is changed; what is said then. */
TEST(bolt__refuses_impossible_meta_pages)
{
	static const struct {
		size_t at;
		uint32_t v;
		const char *words;
	} bad[] = {
		{ 0, 1, "no bbolt database" },
		{ 4, 3, "unknown version" },
		{ 8, 256, "page size" },
		{ 8, 131072, "page size" },
		{ 8, 1000, "page size" },
		{ 16, 1, "root page 1" },
		{ 16, PAGES, "root page 14" },
		{ 20, 1, "root page" },
		{ 32, 1, "list of free pages, 1," },
		{ 40, TEST_BOLT_PAGES + 1, "33 pages" },
		{ 44, 0x80000000, "pages of 512" },
	};
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		make(&t, true, 11);
		t.p[TEST_BOLT_PAGE + 16] = 0;
		le32_put(t.p + 16 + bad[i].at, bad[i].v);
		test_bolt_sum(&t, 0);
		CHECK_FAIL(etcd_bolt_open(&b, &t.file, &e), &e, HF_ECORRUPT);
		CHECK(strstr(e.msg, bad[i].words) != NULL);
	}
	make(&t, true, 11);
	for (i = 0; i < PAGES * TEST_BOLT_PAGE; i += 13) {
		t.file.size = i;
		CHECK_FAIL(etcd_bolt_open(&b, &t.file, &e), &e, HF_ECORRUPT);
	}
	t.file.size = PAGES * TEST_BOLT_PAGE + 32;
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
}

TEST(bolt_check__is_content_with_a_sound_file)
{
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;
	int i;

	for (i = 0; i < 4; i++) {
		make(&t, i & 1, i & 2 ? 11 : ETCD_BOLT_NO_FREELIST);
		CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
		CHECK_OK(etcd_bolt_check(&b, &e), &e);
	}
}

/* ${n} bytes of a page are changed; what is said then, and by whom. */
#define EL(i) (16 + 16 * (i))
static const struct {
	unsigned int page, at, n;
	uint64_t v;
	const char *words;
	bool check_only; /* A reader of the bucket does not meet it. */
} wrong[] = {
	{ 6, 0, 8, 7, "page 6 says that it is page 7", false },
	{ 6, 8, 2, 3, "page 6 is neither branch nor leaf", false },
	{ 6, 8, 2, 0x10, "page 6 is neither branch nor leaf", false },
	{ 10, 12, 4, 4, "page 10 goes on for 4 pages", false },
	{ 10, 12, 4, 0xffffffff, "page 10 goes on for", false },
	{ 7, 12, 4, 1, "page 7: element 0 lies outside", false },
	{ 7, 12, 4, 3, "page 10 is used twice", true },
	{ 6, 10, 2, 0, "page 6 has no elements", false },
	{ 5, 10, 2, 0, "page 5 has no elements", false },
	{ 6, 10, 2, 0xffff, "page 6: element 65534 lies outside", false },
	{ 6, EL(1) + 4, 4, 0xffffffff, "page 6: element 1 lies", false },
	{ 6, EL(1) + 8, 4, 0xffffffff, "page 6: element 1 lies", false },
	{ 6, EL(1) + 12, 4, 0xffffffff, "page 6: element 1 lies", false },
	{ 6, EL(1) + 4, 4, 16, "page 6: element 1 lies outside", false },
	{ 6, EL(0) + 8, 4, 0, "page 6: element 0 has no possible key", false },
	{ 6, EL(3) + 0, 1, 'a', "page 6: element 0 is below the key", false },
	{ 6, EL(3) + 2, 1, 'a', "page 6: element 1 is not above", false },
	{ 6, EL(3) + 2, 1, 'b', "page 6: element 1 is not above", false },
	{ 6, EL(3) + 4, 1, 'h', "page 6: element 2 is not below", false },
	{ 4, EL(2), 1, 'a', "page 4: element 0 is below the key", false },
	{ 4, EL(2) + 1, 1, 'p', "page 4: element 1 is not below", false },
	{ 3, EL(0) + 8, 8, 3, "page 3: element 1 is not below", false },
	{ 3, EL(0) + 8, 8, 0, "page 0 is referred to", false },
	{ 3, EL(0) + 8, 8, PAGES, "page 14 is referred to", false },
	{ 3, EL(0) + 8, 8, UINT64_MAX, "is referred to", false },
	{ 5, EL(0) + 8, 8, 13, "page 13 is used twice", true },
	{ 4, EL(1) + 8, 8, 6, "page 6: element 0 is below the key", false },
	{ 11, 8, 2, 2, "page 11 should be the list of free pages", true },
	{ 11, 10, 2, 0, "page 12 is neither in use nor", true },
	{ 11, 10, 2, 70, "page 11 has no room for 70", true },
	{ 11, 16, 8, 13, "page 13 is in the list of free pages, and", true },
	{ 11, 16, 8, 99, "page 99 is in the list of free pages", true },
	{ 0, 0, 1, 1, "page 0 should be a meta page", true },
	{ 1, 8, 2, 2, "page 1 should be a meta page", true },
	{ 11, 10, 2, 2, "page 0 is in the list of free pages", true },
};

TEST(bolt_check__names_the_page_and_the_rule)
{
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;
	uint8_t v[8];
	size_t i;
	int m;

	for (i = 0; i < 2 * sizeof(wrong) / sizeof(wrong[0]); i++) {
		m = i & 1;
		make(&t, m, 11);
		le64_put(v, wrong[i / 2].v);
		memcpy(test_bolt_page(&t, wrong[i / 2].page) + wrong[i / 2].at,
		    v, wrong[i / 2].n);
		CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
		CHECK_FAIL(etcd_bolt_check(&b, &e), &e, HF_ECORRUPT);
		if (strstr(e.msg, wrong[i / 2].words) == NULL)
			CHECK_STR(e.msg, wrong[i / 2].words);
	}
}

static int
pass(const struct etcd_bolt *b, const char *name, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	int rc;

	if ((rc = etcd_bolt_bucket(b, name, &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1)
		;
	if (rc < 0)
		CHECK(etcd_bolt_next(c, &item, err) == 0);
	return rc;
}

TEST(bolt__finds_what_is_wrong_while_reading)
{
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;
	uint8_t v[8];
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		if (wrong[i].check_only)
			continue;
		make(&t, false, 11);
		le64_put(v, wrong[i].v);
		memcpy(test_bolt_page(&t, wrong[i].page) + wrong[i].at, v,
		    wrong[i].n);
		CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
		CHECK_FAIL(pass(&b, "tree", &e), &e, HF_ECORRUPT);
	}
}

TEST(bolt__refuses_buckets_that_are_none)
{
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;

	make(&t, false, 11);
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	/* The flag is gone; the value is shorter than a bucket's. */
	test_bolt_page(&t, 2)[EL(3)] = 0;
	CHECK_FAIL(pass(&b, "tree", &e), &e, HF_ECORRUPT);
	make(&t, false, 11);
	test_bolt_page(&t, 2)[EL(3) + 12] = 15;
	CHECK_FAIL(pass(&b, "tree", &e), &e, HF_ECORRUPT);
	/* No page, and a branch, where a leaf must be. */
	make(&t, false, 11);
	test_bolt_page(&t, 2)[EL(0) + 12] = 20;
	CHECK_FAIL(pass(&b, "empty", &e), &e, HF_ECORRUPT);
	make(&t, false, 11);
	test_bolt_page(&t, 2)[EL(4) + 5 + 16 + 8] = 1;
	CHECK_FAIL(pass(&b, "empty", &e), &e, HF_ECORRUPT);
}

/* A branch that has itself for its child, with keys that allow it. */
TEST(bolt__does_not_go_in_circles)
{
	static const char *const key[] = { "b" };
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;

	make(&t, false, 11);
	test_bolt_branch(test_bolt_page(&t, 3), 3, key, (uint64_t[]){ 3 }, 1);
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK_FAIL(pass(&b, "tree", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(etcd_bolt_check(&b, &e), &e, HF_ECORRUPT);
	/* A bucket whose root is the root. */
	make(&t, false, 11);
	test_bolt_meta(&t, 0, 9, 2, 11, PAGES);
	le64_put(test_bolt_page(&t, 2) + EL(3) +
		     le32_get(test_bolt_page(&t, 2) + EL(3) + 4) + 4,
	    2);
	CHECK_FAIL(etcd_bolt_check(&b, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "page 2 is used twice") != NULL);
}

TEST(bolt__survives_any_byte_being_another)
{
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;
	size_t i;
	int m;

	for (i = 0; i < PAGES * TEST_BOLT_PAGE; i++)
		for (m = 0; m < 2; m++) {
			make(&t, m, 11);
			t.p[i] ^= m ? 0xff : 1;
			if (etcd_bolt_open(&b, &t.file, &e) < 0)
				continue;
			(void)etcd_bolt_check(&b, &e);
			(void)pass(&b, "tree", &e);
			(void)pass(&b, "inline", &e);
		}
}

static void
save(const struct test_bolt *t, char *path, size_t size)
{
	struct err e = ERR_INIT;

	(void)snprintf(path, size, "%s/db", test_dir());
	CHECK_OK(
	    file_write_new(path, 0600, t->p, PAGES * TEST_BOLT_PAGE, &e), &e);
}

TEST(bolt__survives_a_file_that_is_truncated_meanwhile)
{
	CLEANUP(freep_test_bolt_disk) struct test_bolt_disk *d = NULL;
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;
	char path[300];

	make(&t, true, 11);
	save(&t, path, sizeof(path));
	CHECK_OK(test_bolt_disk_open(path, &d, &e), &e);
	CHECK_OK(etcd_bolt_open(&b, test_bolt_disk_file(d), &e), &e);
	CHECK(truncate(path, 7 * TEST_BOLT_PAGE + 100) == 0);
	CHECK_FAIL(etcd_bolt_check(&b, &e), &e, HF_ECORRUPT);
}

TEST(bolt__reports_that_memory_ran_out)
{
	CLEANUP(freep_test_bolt_disk) struct test_bolt_disk *d = NULL;
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct etcd_bolt b;
	char path[300];
	int rc;

	make(&t, true, 11);
	save(&t, path, sizeof(path));
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		test_bolt_disk_free(TAKE(d));
		rc = test_bolt_disk_open(path, &d, &e);
		if (rc == 0)
			rc = etcd_bolt_open(&b, test_bolt_disk_file(d), &e);
		if (rc == 0)
			rc = pass(&b, "tree", &e);
		if (rc == 0)
			rc = pass(&b, "inline", &e);
		if (rc == 0)
			rc = etcd_bolt_check(&b, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
}
