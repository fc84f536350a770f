#ifndef KEY_PASSPHRASE_KEY_PASSPHRASE_H_
#define KEY_PASSPHRASE_KEY_PASSPHRASE_H_

/* Opaque types. */
struct key_driver;

/*
 * A key that is stretched from a passphrase by Argon2id, salted with the
 * vault's id: "passphrase:env:VAR".  Opening it takes 64 MiB of memory and a
 * tenth of a second or two, once.
 *
 * What it opens may have been sealed at another cost, which the wrapping
 * says; no more than KEY_PASSPHRASE_PASSES_MAX and _KIB_MAX of it is believed,
 * or a forged wrapping could stop the machine.
 */

#define KEY_PASSPHRASE_PASSES 3
#define KEY_PASSPHRASE_KIB 65536
#define KEY_PASSPHRASE_PASSES_MAX 16
#define KEY_PASSPHRASE_KIB_MAX (2u << 20) /* 2 GiB */
#define KEY_PASSPHRASE_MIN 8              /* bytes */
#define KEY_PASSPHRASE_MAX 1024           /* bytes */

extern const struct key_driver key_passphrase_driver;

#endif /* !KEY_PASSPHRASE_KEY_PASSPHRASE_H_ */
