#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/fs/store_fs_dir.h"

#define NAME_LEN 256

void
store_fs_at_close(struct store_fs_at *at)
{
	freep_fd(&at->dir);
}

static void
unlock(pthread_mutex_t **m)
{
	(void)pthread_mutex_unlock(*m);
}

/* Is it a file system that has gone away? */
static bool
gone(int errnum)
{
	return errnum == ESTALE || errnum == ENOTCONN || errnum == ENODEV ||
	       errnum == ETIMEDOUT || errnum == EHOSTDOWN;
}

static void
add_remedy(const struct store_fs *fs, int errnum, struct err *err)
{
	if (errnum == EACCES || errnum == EPERM)
		err_hint(err, "user id %u needs rights in '%s'",
		    (unsigned)geteuid(), fs->path);
	else if (errnum == EROFS)
		err_hint(err, "the file system of '%s' is mounted read-only",
		    fs->path);
	else if (errnum == ENOSPC || errnum == EDQUOT)
		err_hint(
		    err, "free space on the file system of '%s'", fs->path);
	else if (errnum == EIO)
		err_hint(err,
		    "the disk of '%s' may be failing: see the kernel's log",
		    fs->path);
	else if (gone(errnum))
		err_hint(
		    err, "is the file system of '%s' still mounted?", fs->path);
}

int
store_fs_error(const struct store_fs *fs, int errnum, const char *what,
    const char *name, struct err *err)
{
	int rc = err_errno(
	    err, errnum, "cannot %s '%s' in '%s'", what, name, fs->base.place);

	add_remedy(fs, errnum, err);
	if (gone(errnum)) {
		rc = -HF_EUNAVAIL;
		err->code = rc;
		err->retry = true;
	}
	return rc;
}

int
store_fs_wrap(const struct store_fs *fs, const char *what, const char *name,
    struct err *err)
{
	err_wrap(err, "cannot %s '%s' in '%s'", what, name, fs->base.place);
	if (err->code == -HF_ENOSPC)
		err_hint(
		    err, "free space on the file system of '%s'", fs->path);
	return err->code;
}

int
store_fs_unless_absent(const struct err *e, struct err *err)
{
	if (e->code == -HF_ENOTFOUND)
		return 0;
	*err = *e;
	return err->code;
}

/* A link could lead anywhere, and this driver never makes one. */
static int
refuse_link(const struct store_fs *fs, const char *name, struct err *err)
{
	err_set(err, HF_ECORRUPT, "'%s' in '%s' is a symbolic link", name,
	    fs->base.place);
	return err_hint(
	    err, "links are refused; to keep a part elsewhere, bind-mount it");
}

int
store_fs_step(const struct store_fs *fs, int dir, const char *name, int *ret,
    struct err *err)
{
	struct stat st;
	int fd, errnum;

	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		errnum = errno;
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		    S_ISLNK(st.st_mode))
			return refuse_link(fs, name, err);
		return store_fs_error(fs, errnum, "open the folder", name, err);
	}
	*ret = fd;
	return 0;
}

int
store_fs_root(struct store_fs *fs, bool make, int *ret, struct err *err)
{
	CLEANUP(unlock) pthread_mutex_t *m = &fs->lock;
	int errnum, rc;

	(void)pthread_mutex_lock(m);
	if (fs->root >= 0) {
		*ret = fs->root;
		return 0;
	}
	if (make && (rc = file_mkdirs(fs->path, 0700, err)) < 0)
		return rc;
	/* What leads to the folder is the operator's: links are fine. */
	fs->root = open(fs->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fs->root < 0) {
		errnum = errno;
		err_errno(err, errnum, "cannot open the folder '%s'", fs->path);
		if (errnum == ENOENT)
			err_hint(err, "make it, or mount what should be there");
		else if (errnum == EACCES)
			err_hint(err, "run as the user who owns it, or give "
				      "this one rights to it");
		return err->code;
	}
	*ret = fs->root;
	return 0;
}

/*
 * The folder itself may have been made by a run that was killed before its
 * sync, or by the operator just now; whoever finds it there does not make it.
 */
