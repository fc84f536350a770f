#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "repo/legacy/repo_legacy.h"

#define BASE_LEN 16 /* What all nonces of a dump begin with. */

struct repo_legacy_seal {
	struct aead *aead; /* NULL: the dump is plain. */
	struct repo_legacy_out out;
	uint8_t base[BASE_LEN];
	uint64_t counter;
	size_t len; /* Of the plaintext in the record. */
	uint8_t record[REPO_LEGACY_RECORD];
};

int
repo_legacy_seal_new(const struct secret *key, int64_t ms,
    const struct repo_legacy_out *out, struct repo_legacy_seal **ret,
    struct err *err)
{
	CLEANUP(freep_repo_legacy_seal) struct repo_legacy_seal *s = NULL;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->out = *out;
	repo_legacy_nonce_begin(s->base, ms, sizeof(s->base));
	if (key != NULL && (rc = aead_new(key, s->base, &s->aead, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void
repo_legacy_seal_free(struct repo_legacy_seal *s)
{
	if (s == NULL)
		return;
	aead_free(s->aead);
	secret_wipe(s->record, sizeof(s->record));
	free(s);
}

void
repo_legacy_seal_space(struct repo_legacy_seal *s, uint8_t **p, size_t *n)
{
	*p = s->record + AEAD_NONCE_LEN + s->len;
	*n = REPO_LEGACY_CHUNK - s->len;
}

/* Pass the record on, and begin the next one. */
static int
emit(struct repo_legacy_seal *s, struct err *err)
{
	uint8_t *text = s->record + AEAD_NONCE_LEN;
	size_t n = s->len;
	int rc;

	s->len = 0;
	if (s->aead == NULL)
		return s->out.write(s->out.arg, text, n, err);
	memcpy(s->record, s->base, BASE_LEN);
	/* aead.h counts in little endian, this format in big endian. */
	be64_put(s->record + BASE_LEN, s->counter);
	rc = aead_seal(s->aead, __builtin_bswap64(s->counter), NULL, 0, text, n,
	    text, err);
	if (rc < 0)
		return rc;
	s->counter++;
	return s->out.write(
	    s->out.arg, s->record, AEAD_NONCE_LEN + n + AEAD_TAG_LEN, err);
}

int
repo_legacy_seal_wrote(struct repo_legacy_seal *s, size_t n, struct err *err)
{
	if (n > REPO_LEGACY_CHUNK - s->len)
		return err_set(err, HF_EBUG, "%zu bytes too many", n);
	s->len += n;
	return s->len == REPO_LEGACY_CHUNK ? emit(s, err) : 0;
}

int
repo_legacy_seal_finish(struct repo_legacy_seal *s, struct err *err)
{
	return s->len > 0 ? emit(s, err) : 0;
}
