#ifndef JOB_JOB_ETCD_REBUILD_H_
#define JOB_JOB_ETCD_REBUILD_H_

#include <stdbool.h>
#include <stdint.h>

#include "etcd/etcd_downgrade.h"
#include "etcd/etcd_record.h"

/* Opaque types. */
struct err;
struct etcd_lease_file;
struct etcd_membership;
struct job_etcd_db;

/*
 * The database of a backup, written afresh from its records: without a free
 * page, at the revision that is asked for, and for the members of a cluster
 * that is to be.
 */
struct job_etcd_rebuild_opts {
	/* Leave out what is newer; 0: nothing.  Leases and users are as the
	 * backup has them: they have no history. */
	uint64_t revision;
	/* Raise the revision by this and mark all below it as compacted
	 * (etcd_bump.h); 0: do not. */
	uint64_t bump;
	/* In place of the members that the backup has; NULL: keep them. */
	const struct etcd_membership *members;
	/* Turn authentication off: for a copy that is thrown away. */
	bool no_auth;
	/* Sees every record; NULL: nobody does. */
	etcd_record_fn *look;
	void *arg;
	/* Sets what leases were granted for that are gone (${leases_again}
	 * below), of those that it knows; NULL: nobody knows. */
	int (*recall)(void *, struct etcd_lease_file *, struct err *);
};

/* What a member that starts on it has, and must show. */
struct job_etcd_digest {
	uint64_t revision, compact_revision;
	uint32_t hash;    /* HashKV at this revision, compacted so. */
	uint64_t records; /* Written. */
	uint64_t size;    /* Of the file, in bytes. */

	/* What is not as it was, after job_etcd_rebuild. */
	uint64_t at;              /* The revision before it was raised. */
	uint64_t others_revision; /* As of which leases and users are. */
	/* Leases that keys had at the revision and that were gone by then are
	 * granted again: ${leases_known} of them for the time that somebody
	 * knew, the others for JOB_LEASE_UNKNOWN_SECONDS. */
	uint64_t leases_again, leases_known;
	struct etcd_downgrade downgrade; /* It is ended. */
};

/**
 * job_etcd_digest(db, opts, compact_revision, ret, err):
 * What such a member must show once it is compacted to ${compact_revision};
 * 0: as it starts.  Nothing is read where the backup says it all: then
 * ${ret->records} is 0.
 */
int job_etcd_digest(struct job_etcd_db *, const struct job_etcd_rebuild_opts *,
    uint64_t, struct job_etcd_digest *, struct err *);

/**
 * job_etcd_downgrade(db, ret, err):
 * Find the downgrade that was going on.
 */
int job_etcd_downgrade(
    struct job_etcd_db *, struct etcd_downgrade *, struct err *);

/**
 * job_etcd_rebuild(db, opts, fd, path, ret, err):
 * Write the database into the empty file ${fd}, which errors call ${path};
 * with ${fd} -1 write nothing, but read and check everything.  The records
 * are hashed on their way: the file may be used only if this returns 0.
 * HF_ENOTFOUND if the revision is compacted or still to come.
 */
int job_etcd_rebuild(struct job_etcd_db *, const struct job_etcd_rebuild_opts *,
    int, const char *, struct job_etcd_digest *, struct err *);

#endif /* !JOB_JOB_ETCD_REBUILD_H_ */
