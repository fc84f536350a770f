#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "crypto/aead.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "repo/legacy/repo_legacy.h"

#define BASE_LEN 16
#define OVERHEAD (AEAD_NONCE_LEN + AEAD_TAG_LEN)

/* bbolt: a page's header of 16 bytes, then the meta page's magic, version 2. */
#define BOLT_MAGIC_AT 16
#define BOLT_MAGIC 0xED0CDAEDu
#define BOLT_VERSION 2

#define BLOCK 512         /* A database is a whole number of them ... */
#define DIGEST SHA256_LEN /* ... and its digest follows. */

struct repo_legacy_open {
	const struct secret *key; /* NULL: the dump is plain. */
	struct aead *aead;        /* Once the first record has come. */
	int64_t named_ms;         /* What the name says. */
	struct repo_legacy_out out;
	struct sha256 *hash; /* Of everything but ${tail}. */
	uint8_t base[BASE_LEN];
	uint64_t records, size;
	uint8_t tail[DIGEST]; /* The last bytes so far: the digest, perhaps. */
	size_t ntail;
	size_t len; /* In ${record}. */
	uint8_t record[REPO_LEGACY_RECORD];
};

bool
repo_legacy_is_plain(const uint8_t *p, size_t n)
{
	return n >= REPO_LEGACY_HEAD &&
	       le32_get(p + BOLT_MAGIC_AT) == BOLT_MAGIC &&
	       le32_get(p + BOLT_MAGIC_AT + 4) == BOLT_VERSION;
}

bool
repo_legacy_size_ok(uint64_t size)
{
	return size > DIGEST && size % BLOCK == DIGEST;
}

int
repo_legacy_open_new(const struct secret *key, int64_t ms,
    const struct repo_legacy_out *out, struct repo_legacy_open **ret,
    struct err *err)
{
	CLEANUP(freep_repo_legacy_open) struct repo_legacy_open *o = NULL;
	int rc;

	if ((o = calloc(1, sizeof(*o))) == NULL)
		return err_nomem(err);
	o->key = key;
	o->named_ms = ms;
	o->out = *out;
	if ((rc = sha256_new(&o->hash, err)) < 0)
		return rc;
	*ret = TAKE(o);
	return 0;
}

void
repo_legacy_open_free(struct repo_legacy_open *o)
{
	if (o == NULL)
		return;
	aead_free(o->aead);
	sha256_free(o->hash);
	secret_wipe(o->record, sizeof(o->record));
	free(o);
}

/* Hash all but the last bytes of the stream, which are its digest. */
static int
hash(struct repo_legacy_open *o, const uint8_t *p, size_t n, struct err *err)
{
	size_t old;
	int rc;

	if (n >= DIGEST) {
		if ((rc = sha256_update(o->hash, o->tail, o->ntail, err)) < 0 ||
		    (rc = sha256_update(o->hash, p, n - DIGEST, err)) < 0)
			return rc;
		memcpy(o->tail, p + n - DIGEST, DIGEST);
		o->ntail = DIGEST;
		return 0;
	}
	old = o->ntail + n > DIGEST ? o->ntail + n - DIGEST : 0;
	if (old > 0 && (rc = sha256_update(o->hash, o->tail, old, err)) < 0)
		return rc;
	memmove(o->tail, o->tail + old, o->ntail - old);
	o->ntail -= old;
	memcpy(o->tail + o->ntail, p, n);
	o->ntail += n;
	return 0;
}

static int
give(struct repo_legacy_open *o, const uint8_t *p, size_t n, struct err *err)
{
	int rc;

	if ((rc = hash(o, p, n, err)) < 0)
		return rc;
	o->size += n;
	return o->out.write(o->out.arg, p, n, err);
}

/*
 * An encrypted dump has zeroes where a database has its magic.  To take it as
 * it is would let whoever can write, but not erase, put in what he likes.
 */
static int
not_encrypted(struct err *err)
{
	(void)err_set(
	    err, HF_ECORRUPT, "it is not encrypted, and a key object is there");
	return err_hint(err,
	    "if you know where it comes from, copy it to a prefix without a "
	    "key, and restore it from there");
}

