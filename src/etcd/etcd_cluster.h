#ifndef ETCD_ETCD_CLUSTER_H_
#define ETCD_ETCD_CLUSTER_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "etcd/etcd_response.h"

/* Opaque types. */
struct err;
struct etcd_client;

/*
 * Who belongs to a cluster, as one member knows it.  A member that was added
 * and has never started has no name and no client URLs.
 */
struct etcd_urls {
	char **at;
	size_t n;
};

struct etcd_cluster_member {
	uint64_t id;
	char *name; /* "": it has not started yet. */
	struct etcd_urls peer, client;
	bool learner;
};

/* More than any cluster has, by far. */
#define ETCD_CLUSTER_MAX 256
#define ETCD_URLS_MAX 64

struct etcd_cluster {
	struct etcd_header header;
	struct etcd_cluster_member *at;
	size_t n;
};

/**
 * etcd_cluster_get(c, ret, err):
 * Ask for the list of members; no leader is needed.  HF_ESOURCE if it is
 * empty, has more than ETCD_CLUSTER_MAX, one with more than ETCD_URLS_MAX
 * URLs of a kind, or a name or URL with a control character.  The caller
 * frees ${ret} with etcd_cluster_free.
 */
int etcd_cluster_get(struct etcd_client *, struct etcd_cluster *, struct err *);
void etcd_cluster_free(struct etcd_cluster *);

static inline void
freep_etcd_cluster(struct etcd_cluster *m)
{
	etcd_cluster_free(m);
}

/**
 * etcd_cluster_read(p, n, ret, err):
 * Read a MemberListResponse of ${n} bytes at ${p}.
 */
int etcd_cluster_read(
    const uint8_t *, size_t, struct etcd_cluster *, struct err *);

/**
 * etcd_cluster_started(m):
 * Return true if the member has started at least once.
 */
bool etcd_cluster_started(const struct etcd_cluster_member *);

#endif /* !ETCD_ETCD_CLUSTER_H_ */
