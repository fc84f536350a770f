#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "test.h"

static const char *
in_dir(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}

/* How many names are in the test's folder. */
static int
names(void)
{
	struct dirent *d;
	DIR *dir = opendir(test_dir());
	int n = 0;

	CHECK(dir != NULL);
	while ((d = readdir(dir)) != NULL)
		n +=
		    strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	(void)closedir(dir);
	return n;
}

static void
check_holds(const char *path, const char *want)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(file_read(path, 1 << 20, &b, &e), &e);
	CHECK(b.len == strlen(want) && memcmp(b.p, want, b.len) == 0);
}

TEST(write_new__makes_a_file_of_the_mode_asked_for)
{
	struct err e = ERR_INIT;
	struct stat st;

	(void)umask(077);
	CHECK_OK(file_write_new(in_dir("a"), 0640, "one", 3, &e), &e);
	check_holds(in_dir("a"), "one");
	CHECK(stat(in_dir("a"), &st) == 0 && (st.st_mode & 07777) == 0640);
	CHECK(names() == 1);
}

TEST(write_new__keeps_what_has_the_name)
{
	struct err e = ERR_INIT;

	CHECK_OK(file_write_new(in_dir("a"), 0600, "one", 3, &e), &e);
	CHECK_FAIL(
	    file_write_new(in_dir("a"), 0600, "two", 3, &e), &e, HF_EEXISTS);
	check_holds(in_dir("a"), "one");
	CHECK(names() == 1);
}

TEST(write_new__does_not_follow_a_dangling_link)
{
	struct err e = ERR_INIT;
	char to[512];

	(void)snprintf(to, sizeof(to), "%s/elsewhere", test_dir());
	CHECK(symlink(to, in_dir("a")) == 0);
	CHECK_FAIL(
	    file_write_new(in_dir("a"), 0600, "two", 3, &e), &e, HF_EEXISTS);
	CHECK(access(to, F_OK) < 0);
}

TEST(replace__puts_the_new_bytes_in_place_of_the_old)
{
	struct err e = ERR_INIT;

	CHECK_OK(file_replace(in_dir("a"), 0600, "one", 3, &e), &e);
	CHECK_OK(file_replace(in_dir("a"), 0600, "second", 6, &e), &e);
	check_holds(in_dir("a"), "second");
	CHECK(names() == 1);
}

TEST(replace__leaves_nothing_behind_when_it_fails)
{
	struct err e = ERR_INIT;

	/* A folder cannot be replaced by a file. */
	CHECK(mkdir(in_dir("a"), 0700) == 0);
	CHECK_FAIL(file_replace(in_dir("a"), 0600, "one", 3, &e), &e, HF_EIO);
	CHECK(names() == 1);
	CHECK_FAIL(file_replace(in_dir("no/such"), 0600, "one", 3, &e), &e,
	    HF_ENOTFOUND);
}

TEST(read__refuses_more_than_the_maximum)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(buf_add(&b, "x", 1, &e), &e);
	CHECK_OK(file_write_new(in_dir("a"), 0600, "12345", 5, &e), &e);
	CHECK_FAIL(file_read(in_dir("a"), 4, &b, &e), &e, HF_ECORRUPT);
	CHECK(b.len == 1);
	CHECK_OK(file_read(in_dir("a"), 5, &b, &e), &e);
	CHECK(b.len == 6 && memcmp(b.p, "x12345", 6) == 0);
	CHECK_FAIL(file_read(in_dir("none"), 5, &b, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(file_read(test_dir(), 5, &b, &e), &e, HF_EIO);
}

TEST(read__gives_a_large_file_whole)
{
	CLEANUP(freep_buf) struct buf in = BUF_INIT;
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	struct err e = ERR_INIT;
	uint32_t i;

	for (i = 0; i < 65536; i++)
		CHECK_OK(buf_add_u32(&in, i, &e), &e);
	CHECK_OK(file_write_new(in_dir("a"), 0600, in.p, in.len, &e), &e);
	CHECK_OK(file_read(in_dir("a"), in.len, &out, &e), &e);
	CHECK(out.len == in.len && memcmp(out.p, in.p, in.len) == 0);
}

TEST(read__survives_running_out_of_memory)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int rc;

	CHECK_OK(file_write_new(in_dir("a"), 0600, "12345", 5, &e), &e);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = file_read(in_dir("a"), 5, &b, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && b.len == 0);
	}
	test_malloc_fail(0);
	CHECK(b.len == 5);
}

