#ifndef JOB_JOB_RESTORE_ETCD_H_
#define JOB_JOB_RESTORE_ETCD_H_

#include <stdbool.h>
#include <stdint.h>

#include "etcd/etcd_membership.h"
#include "job/job_etcd_rebuild.h"
#include "job/job_etcd_replay.h"

/* Opaque types. */
struct err;
struct job;
struct job_etcd_chain;
struct repo;
struct repo_backup;
struct repo_catalogue;

/*
 * Restoring an etcd: a backup becomes the data directory of one member, from
 * which etcd starts; no tool of etcd's is needed.  Or it becomes a snapshot,
 * as etcdctl saves one and etcdutl restores it.
 */
struct job_restore_etcd_opts {
	const char *to;       /* The data directory, or NULL and ... */
	const char *snapshot; /* ... the file of a snapshot. */
	/* Of the data directory; what is NULL is completed. */
	struct etcd_membership_opts cluster;
	uint64_t revision, bump; /* As in struct job_etcd_rebuild_opts. */
	/* The logs that continue the backup; NULL: none. */
	const struct job_etcd_chain *chain;
	int64_t time_ms; /* With them: as it was by then; 0: nobody said. */
	/* And even if the HashKV of a log is wrong: this is the owner's
	 * decision alone. */
	bool allow_unproven;
	/* Where older backups are that may know of leases; or NULL. */
	const struct repo_catalogue *cat;
	/* Which etcd is to start from it, "3.5"; NULL: nobody said. */
	const char *version;
	bool force_version; /* Even if that is older than the backup's. */
	bool dry_run;       /* Read and check everything, write nothing. */
	bool overwrite;     /* Replace the file of a snapshot. */
	/* For a drill; as in struct job_etcd_rebuild_opts. */
	bool no_auth;
	etcd_record_fn *look;
	void *arg;
};

struct job_restore_etcd_report {
	struct job_etcd_digest digest;
	/* The revision as of which users and roles are; for leases it is
	 * digest.others_revision. */
	uint64_t users_revision;
	const char *users_why; /* Why it is an older one; NULL: it is not. */
	struct job_etcd_unproven unproven; /* If that was allowed. */
	/* A downgrade was under way, and still is: these are the bytes that
	 * etcd sent. */
	bool downgrade_goes_on;
	char version[32]; /* Of the member that was backed up, or "". */
	/* Of a data directory. */
	uint64_t member_id, cluster_id;
	size_t members;  /* Of the cluster. */
	char name[128];  /* Cut, if it is longer. */
	char token[256]; /* Likewise. */
	bool new_token;
	uint64_t took_ms;
};

/**
 * job_restore_etcd(j, r, b, opts, rep, err):
 * Restore the etcd in the backup ${b}.  Nothing is seen at the final place
 * until the database is complete, its records have the hash on which the live
 * member and the backup agreed, and all of it is synced.  Whatever happens
 * before that, nothing is there.
 *
 * HF_EEXISTS if there is something already; HF_EUSAGE if the options of the
 * cluster do not fit together, or the etcd that is to start is older than the
 * backup's; HF_ENOTFOUND if the revision is not in the backup; HF_ECORRUPT if
 * the backup or a log is damaged: half a database is worse than none.
 */
int job_restore_etcd(const struct job *, struct repo *,
    const struct repo_backup *, const struct job_restore_etcd_opts *,
    struct job_restore_etcd_report *, struct err *);

#endif /* !JOB_JOB_RESTORE_ETCD_H_ */
