#include <stdint.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

static int
escape(const uint8_t *s, struct buf *b, struct err *err)
{
	size_t n;
	int rc = 0;

	for (; *s != '\0' && rc == 0; s += n) {
		if ((n = str_utf8_len(s)) == 0) {
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
	if (str_is_utf8(s))
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
