#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "crypto/hash.h"
#include "crypto/secret.h"

int
kdf_derive(const struct secret *key, const char *label, const void *msg,
    size_t n, uint8_t *out, size_t outlen, struct err *err)
{
	crypto_generichash_blake2b_state st;
	int bad;

	if (outlen < 16 || outlen > 64 || secret_len(key) < 16 ||
	    secret_len(key) > 64)
		return err_set(err, HF_EBUG,
		    "derive %zu bytes from a key of %zu", outlen,
		    secret_len(key));
	bad = crypto_generichash_blake2b_init(
	    &st, secret_p(key), secret_len(key), outlen);
	/* The label's NUL keeps it apart from what follows. */
	bad |= crypto_generichash_blake2b_update(
	    &st, (const uint8_t *)label, strlen(label) + 1);
	if (n > 0)
		bad |= crypto_generichash_blake2b_update(&st, msg, n);
	bad |= crypto_generichash_blake2b_final(&st, out, outlen);
	secret_wipe(&st, sizeof(st));
	if (bad)
		return err_set(err, HF_EBUG, "libsodium refused BLAKE2b");
	return 0;
}

int
kdf_passphrase(const struct secret *pass, const uint8_t salt[16],
    uint32_t passes, uint32_t kib, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *out = NULL;
	int rc;

	if (passes < 1 || kib < 8 || secret_len(pass) > UINT32_MAX)
		return err_set(err, HF_EBUG,
		    "Argon2id with %u passes over %u KiB", passes, kib);
	if ((rc = secret_new(32, &out, err)) < 0)
		return rc;
	if (crypto_pwhash(secret_w(out), secret_len(out),
		(const char *)secret_p(pass), secret_len(pass), salt, passes,
		(size_t)kib << 10, crypto_pwhash_ALG_ARGON2ID13) != 0) {
		(void)err_set(err, HF_ENOMEM,
		    "out of memory: Argon2id wants %u KiB", kib);
		return err_hint(err,
		    "a passphrase is turned into a key in that much memory, "
		    "to make guessing dear; raise the limit of memory");
	}
	*ret = TAKE(out);
	return 0;
}
