#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "store/fs/store_fs.h"
#include "store/fs/store_fs_dir.h"

static int
fs_get(struct store *s, const char *name, uint64_t off, size_t len, size_t max,
    struct buf *out, struct err *err)
{
	CLEANUP(store_fs_at_close) struct store_fs_at at = STORE_FS_AT_INIT;
	CLEANUP(freep_fd) int fd = -1;
	struct store_fs *fs = (struct store_fs *)s;
	struct stat st;
	size_t got;
	int rc;

	if ((rc = store_fs_find(fs, name, &at, err)) < 0 ||
	    (rc = store_fs_look(fs, &at, name, &st, err)) < 0)
		return rc;
	/* Without blocking: it may be a pipe by now. */
	fd = openat(
	    at.dir, at.base, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return store_fs_error(fs, errno, "open", name, err);
	if (!S_ISREG(st.st_mode))
		return err_set(err, HF_ECORRUPT, "'%s' is not a file", name);
	if (off > (uint64_t)st.st_size || len > (uint64_t)st.st_size - off)
		return err_set(err, HF_ECORRUPT, "'%s' ends after %lld bytes",
		    name, (long long)st.st_size);
	if (len == 0 && (uint64_t)st.st_size - off > max)
		return err_set(err, HF_ECORRUPT, "'%s' has more than %zu bytes",
		    name, max);
	if (len == 0)
		len = (size_t)((uint64_t)st.st_size - off);
	if ((rc = buf_reserve(out, len, err)) < 0)
		return rc;
	if (lseek(fd, (off_t)off, SEEK_SET) < 0)
		return store_fs_error(fs, errno, "read", name, err);
	if (file_read_full(fd, out->p + out->len, len, &got, err) < 0)
		return store_fs_wrap(fs, "read", name, err);
	if (got < len)
		return err_set(
		    err, HF_ECORRUPT, "'%s' shrank while it was read", name);
	out->len += len;
	return 0;
}

static int
fs_head(
    struct store *s, const char *name, struct store_info *info, struct err *err)
{
	CLEANUP(store_fs_at_close) struct store_fs_at at = STORE_FS_AT_INIT;
	struct store_fs *fs = (struct store_fs *)s;
	struct stat st;
	int rc;

