#include <curl/curl.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/s3/store_s3_call.h"

static bool
parse_u64(const char *s, const char *end, uint64_t *v)
{
	char *stop;

	if (s == NULL || s[0] < '0' || s[0] > '9')
		return false;
	errno = 0;
	*v = strtoull(s, &stop, 10);
	return errno == 0 && *v <= INT64_MAX && strcmp(stop, end) == 0;
}

/* The object's whole length, from "Content-Range: bytes 0-9/LENGTH". */
static bool
range_total(const struct s3_call *c, uint64_t *total)
{
	const char *v = http_header(&c->res, "content-range");

	return v != NULL && (v = strchr(v, '/')) != NULL &&
	       parse_u64(v + 1, "", total);
}

/*
 * The range begins behind the object's end.  That is no error for a reader of
 * "all from ${off}" who stands exactly at the end.
 */
static int
beyond_end(struct s3 *s, const struct s3_call *c, const char *name,
    uint64_t off, size_t len, struct err *err)
{
	struct store_info info = { .name = NULL };
	struct err e = ERR_INIT;
	uint64_t total = 0;
	int rc;

	if (!range_total(c, &total)) {
		if ((rc = s3_head(&s->base, name, &info, &e)) < 0) {
			*err = e;
			return rc;
		}
		total = info.len;
	}
	if (len == 0 && off == total)
		return 0;
	return err_set(err, HF_ECORRUPT,
	    "the object has %" PRIu64 " bytes, and those from %" PRIu64
	    " were asked for",
	    total, off);
}

/* Does the answer hold what was asked for, all of it and from there? */
static int
check_answer(const struct s3_call *c, uint64_t off, size_t len, size_t got,
    struct err *err)
{
	const char *v = http_header(&c->res, "content-range");
	bool ranged = off > 0 || len > 0;
	char want[48];

	if (!ranged)
		return 0;
	if (c->res.status == 200)
		return err_set(err, HF_EUNAVAIL,
		    "the server sends all where a range was asked for");
	(void)snprintf(want, sizeof(want), "bytes %" PRIu64 "-", off);
	if (v == NULL || str_has_prefix(v, want) == NULL)
		return err_set(err, HF_EUNAVAIL,
		    "the server sends another range than was asked for");
	if (len > 0 && got != len)
		return err_set(err, HF_ECORRUPT,
		    "the object ends after %zu of %zu bytes from %" PRIu64, got,
		    len, off);
	return 0;
}

static int
get_range(struct s3 *s, const char *name, uint64_t off, size_t len, size_t max,
    struct buf *out, struct err *err)
{
	struct http_header range = { "Range", NULL };
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "GET",
		.key = name,
		.action = "s3:GetObject",
		.headers = &range,
		.nheaders = off > 0 || len > 0 ? 1 : 0,
		.out = out,
		.max = len > 0 ? len : max,
	};
	size_t before = out->len;
	char text[64];
	int rc;

	range.value = text;
	if (len > 0)
		(void)snprintf(text, sizeof(text), "bytes=%" PRIu64 "-%" PRIu64,
		    off, off + (len - 1));
	else
		(void)snprintf(text, sizeof(text), "bytes=%" PRIu64 "-", off);
	if ((rc = s3_call(s, &c, err)) == 0)
		rc = check_answer(&c, off, len, out->len - before, err);
	else if (c.res.status == 416)
		rc = beyond_end(s, &c, name, off, len, err);
	if (rc < 0)
		out->len = before;
	return rc;
}

int
s3_get(struct store *st, const char *name, uint64_t off, size_t len, size_t max,
    struct buf *out, struct err *err)
{
	struct s3 *s = (struct s3 *)st;

	if (get_range(s, name, off, len, max, out, err) < 0)
		return err_wrap(err, "get '%s' from '%s'", name, st->place);
	return 0;
}

/* A multipart object's value has a suffix, and is no hash of its bytes. */
static void
read_sha256(const struct http_response *r, struct store_info *info)
{
	const char *v = http_header(r, "x-amz-checksum-sha256");
	uint8_t sum[sizeof(info->sha256)];
	size_t n;

	if (v == NULL ||
	    sodium_base642bin(sum, sizeof(sum), v, strlen(v), NULL, &n, NULL,
		sodium_base64_VARIANT_ORIGINAL) != 0 ||
	    n != sizeof(sum))
		return;
	memcpy(info->sha256, sum, sizeof(sum));
	info->has_sha256 = 1;
}

static int
head(struct s3 *s, const char *name, struct store_info *info, struct err *err)
{
	static const struct http_header mode = { "x-amz-checksum-mode",
		"ENABLED" };
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "HEAD",
		.key = name,
		.action = "s3:GetObject",
		.headers = &mode,
		.nheaders = 1,
	};
	struct store_info i = { .name = NULL };
	const char *v;
	time_t t;
	int rc;

	if ((rc = s3_call(s, &c, err)) < 0)
		return rc;
	if (!parse_u64(http_header(&c.res, "content-length"), "", &i.len))
		return err_set(
		    err, HF_EUNAVAIL, "the server does not tell the length");
	v = http_header(&c.res, "last-modified");
	if (v == NULL || (t = curl_getdate(v, NULL)) < 0)
		return err_set(
		    err, HF_EUNAVAIL, "the server does not tell the age");
	i.mtime_ms = (int64_t)t * 1000;
	read_sha256(&c.res, &i);
	*info = i;
	return 0;
}

int
s3_head(struct store *st, const char *name, struct store_info *info,
    struct err *err)
{
	if (head((struct s3 *)st, name, info, err) < 0)
		return err_wrap(err, "look at '%s' in '%s'", name, st->place);
	return 0;
}

int
s3_del(struct store *st, const char *name, struct err *err)
{
	struct s3 *s = (struct s3 *)st;
	CLEANUP(freep_s3_call)
	struct s3_call c = {
		.method = "DELETE",
		.key = name,
		.action = "s3:DeleteObject",
	};
	struct err e = ERR_INIT;
	int rc;

	rc = s3_call(s, &c, &e);
	/* Some servers say that there was nothing to delete. */
	if (rc == 0 ||
	    (rc == -HF_ENOTFOUND && strcmp(c.error.code, "NoSuchBucket") != 0))
		return 0;
	*err = e;
	return err_wrap(err, "delete '%s' from '%s'", name, st->place);
}
