#include "base/buf.h"
#include "base/entry.h"
#include "test.h"

static const struct entry_extent extents[] = { { 0, 10 }, { 4096, 4 } };

/* An entry with something in every field; not to be cleared. */
static struct entry
full(void)
{
	static char path[] = "etc/\377name", user[] = "root", group[] = "wheel";
	static char name1[] = "security.x", name2[] = "user.empty";
	static uint8_t value[] = { 0, 1, 2 };
	static struct entry_xattr xattrs[] = { { name1, value, 3 },
		{ name2, NULL, 0 } };
	static struct entry_extent own[2];
	struct entry e = { .path = path,
		.type = ENTRY_FILE,
		.mode = 04755,
		.uid = 1,
		.gid = UINT32_MAX,
		.user = user,
		.group = group,
		.mtime_ns = -1,
		.ctime_ns = INT64_MAX,
		.size = 5000,
		.dev = 3,
		.ino = UINT64_MAX,
		.rdev = 7,
		.xattrs = xattrs,
		.nxattrs = 2,
		.sparse = true,
		.extents = own,
		.nextents = 2,
		.has_sha256 = true,
		.data_pos = 1000,
		.data_len = 14 };

	memcpy(own, extents, sizeof(own));
	memset(e.sha256, 0xa5, sizeof(e.sha256));
	return e;
}

static int
decode(const struct buf *b, size_t n, struct entry *e, struct err *err)
{
	struct cur c;
	int rc;

	cur_init(&c, b->p, n);
	if ((rc = entry_decode(&c, e, err)) == 0)
		CHECK(cur_end(&c));
	return rc;
}

TEST(decode__gives_back_every_field)
{
	CLEANUP(freep_entry) struct entry got = { .path = NULL };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct entry e = full();
	struct err err = ERR_INIT;

	CHECK_OK(entry_encode(&e, &b, &err), &err);
	CHECK_OK(decode(&b, b.len, &got, &err), &err);
	CHECK_STR(got.path, e.path);
	CHECK_STR(got.user, e.user);
	CHECK_STR(got.group, e.group);
	CHECK(got.target == NULL);
	CHECK(got.type == e.type && got.mode == e.mode);
	CHECK(got.uid == e.uid && got.gid == e.gid);
	CHECK(got.mtime_ns == e.mtime_ns && got.ctime_ns == e.ctime_ns);
	CHECK(got.size == e.size && got.dev == e.dev && got.ino == e.ino);
	CHECK(got.rdev == e.rdev);
	CHECK(got.nxattrs == 2 && got.xattrs[0].len == 3);
	CHECK_STR(got.xattrs[0].name, "security.x");
	CHECK(memcmp(got.xattrs[0].value, "\0\1\2", 3) == 0);
	CHECK(got.xattrs[1].len == 0);
	CHECK(got.sparse && got.nextents == 2);
	CHECK(memcmp(got.extents, extents, sizeof(extents)) == 0);
	CHECK(got.has_sha256);
	CHECK(memcmp(got.sha256, e.sha256, sizeof(e.sha256)) == 0);
	CHECK(got.data_pos == 1000 && got.data_len == 14);
}

/* doc/format.md, "Entry", written down by hand. */
TEST(encode__writes_the_bytes_of_the_format)
{
	static const uint8_t want[] = { 1, 0, 0, 0, 'a', /* path */
		'l', 0, 0xff, 0x01,                      /* mode 0777 */
		1, 0, 0, 0, 2, 0, 0, 0,                  /* uid, gid */
		0, 0, 0, 0, 1, 0, 0, 0, 'g',             /* user, group */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* mtime */
		2, 0, 0, 0, 0, 0, 0, 0,                         /* ctime */
		0, 0, 0, 0, 0, 0, 0, 0,                         /* size */
		4, 0, 0, 0, 0, 0, 0, 0,                         /* dev */
		5, 0, 0, 0, 0, 0, 0, 0,                         /* ino */
		0, 0, 0, 0, 0, 0, 0, 0,                         /* rdev */
		2, 0, 0, 0, '.', '.',                           /* target */
		0, 0, 0, 0,                                     /* xattrs */
		0, 0, 0, 0, 0, 0, 0, 0,                         /* position */
		0, 0, 0, 0, 0, 0, 0, 0 };                       /* length */
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char path[] = "a", group[] = "g", target[] = "..";
	struct entry e = { .path = path,
		.type = ENTRY_SYMLINK,
		.mode = 0777,
		.uid = 1,
		.gid = 2,
		.group = group,
		.mtime_ns = -1,
		.ctime_ns = 2,
		.dev = 4,
		.ino = 5,
		.target = target };
	struct err err = ERR_INIT;

	CHECK_OK(entry_encode(&e, &b, &err), &err);
	CHECK(b.len == sizeof(want) && memcmp(b.p, want, b.len) == 0);
}

