#include <limits.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sodium.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/ahead.h"
#include "crypto/hash.h"
#include "crypto/openssl_err.h"

struct sha256 {
	EVP_MD_CTX *evp;
};

int
sha256_new(struct sha256 **ret, struct err *err)
{
	CLEANUP(freep_sha256) struct sha256 *s = NULL;

	if ((s = calloc(1, sizeof(*s))) == NULL ||
	    (s->evp = EVP_MD_CTX_new()) == NULL)
		return err_nomem(err);
	if (!EVP_DigestInit_ex(s->evp, EVP_sha256(), NULL))
		return openssl_err(err, "set up SHA-256");
	*ret = TAKE(s);
	return 0;
}

void
sha256_free(struct sha256 *s)
{
	if (s == NULL)
		return;
	EVP_MD_CTX_free(s->evp);
	free(s);
}

int
sha256_reset(struct sha256 *s, struct err *err)
{
	/*
	 * Naming the algorithm again would make OpenSSL look it up, under a
	 * lock.
	 */
	if (!EVP_DigestInit_ex2(s->evp, NULL, NULL))
		return openssl_err(err, "set up SHA-256");
	return 0;
}

int
sha256_update(struct sha256 *s, const void *p, size_t n, struct err *err)
{
	const uint8_t *at = p;
	size_t k;

	for (; n > 0; at += k, n -= k) {
		k = ahead(at, n);
		if (!EVP_DigestUpdate(s->evp, at, k))
			return openssl_err(err, "compute SHA-256");
	}
	return 0;
}

int
sha256_peek(const struct sha256 *s, uint8_t out[SHA256_LEN], struct err *err)
{
	EVP_MD_CTX *copy;
	int ok;

	if ((copy = EVP_MD_CTX_new()) == NULL)
		return err_nomem(err);
	ok = EVP_MD_CTX_copy_ex(copy, s->evp) &&
	     EVP_DigestFinal_ex(copy, out, NULL);
	EVP_MD_CTX_free(copy);
	return ok ? 0 : openssl_err(err, "compute SHA-256");
}

int
sha256_final(struct sha256 *s, uint8_t out[SHA256_LEN], struct err *err)
{
	if (!EVP_DigestFinal_ex(s->evp, out, NULL))
		return openssl_err(err, "compute SHA-256");
	return 0;
}

int
sha256_of(const void *p, size_t n, uint8_t out[SHA256_LEN], struct err *err)
{
	if (!EVP_Digest(p, n, out, NULL, EVP_sha256(), NULL))
		return openssl_err(err, "compute SHA-256");
	return 0;
}

int
hmac_sha256(const void *key, size_t nkey, const void *p, size_t n,
    uint8_t out[SHA256_LEN], struct err *err)
{
	if (nkey > INT_MAX)
		return err_set(err, HF_EBUG, "hmac key of %zu bytes", nkey);
	if (HMAC(EVP_sha256(), key, (int)nkey, p, n, out, NULL) == NULL)
		return openssl_err(err, "compute HMAC-SHA-256");
	return 0;
}

int
md5_of(const void *p, size_t n, uint8_t out[16], struct err *err)
{
	if (!EVP_Digest(p, n, out, NULL, EVP_md5(), NULL))
		return openssl_err(err, "compute MD5");
	return 0;
}

int
sha1_of(const void *p, size_t n, uint8_t out[SHA1_LEN], struct err *err)
{
	if (!EVP_Digest(p, n, out, NULL, EVP_sha1(), NULL))
		return openssl_err(err, "compute SHA-1");
	return 0;
}

void
siphash_key(uint8_t key[SIPHASH_KEY_LEN])
{
	crypto_shorthash_keygen(key);
}

uint64_t
siphash_of(const uint8_t key[SIPHASH_KEY_LEN], const void *p, size_t n)
{
	uint8_t out[crypto_shorthash_BYTES];

	(void)crypto_shorthash(out, p, n, key);
	return le64_get(out);
}
