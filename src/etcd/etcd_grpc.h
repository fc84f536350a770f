#ifndef ETCD_ETCD_GRPC_H_
#define ETCD_ETCD_GRPC_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/* Opaque types. */
struct buf;

/*
 * gRPC over HTTP/2 (github.com/grpc/grpc, doc/PROTOCOL-HTTP2.md), without
 * the HTTP/2: what comes in as header lines and body bytes goes out as
 * messages and one verdict.  A call has succeeded only if
 * - the answer is HTTP 200 with content-type application/grpc,
 * - the last message is whole, and
 * - grpc-status came, and is 0.
 * That the transport ended well says nothing: a proxy's page and a stream
 * that was cut at a frame's edge both look like success to it.
 */

/* The codes that matter (doc/statuscodes.md of the same). */
enum grpc_code {
	GRPC_NONE = -1, /* None came. */
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_UNAVAILABLE = 14,
	GRPC_UNAUTHENTICATED = 16,
};

/* Takes one whole message; a failure ends the call with that error. */
typedef int (*grpc_message_fn)(
    void *arg, const uint8_t *, size_t, struct err *);

struct grpc_rx {
	grpc_message_fn fn;
	void *arg;
	size_t max; /* A longer message is refused, not stored. */

	int http;          /* Status of the answer, or 0. */
	bool grpc;         /* Its content-type is gRPC's. */
	int status;        /* enum grpc_code, or another the server sent. */
	char message[256]; /* The server's words, printable ASCII. */
	uint64_t messages; /* That fn has taken. */

	/* Private: the message that is coming in. */
	uint8_t prefix[5];
	size_t nprefix;
	uint8_t *part; /* Of a message that spans calls. */
	size_t cap, have, want;
};

/**
 * grpc_rx_init(rx, max, fn, arg):
 * Begin an answer whose messages, of at most ${max} bytes, go to ${fn}.
 */
void grpc_rx_init(struct grpc_rx *, size_t, grpc_message_fn, void *);
void grpc_rx_free(struct grpc_rx *);

static inline void
freep_grpc_rx(struct grpc_rx *rx)
{
	grpc_rx_free(rx);
}

/**
 * grpc_rx_header(rx, line, n):
 * Take a line of the header or of the trailer, status lines among them
 * ("HTTP/2 200\r\n", "grpc-status: 0\r\n").
 */
void grpc_rx_header(struct grpc_rx *, const char *, size_t);

/**
 * grpc_rx_body(rx, p, n, err):
 * Take ${n} bytes of the body, cut anywhere.
 */
int grpc_rx_body(struct grpc_rx *, const uint8_t *, size_t, struct err *);

/**
 * grpc_rx_finish(rx, err):
 * The stream has ended: say whether the call has succeeded.  HF_EDENIED if
 * the server refused who we are, HF_EUNAVAIL if it, or the way to it, may do
 * better later, HF_ESOURCE otherwise.
 */
int grpc_rx_finish(const struct grpc_rx *, struct err *);

/**
 * grpc_frame(b, msg, n, err):
 * Append a message as a request's body wants it: a zero byte (not
 * compressed), the length in four bytes, big endian, and the bytes.
 */
int grpc_frame(struct buf *, const void *, size_t, struct err *);

#endif /* !ETCD_ETCD_GRPC_H_ */
