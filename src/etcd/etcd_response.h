#ifndef ETCD_ETCD_RESPONSE_H_
#define ETCD_ETCD_RESPONSE_H_

#include <stdbool.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct pb;

/*
 * What the answers of etcd's services have in common.
 */
struct etcd_header {
	uint64_t cluster_id, member_id;
	uint64_t revision; /* Of the store, when the member answered. */
	uint64_t raft_term;
};

/**
 * etcd_header_read(field, ret):
 * Read the ResponseHeader that pb_next found in ${field}.  Return false if
 * it is malformed.
 */
bool etcd_header_read(const struct pb *, struct etcd_header *);

/**
 * etcd_malformed(method, err):
 * Fail with HF_ESOURCE: the answer to ${method} cannot be what etcd sends.
 */
int etcd_malformed(const char *, struct err *);

#endif /* !ETCD_ETCD_RESPONSE_H_ */
