#ifndef SOURCE_ETCD_SOURCE_ETCD_LEASES_H_
#define SOURCE_ETCD_SOURCE_ETCD_LEASES_H_

#include "etcd/etcd_lease_file.h"

/* Opaque types. */
struct err;
struct etcd_client;
struct source_etcd_log;

/**
 * source_etcd_leases_ask(known, c, log, err):
 * Give ${log}, which is about to be stored, the leases that there are, if they
 * differ from ${known}, those of the log before; ${known} becomes the new ones.
 * What a lease was granted for never changes: only new ones are asked about,
 * and not too many at once.
 */
int source_etcd_leases_ask(struct etcd_lease_file *, struct etcd_client *,
    struct source_etcd_log *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_LEASES_H_ */
