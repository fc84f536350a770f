#ifndef ETCD_ETCD_HASHKV_H_
#define ETCD_ETCD_HASHKV_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_hashkv_sum;
struct etcd_record;

/*
 * HashKV as etcd computes it (server/storage/mvcc/hash.go; 3.4 to 3.7 give
 * the same): the CRC-32C of "key" and of every record, key and value, that
 * - is not newer than the revision asked for, and
 * - is newer than the compact revision, or is kept, and
 * - is no deletion at the compact revision itself.
 * Kept is the newest record of each key as of the revision asked for, unless
 * it is a deletion.  If nothing is kept, everything counts as kept.
 *
 * Whether an old record counts is known only when all newer ones have come.
 * So each record up to the compact revision is summed by itself (8 bytes in
 * memory), and what counts is joined at the end: one pass is enough.  With
 * the table of keys (etcd_keys.h) that is at most 60 bytes for each key, and
 * nothing but the sum where nothing was ever compacted.
 */

/**
 * etcd_hashkv_sum_new(revision, compact_revision, ret, err):
 * Hash at ${revision} what is compacted to ${compact_revision}.
 */
int etcd_hashkv_sum_new(
    uint64_t, uint64_t, struct etcd_hashkv_sum **, struct err *);
void etcd_hashkv_sum_free(struct etcd_hashkv_sum *);
CLEANUP_DEFINE(etcd_hashkv_sum);

/**
 * etcd_hashkv_sum_add(s, r, err):
 * Take the next record: they come in the order of revisions, all of them.
 * HF_ECORRUPT if it has no KeyValue message.
 */
int etcd_hashkv_sum_add(
    struct etcd_hashkv_sum *, const struct etcd_record *, struct err *);

/**
 * etcd_hashkv_sum_end(s):
 * Return the hash of what came.
 */
uint32_t etcd_hashkv_sum_end(const struct etcd_hashkv_sum *);

#endif /* !ETCD_ETCD_HASHKV_H_ */
