#ifndef ETCD_ETCD_RANGE_H_
#define ETCD_ETCD_RANGE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "etcd/etcd_client.h"
#include "etcd/etcd_kv.h"
#include "etcd/etcd_response.h"

/* Opaque types. */
struct err;

/*
 * KV.Range: keys from ${key} up to, not including, ${end}.  All of them are
 * key "\0" and end "\0"; no end is the one key.
 */
struct etcd_range {
	const void *key, *end;
	size_t nkey, nend;
	uint64_t revision; /* As of which; 0: the newest. */
	uint64_t limit;    /* Not more keys than these; 0: all. */
	bool serializable; /* What the member has: needs no leader. */
	bool count_only;

	/* Takes each; what it points to is gone afterwards. */
	int (*fn)(void *arg, const struct etcd_kv *, struct err *);
	void *arg;
};

struct etcd_range_end {
	struct etcd_header header;
	uint64_t count; /* Of keys in the range, limit or not. */
	bool more;      /* The limit cut it short. */
};

/**
 * etcd_range_get(c, range, ret, gone, err):
 * Read keys, in their order.  HF_ENOTFOUND, with ${*gone} set, if the
 * revision has been compacted or is still to come.
 */
int etcd_range_get(struct etcd_client *, const struct etcd_range *,
    struct etcd_range_end *, enum etcd_revision *, struct err *);

/**
 * etcd_range_read(p, n, range, ret, err):
 * Read a RangeResponse of ${n} bytes at ${p}, and hand its keys to the
 * range's fn.
 */
int etcd_range_read(const uint8_t *, size_t, const struct etcd_range *,
    struct etcd_range_end *, struct err *);

#endif /* !ETCD_ETCD_RANGE_H_ */
