#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

/* The length of the UTF-8 character at ${s}, 0 if it is none (RFC 3629). */
static size_t
utf8_len(const uint8_t *s)
{
	uint8_t lo = 0x80, hi = 0xbf;
	size_t n, i;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	/* Overlong forms, surrogates, and what is above U+10FFFF. */
	if (s[0] == 0xe0)
		lo = 0xa0;
	else if (s[0] == 0xed)
		hi = 0x9f;
	else if (s[0] == 0xf0)
		lo = 0x90;
	else if (s[0] == 0xf4)
		hi = 0x8f;
	for (i = 1; i < n; i++, lo = 0x80, hi = 0xbf)
		if (s[i] < lo || s[i] > hi)
			return 0;
	return n;
}

static bool
is_utf8(const uint8_t *s)
{
	size_t n;

	for (; *s != '\0'; s += n)
		if ((n = utf8_len(s)) == 0)
			return false;
	return true;
}

static int
escape(const uint8_t *s, struct buf *b, struct err *err)
{
	size_t n;
	int rc = 0;

	for (; *s != '\0' && rc == 0; s += n) {
		if ((n = utf8_len(s)) == 0) {
			n = 1;
			rc = buf_printf(b, err, "\\x%02x", *s);
		} else if (*s == '\\')
			rc = buf_add(b, "\\\\", 2, err);
		else
			rc = buf_add(b, s, n, err);
	}
	return rc;
}

json_t *
json_text(const char *s)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;

	if (s == NULL)
		return json_null();
	if (is_utf8((const uint8_t *)s))
		return json_string_nocheck(s);
	if (escape((const uint8_t *)s, &b, &ignored) < 0)
		return NULL;
	return json_stringn_nocheck((const char *)b.p, b.len);
}

int
json_line(FILE *f, const json_t *doc)
{
	if (doc == NULL || json_dumpf(doc, f, JSON_COMPACT) < 0 ||
	    fputc('\n', f) == EOF)
		return -1;
	return 0;
}
