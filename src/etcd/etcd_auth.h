#ifndef ETCD_ETCD_AUTH_H_
#define ETCD_ETCD_AUTH_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct etcd_client;

/*
 * Users and roles are not keys: a watch does not tell of them.  But each change
 * raises the revision of authentication, which shows that there was one.
 */
struct etcd_auth {
	bool enabled;
	uint64_t revision; /* 0: the server is older than 3.5. */
};

/**
 * etcd_auth_get(c, ret, err):
 * Ask how authentication stands.  etcd 3.4 does not know the question, and
 * ${ret} is zero then.
 */
int etcd_auth_get(struct etcd_client *, struct etcd_auth *, struct err *);

/**
 * etcd_auth_read(p, n, ret, err):
 * Read an AuthStatusResponse of ${n} bytes at ${p}.
 */
int etcd_auth_read(const uint8_t *, size_t, struct etcd_auth *, struct err *);

#endif /* !ETCD_ETCD_AUTH_H_ */
