#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "etcd/etcd_conn.h"
#include "etcd/etcd_conn_err.h"
#include "net/net_policy.h"
#include "net/redact.h"

#define RECEIVE_BUFFER (512L * 1024)
#define TOKEN_MAX 4096

struct etcd_conn {
	CURL *curl;
	char *url;
	bool tls;
	char *ca, *cert, *key;
	long connect_ms, stall_ms;
	char errbuf[CURL_ERROR_SIZE];
};

/* One call in flight. */
struct flight {
	struct etcd_conn *conn;
	struct etcd_call *call;
	struct grpc_rx rx;
	struct buf body;
	struct curl_slist *headers;
	char *token_line;
	double heard; /* When something came last. */
	struct err cause;
};

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
flight_clear(struct flight *f)
{
	curl_slist_free_all(f->headers);
	if (f->token_line != NULL)
		secret_wipe(f->token_line, strlen(f->token_line));
	free(f->token_line);
	/* An Authenticate request holds a password. */
	if (f->body.p != NULL)
		secret_wipe(f->body.p, f->body.cap);
	buf_free(&f->body);
	grpc_rx_free(&f->rx);
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct flight *f = arg;

	f->heard = now();
	grpc_rx_header(&f->rx, p, size * n);
	return size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct flight *f = arg;
	size_t len = size * n;

	if (grpc_rx_body(&f->rx, (const uint8_t *)p, len, &f->cause) < 0)
		return len + 1; /* Not len: curl aborts. */
	/* Afterwards: a taker that made us wait is not the server's stall. */
	f->heard = now();
	return len;
}

/* libcurl calls this when bytes move and about once a second otherwise. */
static int
on_progress(void *arg, curl_off_t dltotal, curl_off_t dlnow, curl_off_t ultotal,
    curl_off_t ulnow)
{
	struct flight *f = arg;
	long ms =
	    f->call->silence_ms > 0 ? f->call->silence_ms : f->conn->stall_ms;
	double limit = (double)ms / 1e3;

	(void)dltotal, (void)dlnow, (void)ultotal, (void)ulnow;
	if (f->call->stop != NULL && f->call->stop(f->call->arg)) {
		(void)err_set(&f->cause, HF_EINTR, "told to stop");
		return 1;
	}
	if (now() - f->heard > limit) {
		(void)err_set(&f->cause, HF_EUNAVAIL,
		    "the stream stalled: nothing came for %g seconds", limit);
		return 1;
	}
	return 0;
}

/* What net_policy_check calls 'ca_file' is called 'ca' here. */
static int
check_files(const struct etcd_conn_opts *o, struct err *err)
{
	const struct net_policy policy = { .cert_file = o->cert,
		.key_file = o->key };

	if ((o->cert == NULL) != (o->key == NULL))
		return err_set(err, HF_ECONFIG,
		    "a client certificate needs both 'cert' and 'key'");
	if (o->ca != NULL && access(o->ca, R_OK) < 0) {
		(void)err_errno(err, errno, "read the CA file '%s'", o->ca);
		err->code = -HF_ECONFIG;
		return err_hint(err, "correct the option 'ca'");
	}
	return net_policy_check(&policy, err);
}

int
etcd_conn_new(const char *url, const struct etcd_conn_opts *o,
    struct etcd_conn **ret, struct err *err)
{
	CLEANUP(freep_etcd_conn) struct etcd_conn *c = NULL;
	int rc;

	if ((rc = net_init(err)) < 0 || (rc = check_files(o, err)) < 0)
		return rc;
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	if ((rc = str_dup(url, &c->url, err)) < 0 ||
	    (rc = str_dup(o->ca, &c->ca, err)) < 0 ||
	    (rc = str_dup(o->cert, &c->cert, err)) < 0 ||
	    (rc = str_dup(o->key, &c->key, err)) < 0)
		return rc;
	c->tls = str_has_prefix(url, "https://") != NULL;
	c->connect_ms = o->connect_ms;
	c->stall_ms = o->stall_ms;
	if ((c->curl = curl_easy_init()) == NULL)
		return err_nomem(err);
	*ret = TAKE(c);
	return 0;
}

void
etcd_conn_free(struct etcd_conn *c)
{
	if (c == NULL)
		return;
	if (c->curl != NULL)
		curl_easy_cleanup(c->curl);
	free(c->url);
	free(c->ca);
	free(c->cert);
	free(c->key);
	free(c);
}

const char *
etcd_conn_url(const struct etcd_conn *c)
{
	return c->url;
}

static int
add_header(struct flight *f, const char *line, struct err *err)
{
	struct curl_slist *l = curl_slist_append(f->headers, line);

	if (l == NULL)
		return err_nomem(err);
	f->headers = l;
	return 0;
}

/* A token comes from a server: it may not bring header lines of its own. */
static int
add_token(struct flight *f, const struct secret *token, struct err *err)
{
	const char *p = (const char *)secret_p(token);
	size_t i, n = secret_len(token);
	int rc;

	for (i = 0; i < n; i++)
		if (p[i] <= ' ' || p[i] > '~')
			break;
	if (i < n || n > TOKEN_MAX)
		return err_set(
		    err, HF_ESOURCE, "the server gave a malformed token");
	rc = str_printf(&f->token_line, err, "token: %.*s", (int)n, p);
	return rc < 0 ? rc : add_header(f, f->token_line, err);
}