static int
sync_root(struct store_fs *fs, int root, struct err *err)
{
	CLEANUP(freep_fd) int above = -1;

	if (fs->rooted)
		return 0;
	above = openat(root, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Where we may not read, it was none of us who made it. */
	if (above < 0 && errno != EACCES)
		return store_fs_error(fs, errno, "open the folder", "..", err);
	if (above >= 0 && file_sync_dir(above, err) < 0)
		return store_fs_wrap(fs, "store", ".", err);
	fs->rooted = true;
	return 0;
}

/*
 * Open the folder of ${name}, component by component; with ${make}, make what
 * is missing; with ${sync}, sync each folder on the way: not the last one.
 */
static int
walk(struct store_fs *fs, const char *name, bool make, bool sync,
    struct store_fs_at *at, struct err *err)
{
	CLEANUP(freep_fd) int dir = -1;
	char part[NAME_LEN];
	const char *slash;
	int root, next, rc;

	if ((rc = store_fs_root(fs, make, &root, err)) < 0 ||
	    (sync && (rc = sync_root(fs, root, err)) < 0))
		return rc;
	if ((dir = fcntl(root, F_DUPFD_CLOEXEC, 0)) < 0)
		return store_fs_error(fs, errno, "open", name, err);
	for (; (slash = strchr(name, '/')) != NULL; name = slash + 1) {
		memcpy(part, name, (size_t)(slash - name));
		part[slash - name] = '\0';
		if (make && mkdirat(dir, part, 0700) < 0 && errno != EEXIST)
			return store_fs_error(
			    fs, errno, "make the folder", part, err);
		if (sync && file_sync_dir(dir, err) < 0)
			return store_fs_wrap(fs, "store", name, err);
		if ((rc = store_fs_step(fs, dir, part, &next, err)) < 0)
			return rc;
		(void)close(dir);
		dir = next;
	}
	at->base = name;
	at->dir = TAKE_FD(dir);
	return 0;
}

int
store_fs_find(struct store_fs *fs, const char *name, struct store_fs_at *at,
    struct err *err)
{
	return walk(fs, name, false, false, at, err);
}

/* Is the way to the folder ${st} known to be durable? */
static bool
pinned(struct store_fs *fs, const struct stat *st)
{
	CLEANUP(unlock) pthread_mutex_t *m = &fs->lock;
	const struct store_fs_pin *p;
	unsigned i;

	(void)pthread_mutex_lock(m);
	for (i = 0; i < STORE_FS_PINS && i < fs->npins; i++) {
		p = &fs->pins[i];
		if (p->dev == st->st_dev && p->ino == st->st_ino)
			return true;
	}
	return false;
}

static void
pin(struct store_fs *fs, int dir, const struct stat *st)
{
	CLEANUP(unlock) pthread_mutex_t *m = &fs->lock;
	struct store_fs_pin *p;
	int fd;

	(void)pthread_mutex_lock(m);
	if ((fd = fcntl(dir, F_DUPFD_CLOEXEC, 0)) < 0)
		return; /* It will be synced again, no harm. */
	p = &fs->pins[fs->npins % STORE_FS_PINS];
	if (fs->npins >= STORE_FS_PINS)
		(void)close(p->fd);
	*p = (struct store_fs_pin){ fd, st->st_dev, st->st_ino };
	fs->npins++;
}

int
store_fs_make(struct store_fs *fs, const char *name, struct store_fs_at *at,
    struct err *err)
{
	CLEANUP(store_fs_at_close) struct store_fs_at a = STORE_FS_AT_INIT;
	CLEANUP(store_fs_at_close) struct store_fs_at again = STORE_FS_AT_INIT;
	struct stat st;
	int rc;

	if ((rc = walk(fs, name, true, false, &a, err)) < 0)
		return rc;
	if (fstat(a.dir, &st) < 0)
		return store_fs_error(fs, errno, "look at", name, err);
	/*
	 * A folder that somebody else has made is no more durable than ours:
	 * they may not have come to sync it yet.  So the way is synced for
	 * every folder that this store has not been through.
	 */
	if (!pinned(fs, &st)) {
		if ((rc = walk(fs, name, true, true, &again, err)) < 0)
			return rc;
		pin(fs, a.dir, &st);
	}
	*at = (struct store_fs_at){ TAKE_FD(a.dir), a.base };
	return 0;
}

int
store_fs_look(const struct store_fs *fs, const struct store_fs_at *at,
    const char *name, struct stat *st, struct err *err)
{
	if (fstatat(at->dir, at->base, st, AT_SYMLINK_NOFOLLOW) < 0)
		return store_fs_error(fs, errno, "find", name, err);
	if (S_ISREG(st->st_mode))
		return 0;
	if (S_ISLNK(st->st_mode))
		return refuse_link(fs, name, err);
	if (S_ISDIR(st->st_mode))
		return err_set(err, HF_ENOTFOUND,
		    "'%s' in '%s' is a folder, not an object", name,
		    fs->base.place);
	return err_set(err, HF_ECORRUPT, "'%s' in '%s' is not a file", name,
	    fs->base.place);
}

int64_t
store_fs_mtime_ms(const struct stat *st)
{
	return (int64_t)st->st_mtim.tv_sec * 1000 +
	       st->st_mtim.tv_nsec / 1000000;
}
