#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/str.h"
#include "net/http.h"
#include "net/http_transfer.h"
#include "net/net_policy.h"

#define HEADERS_MAX 65536         /* Bytes of header lines in an answer. */
#define TEXT_MAX 65536            /* Bytes of an error's text. */
#define RESERVE_MAX (64 << 20)    /* Trust a Content-Length up to here. */
#define IO_SIZE (256L << 10)      /* One read or write, per transfer. */
#define IO_SIZE_SMALL (16L << 10) /* The same, of a small answer. */
#define SMALL_MAX (64u << 10)

static bool
is_method(const struct transfer *t, const char *method)
{
	return strcmp(t->req->method, method) == 0;
}

/* Called for each header line, and once more for each answer's first line. */
static size_t
on_header(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct buf *b = &t->res->headers;
	struct err e = ERR_INIT;
	size_t len = n;

	(void)one; /* Is 1. */
	if (n >= 5 && memcmp(p, "HTTP/", 5) == 0)
		b->len = 0; /* What came before was "100 Continue". */
	while (len > 0 && (p[len - 1] == '\r' || p[len - 1] == '\n'))
		len--;
	if (b->len + len >= HEADERS_MAX) {
		t->flood = true;
		return 0;
	}
	if (memchr(p, '\0', len) != NULL)
		return n; /* Nothing that we look for has a NUL. */
	if (buf_reserve(b, len + 1, &e) < 0) {
		t->nomem = true;
		return 0;
	}
	memcpy(b->p + b->len, p, len);
	b->p[b->len + len] = '\0';
	b->len += len + 1;
	return n;
}

/* Make room at once instead of growing many times. */
static int
reserve(struct transfer *t, struct http_response *r, struct err *err)
{
	curl_off_t len = -1;

	if (curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T,
		&len) != CURLE_OK ||
	    len <= 0 || len > RESERVE_MAX || (size_t)len > r->max)
		return 0;
	return buf_reserve(r->body, (size_t)len, err);
}

static size_t
on_body(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;
	struct http_response *r = t->res;
	struct err e = ERR_INIT;
	long status = 0;

	(void)one; /* Is 1. */
	(void)curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &status);
	if (r->body == NULL || (status != 200 && status != 206)) {
		/* Only its beginning is ever looked at. */
		if (r->text.len < TEXT_MAX && buf_add(&r->text, p, n, &e) < 0) {
			t->nomem = true;
			return 0;
		}
		return n;
	}
	if (r->status == 0) { /* The first piece. */
		r->status = (int)status;
		if (reserve(t, r, &e) < 0) {
			t->nomem = true;
			return 0;
		}
	}
	if (n > r->max) {
		r->overflow = true;
		return 0;
	}
	if (buf_add(r->body, p, n, &e) < 0) {
		t->nomem = true;
		return 0;
	}
	r->max -= n;
	return n;
}

static int
add_header(
    struct transfer *t, const char *name, const char *value, struct err *err)
{
	CLEANUP(freep_mem) char *line = NULL;
	struct curl_slist *grown;
	int rc;

	/* "Name:" would take a header away; an empty one is "Name;". */
	if (value[0] == '\0')
		rc = str_printf(&line, err, "%s;", name);
	else
		rc = str_printf(&line, err, "%s: %s", name, value);
	if (rc < 0)
		return rc;
	if ((grown = curl_slist_append(t->headers, line)) == NULL)
		return err_nomem(err);
	t->headers = grown;
	return 0;
}

static int
add_headers(struct transfer *t, struct err *err)
{
	const char *const lines[] = {
		t->req->expect ? "Expect: 100-continue" : "Expect:",
		"Accept:",
		"Content-Type:",
	};
	struct curl_slist *grown;
	size_t i;
	int rc;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if ((grown = curl_slist_append(t->headers, lines[i])) == NULL)
			return err_nomem(err);
		t->headers = grown;
	}
	for (i = 0; i < t->req->nheaders; i++)
		if ((rc = add_header(t, t->req->headers[i].name,
			 t->req->headers[i].value, err)) < 0)
			return rc;
	return 0;
}

/*
 * CURLOPT_POSTFIELDS sends the caller's own memory, with a Content-Length,
 * and can begin again by itself when a kept connection turns out to be dead.
 */
