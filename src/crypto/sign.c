#include <sodium.h>
#include <string.h>

#include "base/err.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "crypto/sign.h"

_Static_assert(SIGN_PUBLIC_LEN == crypto_sign_PUBLICKEYBYTES, "public key");
_Static_assert(SIGN_LEN == crypto_sign_BYTES, "signature");

static int
check_length(const struct secret *s, const char *what, struct err *err)
{
	if (secret_len(s) != 32)
		return err_set(
		    err, HF_EBUG, "%s of %zu bytes", what, secret_len(s));
	return 0;
}

int
sign_public(
    const struct secret *seed, uint8_t pk[SIGN_PUBLIC_LEN], struct err *err)
{
	uint8_t sk[crypto_sign_SECRETKEYBYTES];
	int rc;

	if ((rc = check_length(seed, "signing seed", err)) < 0)
		return rc;
	(void)crypto_sign_seed_keypair(pk, sk, secret_p(seed));
	secret_wipe(sk, sizeof(sk));
	return 0;
}

int
sign_fingerprint(const uint8_t pk[SIGN_PUBLIC_LEN],
    uint8_t fp[SIGN_FINGERPRINT_LEN], struct err *err)
{
	static const char label[] = "holdfast verify key";
	uint8_t in[sizeof(label) + SIGN_PUBLIC_LEN], sum[SHA256_LEN];
	int rc;

	memcpy(in, label, sizeof(label)); /* With its NUL. */
	memcpy(in + sizeof(label), pk, SIGN_PUBLIC_LEN);
	if ((rc = sha256_of(in, sizeof(in), sum, err)) < 0)
		return rc;
	memcpy(fp, sum, SIGN_FINGERPRINT_LEN);
	return 0;
}

int
sign_make(const struct secret *seed, const void *p, size_t n,
    uint8_t sig[SIGN_LEN], struct err *err)
{
	uint8_t pk[SIGN_PUBLIC_LEN], sk[crypto_sign_SECRETKEYBYTES];
	int rc;

	if ((rc = check_length(seed, "signing seed", err)) < 0)
		return rc;
	(void)crypto_sign_seed_keypair(pk, sk, secret_p(seed));
	(void)crypto_sign_detached(sig, NULL, p, n, sk);
	secret_wipe(sk, sizeof(sk));
	return 0;
}

int
sign_check(const uint8_t pk[SIGN_PUBLIC_LEN], const void *p, size_t n,
    const uint8_t sig[SIGN_LEN], struct err *err)
{
	if (crypto_sign_verify_detached(sig, p, n, pk) != 0)
		return err_set(
		    err, HF_ECORRUPT, "the signature does not match");
	return 0;
}

int
x25519_public(const struct secret *sk, uint8_t pk[32], struct err *err)
{
	int rc;

	if ((rc = check_length(sk, "X25519 key", err)) < 0)
		return rc;
	(void)crypto_scalarmult_base(pk, secret_p(sk));
	return 0;
}

int
x25519_shared(const struct secret *sk, const uint8_t pk[32],
    struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *out = NULL;
	int rc;

	if ((rc = check_length(sk, "X25519 key", err)) < 0 ||
	    (rc = secret_new(32, &out, err)) < 0)
		return rc;
	/* A point of low order would give a secret that everybody knows. */
	if (crypto_scalarmult(secret_w(out), secret_p(sk), pk) != 0)
		return err_set(
		    err, HF_ECORRUPT, "the X25519 public key is of low order");
	*ret = TAKE(out);
	return 0;
}
