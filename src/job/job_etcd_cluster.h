#ifndef JOB_JOB_ETCD_CLUSTER_H_
#define JOB_JOB_ETCD_CLUSTER_H_

#include <stdbool.h>

#include "base/cleanup.h"
#include "etcd/etcd_membership.h"

/* Opaque types. */
struct buf;
struct err;

/*
 * The cluster that is restored: what the operator said of it, and what follows
 * from that.  By default the name is "default", the cluster is this one member,
 * and its URL is http://localhost:2380, unless the cluster has others for it.
 * The token is a new one, so that members of the old cluster that still run
 * cannot interfere.
 */
struct job_etcd_cluster {
	char *name, *initial_cluster, *urls, *token; /* In full. */
	bool new_token;                              /* Nobody gave it. */
	struct etcd_membership *membership;
};

/**
 * job_etcd_cluster_new(words, made, ret, err):
 * Complete and check ${words}, of which any may be NULL.  HF_EUSAGE as
 * etcd_membership_new; and if there are several members and no token, unless
 * ${made} says that one may be made for all of them.
 */
int job_etcd_cluster_new(const struct etcd_membership_opts *, bool,
    struct job_etcd_cluster **, struct err *);
void job_etcd_cluster_free(struct job_etcd_cluster *);
CLEANUP_DEFINE(job_etcd_cluster);

/**
 * job_etcd_listen_urls(m, b, err):
 * Append where the member can listen, as --listen-peer-urls takes it.
 */
int job_etcd_listen_urls(
    const struct etcd_member *, struct buf *, struct err *);

#endif /* !JOB_JOB_ETCD_CLUSTER_H_ */
