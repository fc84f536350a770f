#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"

/* Read from ${off}, or, if that is negative, from where the file stands. */
static int
read_from(int fd, uint8_t *p, size_t n, off_t off, size_t *got, struct err *err)
{
	size_t have = 0;
	ssize_t r;

	while (have < n) {
		r = off < 0 ? read(fd, p + have, n - have)
			    : pread(fd, p + have, n - have, off + (off_t)have);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			return err_errno(err, errno, "cannot read");
		if (r == 0)
			break;
		have += (size_t)r;
	}
	*got = have;
	return 0;
}

int
file_read_full(int fd, void *p, size_t n, size_t *got, struct err *err)
{
	return read_from(fd, p, n, -1, got, err);
}

int
file_read_at(
    int fd, void *p, size_t n, uint64_t off, size_t *got, struct err *err)
{
	if (off > INT64_MAX)
		return err_errno(err, EINVAL, "cannot read");
	return read_from(fd, p, n, (off_t)off, got, err);
}

/* Append what ${fd} has, at most ${max} bytes, to ${out}. */
static int
read_all(int fd, size_t max, struct buf *out, struct err *err)
{
	const size_t before = out->len;
	size_t got, room;
	int rc;

	do {
		/* One byte more than allowed tells that there is too much. */
		room = max - (out->len - before);
		room = room < 65536 ? room + 1 : 65536;
		if ((rc = buf_reserve(out, room, err)) < 0)
			break;
		rc = file_read_full(fd, out->p + out->len, room, &got, err);
		if (rc < 0)
			break;
		out->len += got;
		if (out->len - before > max)
			rc = err_set(
			    err, HF_ECORRUPT, "more than %zu bytes", max);
	} while (rc == 0 && got == room);
	if (rc < 0)
		out->len = before;
	return rc;
}

int
file_read(const char *path, size_t max, struct buf *out, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC)) < 0)
		return err_errno(err, errno, "cannot open '%s'", path);
	if (read_all(fd, max, out, err) < 0)
		return err_wrap(err, "'%s'", path);
	return 0;
}

int
file_sync_output(int fd, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return err_errno(err, errno, "cannot look at the output");
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))
		return 0;
	/* EINVAL: as below. */
	if (fsync(fd) < 0 && errno != EINVAL)
		return err_errno(err, errno, "cannot sync the output");
	return 0;
}

int
file_sync_dir(int fd, struct err *err)
{
	/* EINVAL: the file system cannot (CIFS, some FUSE). */
	if (fsync(fd) < 0 && errno != EINVAL)
		return err_errno(err, errno, "cannot sync the folder");
	return 0;
}

int
file_publish(int fd, const char *from, const char *to, struct err *err)
{
	/*
	 * One call that names the file and refuses a taken name.  NFS does
	 * not know the flag: there a hard link does the same.
	 */
	if (renameat2(fd, from, fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno == EINVAL || errno == ENOSYS) {
		if (linkat(fd, from, fd, to, 0) == 0) {
			(void)unlinkat(fd, from, 0);
			return 0;
		}
	}
	return err_errno(err, errno, "cannot make '%s'", to);
}

/*
 * Open the folder in which ${path} lies; ${*base} is the rest of ${path}.
 */
static int
open_parent(const char *path, const char **base, int *fd, struct err *err)
{
	CLEANUP(freep_mem) char *dir = NULL;
	const char *slash = strrchr(path, '/');
	int rc;

	rc = str_printf(&dir, err, "%.*s",
	    slash == NULL ? 1 : (int)(slash - path) + 1,
	    slash == NULL ? "." : path);
	if (rc < 0)
		return rc;
	*fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*fd < 0)
		return err_errno(
		    err, errno, "cannot open the folder '%s'", dir);
	*base = slash == NULL ? path : slash + 1;
	return 0;
}

/* A file that has a temporary name until it gets its final one. */
struct temporary {
	int dir; /* The folder; borrowed. */
	char name[40];
};

static void
temporary_remove(struct temporary *t)
{
	if (t->name[0] != '\0')
		(void)unlinkat(t->dir, t->name, 0);
}

