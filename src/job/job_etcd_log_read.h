#ifndef JOB_JOB_ETCD_LOG_READ_H_
#define JOB_JOB_ETCD_LOG_READ_H_

#include <stdint.h>

#include "etcd/etcd_record.h"

/* Opaque types. */
struct err;
struct etcd_clock;
struct etcd_lease_file;
struct job;
struct job_etcd_log;
struct repo;
struct repo_ahead;

/* What is in one log (doc/format.md, "etcd logs"). */

/**
 * job_etcd_log_records(j, r, ahead, log, after, fn, arg, err):
 * Give the records of ${log}, which is the next to be taken from ${ahead},
 * that are newer than ${after}.  HF_ECORRUPT if they are not those of its
 * revisions, all of them and in their order.
 */
int job_etcd_log_records(const struct job *, struct repo *, struct repo_ahead *,
    const struct job_etcd_log *, uint64_t, etcd_record_fn *, void *,
    struct err *);

/**
 * job_etcd_log_clock(j, r, log, ret, err),
 * job_etcd_log_leases(j, r, log, ret, err):
 * Read its clock, or its leases, into the empty ${ret}.
 */
int job_etcd_log_clock(const struct job *, struct repo *,
    const struct job_etcd_log *, struct etcd_clock *, struct err *);
int job_etcd_log_leases(const struct job *, struct repo *,
    const struct job_etcd_log *, struct etcd_lease_file *, struct err *);

#endif /* !JOB_JOB_ETCD_LOG_READ_H_ */
