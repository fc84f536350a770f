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
 * Bytes that must not leak: in guarded, locked memory that is left out of core
 * dumps and wiped when it is freed (libsodium's sodium_malloc).  There is no
 * way to print them, and copying them out is a visible decision of the caller.
 *
 * If the limit of locked memory (ulimit -l) is used up, a secret is kept
 * unlocked: it might reach the swap, but all else holds.  To fail the backup
 * instead would harm more than it protects.
 *
 * Any number of threads may read a secret at once.
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
 * another form, the file may be read or written by others than its owner and
 * group, or there are more than ${max} bytes or none; HF_ENOTFOUND if there
 * is no such file or variable.  An environment variable that was read is
 * wiped and unset; as setenv(3), this is for the time before threads.  What
 * a variable or descriptor has given is kept, in such memory as this, for
 * whoever names it again, until secret_forget.
 */
int secret_load(
    const char *, const char *, size_t, struct secret **, struct err *);

/**
 * secret_forget(ref):
 * Wipe what the variable or descriptor ${ref} has given, or, if that is NULL,
 * what any of them has: nobody will name it again, or the number is that of
 * another file now.
 */
void secret_forget(const char *);

/**
 * secret_read(path, what, max, ret, err):
 * Read the file ${path} byte for byte, by the rules of "file:", newline and
 * all: for binary keys, one in 256 of which ends in that byte.
 */
int secret_read(
    const char *, const char *, size_t, struct secret **, struct err *);

/**
 * secret_p(s), secret_w(s), secret_len(s):
 * The bytes, to read or to write, and their number.  A NUL follows them, for
 * interfaces that want a string.
 */
const uint8_t *secret_p(const struct secret *);
uint8_t *secret_w(struct secret *);
size_t secret_len(const struct secret *);

/**
 * secret_equal(a, b):
 * Compare in a time that depends on the lengths, not on the bytes.
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
 * Once, at start: initialise libsodium, forbid core dumps and being traced
 * (the last not under AddressSanitizer, whose leak check traces).
 */
int secret_process_init(struct err *);

#endif /* !CRYPTO_SECRET_H_ */
