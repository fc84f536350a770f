#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "net/sigv4.h"
#include "store/s3/store_s3_place.h"
#include "store/store.h"

#define BUCKET_MAX 255

static bool
is_ipv4(const char *s)
{
	int dots = 0;

	for (; *s != '\0'; s++) {
		if (*s != '.' && !isdigit((unsigned char)*s))
			return false;
		dots += *s == '.';
	}
	return dots == 3;
}

static bool
ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static bool
is_reserved(const char *name)
{
	static const char *const first[] = { "xn--", "sthree-",
		"amzn-s3-demo-" };
	static const char *const last[] = { "-s3alias", "--ol-s3", ".mrap",
		"--x-s3" };
	size_t i;

	for (i = 0; i < sizeof(first) / sizeof(first[0]); i++)
		if (str_has_prefix(name, first[i]) != NULL)
			return true;
	for (i = 0; i < sizeof(last) / sizeof(last[0]); i++)
		if (ends_with(name, last[i]))
			return true;
	return false;
}

bool
s3_bucket_ok(const char *name, bool dns)
{
	size_t n = strlen(name);

	if (!dns)
		return n > 0 && n <= BUCKET_MAX && name[0] != '.' &&
		       strspn(name,
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			   "0123456789.-_") == n;
	return n >= 3 && n <= 63 &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789.-") == n &&
	       isalnum((unsigned char)name[0]) &&
	       isalnum((unsigned char)name[n - 1]) &&
	       strstr(name, "..") == NULL && !is_ipv4(name) &&
	       !is_reserved(name);
}

/* "BUCKET/PREFIX/" into its two halves; the prefix gets one '/' at its end. */
static int
split_url(const char *rest, struct s3_place *p, struct err *err)
{
	size_t n = strcspn(rest, "/"), len;
	const char *prefix = rest + n + strspn(rest + n, "/");
	int rc;

	len = strlen(prefix);
	while (len > 0 && prefix[len - 1] == '/')
		len--;
	if ((rc = str_printf(&p->bucket, err, "%.*s", (int)n, rest)) < 0 ||
	    (rc = str_printf(&p->prefix, err, "%.*s", (int)len, prefix)) < 0)
		return rc;
	if (len == 0)
		return 0;
	if (!store_name_ok(p->prefix))
		return err_set(err, HF_ECONFIG,
		    "'%s' cannot be a prefix: A-Z a-z 0-9 _ . - and single "
		    "'/' between them",
		    p->prefix);
	free(TAKE(p->prefix));
	return str_printf(&p->prefix, err, "%.*s/", (int)len, prefix);
}

static int
check_endpoint(const char *e, struct err *err)
{
	const char *rest;
	size_t n;

	if ((rest = str_has_prefix(e, "https://")) == NULL)
		rest = str_has_prefix(e, "http://");
	n = rest == NULL ? 0 : strcspn(rest, "/?#");
	if (n == 0 || strpbrk(rest, "?#@ \t\r\n") != NULL) {
		(void)err_set(err, HF_ECONFIG, "endpoint '%s' is no server", e);
		return err_hint(
		    err, "write it as https://HOST[:PORT], without the bucket");
	}
	return 0;
}

static int
read_endpoint(const char *e, struct s3_place *p, struct err *err)
{
	size_t n;
	int rc;

	if (e == NULL || e[0] == '\0')
		return 0;
	if ((rc = check_endpoint(e, err)) < 0)
		return rc;
	n = strlen(e);
	while (e[n - 1] == '/')
		n--;
	return str_printf(&p->endpoint, err, "%.*s", (int)n, e);
}

int
s3_place_parse(const struct params *params, struct s3_place *p, struct err *err)
{
	const char *url = params_get(params, "url");
	const char *rest = url == NULL ? NULL : str_has_prefix(url, "s3://");
	bool amazon;
	int rc;

	if (rest == NULL)
		return err_set(err, HF_ECONFIG, "'%s' is no place in S3",
		    url == NULL ? "" : url);
	if ((rc = split_url(rest, p, err)) < 0 ||
	    (rc = read_endpoint(params_get(params, "endpoint"), p, err)) < 0)
		return rc;
	amazon = p->endpoint == NULL;
	if (!s3_bucket_ok(p->bucket, false) ||
	    (amazon && !s3_bucket_ok(p->bucket, true))) {
		(void)err_set(err, HF_ECONFIG, "'%s' cannot be a bucket's name",
		    p->bucket);
		return err_hint(err, "write the place as s3://BUCKET/PREFIX");
	}
	p->path_style = params_flag(
	    params, "path_style", !amazon || strchr(p->bucket, '.') != NULL);
	if (!p->path_style && !s3_bucket_ok(p->bucket, true))
		return err_set(err, HF_ECONFIG,
		    "bucket '%s' needs path_style: its name cannot be part of "
		    "a host's",
		    p->bucket);
	return 0;
}

void
s3_place_clear(struct s3_place *p)
{
	free(p->bucket);
	free(p->prefix);
	free(p->endpoint);
	*p = (struct s3_place){ 0 };
}

const char *
s3_place_scheme(const struct s3_place *p)
{
	return p->endpoint != NULL &&
		       str_has_prefix(p->endpoint, "http://") != NULL
		   ? "http"
		   : "https";
}

/* What stands behind "://": the host, and the path that a proxy may need. */
static const char *
authority(const struct s3_place *p, size_t *n)
{
	const char *host = strstr(p->endpoint, "://") + 3;

	*n = strcspn(host, "/");
	return host;
}

int
s3_place_host(const struct s3_place *p, const char *region, struct buf *out,
    struct err *err)
{
	const char *bucket = p->path_style ? "" : p->bucket;
	const char *dot = p->path_style ? "" : ".";
	const char *host;
	size_t n;

	if (p->endpoint == NULL)
		return buf_printf(out, err, "%s%ss3.%s.amazonaws.com%s", bucket,
		    dot, region,
		    str_has_prefix(region, "cn-") != NULL ? ".cn" : "");
	host = authority(p, &n);
	return buf_printf(out, err, "%s%s%.*s", bucket, dot, (int)n, host);
}

int
s3_place_path(
    const struct s3_place *p, const char *key, struct buf *out, struct err *err)
{
	const char *base = "";
	size_t n;
	int rc;

	if (p->endpoint != NULL) {
		base = authority(p, &n);
		base += n;
	}
	if ((rc = sigv4_encode(out, base, true, err)) < 0 ||
	    (rc = buf_add(out, "/", 1, err)) < 0)
		return rc;
	if (p->path_style &&
	    ((rc = sigv4_encode(out, p->bucket, false, err)) < 0 ||
		(key != NULL && (rc = buf_add(out, "/", 1, err)) < 0)))
		return rc;
	if (key != NULL &&
	    ((rc = sigv4_encode(out, p->prefix, true, err)) < 0 ||
		(rc = sigv4_encode(out, key, true, err)) < 0))
		return rc;
	return buf_printf(out, err, "%s", "");
}