TEST(read_at__tells_where_the_file_ends_and_leaves_its_position)
{
	CLEANUP(freep_fd) int fd = -1;
	struct err e = ERR_INIT;
	size_t got = 7;
	char p[8];

	CHECK_OK(file_write_new(in_dir("a"), 0600, "0123456789", 10, &e), &e);
	fd = open(in_dir("a"), O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_OK(file_read_at(fd, p, 4, 2, &got, &e), &e);
	CHECK(got == 4 && memcmp(p, "2345", 4) == 0);
	CHECK_OK(file_read_at(fd, p, 8, 7, &got, &e), &e);
	CHECK(got == 3 && memcmp(p, "789", 3) == 0);
	CHECK_OK(file_read_at(fd, p, 8, 10, &got, &e), &e);
	CHECK(got == 0 && lseek(fd, 0, SEEK_CUR) == 0);
	CHECK_FAIL(file_read_at(-1, p, 8, 0, &got, &e), &e, HF_EIO);
}

TEST(mkdirs__makes_what_is_missing)
{
	struct err e = ERR_INIT;
	struct stat st;

	CHECK_OK(file_mkdirs(in_dir("a//b/c/"), 0700, &e), &e);
	CHECK(stat(in_dir("a/b/c"), &st) == 0 && S_ISDIR(st.st_mode));
	CHECK((st.st_mode & 07777) == 0700);
	CHECK_OK(file_mkdirs(in_dir("a/b"), 0700, &e), &e);
	CHECK_OK(file_mkdirs("/", 0700, &e), &e);
}

TEST(mkdirs__says_that_a_file_is_in_the_way)
{
	struct err e = ERR_INIT;

	CHECK_OK(file_write_new(in_dir("a"), 0600, "", 0, &e), &e);
	CHECK_FAIL(file_mkdirs(in_dir("a"), 0700, &e), &e, HF_EEXISTS);
	CHECK_FAIL(file_mkdirs(in_dir("a/b"), 0700, &e), &e, HF_ENOTFOUND);
}

/* However its pieces lie, past the page cache or through it. */
TEST(write_at__puts_every_piece_in_its_place)
{
	static const size_t lens[] = { 1 << 20, (1 << 20) - 1, 300000, 4096, 7,
		(1 << 20) + 4096 };
	CLEANUP(freep_fd)
	int fd = open(in_dir("a"), O_RDWR | O_CREAT | O_EXCL, 0600);
	CLEANUP(freep_mem) uint8_t *p = aligned_alloc(FILE_PAGE, 2 << 20);
	CLEANUP(freep_mem) uint8_t *got = malloc(2 << 20);
	struct err e = ERR_INIT;
	uint64_t off = 0;
	size_t i, j, skew;

	CHECK(fd >= 0 && p != NULL && got != NULL);
	for (i = 0; i < 2 << 20; i++)
		p[i] = (uint8_t)(i * 31 + i / 4096);
	for (skew = 0; skew < 3; skew++)
		for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
			CHECK_OK(
			    file_write_at(fd, p + skew, lens[i], off, &e), &e);
			CHECK(pread(fd, got, 2 << 20, (off_t)off) ==
			      (ssize_t)lens[i]);
			for (j = 0; j < lens[i] && got[j] == p[skew + j]; j++)
				;
			CHECK(j == lens[i]);
			/* Alternately behind it and at the next page. */
			off += lens[i];
			if (i % 2 == 0)
				off += FILE_PAGE - off % FILE_PAGE;
		}
	CHECK((fcntl(fd, F_GETFL) & O_DIRECT) == 0);
}

