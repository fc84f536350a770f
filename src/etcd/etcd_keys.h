#ifndef ETCD_ETCD_KEYS_H_
#define ETCD_ETCD_KEYS_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_keys;

/*
 * A number for each of many keys, 0 at first.  Instead of a key it keeps a
 * 64-bit hash under a secret of its own; that takes 21 to 43 bytes a key, and
 * half as much again while it grows.  Two keys with the same hash, one pair in
 * 10^19, are taken for one: a caller for whom this matters compares something
 * else as well.
 */
int etcd_keys_new(struct etcd_keys **, struct err *);
void etcd_keys_free(struct etcd_keys *);
CLEANUP_DEFINE(etcd_keys);

/**
 * etcd_keys_get(k, key, n, ret, err):
 * Point ${*ret} at the number of the key, valid until the next call.
 */
int etcd_keys_get(
    struct etcd_keys *, const uint8_t *, size_t, uint64_t **, struct err *);

/**
 * etcd_keys_each(k, fn, arg):
 * Let ${fn} look at all numbers and change them, in any order.
 */
void etcd_keys_each(struct etcd_keys *, void (*)(void *, uint64_t *), void *);

#endif /* !ETCD_ETCD_KEYS_H_ */
