#ifndef ETCD_ETCD_HASHKV_POINTS_H_
#define ETCD_ETCD_HASHKV_POINTS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_hashkv_points;
struct etcd_record;

/*
 * HashKV (etcd_hashkv.h) at many points of one history, each as compacted to
 * a revision of its own, in one pass over the records.
 *
 * What counts up to a compact revision are the newest records of the keys,
 * whichever revision that is; behind it everything counts.  So one tree
 * (etcd_hashkv_tree.h) of the newest record of each key serves all compact
 * revisions: of it each takes the part that is not newer, and of a sum over
 * everything the part behind it.  A point costs about as much as the tree has
 * changed since the last one.  In memory are at most 80 bytes for each key,
 * and 64 for each compact revision.
 */

/**
 * etcd_hashkv_points_new(compact, n, ret, err):
 * Of ${n} compact revisions, in any order and more than once, any may be
 * asked for.
 */
int etcd_hashkv_points_new(
    const uint64_t *, size_t, struct etcd_hashkv_points **, struct err *);
void etcd_hashkv_points_free(struct etcd_hashkv_points *);
CLEANUP_DEFINE(etcd_hashkv_points);

/**
 * etcd_hashkv_points_add(p, r, err):
 * Take the next record: they come in the order of revisions, all of them.
 * HF_ECORRUPT if it has no KeyValue message.
 */
int etcd_hashkv_points_add(
    struct etcd_hashkv_points *, const struct etcd_record *, struct err *);

/**
 * etcd_hashkv_points_at(p, revision, compact):
 * Return the hash at ${revision}, to which all records have come and no newer
 * one, as compacted to ${compact}, which is not newer and one of those that
 * were announced.
 */
uint32_t etcd_hashkv_points_at(struct etcd_hashkv_points *, uint64_t, uint64_t);

/**
 * etcd_hashkv_points_empty(p):
 * Is every key deleted by now?  Then a server that is compacted hashes
 * whatever it has not removed yet, which its records do not tell.
 */
bool etcd_hashkv_points_empty(const struct etcd_hashkv_points *);

#endif /* !ETCD_ETCD_HASHKV_POINTS_H_ */
