#ifndef CRYPTO_AEAD_H_
#define CRYPTO_AEAD_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct aead;
struct err;
struct secret;

#define AEAD_KEY_LEN 32
#define AEAD_TAG_LEN 16
#define AEAD_NONCE_LEN 24

/*
 * XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha-03): HChaCha20 from libsodium
 * makes the subkey, OpenSSL's ChaCha20-Poly1305 does the bulk.  The bytes
 * are those of crypto_aead_xchacha20poly1305_ietf.
 *
 * A context serves one object: a key, the first 16 bytes of the nonce, and
 * a counter for the last 8.  It belongs to one thread at a time.
 */

/**
 * aead_new(key, prefix, ret, err):
 * Make a context for the 32-byte ${key} and the 16 nonce bytes ${prefix}.
 */
int aead_new(
    const struct secret *, const uint8_t[16], struct aead **, struct err *);
void aead_free(struct aead *);
CLEANUP_DEFINE(aead);

/**
 * aead_seal(a, counter, aad, naad, p, n, out, err):
 * Encrypt ${n} bytes at ${p} under nonce prefix | LE64(counter) and write
 * ${n} + AEAD_TAG_LEN bytes to ${out}, which may be ${p}.  ${n} < 2^31.
 */
int aead_seal(struct aead *, uint64_t, const void *, size_t, const void *,
    size_t, uint8_t *, struct err *);

/**
 * aead_open(a, counter, aad, naad, c, n, out, err):
 * Check and decrypt ${n} bytes at ${c} into ${n} - AEAD_TAG_LEN bytes at
 * ${out}, which may be ${c}.  HF_ECORRUPT if a bit differs; ${out} then holds
 * nothing of the plaintext.
 */
int aead_open(struct aead *, uint64_t, const void *, size_t, const void *,
    size_t, uint8_t *, struct err *);

#endif /* !CRYPTO_AEAD_H_ */
