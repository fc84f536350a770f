#ifndef JOB_JOB_ETCD_LEASES_H_
#define JOB_JOB_ETCD_LEASES_H_

#include <stdbool.h>
#include <stdint.h>

#include "etcd/etcd_bucket_file.h"
#include "etcd/etcd_lease_file.h"

/* Opaque types. */
struct err;
struct etcd_bucket;
struct etcd_record;

/*
 * How long a lease gets of which nobody knows for how long it was granted: its
 * keys must not stay for ever.
 */
#define JOB_LEASE_UNKNOWN_SECONDS 60

/**
 * job_etcd_lease_read(value, n, ret, err):
 * Read what the bucket "lease" of a database has of one.
 */
int job_etcd_lease_read(
    const uint8_t *, size_t, struct etcd_lease_row *, struct err *);

/*
 * Passes the buckets of a backup on to a restore, with the leases of the logs
 * that continue it in place of its own.
 */
struct job_etcd_leases {
	const struct etcd_lease_file *known; /* NULL: those of the backup, */
	const struct etcd_lease_file *next;  /* and these; or NULL. */
	const struct etcd_bucket_sink *to;

	/* Private. */
	bool at_leases; /* Their bucket is at hand. */
	struct etcd_lease_file old;
};

/**
 * job_etcd_leases_sink(l):
 * Where the backup's buckets go.
 */
struct etcd_bucket_sink job_etcd_leases_sink(struct job_etcd_leases *);

/**
 * job_etcd_leases_end(l, err):
 * No more come.
 */
int job_etcd_leases_end(struct job_etcd_leases *, struct err *);
void job_etcd_leases_clear(struct job_etcd_leases *);

/**
 * job_etcd_leases_note(had, r, err):
 * Add the lease of the record's key, if there is one, to ${had}.
 */
int job_etcd_leases_note(
    struct etcd_lease_file *, const struct etcd_record *, struct err *);

/**
 * job_etcd_leases_gone(had, b, gone, err):
 * Add to ${gone} those of ${had} that the bucket of leases does not have.
 */
int job_etcd_leases_gone(const struct etcd_lease_file *,
    const struct etcd_bucket *, struct etcd_lease_file *, struct err *);

/**
 * job_etcd_leases_grant(gone, b, known, err):
 * Grant them again: add them to the bucket of leases, those that were granted
 * for 0 seconds, which is unknown, for JOB_LEASE_UNKNOWN_SECONDS.  Add to
 * ${*known} how many the others are.
 */
int job_etcd_leases_grant(const struct etcd_lease_file *, struct etcd_bucket *,
    uint64_t *, struct err *);

#endif /* !JOB_JOB_ETCD_LEASES_H_ */
