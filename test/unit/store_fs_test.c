#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/params.h"
#include "store/fs/store_fs.h"
#include "store/store.h"
#include "test.h"

/*
 * What the contract cannot see: the order of system calls, on which surviving
 * a power cut rests; each of them failing; and what others did to the folder.
 */

/* The calls so far, a letter each, and the one that fails. */
static struct {
	bool on;
	char calls[256];
	size_t n;
	size_t fail_at; /* From 1; 0: none. */
	int errnum;
	bool failed;
} sys;

static bool
fails(char letter)
{
	if (!sys.on)
		return false;
	if (sys.n + 1 < sizeof(sys.calls))
		sys.calls[sys.n] = letter;
	if (++sys.n != sys.fail_at)
		return false;
	sys.failed = true;
	errno = sys.errnum;
	return true;
}

static void
watch(size_t fail_at, int errnum)
{
	memset(&sys, 0, sizeof(sys));
	sys.fail_at = fail_at;
	sys.errnum = errnum;
	sys.on = true;
}

int __real_fsync(int);
int __wrap_fsync(int);
int
__wrap_fsync(int fd)
{
	struct stat st;
	bool dir = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);

	return fails(dir ? 'D' : 'F') ? -1 : __real_fsync(fd);
}

int __real_linkat(int, const char *, int, const char *, int);
int __wrap_linkat(int, const char *, int, const char *, int);
int
__wrap_linkat(int a, const char *p, int b, const char *q, int f)
{
	return fails('L') ? -1 : __real_linkat(a, p, b, q, f);
}

int __real_renameat2(int, const char *, int, const char *, unsigned);
int __wrap_renameat2(int, const char *, int, const char *, unsigned);
int
__wrap_renameat2(int a, const char *p, int b, const char *q, unsigned f)
{
	return fails('R') ? -1 : __real_renameat2(a, p, b, q, f);
}

int __real_mkdirat(int, const char *, mode_t);
int __wrap_mkdirat(int, const char *, mode_t);
int
__wrap_mkdirat(int fd, const char *p, mode_t m)
{
	return fails('m') ? -1 : __real_mkdirat(fd, p, m);
}

ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int, const void *, size_t);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	return fails('W') ? -1 : __real_write(fd, p, n);
}

static struct store *
opened(void)
{
	static const struct store_driver *const drivers[] = {
		&store_fs_driver,
		NULL,
	};
	CLEANUP(freep_params) struct params *p = NULL;
	struct err e = ERR_INIT;
	struct store *s = NULL;
	char url[256];

	(void)snprintf(url, sizeof(url), "file:%s", test_dir());
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_set(p, "url", url, &e), &e);
	CHECK_OK(store_open(drivers, p, STORE_READ | STORE_WRITE, &s, &e), &e);
	return s;
}

static int
open_url(const char *url, enum store_power power, struct err *e)
{
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_store) struct store *s = NULL;

	CHECK_OK(params_new(&p, e), e);
	CHECK_OK(params_set(p, "url", url, e), e);
	return store_fs_driver.open(p, power, &s, e);
}

static int
put(struct store *s, const char *name, struct err *e)
{
	const struct store_blob blob = { .p = (const uint8_t *)"text",
		.len = 4 };

	return store_put(s, name, &blob, e);
}

static const char *
in_dir(const char *name)
{
	static char path[512];

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}

static int
count(void *arg, const struct store_info *info, struct err *e)
{
	(void)info, (void)e;
	++*(int *)arg;
	return 0;
}

static int
objects(struct store *s)
{
	struct err e = ERR_INIT;
	int n = 0;

	CHECK_OK(store_list(s, "", count, &n, &e), &e);
	return n;
}

/*
 * The way to the folder is made and synced from the top: the folder around the
 * store, which may be as new, the root and "a".  The file: written, synced, named, synced, and last its folder.
 */
TEST(put__syncs_bytes_before_the_name_and_the_name_before_it_returns)
{
	CLEANUP(freep_store) struct store *s = opened();
	struct err e = ERR_INIT;

	watch(0, 0);
	CHECK_OK(put(s, "a/b/c", &e), &e);
	CHECK_STR(sys.calls, "mmDmDmDWFLFD");
	/* The second in the same folder finds the way durable. */
	watch(0, 0);
	CHECK_OK(put(s, "a/b/d", &e), &e);
	CHECK_STR(sys.calls, "mmWFLFD");
	sys.on = false;
}

TEST(put__renames_a_named_temporary_when_its_bytes_are_synced)
{
	CLEANUP(freep_store) struct store *s = opened();
	struct err e = ERR_INIT;

	store_fs_name_temporaries(s);
	watch(0, 0);
	CHECK_OK(put(s, "a", &e), &e);
	CHECK_STR(sys.calls, "DWFRFD");
	sys.on = false;
}

