#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/fs/store_fs_dir.h"

/*
 * How an object is stored, and what a crash leaves after each step:
 *
 *	the file is written without a name      nothing (*)
 *	it is synced                            nothing (*)
 *	it gets its name, if that is free       all of the object, or nothing
 *	it is synced again, then its folder     the object
 *
 * The first sync comes before the name, so that the name never stands for
 * bytes that are not there.  The second is for btrfs, whose sync of a file
 * without a name writes the data and leaves out the inode; elsewhere it is
 * the one journal commit that the folder's sync then finds done.
 *
 * (*) Where a file needs a name from the start, it has a temporary one, which
 * no object can have ('~'); store_fs_list.c removes those that are left.
 */
#define TEMPORARY ".holdfast-"
#define TEMPORARY_DIGITS 16

/* How often a folder may vanish under a put before that is an error. */
#define TRIES 16

struct temporary {
	int fd;
	int dir;
	char name[sizeof(TEMPORARY) + TEMPORARY_DIGITS + 1]; /* Or "". */
};
#define TEMPORARY_INIT                                                         \
	{                                                                      \
		-1, -1, ""                                                     \
	}

static void
temporary_close(struct temporary *t)
{
	freep_fd(&t->fd);
	if (t->name[0] != '\0')
		(void)unlinkat(t->dir, t->name, 0);
}

bool
store_fs_is_temporary(const char *name)
{
	const size_t len = strlen(TEMPORARY);

	return strncmp(name, TEMPORARY, len) == 0 &&
	       strspn(name + len, "0123456789abcdef") == TEMPORARY_DIGITS &&
	       strcmp(name + len + TEMPORARY_DIGITS, "~") == 0;
}

/* Make an empty file in the folder ${dir}; return 0 or -1 and errno. */
static int
temporary_open(struct store_fs *fs, int dir, struct temporary *t)
{
	uint64_t rnd;

	t->dir = dir;
	if (!fs->named) {
		t->fd =
		    openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
		if (t->fd >= 0)
			return 0;
		/* EISDIR: a kernel that has never heard of it. */
		if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
			return -1;
		fs->named = true;
	}
	if (getrandom(&rnd, sizeof(rnd), 0) != (ssize_t)sizeof(rnd))
		return -1;
	(void)snprintf(t->name, sizeof(t->name), TEMPORARY "%0*llx~",
	    TEMPORARY_DIGITS, (unsigned long long)rnd);
	t->fd =
	    openat(dir, t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (t->fd < 0) {
		t->name[0] = '\0';
		return -1;
	}
	return 0;
}

/* Give the file its name; HF_EEXISTS if that is taken. */
static int
temporary_publish(
    struct store_fs *fs, struct temporary *t, const char *base, struct err *err)
{
	char proc[40];
	int rc;

	if (t->name[0] != '\0') {
		if ((rc = file_publish(t->dir, t->name, base, err)) == 0)
			t->name[0] = '\0';
		return rc;
	}
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", t->fd);
	if (linkat(AT_FDCWD, proc, t->dir, base, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* Perhaps /proc is not mounted; a name does without. */
	if (errno != EEXIST)
		fs->named = true;
	return store_fs_error(fs, errno, "name", base, err);
}

/* Say that ${name} is taken, and by what. */
static int
taken(struct store_fs *fs, const struct store_fs_at *at, const char *name,
    struct err *err)
{
	struct stat st;

	if (store_fs_look(fs, at, name, &st, err) < 0) {
		if (err->code == -HF_ENOTFOUND)
			err_set(err, HF_EIO, "'%s' in '%s' is a folder", name,
			    fs->base.place);
		return err->code;
	}
	/*
	 * Who put it may have died before the sync; the caller will take
	 * this answer for "stored".
	 */
	if (file_sync_dir(at->dir, err) < 0)
		return store_fs_wrap(fs, "store", name, err);
	return err_set(
	    err, HF_EEXISTS, "'%s' exists in '%s'", name, fs->base.place);
}

static int
put_at(struct store_fs *fs, const struct store_fs_at *at, const char *name,
    const struct store_blob *blob, struct err *err)
{
	CLEANUP(temporary_close) struct temporary t = TEMPORARY_INIT;
	int rc;

	/* Spare the writing; the name is decided below all the same. */
	if (faccessat(at->dir, at->base, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return taken(fs, at, name, err);
	if (temporary_open(fs, at->dir, &t) < 0)
		return store_fs_error(fs, errno, "store", name, err);
	if (file_write_full(t.fd, blob->p, blob->len, err) < 0)
		return store_fs_wrap(fs, "store", name, err);
	if (fsync(t.fd) < 0)
		return store_fs_error(fs, errno, "sync", name, err);
	if ((rc = temporary_publish(fs, &t, at->base, err)) == -HF_EEXISTS)
		return taken(fs, at, name, err);
	if (rc < 0)
		return rc;
	if (fsync(t.fd) < 0)
		return store_fs_error(fs, errno, "sync", name, err);
	if (file_sync_dir(at->dir, err) < 0)
		return store_fs_wrap(fs, "store", name, err);
	return 0;
}

int
store_fs_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct store_fs *fs = (struct store_fs *)s;
	struct err e = ERR_INIT;
	int tries, rc = 0;

	/* del removes empty folders, perhaps the one that we are about to use. */
	for (tries = 0; tries < TRIES; tries++) {
		CLEANUP(store_fs_at_close)
		struct store_fs_at at = STORE_FS_AT_INIT;

		if ((rc = store_fs_make(fs, name, &at, &e)) == 0)
			rc = put_at(fs, &at, name, blob, &e);
		if (rc == 0)
			return 0;
		if (rc != -HF_ENOTFOUND)
			break;
	}
	*err = e;
	if (rc != -HF_ENOTFOUND)
		return rc;
	return err_hint(err, "is '%s' still there, and mounted?", fs->path);
}

int
store_fs_prove(struct store_fs *fs, int dir, struct err *err)
{
	CLEANUP(temporary_close) struct temporary t = TEMPORARY_INIT;

	if (temporary_open(fs, dir, &t) < 0)
		return store_fs_error(fs, errno, "write", "a file", err);
	if (file_write_full(t.fd, "?", 1, err) < 0)
		return store_fs_wrap(fs, "write", "a file", err);
	if (fsync(t.fd) < 0)
		return store_fs_error(fs, errno, "sync", "a file", err);
	return 0;
}

int
store_fs_now(struct store *s, int64_t *ms, struct err *err)
{
	CLEANUP(temporary_close) struct temporary t = TEMPORARY_INIT;
	struct store_fs *fs = (struct store_fs *)s;
	struct err ignored = ERR_INIT;
	struct timespec ts;
	struct stat st;
	int root;

	/*
	 * The clock that stamps the objects: on NFS it is the server's.  Where
	 * nothing may be written, or nothing is there, it has to be ours.
	 */
	if ((s->power & STORE_WRITE) &&
	    store_fs_root(fs, false, &root, &ignored) == 0 &&
	    temporary_open(fs, root, &t) == 0 && fstat(t.fd, &st) == 0) {
		*ms = store_fs_mtime_ms(&st);
		return 0;
	}
	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return err_errno(err, errno, "cannot read the clock");
	*ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	return 0;
}
