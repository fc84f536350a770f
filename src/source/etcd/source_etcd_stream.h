#ifndef SOURCE_ETCD_SOURCE_ETCD_STREAM_H_
#define SOURCE_ETCD_SOURCE_ETCD_STREAM_H_

#include <stdint.h>

#include "base/entry.h"
#include "etcd/etcd_snapshot.h"
#include "source/etcd/source_etcd_survey.h"

/**
 * source_etcd_stream(m, time_ns, sink, begun, err):
 * Pass a snapshot of the member ${m} on to ${sink} while it comes.  If that
 * fails with ${*begun} set, the sink has heard of it already.
 */
int source_etcd_stream(const struct source_etcd_member *, int64_t,
    struct sink *, bool *, struct err *);

/**
 * source_etcd_snapshot_entry(s, time_ns):
 * Return what the file is; its path is a constant.
 */
struct entry source_etcd_snapshot_entry(const struct etcd_snapshot *, int64_t);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_STREAM_H_ */