/* It may be another process's, which was killed before it came to that. */
TEST(put__syncs_the_name_that_it_finds_taken)
{
	CLEANUP(freep_store) struct store *s = opened();
	CLEANUP(freep_store) struct store *other = opened();
	struct err e = ERR_INIT;

	CHECK_OK(put(other, "a/b", &e), &e);
	watch(0, 0);
	CHECK_FAIL(put(s, "a/b", &e), &e, HF_EEXISTS);
	CHECK_STR(sys.calls, "mDmDD");
	sys.on = false;
}

/* Fail each system call of a put once. */
static void
fail_each(bool named, int errnum, enum hf_code want)
{
	CLEANUP(freep_store) struct store *s = opened();
	struct store_info info;
	struct err e = ERR_INIT;
	char name[32];
	size_t n;
	int rc;

	for (n = 1; n < 100; n++) {
		if (named)
			store_fs_name_temporaries(s);
		(void)snprintf(name, sizeof(name), "d%zu/e/f", n);
		watch(n, errnum);
		rc = put(s, name, &e);
		sys.on = false;
		if (!sys.failed)
			break;
		CHECK(rc == -(int)want);
		CHECK(strstr(e.msg, "cannot") != NULL);
		/* All or nothing, and the next one gets through. */
		if (store_head(s, name, &info, &e) == 0)
			CHECK(info.len == 4);
		else
			CHECK(e.code == -HF_ENOTFOUND);
		rc = put(s, name, &e);
		CHECK(rc == 0 || rc == -HF_EEXISTS);
	}
	CHECK(n > 8 && rc == 0);
	CHECK(objects(s) == (int)n);
}

TEST(put__stores_all_or_nothing_whatever_fails)
{
	fail_each(false, ENOSPC, HF_ENOSPC);
}

TEST(put__by_a_temporary_name_stores_all_or_nothing)
{
	fail_each(true, EIO, HF_EIO);
}

TEST(put__asks_for_the_mount_when_the_server_is_gone)
{
	CLEANUP(freep_store) struct store *s = opened();
	struct err e = ERR_INIT;

	watch(1, ESTALE);
	CHECK_FAIL(put(s, "a/b", &e), &e, HF_EUNAVAIL);
	sys.on = false;
	CHECK(e.retry && strstr(e.hint, "mounted") != NULL);
}

TEST(put__says_that_the_disk_is_full_and_leaves_nothing)
{
	static uint8_t big[1 << 20];
	const struct store_blob blob = { .p = big, .len = sizeof(big) };
	CLEANUP(freep_store) struct store *s = opened();
	struct rlimit old, small;
	struct err e = ERR_INIT;
	int rc;

	store_fs_name_temporaries(s);
	CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
	small = old;
	small.rlim_cur = 65536;
	(void)signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	rc = store_put(s, "big", &blob, &e);
	CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
	CHECK(rc == -HF_ENOSPC && e.hint[0] != '\0');
	CHECK(objects(s) == 0);
	/* Not even a temporary name: the folder can be removed. */
	CHECK(rmdir(test_dir()) == 0 && mkdir(test_dir(), 0700) == 0);
}

