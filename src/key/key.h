#ifndef KEY_KEY_H_
#define KEY_KEY_H_

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct key;
struct params;
struct secret;

/*
 * A key is a master key that the customer owns, wherever it lives: in a
 * file, in a head, in a KMS.  It does one thing: it wraps data keys and
 * unwraps them again.  Several keys may open the same data key, each by a
 * wrapping of its own; such a key is called an opener of that data key.
 *
 * Every driver promises, and test/contract/key_contract.c checks:
 * - what wrap sealed for a context, unwrap opens for that context and for
 *   no other;
 * - a changed bit anywhere gives HF_EKEY or HF_ECORRUPT, never other bytes;
 * - the fingerprint is the same on every machine, differs between keys, and
 *   tells nothing about the key;
 * - any number of threads may call it at once.
 */

#define KEY_FINGERPRINT_LEN 16
#define KEY_PLAIN_LEN 32  /* bytes of a data key */
#define KEY_WRAP_MAX 2048 /* No driver's wrapping is longer, in bytes. */

enum key_caps {
	KEY_CAN_WRAP = (1 << 0),
	KEY_CAN_UNWRAP = (1 << 1),
};

struct key_ops {
	const char *name; /* As written in the configuration: "passphrase". */

	/*
	 * Seal the 32 bytes of ${plain}, bound to the ${n} bytes of context,
	 * and append the driver's wrapping to ${out}.  The wrapping says by
	 * itself all that unwrap needs beside the key (salt, cost, version).
	 */
	int (*wrap)(struct key *, const struct secret *plain,
	    const uint8_t *context, size_t n, struct buf *out, struct err *);

	/* Undo wrap.  HF_EKEY if this key cannot have made the wrapping. */
	int (*unwrap)(struct key *, const uint8_t *wrapped, size_t len,
	    const uint8_t *context, size_t n, struct secret **plain,
	    struct err *);

	void (*free)(struct key *);
};

/* First member of every driver's own structure. */
struct key {
	const struct key_ops *ops;
	enum key_caps caps;
	/*
	 * What kind of opener it is in the repository: "file", "passphrase",
	 * "recipient".  An identity is the private half of a recipient: it
	 * has the same kind and fingerprint and the other capability.
	 */
	const char *kind;
	uint8_t fingerprint[KEY_FINGERPRINT_LEN];
	char label[128]; /* For messages: "file:/etc/holdfast/site.key". */
	/* The public half in text ("hfr1..."), or "" where there is none. */
	char public_text[80];
};

struct key_driver {
	const char *type; /* "file", as in `type: file` and in `file:/path`. */
	/*
	 * What the part behind "type:" on the command line is called among
	 * the params: "path" for file, "public" for recipient.
	 */
	const char *word;
	/*
	 * Open the key that ${params} describe.  ${salt} is the vault's id:
	 * a passphrase mixes it in, so that two vaults under one passphrase
	 * share nothing; drivers that do not need it ignore it.
	 */
	int (*open)(const struct params *, const uint8_t salt[16],
	    struct key **, struct err *);
};

/**
 * key_open(drivers, params, salt, ret, err):
 * Open the key that params "type" and its words describe; ${drivers} ends
 * with a NULL.
 */
int key_open(const struct key_driver *const *, const struct params *,
    const uint8_t[16], struct key **, struct err *);

/**
 * key_wrap(k, plain, context, n, out, err):
 * Seal the data key ${plain}, bound to ${n} bytes of ${context}; append at
 * most KEY_WRAP_MAX bytes to ${out}.  HF_EDENIED if ${k} can only unwrap.
 */
int key_wrap(struct key *, const struct secret *, const uint8_t *, size_t,
    struct buf *, struct err *);

/**
 * key_unwrap(k, wrapped, len, context, n, plain, err):
 * Open a data key.  HF_EDENIED if ${k} can only wrap.
 */
int key_unwrap(struct key *, const uint8_t *, size_t, const uint8_t *, size_t,
    struct secret **, struct err *);

void key_free(struct key *);
CLEANUP_DEFINE(key);

#endif /* !KEY_KEY_H_ */
