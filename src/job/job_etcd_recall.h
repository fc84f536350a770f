#ifndef JOB_JOB_ETCD_RECALL_H_
#define JOB_JOB_ETCD_RECALL_H_

#include <stdint.h>

/* Opaque types. */
struct err;
struct etcd_lease_file;
struct job;
struct repo;
struct repo_backup;
struct repo_catalogue;

/*
 * Leases that keys had at a revision which is in a backup's past, and that were
 * gone when it was made: the backup does not know for how long they were
 * granted.  An older backup, or its logs, may.
 */
struct job_etcd_recall {
	const struct job *job;
	struct repo *repo;
	const struct repo_catalogue *cat;
	const struct repo_backup *backup; /* Older ones of its source count. */
	uint64_t revision;
};

/**
 * job_etcd_recall(x, gone, err):
 * Set what the leases in ${gone} were granted for, where that is known; it
 * stays 0 of the others.  An older backup that is damaged knows nothing.
 */
int job_etcd_recall(
    const struct job_etcd_recall *, struct etcd_lease_file *, struct err *);

#endif /* !JOB_JOB_ETCD_RECALL_H_ */
