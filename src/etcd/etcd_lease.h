#ifndef ETCD_ETCD_LEASE_H_
#define ETCD_ETCD_LEASE_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_client;

/*
 * Leases, as the leader knows them.  How long each has left is known nowhere
 * else: it is neither in the database nor in a watch.
 */
struct etcd_lease {
	uint64_t id;
	int64_t granted; /* Seconds. */
	int64_t left;    /* Seconds; negative: it has expired. */
};

struct etcd_leases {
	uint64_t *ids;
	size_t n, cap;
};

/**
 * etcd_leases_get(c, ret, err):
 * Ask which leases there are.  The caller frees ${ret->ids}.
 */
int etcd_leases_get(struct etcd_client *, struct etcd_leases *, struct err *);

static inline void
freep_etcd_leases(struct etcd_leases *l)
{
	free(l->ids);
}

/**
 * etcd_lease_get(c, id, ret, err):
 * Ask how long the lease ${id} was granted for and how long it has left.  For a
 * lease that does not exist (any more), the latter is negative; that is no
 * failure.
 */
int etcd_lease_get(
    struct etcd_client *, uint64_t, struct etcd_lease *, struct err *);

/**
 * etcd_leases_read(p, n, ret, err), etcd_lease_read(p, n, ret, err):
 * Read a LeaseLeasesResponse or a LeaseTimeToLiveResponse of ${n} bytes.
 */
int etcd_leases_read(
    const uint8_t *, size_t, struct etcd_leases *, struct err *);
int etcd_lease_read(const uint8_t *, size_t, struct etcd_lease *, struct err *);

#endif /* !ETCD_ETCD_LEASE_H_ */
