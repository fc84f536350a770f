#ifndef ETCD_ETCD_BUCKET_H_
#define ETCD_ETCD_BUCKET_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * A bucket of etcd's database that is small enough to be held in memory and
 * changed there: keys ascending, as bytes, each once.
 */
struct etcd_pair {
	uint8_t *key, *val;
	size_t nkey, nval;
};

struct etcd_bucket {
	struct etcd_pair *v;
	size_t n, cap;
};

#define ETCD_BUCKET_INIT                                                       \
	{                                                                      \
		NULL, 0, 0                                                     \
	}

/**
 * etcd_bucket_put(b, key, nkey, val, nval, err):
 * Add a pair of copies, in place of what the key had.  On failure nothing
 * has changed.
 */
int etcd_bucket_put(struct etcd_bucket *, const void *, size_t, const void *,
    size_t, struct err *);

/**
 * etcd_bucket_find(b, key, nkey):
 * Return the pair of the key, or NULL.
 */
const struct etcd_pair *etcd_bucket_find(
    const struct etcd_bucket *, const void *, size_t);

/**
 * etcd_bucket_clear(b):
 * Release all pairs and make ${b} empty.
 */
void etcd_bucket_clear(struct etcd_bucket *);

#endif /* !ETCD_ETCD_BUCKET_H_ */
