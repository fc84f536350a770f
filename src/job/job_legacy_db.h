#ifndef JOB_JOB_LEGACY_DB_H_
#define JOB_JOB_LEGACY_DB_H_

#include <stdint.h>

/* Opaque types. */
struct err;
struct etcd_membership;
struct source_scratch;

/* A snapshot that becomes the database of a new cluster. */
struct job_legacy_db {
	struct source_scratch *snapshot;
	uint64_t size; /* Of it, with the digest at its end. */
	const struct etcd_membership *members; /* Of the new cluster. */
};

/**
 * job_legacy_db_write(db, fd, name, err):
 * Write that database to the empty file ${fd}, which messages call ${name}:
 * every bucket anew, with the members and the raft state of the new cluster,
 * and without the alarms of the old one.  HF_ECORRUPT if the snapshot is no
 * database of etcd's.
 */
int job_legacy_db_write(
    const struct job_legacy_db *, int, const char *, struct err *);

#endif /* !JOB_JOB_LEGACY_DB_H_ */
