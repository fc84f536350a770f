#ifndef CRYPTO_HASH_H_
#define CRYPTO_HASH_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct secret;
struct sha256;

/*
 * SHA-256 (OpenSSL) names and checks objects: it is the hash that S3 signs
 * and reports, so one pass over the bytes serves both.  BLAKE2b (libsodium)
 * derives keys.
 */
#define SHA256_LEN 32

int sha256_new(struct sha256 **, struct err *);
void sha256_free(struct sha256 *);
CLEANUP_DEFINE(sha256);
int sha256_reset(struct sha256 *, struct err *);
int sha256_update(struct sha256 *, const void *, size_t, struct err *);

/**
 * sha256_peek(s, out, err):
 * Write the hash of what came so far; more may follow.
 */
int sha256_peek(const struct sha256 *, uint8_t[SHA256_LEN], struct err *);
int sha256_final(struct sha256 *, uint8_t[SHA256_LEN], struct err *);

/**
 * sha256_of(p, n, out, err):
 * Hash ${n} bytes at once.
 */
int sha256_of(const void *, size_t, uint8_t[SHA256_LEN], struct err *);

/*
 * HMAC-SHA-256, MD5 and SHA-1 serve protocols alone: SigV4, Content-MD5, and
 * the ids that etcd gives its members.
 */
#define SHA1_LEN 20

int hmac_sha256(const void *, size_t, const void *, size_t, uint8_t[SHA256_LEN],
    struct err *);
int md5_of(const void *, size_t, uint8_t[16], struct err *);
int sha1_of(const void *, size_t, uint8_t[SHA1_LEN], struct err *);

/**
 * kdf_derive(key, label, msg, n, out, outlen, err):
 * Derive ${outlen} (16 to 64) bytes: BLAKE2b with output length ${outlen},
 * keyed with ${key} (16 to 64 bytes), over ${label} | NUL | ${msg}.
 */
int kdf_derive(const struct secret *, const char *, const void *, size_t,
    uint8_t *, size_t, struct err *);

/**
 * kdf_passphrase(pass, salt, passes, kib, out, err):
 * Argon2id (RFC 9106, one lane): 32 bytes from a passphrase.
 */
int kdf_passphrase(const struct secret *, const uint8_t[16], uint32_t, uint32_t,
    struct secret **, struct err *);

/*
 * SipHash-2-4 under a key that strangers do not know, for hash tables and ids
 * of what comes from them: they cannot make two of one hash.
 */
#define SIPHASH_KEY_LEN 16

void siphash_key(uint8_t[SIPHASH_KEY_LEN]);
uint64_t siphash_of(const uint8_t[SIPHASH_KEY_LEN], const void *, size_t);

#endif /* !CRYPTO_HASH_H_ */
