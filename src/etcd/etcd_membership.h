#ifndef ETCD_ETCD_MEMBERSHIP_H_
#define ETCD_ETCD_MEMBERSHIP_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct buf;
struct err;
struct etcd_bucket;

/*
 * Who a restored cluster consists of, and which of them a data directory is
 * made for.  All members' directories are made apart from each other, from
 * the same words and the same backup, and fit together: ids are computed
 * from the words alone, as etcd does,
 *
 *	member id  = first 8 bytes of SHA-1(its peer URLs, sorted | token)
 *	cluster id = first 8 bytes of SHA-1(the member ids, ascending)
 *
 * as big-endian numbers.  So a token that was never used before makes sure
 * that members of the old cluster, should they still run, and of the new one
 * refuse to speak with each other.
 */
struct etcd_member {
	uint64_t id;
	char *name;
	char **urls; /* Its peer URLs, ascending. */
	size_t n_urls;
};

struct etcd_membership {
	struct etcd_member *members; /* Ascending by id. */
	size_t n;
	const struct etcd_member *self; /* The one of this directory. */
	uint64_t cluster_id;
};

/* The words of etcd's options of the same names. */
struct etcd_membership_opts {
	const char *name;
	const char *initial_cluster; /* "n1=http://a:2380,n2=http://b:2380":
	                                a name may have several URLs. */
	const char *initial_advertise_peer_urls; /* Those of ${name}. */
	const char *initial_cluster_token;
};

/**
 * etcd_membership_new(opts, ret, err):
 * Check the words as etcd does when it starts anew: the name is in the
 * cluster, its advertised URLs are those that the cluster has for it, and no
 * URL comes twice; each is http or https with host and port.  Stricter than
 * etcd, names are UTF-8 without control characters or blanks around them,
 * and URLs are compared as they are written, not by what they resolve to.
 * HF_EUSAGE, naming option, cause and remedy, if not.
 */
int etcd_membership_new(const struct etcd_membership_opts *,
    struct etcd_membership **, struct err *);
void etcd_membership_free(struct etcd_membership *);
CLEANUP_DEFINE(etcd_membership);

/**
 * etcd_membership_token(ret, err):
 * Give the caller a token that nobody has used before.
 */
int etcd_membership_token(char **, struct err *);

/**
 * etcd_member_json(m, b, err):
 * Append {"id":N,"peerURLs":[...],"name":"..."}, byte for byte as etcd does.
 */
int etcd_member_json(const struct etcd_member *, struct buf *, struct err *);

/**
 * etcd_member_urls_json(m, b, err):
 * Append {"peerURLs":[...]}, likewise.
 */
int etcd_member_urls_json(
    const struct etcd_member *, struct buf *, struct err *);

/**
 * etcd_membership_conf_state(s, b, err):
 * Append raft's ConfState message: all members vote.
 */
int etcd_membership_conf_state(
    const struct etcd_membership *, struct buf *, struct err *);

/**
 * etcd_membership_fill_members(s, b, err):
 * Put the new members into what is to be the bucket "members", which must be
 * empty: ids as hex digits and members as JSON.  The bucket
 * "members_removed" of a restored database is empty.
 */
int etcd_membership_fill_members(
    const struct etcd_membership *, struct etcd_bucket *, struct err *);

/**
 * etcd_membership_fill_meta(s, b, err):
 * Put what a restored database says of raft into what is to be the bucket
 * "meta", in place of what the old one said: consistent_index is the number
 * of members (each is an entry of the log that has been applied), term is 1,
 * and confState has the new members.
 */
int etcd_membership_fill_meta(
    const struct etcd_membership *, struct etcd_bucket *, struct err *);

#endif /* !ETCD_ETCD_MEMBERSHIP_H_ */
