#ifndef ETCD_ETCD_BOLT_FLUSHER_H_
#define ETCD_ETCD_BOLT_FLUSHER_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_bolt_flusher;

/*
 * Writes buffers to a file, in a thread of its own, while the caller fills
 * another: it waits only when two are on their way.
 */

/**
 * etcd_bolt_flusher_new(fd, size, ret, err):
 * Make three buffers of ${size} bytes, whole pages, and start the thread.  The
 * file stays the caller's.
 */
int etcd_bolt_flusher_new(
    int, size_t, struct etcd_bolt_flusher **, struct err *);

/**
 * etcd_bolt_flusher_free(f):
 * End the thread, after the write that is under way.
 */
void etcd_bolt_flusher_free(struct etcd_bolt_flusher *);
CLEANUP_DEFINE(etcd_bolt_flusher);

/**
 * etcd_bolt_flusher_buf(f):
 * The buffer that is the caller's to fill, until the next put.
 */
uint8_t *etcd_bolt_flusher_buf(struct etcd_bolt_flusher *);

/**
 * etcd_bolt_flusher_put(f, n, off, err):
 * Have the first ${n} bytes of that buffer written at ${off}.  Fails as an
 * earlier write did; the last one's failure comes from drain.
 */
int etcd_bolt_flusher_put(
    struct etcd_bolt_flusher *, size_t, uint64_t, struct err *);

/**
 * etcd_bolt_flusher_drain(f, err):
 * Wait until all of it is written.
 */
int etcd_bolt_flusher_drain(struct etcd_bolt_flusher *, struct err *);

#endif /* !ETCD_ETCD_BOLT_FLUSHER_H_ */
