#ifndef CRYPTO_SECRET_H_
#define CRYPTO_SECRET_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct secret;

/*
 * Bytes that must not leak: in guarded, locked memory that is left out of
 * core dumps and wiped when freed (libsodium's sodium_malloc).  There is no
 * printf form, and copying out is the caller's visible decision.
 */

/**
 * secret_new(len, ret, err):
 * Make ${len} zero bytes.
 */
int secret_new(size_t, struct secret **, struct err *);

/**
 * secret_random(len, ret, err):
 * Make ${len} random bytes.
 */
int secret_random(size_t, struct secret **, struct err *);

/**
 * secret_copy(p, len, ret, err):
 * Copy ${len} bytes; the caller wipes its own.
 */
int secret_copy(const void *, size_t, struct secret **, struct err *);

/**
 * secret_load(ref, what, max, ret, err):
 * Read the secret that ${ref} names: "file:/path", "env:NAME" or "fd:N".  One
 * trailing newline is dropped.  HF_ECONFIG, naming ${what}, if ${ref} has
 * another form, the file may be read by others than its owner and group, or
 * there are more than ${max} bytes.  An environment variable that was read
 * is wiped and unset.
 */
int secret_load(const char *, const char *, size_t, struct secret **,
    struct err *);

const uint8_t *secret_p(const struct secret *);
uint8_t *secret_w(struct secret *);
size_t secret_len(const struct secret *);

/**
 * secret_equal(a, b):
 * Compare in a time that does not depend on the bytes.
 */
bool secret_equal(const struct secret *, const struct secret *);

void secret_free(struct secret *);
CLEANUP_DEFINE(secret);

/**
 * secret_wipe(p, n):
 * Zero ${n} bytes in a way that no compiler removes.
 */
void secret_wipe(void *, size_t);

/**
 * secret_process_init(err):
 * Once, at start: initialise libsodium, forbid core dumps and being traced.
 */
int secret_process_init(struct err *);

#endif /* !CRYPTO_SECRET_H_ */
