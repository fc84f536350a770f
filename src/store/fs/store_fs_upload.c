#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/fs/store_fs_dir.h"
#include "store/fs/store_fs_temporary.h"

/*
 * An object that comes in parts is one file from the start, written to the
 * disk as it comes, and gets its name like any other (store_fs_put.c).
 */
struct upload {
	struct store_upload base;
	struct store_fs_at at; /* Where it began; the file is in there. */
	struct store_fs_temporary t;
	uint64_t written, behind; /* Bytes, and how many of them on disk. */
};

static struct store_fs *
fs_of(const struct upload *u)
{
	return (struct store_fs *)u->base.store;
}

static int
upload_part(
    struct store_upload *base, const uint8_t *p, size_t n, struct err *err)
{
	struct upload *u = (struct upload *)base;

	if (file_write_full(u->t.fd, p, n, err) < 0)
		return store_fs_wrap(fs_of(u), "store", u->base.name, err);
	u->written += n;
	file_write_behind(u->t.fd, &u->behind, u->written);
	return 0;
}

static int
upload_finish(struct store_upload *base, struct err *err)
{
	struct upload *u = (struct upload *)base;
	struct err e = ERR_INIT;
	int tries, rc = 0;

	/* As in put: del may have removed the folder, if it was empty. */
	for (tries = 0; tries < STORE_FS_TRIES; tries++) {
		CLEANUP(store_fs_at_close)
		struct store_fs_at at = STORE_FS_AT_INIT;

		if ((rc = store_fs_make(fs_of(u), u->base.name, &at, &e)) < 0)
			break;
		/* A file with a name has kept its folder from that. */
		if (u->t.name[0] == '\0')
			u->t.dir = at.dir;
		rc = store_fs_settle(fs_of(u), &u->t, &at, u->base.name, &e);
		if (rc == 0)
			return 0;
		if (rc != -HF_ENOTFOUND)
			break;
	}
	*err = e;
	return rc;
}

static void
upload_close(struct store_upload *base)
{
	struct upload *u = (struct upload *)base;

	store_fs_temporary_close(&u->t);
	store_fs_at_close(&u->at);
}

static const struct store_upload_ops upload_ops = {
	.part = upload_part,
	.finish = upload_finish,
	.close = upload_close,
};

static int
begin(struct store_fs *fs, struct upload *u, struct err *err)
{
	int rc;

	if ((rc = store_fs_make(fs, u->base.name, &u->at, err)) < 0)
		return rc;
	if (faccessat(u->at.dir, u->at.base, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return store_fs_taken(fs, &u->at, u->base.name, err);
	if (store_fs_temporary_open(fs, u->at.dir, &u->t) < 0)
		return store_fs_error(fs, errno, "store", u->base.name, err);
	return 0;
}

int
store_fs_upload(struct store *s, const char *name, struct store_upload **ret,
    struct err *err)
{
	CLEANUP(freep_store_upload) struct store_upload *base = NULL;
	struct upload *u;
	int rc;

	if ((u = calloc(1, sizeof(*u))) == NULL)
		return err_nomem(err);
	base = &u->base;
	u->at = (struct store_fs_at)STORE_FS_AT_INIT;
	u->t = (struct store_fs_temporary)STORE_FS_TEMPORARY_INIT;
	if ((rc = store_upload_init(base, &upload_ops, s, name, err)) < 0 ||
	    (rc = begin((struct store_fs *)s, u, err)) < 0)
		return rc;
	*ret = TAKE(base);
	return 0;
}
