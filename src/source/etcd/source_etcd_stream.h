#ifndef SOURCE_ETCD_SOURCE_ETCD_STREAM_H_
#define SOURCE_ETCD_SOURCE_ETCD_STREAM_H_

#include <stdint.h>

#include "etcd/etcd_snapshot.h"
#include "source/etcd/source_etcd_survey.h"

/* The form in which the snapshot's bytes are one file, as etcd sent them. */
#define SOURCE_ETCD_SNAPSHOT "snapshot.db"

/**
 * source_etcd_stream(m, time_ns, sink, begun, err):
 * Pass a snapshot of the member ${m} on to ${sink} while it comes.  If that
 * fails with ${*begun} set, the sink has heard of it already.
 */
int source_etcd_stream(const struct source_etcd_member *, int64_t,
    struct sink *, bool *, struct err *);

/**
 * source_etcd_add_snapshot(s, time_ns, sink, err):
 * Add the file, whose bytes ${sink} has.
 */
int source_etcd_add_snapshot(
    const struct etcd_snapshot *, int64_t, struct sink *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_STREAM_H_ */
