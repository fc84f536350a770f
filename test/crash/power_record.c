/* The names below are those of libc, with and without 64 at the end. */
#undef _FILE_OFFSET_BITS
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "power.h"
#include "power_meta.h"

/*
 * Loaded before libc (power.h): does what the program asks, and notes it in
 * the file POWER_LOG.  One lock is held over both, so that the log has the
 * order in which things were done.  What lies on another file system than
 * the folder POWER_ROOT is left out; the replay leaves out the rest.
 *
 * sync_file_range is no business of ours: it promises nothing.  A call that
 * is missing here is found out when the replay of the whole log is compared
 * with the real folder.
 *
 * POWER_KILL=N ends the process, with status 137, behind the call that
 * gave the Nth record.
 */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int log_fd = -1;
static dev_t dev;
static long kill_at, noted;

/* Before any call of the program's. */
__attribute__((constructor)) static void
begin(void)
{
	const char *log = getenv("POWER_LOG"), *root = getenv("POWER_ROOT");
	const char *at = getenv("POWER_KILL");
	struct stat st;

	if (log == NULL || root == NULL || stat(root, &st) < 0)
		return;
	dev = st.st_dev;
	kill_at = at == NULL ? 0 : strtol(at, NULL, 10);
	log_fd = (int)syscall(
	    SYS_openat, AT_FDCWD, log, O_WRONLY | O_APPEND | O_CLOEXEC, 0);
}

#define REAL(name) ((__typeof__(name) *)real(#name))

static void *
real(const char *name)
{
	void *f = dlsym(RTLD_NEXT, name);

	if (f == NULL)
		abort();
	return f;
}

static void
note(struct power_record r, const void *p, size_t n)
{
	const struct iovec v[2] = {
		{ &r, sizeof(r) },
		{ (void *)(uintptr_t)p, n },
	};
	const int errnum = errno;

	r.n = (uint32_t)n;
	if (syscall(SYS_writev, log_fd, v, 2) != (long)(sizeof(r) + n))
		abort();
	noted++;
	errno = errnum;
}

/* With the lock, if anything is noted at all. */
static bool
enter(void)
{
	if (log_fd >= 0)
		(void)pthread_mutex_lock(&lock);
	return log_fd >= 0;
}

static void
leave(void)
{
	/* A call is done as a whole, even if it takes two records. */
	if (kill_at > 0 && noted >= kill_at)
		_exit(137);
	if (log_fd >= 0)
		(void)pthread_mutex_unlock(&lock);
}

/* What is open, if it is a file or a folder there. */
static bool
look(int fd, struct stat *st)
{
	const int errnum = errno;
	bool ours = fstat(fd, st) == 0 && st->st_dev == dev &&
		    (S_ISREG(st->st_mode) || S_ISDIR(st->st_mode));

	errno = errnum;
	return ours;
}

/* What is open is like this now. */
static void
note_meta(int fd)
{
	const int errnum = errno;
	uint8_t b[POWER_META_MAX];
	struct stat st;

	if (fstat(fd, &st) == 0 && st.st_dev == dev)
		note(
		    (struct power_record){ .op = POWER_META, .ino = st.st_ino },
		    b, power_meta_get(fd, b));
	errno = errnum;
}

/* Likewise what ${path} stands for; ${flags}: O_NOFOLLOW or 0. */
static void
note_meta_at(int at, const char *path, int flags)
{
	const int errnum = errno;
	int fd = *path == '\0' ? at
			       : (int)syscall(SYS_openat, at, path,
				     O_PATH | O_CLOEXEC | flags, 0);

	if (fd >= 0)
		note_meta(fd);
	if (fd >= 0 && fd != at)
		(void)close(fd);
	errno = errnum;
}

/* Where a path leads: a folder there, and a name in it. */
struct place {
	char path[PATH_MAX];
	uint64_t dir;
	const char *base;
	size_t n; /* Of base, with its NUL. */
};

static bool
find(int at, const char *path, struct place *p)
{
	size_t n = strlen(path);
	const int errnum = errno;
	struct stat st;
	char *slash;
	int rc;

	if (n >= sizeof(p->path))
		return false;
	memcpy(p->path, path, n + 1);
	while (n > 1 && p->path[n - 1] == '/')
		p->path[--n] = '\0';
	if ((slash = strrchr(p->path, '/')) == NULL) {
		p->base = p->path;
		rc = at == AT_FDCWD ? stat(".", &st) : fstat(at, &st);
	} else {
		p->base = slash + 1;
		*slash = '\0';
		rc = slash == p->path ? stat("/", &st)
				      : fstatat(at, p->path, &st, 0);
	}
	p->n = strlen(p->base) + 1;
	p->dir = st.st_ino;
	errno = errnum;
	return rc == 0 && st.st_dev == dev;
}