TEST(decode__refuses_every_entry_that_is_cut)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct entry got = { .path = NULL }, e = full();
	struct err err = ERR_INIT;
	size_t n;

	CHECK_OK(entry_encode(&e, &b, &err), &err);
	for (n = 0; n < b.len; n++) {
		CLEANUP(freep_mem) uint8_t *copy = malloc(n + 1);
		struct buf cut = { .p = copy, .len = n };

		CHECK(copy != NULL);
		memcpy(copy, b.p, n);
		CHECK_FAIL(decode(&cut, n, &got, &err), &err, HF_ECORRUPT);
		CHECK(got.path == NULL);
	}
}

TEST(decode__survives_every_changed_byte)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct entry e = full();
	struct err err = ERR_INIT;
	struct cur c;
	size_t i;
	int bit;

	CHECK_OK(entry_encode(&e, &b, &err), &err);
	for (i = 0; i < b.len; i++)
		for (bit = 0; bit < 8; bit++) {
			CLEANUP(freep_entry) struct entry got = { NULL };

			b.p[i] ^= (uint8_t)(1 << bit);
			cur_init(&c, b.p, b.len);
			if (entry_decode(&c, &got, &err) == 0)
				CHECK(entry_path_ok(got.path));
			else
				CHECK(err.code == -HF_ECORRUPT);
			b.p[i] ^= (uint8_t)(1 << bit);
		}
}

/* A count says how much is allocated: no more than the bytes justify. */
TEST(decode__does_not_believe_a_count)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char path[] = "a";
	struct entry got = { .path = NULL }, e = { .path = path };
	struct err err = ERR_INIT;

	e.type = ENTRY_FILE;
	e.sparse = true;
	CHECK_OK(entry_encode(&e, &b, &err), &err);
	/* From the end: length, position, extents, attributes. */
	memset(b.p + b.len - 20, 0xff, 3);
	CHECK_FAIL(decode(&b, b.len, &got, &err), &err, HF_ECORRUPT);
	memset(b.p + b.len - 20, 0, 3);
	memset(b.p + b.len - 24, 0xff, 3);
	CHECK_FAIL(decode(&b, b.len, &got, &err), &err, HF_ECORRUPT);
}

/* Change one thing of a good entry: encode refuses it by name. */
#define CHECK_BROKEN(change, why)                                              \
	do {                                                                   \
		struct entry e = full();                                       \
		change;                                                        \
		CHECK_FAIL(entry_encode(&e, &b, &err), &err, HF_EBUG);         \
		CHECK(strstr(err.msg, why) != NULL);                           \
		CHECK(b.len == 0);                                             \
	} while (0)

