#ifndef CRYPTO_SIGN_H_
#define CRYPTO_SIGN_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct secret;

/* Ed25519 and X25519 (libsodium).  A seed is a struct secret of 32 bytes. */
#define SIGN_PUBLIC_LEN 32
#define SIGN_LEN 64
#define SIGN_FINGERPRINT_LEN 16

int sign_public(
    const struct secret *seed, uint8_t[SIGN_PUBLIC_LEN], struct err *);

/**
 * sign_fingerprint(pk, fp, err):
 * First 16 bytes of SHA-256 over "holdfast verify key" | NUL | ${pk}.
 */
int sign_fingerprint(const uint8_t[SIGN_PUBLIC_LEN],
    uint8_t[SIGN_FINGERPRINT_LEN], struct err *);

int sign_make(const struct secret *seed, const void *, size_t,
    uint8_t[SIGN_LEN], struct err *);

/**
 * sign_check(pk, p, n, sig, err):
 * HF_ECORRUPT if ${sig} is not ${pk}'s signature over ${n} bytes at ${p}.
 */
int sign_check(const uint8_t[SIGN_PUBLIC_LEN], const void *, size_t,
    const uint8_t[SIGN_LEN], struct err *);

/* X25519: the public half of a private key, and the shared secret of two
 * (HF_ECORRUPT for a public key of low order). */
int x25519_public(const struct secret *, uint8_t[32], struct err *);
int x25519_shared(
    const struct secret *, const uint8_t[32], struct secret **, struct err *);

#endif /* !CRYPTO_SIGN_H_ */
