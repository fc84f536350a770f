#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/escape.h"
#include "base/str.h"

/*
 * Return the length of the character at ${p}, of ${n} bytes; 0 if it is none.
 */
static size_t
length(const uint8_t *p, size_t n)
{
	uint8_t s[5] = { 0 };

	memcpy(s, p, n < 4 ? n : 4);
	return str_utf8_len(s);
}

static uint32_t
code_point(const uint8_t *p, size_t len)
{
	static const uint8_t first[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t c = p[0] & first[len];
	size_t i;

	for (i = 1; i < len; i++)
		c = c << 6 | (p[i] & 0x3f);
	return c;
}

/* Does it control a terminal, or the direction of text? */
static bool
obeyed(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c ||
	       c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

bool
escape_utf8(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t len;

	for (; n > 0; p += len, n -= len)
		if ((len = length(p, n)) == 0)
			return false;
	return true;
}

bool
escape_harmless(const void *bytes, size_t n)
{
	const uint8_t *p = bytes;
	size_t len;

	for (; n > 0; p += len, n -= len)
		if ((len = length(p, n)) == 0 ||
		    (*p != '\t' && *p != '\n' && obeyed(code_point(p, len))))
			return false;
	return true;
}

int
escape_add(struct buf *b, const void *bytes, size_t n, struct err *err)
{
	const uint8_t *p = bytes;
	size_t len, i;
	int rc = 0;

	for (; n > 0 && rc == 0; p += len, n -= len) {
		len = length(p, n);
		if (len > 0 && !obeyed(code_point(p, len))) {
			rc = *p == '\\' ? buf_add(b, "\\\\", 2, err)
					: buf_add(b, p, len, err);
			continue;
		}
		len = len > 0 ? len : 1;
		for (i = 0; i < len && rc == 0; i++)
			rc = buf_printf(b, err, "\\x%02x", p[i]);
	}
	return rc;
}