TEST(objects__are_for_the_owner_alone)
{
	CLEANUP(freep_store) struct store *s = opened();
	struct err e = ERR_INIT;
	struct stat st;

	(void)umask(0);
	CHECK_OK(put(s, "a/b", &e), &e);
	CHECK(stat(in_dir("a"), &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(stat(in_dir("a/b"), &st) == 0 && (st.st_mode & 07777) == 0600);
}

TEST(links__that_somebody_planted_are_refused)
{
	CLEANUP(freep_store) struct store *s = opened();
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int n = 0;

	CHECK_OK(store_eraser_new(s, &er, &e), &e);
	CHECK(symlink("/etc", in_dir("dir")) == 0);
	CHECK(symlink("/etc/passwd", in_dir("file")) == 0);
	CHECK(symlink("/nowhere/x", in_dir("nowhere")) == 0);
	CHECK_FAIL(
	    store_get(s, "dir/passwd", 1 << 20, &b, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "symbolic link") != NULL);
	CHECK_FAIL(store_get(s, "file", 1 << 20, &b, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(put(s, "dir/new", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(put(s, "file", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(put(s, "nowhere", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(store_erase(er, "dir/passwd", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(store_list(s, "", count, &n, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(store_list(s, "dir/", count, &n, &e), &e, HF_ECORRUPT);
	CHECK(access("/etc/new", F_OK) < 0 && access("/etc/passwd", F_OK) == 0);
	CHECK(n == 0 && b.len == 0);
}

TEST(get__does_not_wait_at_a_pipe)
{
	CLEANUP(freep_store) struct store *s = opened();
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK(mkfifo(in_dir("pipe"), 0600) == 0);
	CHECK_FAIL(store_get(s, "pipe", 9, &b, &e), &e, HF_ECORRUPT);
}

static void
make_file(const char *name, time_t age)
{
	struct timespec when[2];
	int fd = open(in_dir(name), O_WRONLY | O_CREAT, 0600);

	CHECK(fd >= 0);
	(void)clock_gettime(CLOCK_REALTIME, &when[0]);
	when[0].tv_sec -= age;
	when[1] = when[0];
	CHECK(futimens(fd, when) == 0);
	(void)close(fd);
}

TEST(list__removes_what_killed_runs_left_once_it_is_old)
{
	static const char old[] = ".holdfast-0123456789abcdef~";
	static const char young[] = ".holdfast-0123456789abcdee~";
	static const char other[] = ".holdfast-mine~";
	CLEANUP(freep_store) struct store *s = opened();

	make_file(old, 25 * 3600);
	make_file(young, 23 * 3600);
	make_file(other, 25 * 3600);
	make_file("lost+found", 25 * 3600);
	s->power = STORE_READ;
	CHECK(objects(s) == 0);
	CHECK(access(in_dir(old), F_OK) == 0);
	s->power = STORE_READ | STORE_WRITE;
	CHECK(objects(s) == 0);
	CHECK(access(in_dir(old), F_OK) < 0);
	CHECK(access(in_dir(young), F_OK) == 0);
	CHECK(access(in_dir(other), F_OK) == 0);
	CHECK(access(in_dir("lost+found"), F_OK) == 0);
}

TEST(erase__removes_the_folders_that_it_leaves_empty)
{
	CLEANUP(freep_store) struct store *s = opened();
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(put(s, "a/b/c/d", &e), &e);
	CHECK_OK(put(s, "a/x", &e), &e);
	CHECK_OK(store_eraser_new(s, &er, &e), &e);
	CHECK_OK(store_erase(er, "a/b/c/d", &e), &e);
	CHECK(access(in_dir("a/b"), F_OK) < 0);
	CHECK(access(in_dir("a/x"), F_OK) == 0);
	/* What was pinned is made again, and synced again. */
	watch(0, 0);
	CHECK_OK(put(s, "a/b/c/d", &e), &e);
	CHECK_STR(sys.calls, "mmmmDmDmDWFLFD");
	sys.on = false;
}

TEST(open__says_what_is_wrong_with_a_place)
{
	struct err e = ERR_INIT;
	char url[600];

	make_file("file", 0);
	(void)snprintf(url, sizeof(url), "file:%s", in_dir("file"));
	CHECK_FAIL(open_url(url, STORE_READ, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_url(url, STORE_WRITE, &e), &e, HF_EUSAGE);
	(void)snprintf(url, sizeof(url), "file:%s", in_dir("none"));
	CHECK_FAIL(open_url(url, STORE_READ, &e), &e, HF_ENOTFOUND);
	CHECK(e.hint[0] != '\0');
	e = (struct err)ERR_INIT;
	CHECK_OK(open_url(url, STORE_WRITE, &e), &e);
	CHECK(e.msg[0] == '\0');
	CHECK(access(in_dir("none"), F_OK) < 0);
	CHECK_FAIL(open_url("file:", STORE_WRITE, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_url("file://host/p", STORE_WRITE, &e), &e, HF_EUSAGE);
	(void)snprintf(url, sizeof(url), "file://%s", test_dir());
	CHECK_OK(open_url(url, STORE_READ, &e), &e);
}

TEST(put__says_that_the_folder_has_vanished)
{
	CLEANUP(freep_store) struct store *s = opened();
	struct err e = ERR_INIT;

	CHECK(rmdir(test_dir()) == 0);
	CHECK_FAIL(put(s, "a/b", &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "mounted") != NULL);
}

TEST(probe__says_that_nothing_may_be_written)
{
	CLEANUP(freep_store) struct store *s = opened();
	struct err e = ERR_INIT;

	if (geteuid() == 0 && seteuid(65534) < 0)
		SKIP("cannot become somebody without rights");
	CHECK(geteuid() != 0);
	s->power = STORE_READ | STORE_WRITE;
	if (getuid() != 0)
		CHECK(chmod(test_dir(), 0500) == 0);
	CHECK_FAIL(store_probe(s, STORE_WRITE, &e), &e, HF_EDENIED);
	if (getuid() != 0)
		CHECK(chmod(test_dir(), 0700) == 0);
	else
		CHECK(seteuid(0) == 0);
	CHECK(strstr(e.hint, "user id") != NULL);
}
