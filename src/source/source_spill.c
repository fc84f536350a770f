#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "source/source_spill.h"

struct source_spill {
	size_t stride;
	char *dir;
	int fd;
	/* A context serves one thread at a time, and there are two. */
	struct aead *seal, *open;
};

static int
make_contexts(struct source_spill *s, struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	/* The key is new, and block numbers never come back: no nonce does. */
	static const uint8_t prefix[16] = "holdfast spill.";
	int rc;

	if ((rc = secret_random(AEAD_KEY_LEN, &key, err)) < 0 ||
	    (rc = aead_new(key, prefix, &s->seal, err)) < 0)
		return rc;
	return aead_new(key, prefix, &s->open, err);
}

int
source_spill_new(
    size_t block, const char *dir, struct source_spill **ret, struct err *err)
{
	CLEANUP(freep_source_spill) struct source_spill *s = NULL;
	int rc;

	if (dir == NULL)
		dir = getenv("TMPDIR");
	if (dir == NULL || dir[0] == '\0')
		dir = "/var/tmp";
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->fd = -1;
	s->stride = block + SOURCE_SPILL_OVERHEAD;
	if ((rc = str_dup(dir, &s->dir, err)) < 0 ||
	    (rc = make_contexts(s, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void
source_spill_free(struct source_spill *s)
{
	if (s == NULL)
		return;
	if (s->fd >= 0)
		(void)close(s->fd);
	aead_free(s->seal);
	aead_free(s->open);
	free(s->dir);
	free(s);
}

/* Where the file system has no O_TMPFILE: a name, for a moment. */
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
open_file(struct source_spill *s, struct err *err)
{
	int fd;

	fd = open(s->dir, O_TMPFILE | O_RDWR | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		fd = open_named(s->dir, err);
	else if (fd < 0)
		return err_errno(err, errno, "make a file in '%s'", s->dir);
	if (fd < 0)
		return fd;
	s->fd = fd;
	return 0;
}

static int
write_all(struct source_spill *s, uint64_t off, const uint8_t *p, size_t n,
    struct err *err)
{
	ssize_t k;

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

static int
read_all(
    struct source_spill *s, uint64_t off, uint8_t *p, size_t n, struct err *err)
{
	ssize_t k;

	for (; n > 0; p += k, n -= (size_t)k, off += (uint64_t)k) {
		k = pread(s->fd, p, n, (off_t)off);
		if (k == 0)
			return err_set(
			    err, HF_EIO, "a file in '%s' was cut", s->dir);
		if (k < 0 && errno == EINTR)
			k = 0;
		else if (k < 0)
			return err_errno(
			    err, errno, "read a file in '%s'", s->dir);
	}
	return 0;
}

int
source_spill_write(
    struct source_spill *s, uint64_t i, uint8_t *p, size_t n, struct err *err)
{
	struct err ignore = ERR_INIT;
	int rc;

	if (s->fd < 0 && (rc = open_file(s, err)) < 0)
		return rc;
	if ((rc = aead_seal(s->seal, i, NULL, 0, p, n, p, err)) < 0)
		return rc;
	rc = write_all(s, i * s->stride, p, n + AEAD_TAG_LEN, err);
	/* Sealed in place, to save a copy: a failure must undo it. */
	if (rc < 0 && aead_open(s->seal, i, NULL, 0, p, n + AEAD_TAG_LEN, p,
			  &ignore) < 0) {
		*err = ignore;
		rc = err->code;
	}
	return rc;
}

int
source_spill_read(
    struct source_spill *s, uint64_t i, uint8_t *p, size_t n, struct err *err)
{
	off_t off = (off_t)(i * s->stride);
	int rc;

	rc = read_all(s, (uint64_t)off, p, n + AEAD_TAG_LEN, err);
	if (rc < 0)
		return rc;
	/* It has been read: if the disk cannot be freed, no harm is done. */
	(void)fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, off,
	    (off_t)s->stride);
	return aead_open(s->open, i, NULL, 0, p, n + AEAD_TAG_LEN, p, err);
}
