#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "etcd/etcd_json.h"

static int
add_char(struct buf *b, const uint8_t *s, size_t n, struct err *err)
{
	if (*s == '"' || *s == '\\')
		return buf_printf(b, err, "\\%c", *s);
	if (*s == '<' || *s == '>' || *s == '&')
		return buf_printf(b, err, "\\u%04x", *s);
	/* U+2028 and U+2029 end a line. */
	if (n == 3 && memcmp(s, "\xe2\x80\xa8", 3) == 0)
		return buf_add(b, "\\u2028", 6, err);
	if (n == 3 && memcmp(s, "\xe2\x80\xa9", 3) == 0)
		return buf_add(b, "\\u2029", 6, err);
	return buf_add(b, s, n, err);
}

int
etcd_json_string(struct buf *b, const char *text, struct err *err)
{
	const uint8_t *s = (const uint8_t *)text;
	size_t n;
	int rc = buf_add(b, "\"", 1, err);

	for (; *s != '\0' && rc == 0; s += n) {
		n = str_utf8_len(s);
		rc = add_char(b, s, n, err);
	}
	return rc < 0 ? rc : buf_add(b, "\"", 1, err);
}