/*
 * Only this check binds a record to its place: a record that was dropped,
 * doubled, moved or taken from another dump breaks the sequence.
 */
static int
check_nonce(struct repo_legacy_open *o, struct err *err)
{
	uint64_t counter = be64_get(o->record + BASE_LEN);
	int rc;

	if (o->records == 0) {
		if (repo_legacy_is_plain(o->record, REPO_LEGACY_HEAD))
			return not_encrypted(err);
		memcpy(o->base, o->record, BASE_LEN);
		if ((rc = aead_new(o->key, o->base, &o->aead, err)) < 0)
			return rc;
	}
	if (memcmp(o->record, o->base, BASE_LEN) != 0)
		return err_set(err, HF_ECORRUPT,
		    "record %" PRIu64 " is from another dump", o->records);
	if (counter != o->records)
		return err_set(err, HF_ECORRUPT,
		    "record %" PRIu64 " stands where record %" PRIu64
		    " should be",
		    counter, o->records);
	return 0;
}

/*
 * Is it of the time that its name says?  It has been opened: nobody without
 * the key has touched the nonce.
 */
static int
check_time(const struct repo_legacy_open *o, struct err *err)
{
	int64_t made = repo_legacy_nonce_time(o->base) / 1000 * 1000;
	char text[TIME_TEXT_MAX];

	if (made >= o->named_ms - REPO_LEGACY_APART_MS &&
	    made <= o->named_ms + REPO_LEGACY_APART_MS)
		return 0;
	(void)err_set(err, HF_ECORRUPT, "it was renamed: it was made at %s",
	    time_format(made, text));
	return err_hint(err,
	    "somebody may want it to be taken for a newer one; if you want "
	    "it, copy its .dump and .key to names with that time");
}

static int
open_record(struct repo_legacy_open *o, struct err *err)
{
	uint8_t *text = o->record + AEAD_NONCE_LEN;
	size_t n = o->len;
	int rc;

	o->len = 0;
	if (n <= OVERHEAD)
		return err_set(err, HF_ECORRUPT,
		    "record %" PRIu64 " has only %zu bytes", o->records, n);
	if ((rc = check_nonce(o, err)) < 0)
		return rc;
	rc = aead_open(o->aead, __builtin_bswap64(o->records), NULL, 0, text,
	    n - AEAD_NONCE_LEN, text, err);
	if (rc < 0)
		return err_wrap(err, "record %" PRIu64, o->records);
	if (o->records++ == 0 && (rc = check_time(o, err)) < 0)
		return rc;
	return give(o, text, n - OVERHEAD, err);
}

int
repo_legacy_open_feed(
    struct repo_legacy_open *o, const uint8_t *p, size_t n, struct err *err)
{
	size_t take;
	int rc;

	if (o->key == NULL)
		return give(o, p, n, err);
	while (n > 0) {
		take = REPO_LEGACY_RECORD - o->len;
		if (take > n)
			take = n;
		memcpy(o->record + o->len, p, take);
		o->len += take;
		p += take;
		n -= take;
		if (o->len == REPO_LEGACY_RECORD &&
		    (rc = open_record(o, err)) < 0)
			return rc;
	}
	return 0;
}

int
repo_legacy_open_finish(
    struct repo_legacy_open *o, struct repo_legacy_whole *ret, struct err *err)
{
	struct repo_legacy_whole w;
	int rc;

	if (o->len > 0 && (rc = open_record(o, err)) < 0)
		return rc;
	if (!repo_legacy_size_ok(o->size))
		return err_set(err, HF_ECORRUPT,
		    "its %" PRIu64 " bytes are no database and a SHA-256: the "
		    "end is missing",
		    o->size);
	w.size = o->size;
	if ((rc = sha256_peek(o->hash, w.digest, err)) < 0)
		return rc;
	if (memcmp(w.digest, o->tail, DIGEST) != 0)
		return err_set(err, HF_ECORRUPT,
		    "the SHA-256 at its end is not that of the database");
	if ((rc = sha256_update(o->hash, o->tail, DIGEST, err)) < 0 ||
	    (rc = sha256_final(o->hash, w.sha256, err)) < 0)
		return rc;
	*ret = w;
	return 0;
}
