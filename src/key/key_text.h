#ifndef KEY_KEY_TEXT_H_
#define KEY_KEY_TEXT_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * 32 bytes of a key in text that people copy: a prefix of 4 letters that
 * says what it is, 64 hex digits, and 8 of check, the first 4 bytes of
 * SHA-256(prefix | bytes), so that a slip is told from another key.
 */

#define KEY_TEXT_PUBLIC "hfr1"   /* The public half of a recipient. */
#define KEY_TEXT_IDENTITY "hfi1" /* The private one. */
#define KEY_TEXT_LEN 76

/**
 * key_text_encode(prefix, bytes, to, err):
 * Write KEY_TEXT_LEN characters and a NUL to ${to}.
 */
int key_text_encode(const char *, const uint8_t[32], char *, struct err *);

/**
 * key_text_decode(prefix, s, n, bytes, err):
 * Read the ${n} characters at ${s}.  HF_ECONFIG says what is wrong with them
 * without repeating them: they may be private.
 */
int key_text_decode(
    const char *, const char *, size_t, uint8_t[32], struct err *);

#endif /* !KEY_KEY_TEXT_H_ */
