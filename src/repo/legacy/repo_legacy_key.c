#include <sodium.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "repo/legacy/repo_legacy.h"

#define PREFIX_LEN 16 /* Of a nonce: what aead.h takes once. */
#define MASTER_FILE_MAX 4096

#define STAMP_LEN 8 /* Of the time that a nonce begins with. */
#define NS_PER_S UINT64_C(1000000000)

_Static_assert(REPO_LEGACY_WRAPPED_LEN ==
		   AEAD_NONCE_LEN + REPO_LEGACY_KEY_LEN + AEAD_TAG_LEN,
    "a key object is nonce, key and tag");

int
repo_legacy_master_parse(
    const uint8_t *p, size_t n, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	/* `openssl rand -hex 32 > FILE` ends the line. */
	size_t len = str_line_len(p, n);
	int rc;

	if (len != 2 * REPO_LEGACY_KEY_LEN) {
		(void)err_set(err, HF_ECONFIG,
		    "it has %zu characters, and a master key is %d hex digits",
		    len, 2 * REPO_LEGACY_KEY_LEN);
		return err_hint(
		    err, "such a file is made by: openssl rand -hex 32");
	}
	if ((rc = secret_new(REPO_LEGACY_KEY_LEN, &key, err)) < 0)
		return rc;
	/*
	 * To say which character is wrong, and where, would tell something of
	 * the key.
	 */
	if (!str_unhex(secret_w(key), (const char *)p, REPO_LEGACY_KEY_LEN))
		return err_set(
		    err, HF_ECONFIG, "it has a character that is no hex digit");
	*ret = TAKE(key);
	return 0;
}

int
repo_legacy_master(const char *path, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	int rc;

	rc = secret_read(path, "the master key", MASTER_FILE_MAX, &text, err);
	if (rc < 0)
		return rc;
	if (repo_legacy_master_parse(
		secret_p(text), secret_len(text), ret, err) < 0)
		return err_wrap(err, "the master key '%s'", path);
	return 0;
}

void
repo_legacy_nonce_begin(uint8_t *p, int64_t ms, size_t n)
{
	uint64_t ns = (uint64_t)(ms / 1000) * NS_PER_S;

	be64_put(p, ns + randombytes_uniform(NS_PER_S));
	randombytes_buf(p + STAMP_LEN, n - STAMP_LEN);
}

int64_t
repo_legacy_nonce_time(const uint8_t *p)
{
	return (int64_t)(be64_get(p) / (NS_PER_S / 1000));
}

int
repo_legacy_wrap(const struct secret *master, const struct secret *key,
    int64_t ms, uint8_t out[REPO_LEGACY_WRAPPED_LEN], struct err *err)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	int rc;

	if (secret_len(key) != REPO_LEGACY_KEY_LEN)
		return err_set(
		    err, HF_EBUG, "a dump's key of %zu bytes", secret_len(key));
	repo_legacy_nonce_begin(out, ms, AEAD_NONCE_LEN);
	if ((rc = aead_new(master, out, &a, err)) < 0)
		return rc;
	return aead_seal(a, le64_get(out + PREFIX_LEN), NULL, 0, secret_p(key),
	    REPO_LEGACY_KEY_LEN, out + AEAD_NONCE_LEN, err);
}

int
repo_legacy_unwrap(const struct secret *master, const uint8_t *p, size_t n,
    struct secret **ret, struct err *err)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	CLEANUP(freep_secret) struct secret *key = NULL;
	struct err e = ERR_INIT;
	int rc;

	if (n != REPO_LEGACY_WRAPPED_LEN)
		return err_set(err, HF_ECORRUPT,
		    "a key object has %d bytes, and this one %zu",
		    REPO_LEGACY_WRAPPED_LEN, n);
	if ((rc = secret_new(REPO_LEGACY_KEY_LEN, &key, err)) < 0 ||
	    (rc = aead_new(master, p, &a, err)) < 0)
		return rc;
	rc = aead_open(a, le64_get(p + PREFIX_LEN), NULL, 0, p + AEAD_NONCE_LEN,
	    n - AEAD_NONCE_LEN, secret_w(key), &e);
	if (rc == -HF_ECORRUPT)
		return err_set(err, HF_EKEY,
		    "the master key does not open it, or it is damaged");
	if (rc < 0) {
		*err = e;
		return rc;
	}
	*ret = TAKE(key);
	return 0;
}
