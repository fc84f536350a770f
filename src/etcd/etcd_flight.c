#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "crypto/secret.h"
#include "etcd/etcd_conn_err.h"
#include "etcd/etcd_flight.h"
#include "net/net_policy.h"
#include "net/redact.h"

#define RECEIVE_BUFFER (512L * 1024)
#define TOKEN_MAX 4096

double
etcd_flight_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

void
etcd_flight_clear(struct etcd_flight *f)
{
	curl_slist_free_all(f->headers);
	if (f->token_line != NULL)
		secret_wipe(f->token_line, strlen(f->token_line));
	free(f->token_line);
	free(f->url);
	grpc_rx_free(&f->rx);
}

static size_t
on_header(char *p, size_t size, size_t n, void *arg)
{
	struct etcd_flight *f = arg;

	f->heard = etcd_flight_now();
	grpc_rx_header(&f->rx, p, size * n);
	return size * n;
}

static size_t
on_body(char *p, size_t size, size_t n, void *arg)
{
	struct etcd_flight *f = arg;
	size_t len = size * n;

	/* libcurl keeps the bytes, and calls again with them. */
	if (f->full != NULL && f->full(f->call->arg)) {
		f->held = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	if (grpc_rx_body(&f->rx, (const uint8_t *)p, len, &f->cause) < 0)
		return len + 1; /* Not len: curl aborts. */
	/*
	 * Set this afterwards: if the taker made us wait, it was not the server
	 * that stalled.
	 */
	f->heard = etcd_flight_now();
	return len;
}

static int
add_header(struct etcd_flight *f, const char *line, struct err *err)
{
	struct curl_slist *l = curl_slist_append(f->headers, line);

	if (l == NULL)
		return err_nomem(err);
	f->headers = l;
	return 0;
}

/* A token comes from a server: it must not bring header lines of its own. */
static int
add_token(struct etcd_flight *f, const struct secret *token, struct err *err)
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
set_headers(struct etcd_flight *f, struct err *err)
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
	if (f->call->has_leader &&
	    (rc = add_header(f, "hasleader: true", err)) < 0)
		return rc;
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
set_options(struct etcd_flight *f, struct err *err)
{
	const struct etcd_conn *c = f->conn;
	const struct net_policy policy = {
		.ca_file = c->ca,
		.cert_file = c->cert,
		.key_file = c->key,
		/* HTTP/2 in the clear cannot pass the environment's. */
		.proxy = c->tls ? NULL : "",
		.connect_ms = c->connect_ms,
	};
	CURL *h = f->curl;
	int rc;

	/* Connections and TLS sessions outlive a reset, options do not. */
	curl_easy_reset(h);
	if ((rc = net_policy_apply(&policy, h, err)) < 0)
		return rc;
	/* Our callers do this, and know whose the silence is. */
	curl_easy_setopt(h, CURLOPT_LOW_SPEED_TIME, 0L);
	set_version(h, c->tls);
	curl_easy_setopt(h, CURLOPT_URL, f->url);
	curl_easy_setopt(h, CURLOPT_UNIX_SOCKET_PATH, c->socket);
	curl_easy_setopt(h, CURLOPT_USERAGENT, "holdfast/" HOLDFAST_VERSION);
	curl_easy_setopt(h, CURLOPT_HTTPHEADER, f->headers);
	curl_easy_setopt(h, CURLOPT_POST, 1L);
	curl_easy_setopt(h, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h, CURLOPT_HEADERDATA, f);
	curl_easy_setopt(h, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h, CURLOPT_WRITEDATA, f);
	curl_easy_setopt(h, CURLOPT_ERRORBUFFER, f->errbuf);
	curl_easy_setopt(h, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER);
	return 0;
}

int
etcd_flight_init(struct etcd_flight *f, const struct etcd_conn *conn,
    struct etcd_call *call, CURL *curl, struct err *err)
{
	int rc;

	*f = (struct etcd_flight){ .conn = conn, .call = call, .curl = curl };
	call->status = GRPC_NONE;
	call->message[0] = '\0';
	call->messages = 0;
	call->seconds = 0;
	f->heard = etcd_flight_now();
	grpc_rx_init(&f->rx, call->max, call->fn, call->arg);
	rc = str_printf(&f->url, err, "%s%s", conn->url, call->method);
	if (rc < 0 || (rc = set_headers(f, err)) < 0)
		return rc;
	return set_options(f, err);
}

/* A server may repeat what we sent; its words end up in our messages. */
static void
redact_message(struct etcd_flight *f)
{
	const struct secret *secrets[] = { f->call->token, f->call->hide };
	char clean[sizeof(f->rx.message)];

	redact(clean, sizeof(clean), f->rx.message, secrets, 2);
	memcpy(f->rx.message, clean, sizeof(clean));
	memcpy(f->call->message, clean, sizeof(clean));
}

int
etcd_flight_end(struct etcd_flight *f, CURLcode code, struct err *err)
{
	const struct etcd_conn *c = f->conn;

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
	if (code != CURLE_OK && f->rx.status <= GRPC_OK)
		return etcd_conn_err(err, code, c->url, f->errbuf,
		    c->cert != NULL, f->rx.http != 0);
	if (grpc_rx_finish(&f->rx, err) < 0)
		return err_wrap(err, "'%s'", c->url);
	return 0;
}