static int
temporary_write(struct temporary *t, int dir, mode_t mode, const void *p,
    size_t n, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	uint64_t rnd;

	if (getrandom(&rnd, sizeof(rnd), 0) != (ssize_t)sizeof(rnd))
		return err_errno(err, errno, "no random bytes");
	*t = (struct temporary){ .dir = dir };
	(void)snprintf(t->name, sizeof(t->name), ".holdfast-%016llx",
	    (unsigned long long)rnd);
	fd =
	    openat(dir, t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		t->name[0] = '\0';
		return err_errno(err, errno, "cannot create");
	}
	if (fchmod(fd, mode) < 0)
		return err_errno(err, errno, "cannot set the mode");
	if (file_write_full(fd, p, n, err) < 0)
		return err->code;
	/* The name must never stand for bytes that are not on the disk. */
	if (fsync(fd) < 0)
		return err_errno(err, errno, "cannot sync");
	return 0;
}

/*
 * Who has made the file may have died before the sync, and the caller will
 * take this answer for "it is there".
 */
static int
taken(int dir, const char *path, struct err *err)
{
	struct err e = ERR_INIT;

	if (err->code == -HF_EEXISTS && file_sync_dir(dir, &e) < 0)
		*err = e;
	return err_wrap(err, "'%s'", path);
}

static int
write_whole(const char *path, mode_t mode, const void *p, size_t n,
    bool replace, struct err *err)
{
	CLEANUP(freep_fd) int dir = -1;
	CLEANUP(temporary_remove) struct temporary t = { .name = "" };
	const char *base;

	if (open_parent(path, &base, &dir, err) < 0)
		return err->code;
	if (temporary_write(&t, dir, mode, p, n, err) < 0)
		return err_wrap(err, "'%s'", path);
	if (!replace) {
		if (file_publish(dir, t.name, base, err) < 0)
			return taken(dir, path, err);
	} else if (renameat(dir, t.name, dir, base) < 0) {
		return err_errno(err, errno, "cannot replace '%s'", path);
	}
	t.name[0] = '\0';
	if (file_sync_dir(dir, err) < 0)
		return err_wrap(err, "'%s'", path);
	return 0;
}

int
file_write_new(
    const char *path, mode_t mode, const void *p, size_t n, struct err *err)
{
	return write_whole(path, mode, p, n, false, err);
}

int
file_replace(
    const char *path, mode_t mode, const void *p, size_t n, struct err *err)
{
	return write_whole(path, mode, p, n, true, err);
}

/* Make the name ${path} durable. */
static int
sync_name(const char *path, struct err *err)
{
	CLEANUP(freep_fd) int parent = -1;
	const char *base;

	if (open_parent(path, &base, &parent, err) < 0)
		return err->code;
	if (file_sync_dir(parent, err) < 0)
		return err_wrap(err, "'%s'", path);
	return 0;
}

/* Make one folder, durably: 1, or 0 if it is there. */
static int
make_dir(const char *path, mode_t mode, struct err *err)
{
	int rc;

	if (mkdir(path, mode) < 0)
		return errno == EEXIST
			   ? 0
			   : err_errno(err, errno, "cannot make '%s'", path);
	return (rc = sync_name(path, err)) < 0 ? rc : 1;
}

/*
 * A folder that was there is no more durable than ours: who made it may have
 * died before the sync.  That can be but the deepest one, for each is synced
 * before the next is made; and where we may not even read the folder around
 * it, it was none of us.
 */
static int
sync_found(char *path, size_t n, struct err *err)
{
	const char after = path[n];
	struct err e = ERR_INIT;
	int rc;

	path[n] = '\0';
	rc = sync_name(path, &e);
	path[n] = after;
	if (rc == 0 || rc == -HF_EDENIED)
		return 0;
	*err = e;
	return rc;
}

int
file_mkdirs(const char *path, mode_t mode, struct err *err)
{
	CLEANUP(freep_mem) char *p = NULL;
	struct stat st;
	size_t i, n, found = 0;
	int rc;

	if ((rc = str_dup(path, &p, err)) < 0)
		return rc;
	for (n = strlen(p); n > 1 && p[n - 1] == '/'; n--)
		p[n - 1] = '\0';
	for (i = 1; i <= n; i++) {
		if ((p[i] != '/' && p[i] != '\0') || p[i - 1] == '/')
			continue;
		p[i] = '\0';
		if ((rc = make_dir(p, mode, err)) < 0)
			return rc;
		if (rc == 0)
			found = i;
		if (i < n)
			p[i] = '/';
	}
	if (found > 0 && (rc = sync_found(p, found, err)) < 0)
		return rc;
	if (stat(p, &st) < 0)
		return err_errno(err, errno, "cannot look at '%s'", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, HF_EEXISTS, "'%s' is not a folder", path);
	return 0;
}