/* What has just been made at ${path}, of the kind ${op}, or got that name. */
static void
note_name(int at, const char *path, uint32_t op, const char *to)
{
	struct place p;
	struct stat st;

	if (!find(at, path, &p) ||
	    fstatat(at, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	if (op != 0) {
		note((struct power_record){ .op = op, .ino = st.st_ino }, to,
		    strlen(to));
		note_meta_at(at, path, O_NOFOLLOW);
	}
	note(
	    (struct power_record){
		.op = POWER_NAME, .ino = st.st_ino, .dir = p.dir },
	    p.base, p.n);
}

static void
note_open(int at, const char *path, int flags, bool existed, int fd)
{
	struct stat st;

	if (!look(fd, &st))
		return;
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		note(
		    (struct power_record){ .op = POWER_FILE, .ino = st.st_ino },
		    "", 0);
		note_meta(fd);
	} else if (!existed) {
		note_name(at, path, POWER_FILE, "");
	} else if (flags & O_TRUNC) {
		note(
		    (struct power_record){ .op = POWER_SIZE, .ino = st.st_ino },
		    "", 0);
	}
}

static int
open_at(int at, const char *path, int flags, mode_t mode)
{
	struct stat st;
	bool existed;
	int fd;

	if ((!(flags & (O_CREAT | O_TRUNC)) &&
		(flags & O_TMPFILE) != O_TMPFILE) ||
	    !enter())
		return REAL(openat)(at, path, flags, mode);
	existed = fstatat(at, path, &st,
		      flags & O_NOFOLLOW ? AT_SYMLINK_NOFOLLOW : 0) == 0;
	if ((fd = REAL(openat)(at, path, flags, mode)) >= 0)
		note_open(at, path, flags, existed, fd);
	leave();
	return fd;
}

static mode_t
mode_of(int flags, va_list ap)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE
		   ? va_arg(ap, mode_t)
		   : 0;
}

#define DEFINE_OPEN(name)                                                      \
	int name(const char *path, int flags, ...)                             \
	{                                                                      \
		va_list ap;                                                    \
		mode_t mode;                                                   \
                                                                               \
		va_start(ap, flags);                                           \
		mode = mode_of(flags, ap);                                     \
		va_end(ap);                                                    \
		return open_at(AT_FDCWD, path, flags, mode);                   \
	}
DEFINE_OPEN(open)
DEFINE_OPEN(open64)

#define DEFINE_OPENAT(name)                                                    \
	int name(int at, const char *path, int flags, ...)                     \
	{                                                                      \
		va_list ap;                                                    \
		mode_t mode;                                                   \
                                                                               \
		va_start(ap, flags);                                           \
		mode = mode_of(flags, ap);                                     \
		va_end(ap);                                                    \
		return open_at(at, path, flags, mode);                         \
	}
DEFINE_OPENAT(openat)
DEFINE_OPENAT(openat64)

#define DEFINE_MKOSTEMP(name)                                                  \
	int name(char *path, int flags)                                        \
	{                                                                      \
		const bool in = enter();                                       \
		int fd = REAL(mkostemp)(path, flags);                          \
                                                                               \
		if (in && fd >= 0)                                             \
			note_open(AT_FDCWD, path, O_CREAT, false, fd);         \
		leave();                                                       \
		return fd;                                                     \
	}
DEFINE_MKOSTEMP(mkostemp)
DEFINE_MKOSTEMP(mkostemp64)

static ssize_t
write_at(int fd, const void *p, size_t n, off_t at)
{
	struct stat st;
	bool in = enter();
	ssize_t w;

	w = at < 0 ? REAL(write)(fd, p, n) : REAL(pwrite)(fd, p, n, at);
	if (in && w > 0 && look(fd, &st)) {
		if (at < 0)
			at = lseek(fd, 0, SEEK_CUR) - w;
		note(
		    (struct power_record){
			.op = POWER_WRITE, .ino = st.st_ino, .at = at },
		    p, (size_t)w);
	}
	leave();
	return w;
}

ssize_t
write(int fd, const void *p, size_t n)
{
	struct stat st;

	/* A pipe may make us wait for somebody who waits for the lock. */
	if (log_fd < 0 || !look(fd, &st))
		return REAL(write)(fd, p, n);
	return write_at(fd, p, n, -1);
}

ssize_t
pwrite(int fd, const void *p, size_t n, off_t at)
{
	return write_at(fd, p, n, at);
}

ssize_t
pwrite64(int fd, const void *p, size_t n, off64_t at)
{
	return write_at(fd, p, n, at);
}

/* Has ${fd} another size now? */
static int
resized(int fd, bool in, int rc)
{
	struct stat st;

	if (in && rc == 0 && look(fd, &st))
		note(
		    (struct power_record){
			.op = POWER_SIZE, .ino = st.st_ino, .at = st.st_size },
		    "", 0);
	leave();
	return rc;
}

int
ftruncate(int fd, off_t size)
{
	const bool in = enter();

	return resized(fd, in, REAL(ftruncate)(fd, size));
}

int
ftruncate64(int fd, off64_t size)
{
	return ftruncate(fd, size);
}

int
fallocate(int fd, int mode, off_t at, off_t n)
{
	const bool in = enter();

	return resized(fd, in, REAL(fallocate)(fd, mode, at, n));
}

