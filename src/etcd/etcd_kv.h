#ifndef ETCD_ETCD_KV_H_
#define ETCD_ETCD_KV_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A KeyValue message (api/mvccpb/kv.proto), as Range and Watch hand it out
 * and as the database keeps it.
 */
struct etcd_kv {
	const uint8_t *key, *value; /* Into the message. */
	size_t nkey, nvalue;
	uint64_t create_revision, mod_revision, version, lease;
};

/**
 * etcd_kv_read(p, n, ret):
 * Read the message of ${n} bytes at ${p}.  Return false if it is malformed.
 */
bool etcd_kv_read(const uint8_t *, size_t, struct etcd_kv *);

#endif /* !ETCD_ETCD_KV_H_ */
