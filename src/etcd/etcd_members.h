#ifndef ETCD_ETCD_MEMBERS_H_
#define ETCD_ETCD_MEMBERS_H_

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

struct etcd_member {
	uint64_t id;
	char *name; /* "": it has not started yet. */
	struct etcd_urls peer, client;
	bool learner;
};

/* More than any cluster has, by far. */
#define ETCD_MEMBERS_MAX 256
#define ETCD_URLS_MAX 64

struct etcd_members {
	struct etcd_header header;
	struct etcd_member *at;
	size_t n;
};

/**
 * etcd_members_get(c, ret, err):
 * Ask for the list of members; no leader is needed.  HF_ESOURCE if it is
 * empty, has more than ETCD_MEMBERS_MAX, one with more than ETCD_URLS_MAX
 * URLs of a kind, or a name or URL with a control character.  The caller
 * frees ${ret} with etcd_members_free.
 */
int etcd_members_get(struct etcd_client *, struct etcd_members *, struct err *);
void etcd_members_free(struct etcd_members *);

static inline void
freep_etcd_members(struct etcd_members *m)
{
	etcd_members_free(m);
}

/**
 * etcd_members_read(p, n, ret, err):
 * Read a MemberListResponse of ${n} bytes at ${p}.
 */
int etcd_members_read(
    const uint8_t *, size_t, struct etcd_members *, struct err *);

/**
 * etcd_member_started(m):
 * Return true if the member has started at least once.
 */
bool etcd_member_started(const struct etcd_member *);

#endif /* !ETCD_ETCD_MEMBERS_H_ */
