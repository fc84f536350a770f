#ifndef ETCD_ETCD_LEASE_FILE_H_
#define ETCD_ETCD_LEASE_FILE_H_

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The leases that there were at the end of a log: its file "leases"
 * (doc/format.md, "etcd logs").  A watch does not tell of them, so they are
 * asked for whenever a log is stored.
 */
struct etcd_lease_row {
	uint64_t id;
	/* The seconds that it was granted for; 0 if it came and went during the
	 * log, so that only the keys that had it tell of it. */
	uint64_t granted;
};

struct etcd_lease_file {
	struct etcd_lease_row *v; /* Ascending by id. */
	size_t n, cap;
};

void etcd_lease_file_clear(struct etcd_lease_file *);

static inline void
freep_etcd_lease_file(struct etcd_lease_file *f)
{
	etcd_lease_file_clear(f);
}

/**
 * etcd_lease_file_find(f, id):
 * Return the row of the lease ${id}, or NULL.
 */
struct etcd_lease_row *etcd_lease_file_find(
    const struct etcd_lease_file *, uint64_t);

/**
 * etcd_lease_file_add(f, row, err):
 * Add a row, or set what the lease was granted for if there is one.
 */
int etcd_lease_file_add(
    struct etcd_lease_file *, const struct etcd_lease_row *, struct err *);

/**
 * etcd_lease_pair(row, key, value, err):
 * Make the key of a lease in the bucket "lease" of a database, and append the
 * value that it has there.
 */
#define ETCD_LEASE_KEY_LEN 8
int etcd_lease_pair(const struct etcd_lease_row *, uint8_t[ETCD_LEASE_KEY_LEN],
    struct buf *, struct err *);

int etcd_lease_file_encode(
    const struct etcd_lease_file *, struct buf *, struct err *);

/**
 * etcd_lease_file_decode(p, n, ret, err):
 * Read one into the empty ${ret}.  HF_ECORRUPT if a rule is broken: the head,
 * order, an id that is 0, numbers beyond INT64_MAX, bytes left over.
 */
int etcd_lease_file_decode(
    const uint8_t *, size_t, struct etcd_lease_file *, struct err *);

#endif /* !ETCD_ETCD_LEASE_FILE_H_ */
