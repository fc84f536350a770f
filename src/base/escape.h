#ifndef BASE_ESCAPE_H_
#define BASE_ESCAPE_H_

#include <stdbool.h>
#include <stddef.h>

/* Opaque types. */
struct buf;
struct err;

/*
 * Bytes from strangers that are shown to people.  A terminal obeys some
 * characters instead of showing them: it moves, hides, types; others turn the
 * direction of the text that follows.  Harmless is what is UTF-8 and has none
 * of these.
 */

/**
 * escape_utf8(p, n):
 * Are all ${n} bytes UTF-8?  A NUL is a character like any other.
 */
bool escape_utf8(const void *, size_t);

/**
 * escape_harmless(p, n):
 * May the ${n} bytes go to a terminal as they are?  Tabs and ends of lines
 * may.
 */
bool escape_harmless(const void *, size_t);

/**
 * escape_add(b, p, n, err):
 * Append the ${n} bytes to ${b} as one line: a byte that is not harmless, a
 * tab and an end of a line become "\xHH", and a backslash is doubled.
 */
int escape_add(struct buf *, const void *, size_t, struct err *);

#endif /* !BASE_ESCAPE_H_ */
