#ifndef JOB_JOB_ETCD_PLAN_H_
#define JOB_JOB_ETCD_PLAN_H_

#include "job/job_etcd_cluster.h"
#include "job/job_etcd_rebuild.h"

/* Opaque types. */
struct err;
struct job_etcd_db;

/* What it takes to restore a whole cluster, and what must come of it. */
struct job_etcd_plan {
	struct job_etcd_cluster *cluster; /* Of the first member's view. */
	struct job_etcd_digest digest;    /* The same for all. */
};

/**
 * job_etcd_plan(db, words, opts, ret, err):
 * Plan to restore ${db} with ${opts} as the cluster of ${words}, of which the
 * cluster must be there, the name is not looked at, and a token is made if
 * there is none.  ${ret} is to be cleared in any case.
 */
int job_etcd_plan(struct job_etcd_db *, const struct etcd_membership_opts *,
    const struct job_etcd_rebuild_opts *, struct job_etcd_plan *, struct err *);
void job_etcd_plan_clear(struct job_etcd_plan *);

#endif /* !JOB_JOB_ETCD_PLAN_H_ */
