#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "net/sigv4.h"

#define ALGORITHM "AWS4-HMAC-SHA256"
#define SCOPE_END "aws4_request"
#define HEADERS_MAX 32

/* A header to sign, and its place in the caller's order. */
struct item {
	const struct http_header *h;
	size_t place;
};

static int
by_name(const void *a, const void *b)
{
	const struct item *x = a, *y = b;
	int c = strcasecmp(x->h->name, y->h->name);

	if (c != 0)
		return c;
	return x->place < y->place ? -1 : 1;
}

static int
sort_headers(const struct sigv4_request *r, struct item *to, struct err *err)
{
	size_t i;

	if (r->nheaders == 0 || r->nheaders > HEADERS_MAX)
		return err_set(
		    err, HF_EBUG, "%zu headers to sign", r->nheaders);
	for (i = 0; i < r->nheaders; i++)
		to[i] = (struct item){ &r->headers[i], i };
	qsort(to, r->nheaders, sizeof(*to), by_name);
	return 0;
}

static bool
same_name(const struct item *items, size_t i, size_t n)
{
	return i < n && strcasecmp(items[i - 1].h->name, items[i].h->name) == 0;
}

static int
add_lower(struct buf *b, const char *s, struct err *err)
{
	int rc = 0;
	char c;

	for (; rc == 0 && *s != '\0'; s++) {
		c = (char)tolower((unsigned char)*s);
		rc = buf_add(b, &c, 1, err);
	}
	return rc;
}

/* The value without blanks at its ends, and runs of blanks made one. */
static int
add_trimmed(struct buf *b, const char *s, struct err *err)
{
	size_t n;
	int rc = 0;

	for (s += strspn(s, " \t\n"); rc == 0 && *s != '\0';) {
		n = strcspn(s, " \t\n");
		rc = buf_add(b, s, n, err);
		s += n;
		s += strspn(s, " \t\n");
		if (rc == 0 && *s != '\0')
			rc = buf_add(b, " ", 1, err);
	}
	return rc;
}

static int
add_header_lines(
    struct buf *b, const struct item *items, size_t n, struct err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++) {
		if (i > 0 && same_name(items, i, n)) {
			rc = buf_add(b, ",", 1, err);
		} else if ((rc = add_lower(b, items[i].h->name, err)) == 0) {
			rc = buf_add(b, ":", 1, err);
		}
		if (rc == 0)
			rc = add_trimmed(b, items[i].h->value, err);
		if (rc == 0 && !same_name(items, i + 1, n))
			rc = buf_add(b, "\n", 1, err);
	}
	return rc;
}

static int
add_signed_names(
    struct buf *b, const struct item *items, size_t n, struct err *err)
{
	size_t i;
	int rc = 0;

	for (i = 0; rc == 0 && i < n; i++) {
		if (i > 0 && same_name(items, i, n))
			continue;
		if (i > 0)
			rc = buf_add(b, ";", 1, err);
		if (rc == 0)
			rc = add_lower(b, items[i].h->name, err);
	}
	if (rc == 0 && (rc = buf_add(b, "", 1, err)) == 0)
		b->len--;
	return rc;
}

/* Hash the canonical request into ${hex}. */
static int
hash_request(const struct sigv4_request *r, const struct item *items,
    const char *names, char hex[2 * SHA256_LEN + 1], struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t sum[SHA256_LEN];
	int rc;

	if ((rc = buf_printf(
		 &b, err, "%s\n%s\n%s\n", r->method, r->path, r->query)) < 0 ||
	    (rc = add_header_lines(&b, items, r->nheaders, err)) < 0 ||
	    (rc = buf_printf(&b, err, "\n%s\n%s", names, r->payload)) < 0 ||
	    (rc = sha256_of(b.p, b.len, sum, err)) < 0)
		return rc;
	(void)str_hex(hex, sum, sizeof(sum));
	return 0;
}

/*
 * The signing key: HMAC over HMAC of date, region, service and the end of the
 * scope, beginning with "AWS4" and the secret.
 */
static int
signing_key(
    const struct sigv4_request *r, uint8_t key[SHA256_LEN], struct err *err)
{
	const char *steps[] = { r->region, r->service, SCOPE_END };
	CLEANUP(freep_secret) struct secret *first = NULL;
	size_t i, n = secret_len(r->secret_key);
	int rc;

	if ((rc = secret_new(4 + n, &first, err)) < 0)
		return rc;
	memcpy(secret_w(first), "AWS4", 4);
	memcpy(secret_w(first) + 4, secret_p(r->secret_key), n);
	rc = hmac_sha256(secret_p(first), 4 + n, r->date, 8, key, err);
	for (i = 0; rc == 0 && i < sizeof(steps) / sizeof(steps[0]); i++)
		rc = hmac_sha256(
		    key, SHA256_LEN, steps[i], strlen(steps[i]), key, err);
	return rc;
}

static int
sign_text(const struct sigv4_request *r, const struct buf *text,
    char hex[2 * SHA256_LEN + 1], struct err *err)
{
	uint8_t key[SHA256_LEN] = { 0 }, sum[SHA256_LEN];
	int rc;

	if ((rc = signing_key(r, key, err)) == 0 &&
	    (rc = hmac_sha256(
		 key, sizeof(key), text->p, text->len, sum, err)) == 0)
		(void)str_hex(hex, sum, sizeof(sum));
	secret_wipe(key, sizeof(key));
	return rc;
}

int
sigv4_sign(const struct sigv4_request *r, struct buf *out, struct err *err)
{
	CLEANUP(freep_buf) struct buf text = BUF_INIT;
	CLEANUP(freep_buf) struct buf names = BUF_INIT;
	CLEANUP(freep_mem) char *scope = NULL;
	char request[2 * SHA256_LEN + 1], signature[2 * SHA256_LEN + 1];
	struct item items[HEADERS_MAX] = { { NULL, 0 } };
	int rc;

	if (strlen(r->date) != SIGV4_DATE_LEN)
		return err_set(err, HF_EBUG, "'%s' is no date", r->date);
	if ((rc = sort_headers(r, items, err)) < 0 ||
	    (rc = add_signed_names(&names, items, r->nheaders, err)) < 0 ||
	    (rc = hash_request(r, items, (const char *)names.p, request, err)) <
		0 ||
	    (rc = str_printf(&scope, err, "%.8s/%s/%s/" SCOPE_END, r->date,
		 r->region, r->service)) < 0 ||
	    (rc = buf_printf(&text, err, ALGORITHM "\n%s\n%s\n%s", r->date,
		 scope, request)) < 0 ||
	    (rc = sign_text(r, &text, signature, err)) < 0)
		return rc;
	return buf_printf(out, err,
	    ALGORITHM " Credential=%s/%s, SignedHeaders=%s, Signature=%s",
	    r->access_key, scope, (const char *)names.p, signature);
}
