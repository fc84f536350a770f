#ifndef ETCD_ETCD_STREAM_H_
#define ETCD_ETCD_STREAM_H_

#include <stdbool.h>

#include "base/cleanup.h"
#include "etcd/etcd_conn.h"

/* Opaque types. */
struct buf;
struct err;
struct etcd_stream;

/*
 * A call in both directions at once: messages go to the server whenever we
 * like while its messages come in, over one HTTP/2 stream on a connection of
 * its own.  Nothing happens by itself: bytes move only in etcd_stream_step.
 */

/**
 * etcd_stream_open(conn, call, full, ret, err):
 * Begin ${call}, whose req is the first message; it is sent in the first
 * step.  ${call} and its token are copied; timeout_ms does not count.
 * ${full} is asked, with the call's arg, before bytes are taken: while it
 * returns true the server is made to wait.
 */
int etcd_stream_open(const struct etcd_conn *, const struct etcd_call *,
    bool (*full)(void *), struct etcd_stream **, struct err *);
void etcd_stream_free(struct etcd_stream *);
CLEANUP_DEFINE(etcd_stream);

/**
 * etcd_stream_send(s, msg, err):
 * Put a further message in the queue for the server.
 */
int etcd_stream_send(struct etcd_stream *, const struct buf *, struct err *);

/**
 * etcd_stream_step(s, ms, err):
 * Send and receive what can be; if nothing came, wait until something may
 * have come, at most ${ms} milliseconds and a second.  Return 0 if the call
 * goes on, and 1 if the server has ended it well.  Fails as etcd_conn_call
 * does, and from then on with the same error each time.
 */
int etcd_stream_step(struct etcd_stream *, long, struct err *);

/**
 * etcd_stream_silence(s):
 * For how many seconds, of those spent in etcd_stream_step, has nothing come?
 */
double etcd_stream_silence(const struct etcd_stream *);

#endif /* !ETCD_ETCD_STREAM_H_ */
