#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "crypto/hash.h"
#include "etcd/etcd_bolt_writer.h"

#define PIECE (1u << 20)

static int
hash_piece(int fd, uint8_t *p, uint64_t left, struct sha256 *hash, size_t *got,
    struct err *err)
{
	const size_t want = left < PIECE ? (size_t)left : PIECE;
	int rc;

	if ((rc = file_read_full(fd, p, want, got, err)) < 0)
		return rc;
	if (*got != want)
		return err_set(err, HF_EIO, "it ends too early");
	return sha256_update(hash, p, want, err);
}

/*
 * The metas stand in front and are written last, so the hash of a database
 * takes a second reading of it.
 */
static int
seal(int fd, uint64_t size, struct err *err)
{
	CLEANUP(freep_sha256) struct sha256 *hash = NULL;
	CLEANUP(freep_mem) uint8_t *p = NULL;
	uint8_t digest[SHA256_LEN];
	size_t got;
	int rc;

	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "cannot read");
	if ((p = malloc(PIECE)) == NULL)
		return err_nomem(err);
	if ((rc = sha256_new(&hash, err)) < 0)
		return rc;
	for (; size > 0; size -= got)
		if ((rc = hash_piece(fd, p, size, hash, &got, err)) < 0)
			return rc;
	if ((rc = sha256_final(hash, digest, err)) < 0)
		return rc;
	return file_write_full(fd, digest, sizeof(digest), err);
}

int
etcd_bolt_seal(int fd, const char *path, uint64_t size, struct err *err)
{
	return seal(fd, size, err) < 0 ? err_wrap(err, "'%s'", path) : 0;
}
