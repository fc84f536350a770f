#ifndef BASE_STR_H_
#define BASE_STR_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/**
 * str_dup(s, ret, err):
 * Give the caller a copy of ${s} (NULL stays NULL) in ${*ret}.
 */
int str_dup(const char *, char **, struct err *);

/**
 * str_printf(ret, err, fmt, ...):
 * Give the caller formatted text in ${*ret}.
 */
int str_printf(char **, struct err *, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/**
 * str_has_prefix(s, prefix):
 * Return the part of ${s} behind ${prefix}, or NULL if it begins otherwise.
 */
const char *str_has_prefix(const char *, const char *);

/**
 * str_line_len(p, n):
 * Return the length of the ${n} bytes at ${p} without the end of a line: an
 * LF at the end is not counted, nor then a CR.
 */
size_t str_line_len(const void *, size_t);

/**
 * str_hex(to, p, n):
 * Write ${n} bytes as 2 * ${n} lower-case hex digits and a NUL; return ${to}.
 */
char *str_hex(char *, const void *, size_t);

/**
 * str_unhex(to, s, n):
 * Read exactly ${n} bytes from 2 * ${n} hex digits of either case at ${s}.
 * Return false, with ${to} undefined, if a character is not one.
 */
bool str_unhex(void *, const char *, size_t);

/**
 * str_utf8_len(s):
 * Return the length of the UTF-8 character (RFC 3629) at ${s}, which a NUL
 * ends: 1 to 4, or 0 if there is none.
 */
size_t str_utf8_len(const uint8_t *);

/**
 * str_is_utf8(s):
 * Is all of ${s} UTF-8?
 */
bool str_is_utf8(const char *);

#endif /* !BASE_STR_H_ */