static int
set_headers(struct flight *f, struct err *err)
{
	/* "Accept:" and "Expect:" take away what curl would add. */
	static const char *const lines[] = {
		"content-type: application/grpc+proto",
		"te: trailers",
		"grpc-accept-encoding: identity",
		"Accept:",
		"Expect:",
	};
	char timeout[40];
	size_t i;
	int rc;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if ((rc = add_header(f, lines[i], err)) < 0)
			return rc;
	if (f->call->timeout_ms > 0) {
		(void)snprintf(timeout, sizeof(timeout), "grpc-timeout: %ldm",
		    f->call->timeout_ms);
		if ((rc = add_header(f, timeout, err)) < 0)
			return rc;
	}
	if (f->call->token != NULL)
		return add_token(f, f->call->token, err);
	return 0;
}

/* HTTP/2, by the protocol that TLS agrees on or by knowing beforehand. */
static void
set_version(CURL *h, bool tls)
{
	if (tls) {
		curl_easy_setopt(
		    h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
		return;
	}
	curl_easy_setopt(
	    h, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE);
	/* A reused one breaks before 8.0.0 (curl issue 10634). */
	if (curl_version_info(CURLVERSION_NOW)->version_num < 0x080000)
		curl_easy_setopt(h, CURLOPT_FORBID_REUSE, 1L);
}

static int
set_options(struct flight *f, const char *url, struct err *err)
{
	struct etcd_conn *c = f->conn;
	const struct net_policy policy = {
		.ca_file = c->ca,
		.cert_file = c->cert,
		.key_file = c->key,
		/* HTTP/2 in the clear cannot pass the environment's. */
		.proxy = c->tls ? NULL : "",
		.connect_ms = c->connect_ms,
	};
	CURL *h = c->curl;
	int rc;

	/* Connections and TLS sessions outlive a reset, options do not. */
	curl_easy_reset(h);
	if ((rc = net_policy_apply(&policy, h, err)) < 0)
		return rc;
	/* on_progress does this, and knows whose the silence is. */
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, 0L);
	set_version(h, c->tls);
	curl_easy_setopt(h, CURLOPT_URL, url);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "holdfast/" HOLDFAST_VERSION);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(h, CURLOPT_POSTFIELDS, (char *)f->body.p);
	curl_easy_setopt(
	    h, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->body.len);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(h, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h, CURLOPT_XFERINFODATA, f);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, c->errbuf);
	curl_easy_setopt(h, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	curl_easy_setopt(h, CURLOPT_TIMEOUT_MS, f->call->timeout_ms);
	return 0;
}

/* A server may repeat what we sent; its words end up in our messages. */
static void
redact_message(struct flight *f)
{
	const struct secret *secrets[] = { f->call->token, f->call->hide };
	char clean[sizeof(f->rx.message)];

	redact(clean, sizeof(clean), f->rx.message, secrets, 2);
	memcpy(f->rx.message, clean, sizeof(clean));
	memcpy(f->call->message, clean, sizeof(clean));
}

static int
perform(struct flight *f, struct err *err)
{
	struct etcd_conn *c = f->conn;
	double start = now();
	CURLcode rc;

	f->heard = start;
	c->errbuf[0] = '\0';
	rc = curl_easy_perform(c->curl);
	f->call->seconds = now() - start;
	f->call->status = f->rx.status;
	f->call->messages = f->rx.messages;
	redact_message(f);

	/* Our own reason to abort says more than curl's word for it. */
	if (f->cause.code != 0) {
		*err = f->cause;
		return err_wrap(err, "'%s'", c->url);
	}
	/*
	 * A status that refuses is final even if the connection broke after
	 * it; a good one counts only if the transport ended well too.
	 */
	if (rc != CURLE_OK && f->rx.status <= GRPC_OK)
		return etcd_conn_err(err, rc, c->url, c->errbuf,
		    c->cert != NULL, f->rx.http != 0);
	if (grpc_rx_finish(&f->rx, err) < 0)
		return err_wrap(err, "'%s'", c->url);
	return 0;
}

int
etcd_conn_call(struct etcd_conn *c, struct etcd_call *call, struct err *err)
{
	CLEANUP(flight_clear)
	struct flight f = {
		.conn = c, .call = call, .body = BUF_INIT, .cause = ERR_INIT
	};
	CLEANUP(freep_mem) char *url = NULL;
	const struct buf *req = call->req;
	int rc;

	call->status = GRPC_NONE;
	call->message[0] = '\0';
	call->messages = 0;
	call->seconds = 0;
	grpc_rx_init(&f.rx, call->max, call->fn, call->arg);
	if ((rc = str_printf(&url, err, "%s%s", c->url, call->method)) < 0 ||
	    (rc = grpc_frame(&f.body, req == NULL ? NULL : req->p,
		 req == NULL ? 0 : req->len, err)) < 0 ||
	    (rc = set_headers(&f, err)) < 0 ||
	    (rc = set_options(&f, url, err)) < 0)
		return rc;
	rc = perform(&f, err);
	/* What the handle points at dies with this frame. */
	curl_easy_reset(c->curl);
	return rc;
}
