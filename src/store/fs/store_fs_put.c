#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/fs/store_fs_dir.h"
#include "store/fs/store_fs_temporary.h"

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
 * (*) Where a file needs a name from the start, a temporary one is left
 * (store_fs_temporary.h).
 */

int
store_fs_taken(struct store_fs *fs, const struct store_fs_at *at,
    const char *name, struct err *err)
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

int
store_fs_settle(struct store_fs *fs, struct store_fs_temporary *t,
    const struct store_fs_at *at, const char *name, struct err *err)
{
	int rc;

	if (fsync(t->fd) < 0)
		return store_fs_error(fs, errno, "sync", name, err);
	rc = store_fs_temporary_publish(fs, t, at->base, err);
	if (rc == -HF_EEXISTS)
		return store_fs_taken(fs, at, name, err);
	if (rc < 0)
		return rc;
	if (fsync(t->fd) < 0)
		return store_fs_error(fs, errno, "sync", name, err);
	if (file_sync_dir(at->dir, err) < 0)
		return store_fs_wrap(fs, "store", name, err);
	return 0;
}

static int
put_at(struct store_fs *fs, const struct store_fs_at *at, const char *name,
    const struct store_blob *blob, struct err *err)
{
	CLEANUP(store_fs_temporary_close)
	struct store_fs_temporary t = STORE_FS_TEMPORARY_INIT;

	/* Spare the writing; the name is decided below all the same. */
	if (faccessat(at->dir, at->base, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return store_fs_taken(fs, at, name, err);
	if (store_fs_temporary_open(fs, at->dir, &t) < 0)
		return store_fs_error(fs, errno, "store", name, err);
	if (file_write_full(t.fd, blob->p, blob->len, err) < 0)
		return store_fs_wrap(fs, "store", name, err);
	return store_fs_settle(fs, &t, at, name, err);
}

int
store_fs_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct store_fs *fs = (struct store_fs *)s;
	struct err e = ERR_INIT;
	int tries, rc = 0;

	/* del removes empty folders, perhaps the one that we will use. */
	for (tries = 0; tries < STORE_FS_TRIES; tries++) {
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

/*
 * A rename onto the old name is the one step that loses the old bytes; the
 * new ones are on the disk by then.
 */
static int
replace_at(struct store_fs *fs, const struct store_fs_at *at, const char *name,
    const struct store_blob *blob, struct err *err)
{
	CLEANUP(store_fs_temporary_close)
	struct store_fs_temporary t = STORE_FS_TEMPORARY_INIT;

	if (store_fs_temporary_open_named(at->dir, &t) < 0)
		return store_fs_error(fs, errno, "store", name, err);
	if (file_write_full(t.fd, blob->p, blob->len, err) < 0)
		return store_fs_wrap(fs, "store", name, err);
	if (fsync(t.fd) < 0)
		return store_fs_error(fs, errno, "sync", name, err);
	if (renameat(at->dir, t.name, at->dir, at->base) < 0)
		return store_fs_error(fs, errno, "name", name, err);
	t.name[0] = '\0';
	if (file_sync_dir(at->dir, err) < 0)
		return store_fs_wrap(fs, "store", name, err);
	return 0;
}

int
store_fs_replace(struct store *s, const char *name,
    const struct store_blob *blob, struct err *err)
{
	CLEANUP(store_fs_at_close) struct store_fs_at at = STORE_FS_AT_INIT;
	struct store_fs *fs = (struct store_fs *)s;
	int rc;

	if ((rc = store_fs_make(fs, name, &at, err)) < 0)
		return rc;
	return replace_at(fs, &at, name, blob, err);
}

int
store_fs_prove(struct store_fs *fs, int dir, struct err *err)
{
	CLEANUP(store_fs_temporary_close)
	struct store_fs_temporary t = STORE_FS_TEMPORARY_INIT;

	if (store_fs_temporary_open(fs, dir, &t) < 0)
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
	CLEANUP(store_fs_temporary_close)
	struct store_fs_temporary t = STORE_FS_TEMPORARY_INIT;
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
	    store_fs_temporary_open(fs, root, &t) == 0 &&
	    fstat(t.fd, &st) == 0) {
		*ms = store_fs_mtime_ms(&st);
		return 0;
	}
	if (clock_gettime(CLOCK_REALTIME, &ts) < 0)
		return err_errno(err, errno, "cannot read the clock");
	*ms = (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
	return 0;
}
