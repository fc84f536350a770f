#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "etcd/etcd_datadir.h"
#include "etcd/etcd_membership.h"
#include "test.h"

/*
 * The calls that change something on the disk come here (the linker's --wrap,
 * see meson.build): the one of number ${stop_at} kills the process, or fails.
 */
static _Atomic int calls; /* By two threads. */
static int stop_at, fail_with;

static bool
strikes(void)
{
	if (stop_at == 0 || ++calls != stop_at)
		return false;
	if (fail_with == 0)
		_exit(99);
	errno = fail_with;
	return true;
}

#define WRAP(ret, name, params, args)                                          \
	ret __real_##name params;                                              \
	ret __wrap_##name params;                                              \
	ret __wrap_##name params                                               \
	{                                                                      \
		return strikes() ? -1 : __real_##name args;                    \
	}
WRAP(int, fsync, (int fd), (fd))
WRAP(int, mkdirat, (int at, const char *p, mode_t m), (at, p, m))
WRAP(int, renameat, (int a, const char *p, int b, const char *q), (a, p, b, q))
WRAP(int, fallocate64, (int fd, int mode, off_t at, off_t n), (fd, mode, at, n))

/* Of a disk that lies: byte ${spoil} of what is written to the log. */
static size_t spoil = SIZE_MAX;

ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int, const void *, size_t);
ssize_t
__wrap_write(int fd, const void *p, size_t n)
{
	static uint8_t wrong[4096];

	if (strikes())
		return -1;
	if (n <= spoil || n > sizeof(wrong))
		return __real_write(fd, p, n);
	memcpy(wrong, p, n);
	wrong[spoil] ^= 1;
	return __real_write(fd, wrong, n);
}

static const char *
at(const char *name)
{
	static char path[2][4096];
	static int k;

	k = !k;
	(void)snprintf(path[k], sizeof(path[k]), "%s/%s", test_dir(), name);
	return path[k];
}

static struct etcd_membership *
membership(void)
{
	const struct etcd_membership_opts opts = { "n1", "n1=http://a:1",
		"http://a:1", "tok" };
	struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_membership_new(&opts, &s, &e), &e);
	return s;
}

/* The whole order of steps, with a database of four bytes. */
static int
make(const char *path, const struct etcd_membership *s, struct err *err)
{
	CLEANUP(freep_etcd_datadir) struct etcd_datadir *d = NULL;
	int rc;

	if ((rc = etcd_datadir_new(path, s, &d, err)) < 0)
		return rc;
	if (write(etcd_datadir_db(d), "bolt", 4) != 4)
		return err_errno(err, errno, "the database");
	return etcd_datadir_commit(d, err);
}

static bool
is(const char *name, mode_t mode, off_t size)
{
	struct stat st;

	return stat(at(name), &st) == 0 && st.st_mode == mode &&
	       (size < 0 || st.st_size == size);
}

#define DIR_MODE (S_IFDIR | 0700)
#define FILE_MODE (S_IFREG | 0600)
#define WAL "/member/wal/0000000000000000-0000000000000000.wal"
#define SNAP "/member/snap/0000000000000001-0000000000000001.snap"

static bool
is_whole(void)
{
	return is("to", DIR_MODE, -1) && is("to/member", DIR_MODE, -1) &&
	       is("to/member/wal", DIR_MODE, -1) &&
	       is("to/member/snap", DIR_MODE, -1) &&
	       is("to" WAL, FILE_MODE, 64000000) &&
	       is("to" SNAP, FILE_MODE, -1) &&
	       is("to/member/snap/db", FILE_MODE, 4);
}

/* The names in the test's folder; the last of them is put at ${last}. */
static int
names(char *last)
{
	DIR *dir = opendir(test_dir());
	const struct dirent *d;
	int n = 0;

	CHECK(dir != NULL);
	while ((d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		strcpy(last, d->d_name);
		n++;
	}
	CHECK(closedir(dir) == 0);
	return n;
}

TEST(datadir__is_there_as_a_whole_with_narrow_modes)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	char last[256];
	struct err e = ERR_INIT;
	mode_t mask = umask(0);

	CHECK_OK(make(at("to"), s, &e), &e);
	(void)umask(mask);
	CHECK(is_whole() && names(last) == 1);
}

/* Whichever byte of the log: etcd would not start from it, or from another. */
TEST(datadir__whose_log_is_not_what_was_written_does_not_come_to_be)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	char last[256];
	struct err e = ERR_INIT;

	/* The database has four bytes, all else is in the log. */
	for (spoil = 4; spoil < 200; spoil++) {
		CHECK_FAIL(make(at("to"), s, &e), &e, HF_EIO);
		CHECK(strstr(e.msg, "the log") != NULL);
		CHECK(names(last) == 0);
	}
	spoil = SIZE_MAX;
}

TEST(datadir__may_be_an_empty_folder_before)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	struct err e = ERR_INIT;

	CHECK(mkdir(at("to"), 0755) == 0);
	CHECK_OK(make(at("to"), s, &e), &e);
	CHECK(is_whole());
}

