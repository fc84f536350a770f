#ifndef ETCD_ETCD_BOLT_FLUSHER_H_
#define ETCD_ETCD_BOLT_FLUSHER_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_bolt_flusher;

/*
 * Writes buffers to a file, in threads of its own, while the caller fills
 * another: it waits only when all of them are on their way.
 */

/**
 * etcd_bolt_flusher_new(fd, size, ret, err):
 * Make three to five buffers of ${size} bytes, whole pages, and start one
 * thread, or two where writes can go to a disk side by side.  The file stays
 * the caller's, but nobody else may touch it until drain.
 */
int etcd_bolt_flusher_new(
    int, size_t, struct etcd_bolt_flusher **, struct err *);

/**
 * etcd_bolt_flusher_free(f):
 * End the threads, after the writes that are under way.
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
 * etcd_bolt_flusher_drain(f, size, err):
 * Wait until all of it is written; then the file has ${size} bytes.  Room may
 * have been made for more.
 */
int etcd_bolt_flusher_drain(struct etcd_bolt_flusher *, uint64_t, struct err *);

#endif /* !ETCD_ETCD_BOLT_FLUSHER_H_ */
