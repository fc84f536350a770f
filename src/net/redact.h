#ifndef NET_REDACT_H_
#define NET_REDACT_H_

#include <stddef.h>

/* Opaque types. */
struct secret;

/*
 * What a stranger's server says goes into our messages, and from there into
 * logs and tickets.  It may repeat what we sent: a signature, a token, a
 * header whole.  It may also try to forge lines of a log.
 */

/**
 * redact(out, size, text, secrets, n):
 * Copy ${text} to ${out}, at most ${size} - 1 bytes and a NUL, with
 * "[redacted]" in place of
 * - each occurrence of one of the ${n} ${secrets} (NULLs are skipped),
 * - each run of 32 or more of the characters that keys, signatures and tokens
 *   are written in: A-Z a-z 0-9 + / = _ % - . ~
 * and a space for each control character or byte beyond ASCII.
 */
void redact(char *, size_t, const char *, const struct secret *const *, size_t);

#endif /* !NET_REDACT_H_ */