	if ((rc = store_fs_find(fs, name, &at, err)) < 0 ||
	    (rc = store_fs_look(fs, &at, name, &st, err)) < 0)
		return rc;
	*info = (struct store_info){
		.len = (uint64_t)st.st_size,
		.mtime_ms = store_fs_mtime_ms(&st),
	};
	return 0;
}

/* Remove the folders of ${name} that are empty now, the deepest first. */
static void
remove_empty(struct store_fs *fs, const char *name)
{
	char folder[256];
	char *slash;
	struct err ignored = ERR_INIT;

	(void)snprintf(folder, sizeof(folder), "%s", name);
	while ((slash = strrchr(folder, '/')) != NULL) {
		CLEANUP(store_fs_at_close)
		struct store_fs_at at = STORE_FS_AT_INIT;

		*slash = '\0';
		if (store_fs_find(fs, folder, &at, &ignored) < 0 ||
		    unlinkat(at.dir, at.base, AT_REMOVEDIR) < 0)
			return;
	}
}

static int
fs_del(struct store *s, const char *name, struct err *err)
{
	CLEANUP(store_fs_at_close) struct store_fs_at at = STORE_FS_AT_INIT;
	struct store_fs *fs = (struct store_fs *)s;
	struct err e = ERR_INIT;
	struct stat st;

	if (store_fs_find(fs, name, &at, &e) < 0 ||
	    store_fs_look(fs, &at, name, &st, &e) < 0)
		return store_fs_unless_absent(&e, err);
	if (unlinkat(at.dir, at.base, 0) < 0 && errno != ENOENT)
		return store_fs_error(fs, errno, "delete", name, err);
	/*
	 * What is deleted in order must stay deleted in that order: a manifest
	 * may not come back after a power cut when its packs do not.
	 */
	if (file_sync_dir(at.dir, err) < 0)
		return store_fs_wrap(fs, "delete", name, err);
	remove_empty(fs, name);
	return 0;
}

/* A listing by a writer removes the temporary files that are old. */
static int
fs_sweep(struct store *s, const char *prefix, int64_t before_ms, uint64_t *n,
    struct err *err)
{
	(void)s, (void)prefix, (void)before_ms, (void)n, (void)err;
	return 0;
}

static int
fs_probe(struct store *s, enum store_power power, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	struct store_fs *fs = (struct store_fs *)s;
	int root, rc;

	if ((rc = store_fs_root(fs, false, &root, err)) < 0)
		return rc;
	fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return store_fs_error(fs, errno, "read", ".", err);
	return power & STORE_WRITE ? store_fs_prove(fs, root, err) : 0;
}

static void
fs_free(struct store *s)
{
	struct store_fs *fs = (struct store_fs *)s;
	unsigned i;

	for (i = 0; i < STORE_FS_PINS && i < fs->npins; i++)
		(void)close(fs->pins[i].fd);
	freep_fd(&fs->root);
	(void)pthread_mutex_destroy(&fs->lock);
	free(fs->path);
	free(fs);
}

static const struct store_ops store_fs_ops = {
	.name = "file",
	.caps = STORE_CAP_NEAR,
	.put = store_fs_put,
	.upload = store_fs_upload,
	.get = fs_get,
	.head = fs_head,
	.list = store_fs_list,
	.del = fs_del,
	.replace = store_fs_replace,
	.sweep = fs_sweep,
	.now = store_fs_now,
	.probe = fs_probe,
	.free = fs_free,
};

/* Find the path in "file:/path", "file:path" or "file:///path". */
static int
path_of(const char *url, const char **ret, struct err *err)
{
	const char *path = str_has_prefix(url, "file:");
	const char *rest;

	if (path != NULL && (rest = str_has_prefix(path, "//")) != NULL) {
		if (*rest != '/') {
			err_set(err, HF_EUSAGE, "'%s' names a host", url);
			return err_hint(err, "write file:/path");
		}
		path = rest;
	}
	if (path == NULL || *path == '\0') {
		err_set(err, HF_EUSAGE, "'%s' names no folder", url);
		return err_hint(err, "write file:/path");
	}
	*ret = path;
	return 0;
}

/* Tell early what would be wrong with every call later. */
static int
check_folder(struct store_fs *fs, struct err *err)
{
	struct err e = ERR_INIT;
	struct stat st;
	int root;

	if (stat(fs->path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		err_set(
		    err, HF_EUSAGE, "'%s' is a file, not a folder", fs->path);
		return err_hint(err, "name a folder, or a place that is free");
	}
	if (store_fs_root(fs, false, &root, &e) == 0)
		return 0;
	if (fs->base.power & STORE_WRITE)
		return store_fs_unless_absent(&e, err);
	*err = e;
	return err->code;
}

static int
fs_open(const struct params *params, enum store_power power, struct store **ret,
    struct err *err)
{
	CLEANUP(freep_store) struct store *s = NULL;
	struct store_fs *fs;
	const char *path;
	int rc;

	if ((rc = path_of(params_get(params, "url"), &path, err)) < 0)
		return rc;
	if ((fs = calloc(1, sizeof(*fs))) == NULL)
		return err_nomem(err);
	s = &fs->base;
	s->ops = &store_fs_ops;
	s->power = power;
	(void)snprintf(s->place, sizeof(s->place), "file:%s", path);
	(void)pthread_mutex_init(&fs->lock, NULL);
	fs->root = -1;
	if ((rc = str_dup(path, &fs->path, err)) < 0 ||
	    (rc = check_folder(fs, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

const struct store_driver store_fs_driver = {
	.scheme = "file",
	.open = fs_open,
};

void
store_fs_name_temporaries(struct store *s)
{
	((struct store_fs *)s)->named = true;
}
