#include <limits.h>
#include <openssl/evp.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/ahead.h"
#include "crypto/openssl_err.h"
#include "crypto/secret.h"

struct aead {
	EVP_CIPHER_CTX *evp; /* Holds the subkey of this nonce prefix. */
};

int
aead_new(const struct secret *key, const uint8_t prefix[16], struct aead **ret,
    struct err *err)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t subkey[32];
	int ok;

	if (secret_len(key) != AEAD_KEY_LEN)
		return err_set(
		    err, HF_EBUG, "aead key of %zu bytes", secret_len(key));
	if ((a = calloc(1, sizeof(*a))) == NULL ||
	    (a->evp = EVP_CIPHER_CTX_new()) == NULL)
		return err_nomem(err);
	(void)crypto_core_hchacha20(subkey, prefix, secret_p(key), NULL);
	ok = EVP_EncryptInit_ex(
	    a->evp, EVP_chacha20_poly1305(), NULL, subkey, NULL);
	secret_wipe(subkey, sizeof(subkey));
	if (!ok)
		return openssl_err(err, "set up ChaCha20-Poly1305");
	*ret = TAKE(a);
	return 0;
}

void
aead_free(struct aead *a)
{
	if (a == NULL)
		return;
	EVP_CIPHER_CTX_free(a->evp); /* It wipes the subkey. */
	free(a);
}

/* Start one message: the inner nonce is 4 zero bytes and the counter. */
static int
start(struct aead *a, int seal, uint64_t counter, const void *aad, size_t naad)
{
	uint8_t nonce[12] = { 0 };
	int n;

	le64_put(nonce + 4, counter);
	return EVP_CipherInit_ex(a->evp, NULL, NULL, NULL, nonce, seal) &&
	       (naad == 0 ||
		   EVP_CipherUpdate(a->evp, NULL, &n, aad, (int)naad));
}

/* OpenSSL reads an empty update as the end of the message. */
static int
feed(struct aead *a, const uint8_t *p, size_t n, uint8_t *out)
{
	size_t k;
	int done;

	for (; n > 0; p += k, out += k, n -= k) {
		k = ahead(p, n);
		if (!EVP_CipherUpdate(a->evp, out, &done, p, (int)k))
			return 0;
	}
	return 1;
}

static int
finish(struct aead *a, uint8_t *out)
{
	int done;

	return EVP_CipherFinal_ex(a->evp, out, &done);
}

int
aead_seal(struct aead *a, uint64_t counter, const void *aad, size_t naad,
    const void *p, size_t n, uint8_t *out, struct err *err)
{
	if (n > INT_MAX || naad > INT_MAX)
		return err_set(err, HF_EBUG, "seal %zu bytes at once", n);
	if (!start(a, 1, counter, aad, naad) || !feed(a, p, n, out) ||
	    !finish(a, out + n) ||
	    !EVP_CIPHER_CTX_ctrl(
		a->evp, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_LEN, out + n))
		return openssl_err(err, "seal");
	return 0;
}

int
aead_open(struct aead *a, uint64_t counter, const void *aad, size_t naad,
    const void *c, size_t n, uint8_t *out, struct err *err)
{
	uint8_t tag[AEAD_TAG_LEN];
	size_t len;

	if (n > INT_MAX || naad > INT_MAX)
		return err_set(err, HF_EBUG, "open %zu bytes at once", n);
	if (n < AEAD_TAG_LEN)
		return err_set(err, HF_ECORRUPT,
		    "%zu bytes are too short to be sealed", n);
	len = n - AEAD_TAG_LEN;
	memcpy(tag, (const uint8_t *)c + len, AEAD_TAG_LEN);
	if (!start(a, 0, counter, aad, naad) ||
	    !EVP_CIPHER_CTX_ctrl(
		a->evp, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_LEN, tag) ||
	    !feed(a, c, len, out))
		return openssl_err(err, "open");
	/*
	 * These bytes were decrypted before the tag was checked: nobody may see
	 * them.
	 */
	if (!finish(a, out + len)) {
		secret_wipe(out, len);
		return err_set(err, HF_ECORRUPT, "the seal does not match");
	}
	return 0;
}