TEST(datadir__is_refused_where_something_is)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	char last[256];
	struct err e = ERR_INIT;
	int fd;

	CHECK_OK(make(at("to"), s, &e), &e);
	CHECK_FAIL(make(at("to"), s, &e), &e, HF_EEXISTS);
	CHECK(strstr(e.msg, "not empty") != NULL);
	CHECK(strstr(e.hint, "--overwrite") == NULL && e.hint[0] != '\0');
	CHECK(is_whole());
	CHECK((fd = open(at("f"), O_CREAT | O_WRONLY, 0600)) >= 0);
	CHECK(close(fd) == 0);
	CHECK_FAIL(make(at("f"), s, &e), &e, HF_EEXISTS);
	CHECK_FAIL(make(at("none/to"), s, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "mkdir -p") != NULL);
	CHECK(names(last) == 2);
}

TEST(datadir__freed_before_its_commit_leaves_nothing)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	CLEANUP(freep_etcd_datadir) struct etcd_datadir *d = NULL;
	char last[256];
	struct err e = ERR_INIT;

	CHECK_OK(etcd_datadir_new(at("to"), s, &d, &e), &e);
	CHECK(write(etcd_datadir_db(d), "bolt", 4) == 4);
	CHECK(names(last) == 1 && strncmp(last, "to.holdfast-", 12) == 0);
	etcd_datadir_free(TAKE(d));
	CHECK(names(last) == 0);
}

/* In a child that dies at call ${n}: its exit status. */
static int
dies_at(int n, const struct etcd_membership *s)
{
	struct err e = ERR_INIT;
	int status;
	pid_t pid;

	(void)fflush(NULL);
	if ((pid = fork()) == 0) {
		calls = 0;
		stop_at = n;
		_exit(make(at("to"), s, &e) < 0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* What a crash leaves beside has no database, unless it has all. */
static void
check_leftover(const char *name)
{
	char path[512];
	struct stat st;

	(void)snprintf(path, sizeof(path), "%s/member/snap/db", name);
	if (stat(at(path), &st) < 0)
		return;
	CHECK(st.st_size == 4);
	(void)snprintf(path, sizeof(path), "%s" WAL, name);
	CHECK(stat(at(path), &st) == 0 && st.st_size == 64000000);
	(void)snprintf(path, sizeof(path), "%s" SNAP, name);
	CHECK(stat(at(path), &st) == 0 && st.st_size > 0);
}

static void
sweep(void)
{
	char cmd[4200];

	(void)snprintf(cmd, sizeof(cmd), "rm -rf '%s'/to*", test_dir());
	CHECK(system(cmd) == 0);
}

TEST(datadir__killed_anywhere_is_not_there)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	struct stat st;
	char last[256];
	int n, rc, beside = 0;

	for (n = 1; (rc = dies_at(n, s)) == 99; n++) {
		if (stat(at("to"), &st) == 0) {
			CHECK(is_whole());
		} else if (names(last) > 0) {
			CHECK(names(last) == 1);
			check_leftover(last);
			beside++;
		}
		sweep();
	}
	CHECK(rc == 0 && is_whole());
	CHECK(n > 12 && beside > 10);
}

TEST(datadir__whatever_fails_leaves_nothing)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	char last[256];
	struct err e = ERR_INIT;
	int n, rc;

	for (n = 1;; n++) {
		e = (struct err)ERR_INIT;
		calls = 0;
		stop_at = n;
		fail_with = ENOSPC;
		rc = make(at("to"), s, &e);
		stop_at = fail_with = 0;
		if (calls < n)
			break;
		/* Once it is in its place, only its durability is in doubt. */
		if (rc < 0)
			CHECK(e.code == -HF_ENOSPC && e.msg[0] != '\0');
		/* The error of our own write() has no remedy. */
		if (rc < 0 && strncmp(e.msg, "the database", 12) != 0)
			CHECK(e.hint[0] != '\0');
		CHECK(names(last) == 0 || is_whole());
		sweep();
	}
	CHECK(rc == 0 && is_whole() && n > 12);
}

TEST(datadir__is_sparse_where_nothing_can_be_allocated)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	struct err e = ERR_INIT;
	struct stat st;
	int n;

	for (n = 1; n < 20; n++) {
		calls = 0;
		stop_at = n;
		fail_with = EOPNOTSUPP;
		(void)make(at("to"), s, &e);
		stop_at = fail_with = 0;
		/* Only the allocation can be done without. */
		if (stat(at("to" WAL), &st) == 0 && st.st_blocks < 1000)
			break;
		sweep();
	}
	CHECK(n < 20 && is_whole());
}

TEST(datadir__survives_running_out_of_memory)
{
	CLEANUP(freep_etcd_membership)
	struct etcd_membership *s = membership();
	char last[256];
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = make(at("to"), s, &e);
		if (!test_malloc_failed())
			break;
		test_malloc_fail(0);
		CHECK(rc == -HF_ENOMEM);
		CHECK(names(last) <= 1);
		sweep();
	}
	test_malloc_fail(0);
	CHECK(rc == 0 && is_whole());
}
