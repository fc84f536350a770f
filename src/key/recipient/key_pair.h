#ifndef KEY_RECIPIENT_KEY_PAIR_H_
#define KEY_RECIPIENT_KEY_PAIR_H_

#include <stdint.h>

#include "crypto/aead.h"
#include "key/key_box.h"

/* Opaque types. */
struct err;
struct key;
struct secret;

/* What the two halves of a pair must agree on (doc/format.md, "k"). */

#define KEY_PAIR_WRAPPING_LEN (32 + KEY_BOX_LEN)

/* The wrapping key serves one wrapping alone: its nonce may be zero. */
extern const uint8_t key_pair_nonce[AEAD_NONCE_LEN];

/**
 * key_pair_kek(shared, ephemeral, public, ret, err):
 * The wrapping key of the X25519 secret ${shared}.
 */
int key_pair_kek(const struct secret *, const uint8_t[32], const uint8_t[32],
    struct secret **, struct err *);

/**
 * key_pair_name(k, public, err):
 * Fill in kind, fingerprint and public text.
 */
int key_pair_name(struct key *, const uint8_t[32], struct err *);

#endif /* !KEY_RECIPIENT_KEY_PAIR_H_ */