static CURLcode
set_method(struct transfer *t)
{
	bool body = is_method(t, "PUT") || is_method(t, "POST");
	CURLcode rc;

	if (is_method(t, "HEAD"))
		return curl_easy_setopt(t->curl, CURLOPT_NOBODY, 1L);
	if (body &&
	    ((rc = curl_easy_setopt(t->curl, CURLOPT_POSTFIELDS,
		  t->req->len > 0 ? t->req->body : "")) != CURLE_OK ||
		(rc = curl_easy_setopt(t->curl, CURLOPT_POSTFIELDSIZE_LARGE,
		     (curl_off_t)t->req->len)) != CURLE_OK))
		return rc;
	return curl_easy_setopt(t->curl, CURLOPT_CUSTOMREQUEST, t->req->method);
}

static CURLcode
set_callbacks(struct transfer *t)
{
	CURL *c = t->curl;
	CURLcode rc;

	if ((rc = curl_easy_setopt(c, CURLOPT_HEADERFUNCTION, on_header)) !=
		CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_HEADERDATA, t)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, on_body)) !=
		CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_WRITEDATA, t)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_ERRORBUFFER, t->detail)) !=
		CURLE_OK)
		return rc;
	return curl_easy_setopt(c, CURLOPT_PRIVATE, t);
}

/* Many small transfers at a time must not take the memory of large ones. */
static long
read_size(const struct http_response *r)
{
	return r->body == NULL || r->max <= SMALL_MAX ? IO_SIZE_SMALL : IO_SIZE;
}

static CURLcode
set_request(struct transfer *t)
{
	CURL *c = t->curl;
	CURLcode rc;

	if ((rc = curl_easy_setopt(c, CURLOPT_URL, t->req->url)) != CURLE_OK ||
	    /* Send the path as it was signed: "/a/../b" stays. */
	    (rc = curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_HTTP_VERSION,
		 (long)CURL_HTTP_VERSION_1_1)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_USERAGENT,
		 "holdfast/" HOLDFAST_VERSION)) != CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_BUFFERSIZE, read_size(t->res))) !=
		CURLE_OK ||
	    (rc = curl_easy_setopt(c, CURLOPT_UPLOAD_BUFFERSIZE, IO_SIZE)) !=
		CURLE_OK)
		return rc;
	return curl_easy_setopt(c, CURLOPT_HTTPHEADER, t->headers);
}

int
transfer_init(struct transfer *t, const struct net_policy *policy,
    const struct http_request *req, struct http_response *res, struct err *err)
{
	CURLcode c;
	int rc;

	*t = (struct transfer){ .req = req, .res = res };
	(void)pthread_cond_init(&t->ended, NULL);
	if ((t->curl = curl_easy_init()) == NULL)
		return err_nomem(err);
	if ((rc = net_policy_apply(policy, t->curl, err)) < 0 ||
	    (rc = add_headers(t, err)) < 0)
		return rc;
	if ((c = set_callbacks(t)) != CURLE_OK ||
	    (c = set_method(t)) != CURLE_OK || (c = set_request(t)) != CURLE_OK)
		return net_fail(err, c, "the network library", "");
	return 0;
}

/* "http://host:port" of the request's URL: the rest may be long or secret. */
static void
peer_of(const struct http_request *req, char *to, size_t size)
{
	const char *p = strstr(req->url, "://");
	size_t n = p == NULL ? 0 : (size_t)(p - req->url) + 3;

	n += strcspn(req->url + n, "/?#");
	(void)snprintf(
	    to, size, "%.*s", (int)(n < size ? n : size - 1), req->url);
}

int
transfer_result(struct transfer *t, struct err *err)
{
	long status = 0;
	char peer[280];

	if (t->code == CURLE_OK) {
		(void)curl_easy_getinfo(
		    t->curl, CURLINFO_RESPONSE_CODE, &status);
		t->res->status = (int)status;
		return 0;
	}
	peer_of(t->req, peer, sizeof(peer));
	if (t->nomem)
		return err_nomem(err);
	if (t->res->overflow)
		return err_set(err, HF_ECORRUPT,
		    "'%s': the answer is longer than expected", peer);
	if (t->flood)
		return err_set(err, HF_EUNAVAIL,
		    "'%s': the answer has too many headers", peer);
	if (t->code == CURLE_ABORTED_BY_CALLBACK)
		return err_set(err, HF_EINTR, "'%s': stopped", peer);
	return net_fail(err, t->code, peer, t->detail);
}

void
transfer_clear(struct transfer *t)
{
	curl_easy_cleanup(t->curl);
	curl_slist_free_all(t->headers);
	(void)pthread_cond_destroy(&t->ended);
}
