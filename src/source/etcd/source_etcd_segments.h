#ifndef SOURCE_ETCD_SOURCE_ETCD_SEGMENTS_H_
#define SOURCE_ETCD_SOURCE_ETCD_SEGMENTS_H_

#include <stdint.h>

#include "base/cleanup.h"
#include "etcd/etcd_index.h"
#include "etcd/etcd_record.h"
#include "source/etcd/source_etcd_out.h"

/* Opaque types. */
struct source_etcd_segments;

/*
 * Cuts the records of an etcd database into segments.  A segment of the last
 * backup is kept if enough of its records are still alive, and the index says
 * which are; the rest, and what is new, is written.
 *
 * A record of the last backup is taken for the same only if revision, length
 * and keyed id agree (source_etcd_memo.h): a cluster that was set back counts
 * the same revisions once more, with other content.  The first that differs
 * ends all trust in what the last backup holds.
 */

/* A segment is closed when it is so large. */
#define SOURCE_ETCD_SEGMENT_BYTES ((size_t)1 << 20)
#define SOURCE_ETCD_SEGMENT_RECORDS 8192

int source_etcd_segments_new(
    struct source_etcd_out *, struct source_etcd_segments **, struct err *);
void source_etcd_segments_free(struct source_etcd_segments *);
CLEANUP_DEFINE(source_etcd_segments);

/**
 * source_etcd_segments_take(s, r, err):
 * Take the next living record; they come ascending.
 */
int source_etcd_segments_take(
    struct source_etcd_segments *, const struct etcd_record *, struct err *);

/**
 * source_etcd_segments_end(s, x, err):
 * No more come: close what is open, and add all segments, how many records
 * are alive and their bytes to ${x}.
 */
int source_etcd_segments_end(
    struct source_etcd_segments *, struct etcd_index *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_SEGMENTS_H_ */
