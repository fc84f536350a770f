#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "source/source_scratch.h"

struct source_scratch {
	char *dir;
	int fd;
};

int
source_scratch_new(
    const char *dir, struct source_scratch **ret, struct err *err)
{
	CLEANUP(freep_source_scratch) struct source_scratch *s = NULL;
	int rc;

	if (dir == NULL)
		dir = getenv("TMPDIR");
	if (dir == NULL || dir[0] == '\0')
		dir = "/var/tmp";
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->fd = -1;
	if ((rc = str_dup(dir, &s->dir, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void
source_scratch_free(struct source_scratch *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		(void)close(s->fd);
	free(s->dir);
	free(s);
}

/* If the file system has no O_TMPFILE, give the file a name for a moment. */
static int
open_named(const char *dir, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	int fd, rc;

	if ((rc = str_printf(&path, err, "%s/holdfast-XXXXXX", dir)) < 0)
		return rc;
	if ((fd = mkostemp(path, O_CLOEXEC)) < 0)
		return err_errno(err, errno, "make a file in '%s'", dir);
	(void)unlink(path);
	return fd;
}

static int
open_file(struct source_scratch *s, struct err *err)
{
	int fd;

	fd = open(s->dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 &&
	    (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL))
		fd = open_named(s->dir, err);
	else if (fd < 0)
		return err_errno(err, errno, "make a file in '%s'", s->dir);
	if (fd < 0)
		return fd;
	s->fd = fd;
	return 0;
}

int
source_scratch_fd(const struct source_scratch *s)
{
	return s->fd;
}

int
source_scratch_write(struct source_scratch *s, uint64_t off, const uint8_t *p,
    size_t n, struct err *err)
{
	ssize_t k;
	int rc;

	if (s->fd < 0 && (rc = open_file(s, err)) < 0)
		return rc;
	for (; n > 0; p += k, n -= (size_t)k, off += (uint64_t)k) {
		k = pwrite(s->fd, p, n, (off_t)off);
		if (k < 0 && errno == EINTR)
			k = 0;
		else if (k < 0)
			return err_errno(
			    err, errno, "write to a file in '%s'", s->dir);
	}
	return 0;
}

int
source_scratch_read(struct source_scratch *s, uint64_t off, uint8_t *p,
    size_t n, struct err *err)
{
	size_t got;

	if (file_read_at(s->fd, p, n, off, &got, err) < 0)
		return err_wrap(err, "a file in '%s'", s->dir);
	if (got < n)
		return err_set(err, HF_EIO, "a file in '%s' was cut", s->dir);
	return 0;
}

void
source_scratch_drop(struct source_scratch *s, uint64_t off, size_t n)
{
	(void)fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
	    (off_t)off, (off_t)n);
}
