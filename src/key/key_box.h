#ifndef KEY_KEY_BOX_H_
#define KEY_KEY_BOX_H_

#include <stddef.h>
#include <stdint.h>

#include "crypto/aead.h"
#include "key/key.h"

/* Opaque types. */
struct buf;
struct err;
struct secret;

/*
 * What all drivers that hold a key of their own in memory share: a data key
 * sealed under a wrapping key by XChaCha20-Poly1305, bound to its context
 * (doc/format.md, "k: wrapped key").
 */

#define KEY_BOX_LEN (KEY_PLAIN_LEN + AEAD_TAG_LEN)

/**
 * key_box_key(from, label, msg, n, ret, err):
 * Derive a wrapping key: KDF(${from}, ${label}, ${msg}, 32).
 */
int key_box_key(const struct secret *, const char *, const void *, size_t,
    struct secret **, struct err *);

/**
 * key_box_seal(kek, nonce, context, n, plain, out, err):
 * Append KEY_BOX_LEN bytes to ${out}.
 */
int key_box_seal(const struct secret *, const uint8_t[AEAD_NONCE_LEN],
    const uint8_t *, size_t, const struct secret *, struct buf *, struct err *);

/**
 * key_box_open(kek, nonce, context, n, box, ret, err):
 * Open KEY_BOX_LEN bytes.  HF_EKEY if ${kek} and ${context} are not those
 * that sealed them, or a bit has changed: the three look alike.
 */
int key_box_open(const struct secret *, const uint8_t[AEAD_NONCE_LEN],
    const uint8_t *, size_t, const uint8_t[KEY_BOX_LEN], struct secret **,
    struct err *);

/**
 * key_box_length(len, want, err):
 * HF_ECORRUPT unless a wrapping of ${len} bytes has the ${want} of its kind.
 */
int key_box_length(size_t, size_t, struct err *);

#endif /* !KEY_KEY_BOX_H_ */