TEST(encode__refuses_what_decode_would_refuse)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char top[] = ".", up[] = "../x", target[] = "x", first[] = "a",
	     second[] = "b";
	struct entry_xattr reversed[] = { { .name = second },
		{ .name = first } };
	struct err err = ERR_INIT;

	CHECK_BROKEN(e.path = up, "leads elsewhere");
	CHECK_BROKEN(e.mode = 010000, "mode");
	CHECK_BROKEN(e.type = 'x', "type");
	CHECK_BROKEN(e.type = ENTRY_DIR, "no file");
	CHECK_BROKEN(e.type = ENTRY_SYMLINK, "without a target");
	CHECK_BROKEN(e.target = target, "target");
	CHECK_BROKEN((e.type = ENTRY_HARDLINK, e.target = up), "outside");
	CHECK_BROKEN((e.type = ENTRY_HARDLINK, e.target = target), "no file");
	CHECK_BROKEN(e.extents[1].off = 9, "apart");
	CHECK_BROKEN(e.extents[1].off = 10, "apart");
	CHECK_BROKEN(e.extents[1].len = 0, "apart");
	CHECK_BROKEN(e.extents[1].len = 905, "beyond");
	CHECK_BROKEN(e.extents[1].len = UINT64_MAX, "beyond");
	CHECK_BROKEN(e.sparse = false, "not sparse");
	CHECK_BROKEN(e.data_len = 13, "more or less data");
	CHECK_BROKEN((e.sparse = false, e.nextents = 0), "more or less data");
	CHECK_BROKEN(e.size = UINT64_MAX, "a size");
	CHECK_BROKEN(e.path = top, "top folder");
	CHECK_BROKEN(e.data_pos = UINT64_MAX, "behind the end");
	CHECK_BROKEN(e.xattrs = reversed, "order");
}

TEST(decode__refuses_what_breaks_a_rule)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *why;
	} bad[] = {
		{ 4, '/', "leads elsewhere" },
		{ 7, '\0', "damaged" },
		{ 13, 'x', "type" },
		{ 13, 'd', "no file" },
		{ 14, 4, "damaged" },
		{ 16, 0xff, "mode" },
	};
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct entry got = { .path = NULL }, e = full();
	struct err err = ERR_INIT;
	uint8_t old;
	size_t i;

	CHECK_OK(entry_encode(&e, &b, &err), &err);
	CHECK(b.p[13] == 'f' && b.p[14] == 3);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		old = b.p[bad[i].at];
		b.p[bad[i].at] = bad[i].byte;
		CHECK_FAIL(decode(&b, b.len, &got, &err), &err, HF_ECORRUPT);
		CHECK(strstr(err.msg, bad[i].why) != NULL);
		b.p[bad[i].at] = old;
	}
}

TEST(path_ok__keeps_a_path_inside)
{
	static const char *const bad[] = { "", "/", "/a", "a/", "a//b", "..",
		"../a", "a/..", "a/../b", "./a", "a/.", "a/./b" };
	static const char *const good[] = { ".", "a", "a/b", "...", ".a",
		"a/..b", "a b", "\377", "a\\..\\b", "a/...", "..a" };
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!entry_path_ok(bad[i]));
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CHECK(entry_path_ok(good[i]));
}

TEST(path_cmp__puts_a_folder_right_before_what_is_in_it)
{
	static const char *const order[] = { ".", "\001", "-", "...", "a",
		"a/b", "a/b/c", "a/bc", "a/\377", "a\001", "a-b", "a.b", "a0",
		"ab", "b", "\177", "\200", "\377" };
	const size_t n = sizeof(order) / sizeof(order[0]);
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < n; k++) {
			int c = entry_path_cmp(order[i], order[k]);

			CHECK(i < k ? c < 0 : i > k ? c > 0 : c == 0);
		}
}

TEST(encode__survives_running_out_of_memory)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct entry e = full();
	struct err err = ERR_INIT;
	int rc;

	CHECK_OK(buf_add(&b, "x", 1, &err), &err);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = entry_encode(&e, &b, &err);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && b.len == 1);
	}
	test_malloc_fail(0);
	CHECK(b.len > 100);
}

TEST(decode__survives_running_out_of_memory)
{
	CLEANUP(freep_entry) struct entry got = { .path = NULL };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct entry e = full();
	struct err err = ERR_INIT;
	int rc;

	CHECK_OK(entry_encode(&e, &b, &err), &err);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = decode(&b, b.len, &got, &err);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && got.path == NULL);
	}
	test_malloc_fail(0);
	CHECK_STR(got.path, e.path);
}
