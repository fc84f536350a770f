#ifndef ETCD_ETCD_BOLT_AHEAD_H_
#define ETCD_ETCD_BOLT_AHEAD_H_

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_bolt_ahead;
struct etcd_bolt_cursor;
struct etcd_bolt_item;

/*
 * All elements of a bucket.  A thread of its own reads and checks the pages
 * ahead: if a file has to be decrypted, that takes longer than most of what is
 * done with its elements.  No byte is copied.  256 leaves wait in memory, 2
 * MiB; fewer, if they are long.
 */

/**
 * etcd_bolt_ahead_new(c, ret, err):
 * Read what the new cursor ${c} is over.  Until etcd_bolt_ahead_free, the
 * cursor and its file belong to the thread; the caller still frees the cursor.
 */
int etcd_bolt_ahead_new(
    struct etcd_bolt_cursor *, struct etcd_bolt_ahead **, struct err *);

/**
 * etcd_bolt_ahead_free(a):
 * End the thread, wherever it is.
 */
void etcd_bolt_ahead_free(struct etcd_bolt_ahead *);
CLEANUP_DEFINE(etcd_bolt_ahead);

/**
 * etcd_bolt_ahead_next(a, item, err):
 * As etcd_bolt_next of the cursor.
 */
int etcd_bolt_ahead_next(
    struct etcd_bolt_ahead *, struct etcd_bolt_item *, struct err *);

#endif /* !ETCD_ETCD_BOLT_AHEAD_H_ */
