#include "base/buf.h"
#include "base/entry.h"
#include "test.h"

/* A sparse file with everything an entry can have. */
static struct entry
full(void)
{
	static char path[] = "a/b", user[] = "u";
	static char first[] = "security.x", second[] = "user.empty";
	static uint8_t value[] = { 0, 1, 2 };
	static struct entry_xattr xattrs[] = {
		{ first, value, 3 },
		{ second, NULL, 0 },
	};
	static struct entry_extent extents[] = { { 0, 10 }, { 20, 5 } };

	return (struct entry){
		.path = path,
		.type = ENTRY_FILE,
		.mode = 04755,
		.uid = 1,
		.gid = 2,
		.user = user,
		.mtime_ns = -1,
		.ctime_ns = INT64_MAX,
		.size = 30,
		.dev = 3,
		.ino = 4,
		.xattrs = xattrs,
		.nxattrs = 2,
		.sparse = true,
		.extents = extents,
		.nextents = 2,
		.has_sha256 = true,
		.sha256 = { 9 },
		.data_pos = 77,
		.data_len = 15,
	};
}

/* Encode ${e}, decode it, and return what decode returned. */
static int
there_and_back(const struct entry *e, struct entry *got, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct cur c;
	int rc;

	CHECK_OK(entry_encode(e, &b, err), err);
	cur_init(&c, b.p, b.len);
	rc = entry_decode(&c, got, err);
	CHECK(rc < 0 || cur_end(&c));
	return rc;
}

TEST(entry__comes_back_as_it_was)
{
	CLEANUP(freep_entry) struct entry got = { 0 };
	struct entry e = full();
	struct err err = ERR_INIT;

	CHECK_OK(there_and_back(&e, &got, &err), &err);
	CHECK_STR(got.path, "a/b");
	CHECK_STR(got.user, "u");
	CHECK(got.group == NULL && got.target == NULL);
	CHECK(got.type == ENTRY_FILE && got.mode == 04755);
	CHECK(got.uid == 1 && got.gid == 2 && got.dev == 3 && got.ino == 4);
	CHECK(got.mtime_ns == -1 && got.ctime_ns == INT64_MAX);
	CHECK(got.nxattrs == 2 && got.xattrs[0].len == 3);
	CHECK(memcmp(got.xattrs[0].value, "\0\1\2", 3) == 0);
	CHECK_STR(got.xattrs[1].name, "user.empty");
	CHECK(got.sparse && got.nextents == 2 && got.extents[1].off == 20);
	CHECK(got.has_sha256 && got.sha256[0] == 9);
	CHECK(got.data_pos == 77 && got.data_len == 15);
}

TEST(entry__that_breaks_a_rule_is_refused)
{
	static const struct entry_extent bad[][2] = {
		{ { 0, 10 }, { 10, 5 } },         /* they touch */
		{ { 20, 5 }, { 0, 10 } },         /* they descend */
		{ { 0, 10 }, { 26, 5 } },         /* beyond the end */
		{ { 0, 10 }, { 2, UINT64_MAX } }, /* they wrap around */
		{ { 0, 15 }, { 20, 0 } },         /* one is empty */
	};
	CLEANUP(freep_entry) struct entry got = { 0 };
	char climbs[] = "a/../b", target[] = "t";
	struct entry_extent two[2];
	struct err err = ERR_INIT;
	struct entry e;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		e = full();
		memcpy(two, bad[i], sizeof(two));
		e.extents = two;
		CHECK_FAIL(there_and_back(&e, &got, &err), &err, HF_ECORRUPT);
	}
	e = full(), e.type = 'x';
	CHECK_FAIL(there_and_back(&e, &got, &err), &err, HF_ECORRUPT);
	e = full(), e.mode = 010000;
	CHECK_FAIL(there_and_back(&e, &got, &err), &err, HF_ECORRUPT);
	e = full(), e.data_len = 14;
	CHECK_FAIL(there_and_back(&e, &got, &err), &err, HF_ECORRUPT);
	e = full(), e.path = climbs;
	CHECK_FAIL(there_and_back(&e, &got, &err), &err, HF_ECORRUPT);
	e = full(), e.target = target;
	CHECK_FAIL(there_and_back(&e, &got, &err), &err, HF_ECORRUPT);
	CHECK(got.path == NULL);
}

TEST(entry__cut_short_anywhere_is_refused)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_entry) struct entry got = { 0 };
	struct entry e = full();
	struct err err = ERR_INIT;
	struct cur c;
	size_t n;

	CHECK_OK(entry_encode(&e, &b, &err), &err);
	for (n = 0; n < b.len; n++) {
		cur_init(&c, b.p, n);
		CHECK_FAIL(entry_decode(&c, &got, &err), &err, HF_ECORRUPT);
	}
}

TEST(entry__leaves_nothing_behind_when_memory_runs_out)
{
	CLEANUP(freep_entry) struct entry got = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct entry e = full();
	struct err err = ERR_INIT;
	struct cur c;

	CHECK_OK(entry_encode(&e, &b, &err), &err);
	TEST_TORTURE (n) {
		cur_init(&c, b.p, b.len);
		test_malloc_fail(n);
		if (entry_decode(&c, &got, &err) == 0)
			break;
		CHECK(err.code == -HF_ENOMEM && got.path == NULL);
	}
	test_malloc_fail(0);
	CHECK_STR(got.path, "a/b");
}

TEST(entry_path__is_relative_and_stays_below)
{
	CHECK(entry_path_ok("."));
	CHECK(entry_path_ok("a"));
	CHECK(entry_path_ok("a/...b/..c"));
	CHECK(entry_path_ok("\xff\n/ "));
	CHECK(!entry_path_ok(""));
	CHECK(!entry_path_ok(".."));
	CHECK(!entry_path_ok("/a"));
	CHECK(!entry_path_ok("a/"));
	CHECK(!entry_path_ok("a//b"));
	CHECK(!entry_path_ok("a/./b"));
	CHECK(!entry_path_ok("a/.."));
	CHECK(!entry_path_ok("./a"));
}
