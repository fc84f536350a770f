#ifndef JOB_JOB_ETCD_LEASES_H_
#define JOB_JOB_ETCD_LEASES_H_

#include <stdbool.h>
#include <stdint.h>

#include "etcd/etcd_bucket_file.h"
#include "etcd/etcd_lease_file.h"

/* Opaque types. */
struct err;

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

#endif /* !JOB_JOB_ETCD_LEASES_H_ */
