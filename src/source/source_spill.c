#include <stdlib.h>

#include "base/err.h"
#include "crypto/secret.h"
#include "source/source_scratch.h"
#include "source/source_spill.h"

struct source_spill {
	size_t stride;
	struct source_scratch *file;
	/* A context serves one thread at a time, and there are two. */
	struct aead *seal, *open;
};

static int
make_contexts(struct source_spill *s, struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	/*
	 * The key is new and no block number is used again, so no nonce comes
	 * twice.
	 */
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

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->stride = block + SOURCE_SPILL_OVERHEAD;
	if ((rc = source_scratch_new(dir, &s->file, err)) < 0 ||
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
	source_scratch_free(s->file);
	aead_free(s->seal);
	aead_free(s->open);
	free(s);
}

int
source_spill_write(
    struct source_spill *s, uint64_t i, uint8_t *p, size_t n, struct err *err)
{
	struct err ignore = ERR_INIT;
	int rc;

	if ((rc = aead_seal(s->seal, i, NULL, 0, p, n, p, err)) < 0)
		return rc;
	rc = source_scratch_write(
	    s->file, i * s->stride, p, n + AEAD_TAG_LEN, err);
	/*
	 * The block is sealed in place, to save a copy: after a failure it is
	 * opened again.
	 */
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
	uint64_t off = i * s->stride;
	int rc;

	rc = source_scratch_read(s->file, off, p, n + AEAD_TAG_LEN, err);
	if (rc < 0)
		return rc;
	source_scratch_drop(s->file, off, s->stride);
	return aead_open(s->open, i, NULL, 0, p, n + AEAD_TAG_LEN, p, err);
}
