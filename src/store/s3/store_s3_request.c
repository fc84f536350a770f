#include <curl/curl.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "cred/cred.h"
#include "crypto/secret.h"
#include "store/s3/store_s3_call.h"

#define HEADERS_MAX 16
#define SKEW_TRUSTED_MS 60000 /* How long a measured skew is believed. */
#define EMPTY_SHA256                                                           \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* A request in the words of HTTP. */
struct wire {
	struct buf host, path, query, url, auth;
	struct http_header headers[HEADERS_MAX];
	size_t n;
	char date[TIME_TEXT_MAX];
	char region[64];
};

static void
freep_wire(struct wire *w)
{
	buf_free(&w->host);
	buf_free(&w->path);
	buf_free(&w->query);
	buf_free(&w->url);
	buf_free(&w->auth);
}

char *
s3_region(struct s3 *s, char to[64])
{
	(void)pthread_mutex_lock(&s->lock);
	memcpy(to, s->region, sizeof(s->region));
	(void)pthread_mutex_unlock(&s->lock);
	return to;
}

static int64_t
signing_time(struct s3 *s)
{
	int64_t ms;

	(void)pthread_mutex_lock(&s->lock);
	ms = time_now_ms() + s->sign_skew_ms;
	(void)pthread_mutex_unlock(&s->lock);
	return ms / 1000 * 1000; /* The signature's date has no fraction. */
}

/* Learn the server's clock from the header Date, which counts seconds. */
static void
note_date(struct s3 *s, const struct http_response *res)
{
	const char *date = http_header(res, "date");
	time_t t;

	if (date == NULL || (t = curl_getdate(date, NULL)) < 0)
		return;
	(void)pthread_mutex_lock(&s->lock);
	s->skew_ms = (int64_t)t * 1000 + 500 - time_now_ms();
	s->skew_at = time_mono_ms();
	s->skew_known = true;
	(void)pthread_mutex_unlock(&s->lock);
}

bool
s3_time_ms(struct s3 *s, int64_t *ms)
{
	bool known;

	(void)pthread_mutex_lock(&s->lock);
	known = s->skew_known && time_mono_ms() - s->skew_at < SKEW_TRUSTED_MS;
	if (known)
		*ms = time_now_ms() + s->skew_ms;
	(void)pthread_mutex_unlock(&s->lock);
	return known;
}

static void
add(struct wire *w, const char *name, const char *value)
{
	w->headers[w->n++] = (struct http_header){ name, value };
}

/* All headers but Authorization: these are what is signed. */
static int
write_headers(
    struct s3 *s, const struct s3_call *c, struct wire *w, struct err *err)
{
	size_t i;

	if (c->nheaders > HEADERS_MAX - 5)
		return err_set(err, HF_EBUG, "%zu headers", c->nheaders);
	/* Our own Host: libcurl leaves out a port that is the default. */
	add(w, "Host", (const char *)w->host.p);
	add(w, "x-amz-date", w->date);
	add(w, "x-amz-content-sha256",
	    c->sha256 != NULL ? c->sha256 : EMPTY_SHA256);
	if (s->cred->session_token != NULL)
		add(w, "x-amz-security-token",
		    (const char *)secret_p(s->cred->session_token));
	for (i = 0; i < c->nheaders; i++)
		add(w, c->headers[i].name, c->headers[i].value);
	return 0;
}

static int
sign(struct s3 *s, const struct s3_call *c, struct wire *w, struct err *err)
{
	const struct sigv4_request r = {
		.method = c->method,
		.path = (const char *)w->path.p,
		.query = (const char *)w->query.p,
		.headers = w->headers,
		.nheaders = w->n,
		.payload = c->sha256 != NULL ? c->sha256 : EMPTY_SHA256,
		.date = w->date,
		.region = w->region,
		.service = "s3",
		.access_key = s->cred->access_key,
		.secret_key = s->cred->secret_key,
	};
	int rc;

	if ((rc = sigv4_sign(&r, &w->auth, err)) < 0)
		return rc;
	add(w, "Authorization", (const char *)w->auth.p);
	return 0;
}

static int
write_wire(
    struct s3 *s, const struct s3_call *c, struct wire *w, struct err *err)
{
	int rc;

	(void)s3_region(s, w->region);
	(void)time_stamp(signing_time(s), w->date);
	if ((rc = s3_place_host(&s->place, w->region, &w->host, err)) < 0 ||
	    (rc = s3_place_path(&s->place, c->key, &w->path, err)) < 0 ||
	    (rc = sigv4_query(&w->query, c->query, c->nquery, err)) < 0 ||
	    (rc = buf_printf(&w->url, err, "%s://%s%s%s%s",
		 s3_place_scheme(&s->place), (const char *)w->host.p,
		 (const char *)w->path.p, c->nquery > 0 ? "?" : "",
		 (const char *)w->query.p)) < 0 ||
	    (rc = write_headers(s, c, w, err)) < 0)
		return rc;
	return sign(s, c, w, err);
}

int
s3_request(struct s3 *s, struct s3_call *c, struct err *err)
{
	CLEANUP(freep_wire) struct wire w = { .n = 0 };
	struct http_request req;
	int rc;

	if ((rc = write_wire(s, c, &w, err)) < 0)
		return rc;
	req = (struct http_request){
		.method = c->method,
		.url = (const char *)w.url.p,
		.headers = w.headers,
		.nheaders = w.n,
		.body = c->p,
		.len = c->len,
		.expect = c->expect,
	};
	c->res.body = c->out;
	c->res.max = c->max;
	if ((rc = http_do(s->http, &req, &c->res, err)) == 0)
		note_date(s, &c->res);
	return rc;
}
