#ifndef NET_HTTP_H_
#define NET_HTTP_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct http;
struct net_policy;

/*
 * An HTTP/1.1 client: one thread that drives any number of transfers over a
 * pool of kept connections (libcurl's multi interface).  Callers wait for
 * their own transfer, so parallel requests are parallel callers.
 */

struct http_header {
	const char *name;
	const char *value;
};

struct http_request {
	const char *method; /* "GET", "HEAD", "PUT", "POST", "DELETE". */
	const char *url;    /* Percent-encoded; sent as it is. */
	const struct http_header *headers;
	size_t nheaders;
	const void *body; /* For PUT and POST; not copied. */
	size_t len;
	/* Send the body once the server asks for it, or after a second: one
	 * that refuses by the headers alone is heard then. */
	bool expect;
};

/* HTTP_RESPONSE_INIT makes one; set body and max for what may be large. */
struct http_response {
	/*
	 * Where the body of a 200 or 206 is appended, at most ${max} bytes;
	 * NULL: to ${text} like the others.  Not undone on failure.
	 */
	struct buf *body;
	size_t max;

	int status;         /* 100 to 599. */
	struct buf text;    /* Body of all other answers, cut at 64 KiB. */
	struct buf headers; /* Lines "name: value", each with a NUL. */
	bool overflow;      /* The body has more than ${max} bytes. */
};

#define HTTP_RESPONSE_INIT                                                     \
	{                                                                      \
		NULL, 0, 0, BUF_INIT, BUF_INIT, false                          \
	}

/**
 * http_new(policy, connections, ret, err):
 * Start a client of at most ${connections} at a time that obeys ${policy},
 * which is copied.
 */
int http_new(const struct net_policy *, unsigned, struct http **, struct err *);

/**
 * http_do(h, request, response, err):
 * Perform ${request} and wait for the answer, whatever its status.  The
 * headers Content-Length, Host and User-Agent are added; no other that libcurl
 * likes to add.  ${response} is emptied first.  HF_EUNAVAIL if the network or
 * the peer fails, HF_ECORRUPT if the body is longer than the response's max,
 * HF_EINTR after net_cancel().  Any number of threads may call this.  The
 * server may see a request twice: if a kept connection turns out to be dead,
 * libcurl sends it again over another.
 */
int http_do(struct http *, const struct http_request *, struct http_response *,
    struct err *);

/**
 * http_header(r, name):
 * Return the value of the answer's header ${name} (case does not count), or
 * NULL.  It lives as long as ${r}.
 */
const char *http_header(const struct http_response *, const char *);

/**
 * http_response_clear(r):
 * Release what ${r} holds, without its body.
 */
void http_response_clear(struct http_response *);

static inline void
freep_http_response(struct http_response *r)
{
	http_response_clear(r);
}

/**
 * http_free(h):
 * End the client ${h}; no call may be under way.
 */
void http_free(struct http *);
CLEANUP_DEFINE(http);

#endif /* !NET_HTTP_H_ */