/* A piece that cannot go past the page cache takes nothing from the others. */
TEST(direct__stays_until_a_piece_does_not_fit)
{
	CLEANUP(freep_fd)
	int fd = open(in_dir("a"), O_RDWR | O_CREAT | O_EXCL, 0600);
	CLEANUP(freep_mem) uint8_t *p = aligned_alloc(FILE_PAGE, 1 << 20);
	CLEANUP(freep_mem) uint8_t *got = malloc(1 << 20);
	struct err e = ERR_INIT;

	CHECK(fd >= 0 && p != NULL && got != NULL);
	memset(p, 7, 1 << 20);
	if (!file_direct(fd, true))
		return; /* A folder in memory. */
	CHECK_OK(file_write_at(fd, p, 1 << 20, 0, &e), &e);
	CHECK((fcntl(fd, F_GETFL) & O_DIRECT) != 0);
	CHECK_OK(file_write_at(fd, p, 1 << 20, 1 << 20, &e), &e);
	CHECK_OK(file_write_at(fd, p + 1, 999, 2 << 20, &e), &e);
	CHECK(pread(fd, got, 1 << 20, (2 << 20) - 1000) == 1999);
	CHECK(memcmp(p, got, 1999) == 0);
	CHECK(file_direct(fd, false));
	CHECK((fcntl(fd, F_GETFL) & O_DIRECT) == 0);
}

TEST(direct__is_refused_in_memory)
{
	CLEANUP(freep_fd) int fd = memfd_create("a", MFD_CLOEXEC);

	CHECK(fd >= 0 && !file_direct(fd, true));
	CHECK((fcntl(fd, F_GETFL) & O_DIRECT) == 0);
}

TEST(reserve__makes_a_file_longer_and_no_longer_than_it_may_be)
{
	CLEANUP(freep_fd)
	int fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	const struct rlimit small = { 64 << 20, RLIM_INFINITY };
	struct rlimit before;
	uint64_t from = 0;
	struct stat st;

	CHECK(fd >= 0);
	file_reserve(fd, &from, 1);
	CHECK(fstat(fd, &st) == 0 && from > 1 && (uint64_t)st.st_size == from);
	file_reserve(fd, &from, from);
	CHECK(fstat(fd, &st) == 0 && (uint64_t)st.st_size == from);
	CHECK(getrlimit(RLIMIT_FSIZE, &before) == 0);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	file_reserve(fd, &from, 60 << 20);
	CHECK(setrlimit(RLIMIT_FSIZE, &before) == 0);
	CHECK(fstat(fd, &st) == 0 && (uint64_t)st.st_size == from);
}

TEST(write_at__tells_what_the_system_says)
{
	CLEANUP(freep_fd) int fd = open("/dev/full", O_WRONLY);
	CLEANUP(freep_mem) uint8_t *p = aligned_alloc(FILE_PAGE, 1 << 20);
	struct err e = ERR_INIT;

	CHECK(fd >= 0 && p != NULL);
	memset(p, 1, 1 << 20);
	CHECK_FAIL(file_write_at(fd, p, 1 << 20, 0, &e), &e, HF_ENOSPC);
}

TEST(write_behind__waits_for_enough_and_goes_on_from_there)
{
	CLEANUP(freep_fd)
	int fd = open(test_dir(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	const uint64_t enough = 8u << 20;
	uint64_t from = 0;

	CHECK(fd >= 0 && ftruncate(fd, 3 * (off_t)enough) == 0);
	file_write_behind(fd, &from, enough - 1);
	CHECK(from == 0);
	file_write_behind(fd, &from, enough + 5);
	CHECK(from == enough + 5);
	file_write_behind(fd, &from, 2 * enough);
	CHECK(from == enough + 5);
	file_write_behind(fd, &from, 3);
	CHECK(from == enough + 5);
}

TEST(publish__keeps_what_has_the_name)
{
	CLEANUP(freep_fd) int fd = open(test_dir(), O_RDONLY | O_DIRECTORY);
	struct err e = ERR_INIT;

	CHECK_OK(file_write_new(in_dir("a"), 0600, "one", 3, &e), &e);
	CHECK_OK(file_write_new(in_dir("b"), 0600, "two", 3, &e), &e);
	CHECK_FAIL(file_publish(fd, "b", "a", &e), &e, HF_EEXISTS);
	check_holds(in_dir("a"), "one");
	CHECK_OK(file_publish(fd, "b", "c", &e), &e);
	check_holds(in_dir("c"), "two");
	CHECK(names() == 2);
}
