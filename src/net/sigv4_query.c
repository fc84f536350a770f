#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "net/sigv4.h"

static bool
unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

int
sigv4_encode(struct buf *out, const char *s, bool slash, struct err *err)
{
	size_t before = out->len;
	int rc = 0;

	for (; rc == 0 && *s != '\0'; s++) {
		if (unreserved(*s) || (slash && *s == '/'))
			rc = buf_add(out, s, 1, err);
		else
			rc = buf_printf(out, err, "%%%02X", (unsigned char)*s);
	}
	if (rc == 0 && (rc = buf_add(out, "", 1, err)) == 0)
		out->len--;
	if (rc < 0)
		out->len = before;
	return rc;
}

struct pair {
	char *text; /* "name=value", both encoded. */
	size_t name_len;
};

static int
by_name_and_value(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
	int c;

	/* By name first: '=' sorts behind '-', which a name may have. */
	if ((c = memcmp(x->text, y->text, n)) != 0)
		return c;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return strcmp(x->text, y->text);
}

static int
encode_pair(struct pair *to, const struct sigv4_param *p, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = sigv4_encode(&b, p->name, false, err)) < 0)
		return rc;
	to->name_len = b.len;
	if ((rc = buf_add(&b, "=", 1, err)) < 0 ||
	    (rc = sigv4_encode(&b, p->value, false, err)) < 0)
		return rc;
	to->text = (char *)TAKE(b.p);
	return 0;
}

static int
join_pairs(struct buf *out, const struct pair *pairs, size_t n, struct err *err)
{
	size_t i, before = out->len;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++)
		rc = buf_printf(
		    out, err, "%s%s", i > 0 ? "&" : "", pairs[i].text);
	if (rc == 0 && n == 0 && (rc = buf_add(out, "", 1, err)) == 0)
		out->len--;
	if (rc < 0)
		out->len = before;
	return rc;
}

int
sigv4_query(struct buf *out, const struct sigv4_param *params, size_t n,
    struct err *err)
{
	CLEANUP(freep_mem) struct pair *pairs = NULL;
	size_t i;
	int rc = 0;

	if ((pairs = calloc(n + 1, sizeof(*pairs))) == NULL)
		return err_nomem(err);
	for (i = 0; rc == 0 && i < n; i++)
		rc = encode_pair(&pairs[i], &params[i], err);
	if (rc == 0) {
		qsort(pairs, n, sizeof(*pairs), by_name_and_value);
		rc = join_pairs(out, pairs, n, err);
	}
	for (i = 0; i < n; i++)
		free(pairs[i].text);
	return rc;
}