int
fallocate64(int fd, int mode, off64_t at, off64_t n)
{
	return fallocate(fd, mode, at, n);
}

/* Is the file or folder ${fd} another one now, but for its bytes? */
static int
changed(int fd, bool in, int rc)
{
	if (in && rc == 0)
		note_meta(fd);
	leave();
	return rc;
}

static int
changed_at(int at, const char *path, int flags, bool in, int rc)
{
	if (in && rc == 0)
		note_meta_at(
		    at, path, flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
	leave();
	return rc;
}

int
fchmod(int fd, mode_t mode)
{
	const bool in = enter();

	return changed(fd, in, REAL(fchmod)(fd, mode));
}

int
fchmodat(int at, const char *path, mode_t mode, int flags)
{
	const bool in = enter();

	return changed_at(
	    at, path, flags, in, REAL(fchmodat)(at, path, mode, flags));
}

int
fchownat(int at, const char *path, uid_t uid, gid_t gid, int flags)
{
	const bool in = enter();

	return changed_at(
	    at, path, flags, in, REAL(fchownat)(at, path, uid, gid, flags));
}

int
futimens(int fd, const struct timespec t[2])
{
	const bool in = enter();

	return changed(fd, in, REAL(futimens)(fd, t));
}

int
utimensat(int at, const char *path, const struct timespec t[2], int flags)
{
	const bool in = enter();

	return changed_at(
	    at, path, flags, in, REAL(utimensat)(at, path, t, flags));
}

int
fsetxattr(int fd, const char *name, const void *p, size_t n, int flags)
{
	const bool in = enter();

	return changed(fd, in, REAL(fsetxattr)(fd, name, p, n, flags));
}

int
setxattr(const char *path, const char *name, const void *p, size_t n, int flags)
{
	const bool in = enter();

	return changed_at(
	    AT_FDCWD, path, 0, in, REAL(setxattr)(path, name, p, n, flags));
}

int
fremovexattr(int fd, const char *name)
{
	const bool in = enter();

	return changed(fd, in, REAL(fremovexattr)(fd, name));
}

static int
synced(int fd, bool in, int rc, uint32_t op)
{
	struct stat st;

	if (in && rc == 0 && look(fd, &st))
		note(
		    (struct power_record){ .op = op, .ino = st.st_ino }, "", 0);
	leave();
	return rc;
}

int
fsync(int fd)
{
	const bool in = enter();

	return synced(fd, in, REAL(fsync)(fd), POWER_SYNC);
}

int
fdatasync(int fd)
{
	const bool in = enter();

	return synced(fd, in, REAL(fdatasync)(fd), POWER_SYNC);
}

int
syncfs(int fd)
{
	const bool in = enter();

	return synced(fd, in, REAL(syncfs)(fd), POWER_SYNC_ALL);
}

int
mkdirat(int at, const char *path, mode_t mode)
{
	const bool in = enter();
	int rc = REAL(mkdirat)(at, path, mode);

	if (in && rc == 0)
		note_name(at, path, POWER_DIR, "");
	leave();
	return rc;
}

int
mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int
symlinkat(const char *to, int at, const char *path)
{
	const bool in = enter();
	int rc = REAL(symlinkat)(to, at, path);

	if (in && rc == 0)
		note_name(at, path, POWER_LINK, to);
	leave();
	return rc;
}

int
linkat(int from, const char *old, int at, const char *path, int flags)
{
	const bool in = enter();
	int rc = REAL(linkat)(from, old, at, path, flags);

	if (in && rc == 0)
		note_name(at, path, 0, "");
	leave();
	return rc;
}

int
unlinkat(int at, const char *path, int flags)
{
	const bool in = enter();
	struct place p;
	bool ours = in && find(at, path, &p);
	int rc = REAL(unlinkat)(at, path, flags);

	if (ours && rc == 0)
		note((struct power_record){ .op = POWER_UNNAME, .dir = p.dir },
		    p.base, p.n);
	leave();
	return rc;
}

int
unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int
rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

int
renameat2(int from, const char *old, int to, const char *path, unsigned flags)
{
	const bool in = enter();
	struct place a, b;
	bool ours = in && find(from, old, &a) && find(to, path, &b);
	int rc = REAL(renameat2)(from, old, to, path, flags);
	char both[2 * PATH_MAX];

	if (ours && rc == 0) {
		memcpy(both, a.base, a.n);
		memcpy(both + a.n, b.base, b.n);
		note((struct power_record){ .op = flags & RENAME_EXCHANGE
						      ? POWER_EXCHANGE
						      : POWER_RENAME,
			 .dir = a.dir,
			 .dir2 = b.dir },
		    both, a.n + b.n);
	}
	leave();
	return rc;
}

int
renameat(int from, const char *old, int to, const char *path)
{
	return renameat2(from, old, to, path, 0);
}

int
rename(const char *old, const char *path)
{
	return renameat2(AT_FDCWD, old, AT_FDCWD, path, 0);
}
