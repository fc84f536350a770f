#ifndef KEY_RECIPIENT_KEY_RECIPIENT_H_
#define KEY_RECIPIENT_KEY_RECIPIENT_H_

#include <stdint.h>

/* Opaque types. */
struct err;
struct key_driver;
struct secret;

/*
 * A pair of X25519 keys.  The recipient, "recipient:hfr1...", is the public
 * half: it seals and cannot open, so a host that has it alone makes backups
 * that it cannot read.  The identity, "identity:/path", is the private half:
 * it opens and does not seal.  Both have the same kind and fingerprint.
 */

extern const struct key_driver key_recipient_driver;
extern const struct key_driver key_identity_driver;

#define KEY_RECIPIENT_TEXT_MAX 80 /* bytes, with the NUL */

/**
 * key_identity_generate(text, public_text, err):
 * Make a new pair: give the text of the identity's file, "hfi1...\n", and
 * write the recipient's, "hfr1...", to ${public_text}.
 */
int key_identity_generate(
    struct secret **, char[KEY_RECIPIENT_TEXT_MAX], struct err *);

#endif /* !KEY_RECIPIENT_KEY_RECIPIENT_H_ */
