#ifndef ETCD_ETCD_INDEX_H_
#define ETCD_ETCD_INDEX_H_

#include <stdint.h>

#include "base/buf.h"

/*
 * The index of the records form (doc/format.md, "etcd records"): which
 * segments make the database, which of their records are still alive, and
 * what the whole must amount to.
 */
struct etcd_index_segment {
	uint64_t main, sub;           /* Of its first record: its name. */
	uint64_t last_main, last_sub; /* Of its last one. */
	uint32_t records;             /* In it, dead ones included. */
	uint32_t alive;
	/* A bit for each record, the lowest of a byte first: 1 is alive.
	 * NULL: all are. */
	uint8_t *live;
};

struct etcd_index {
	uint32_t page_size; /* Of the database that was read. */
	uint64_t revision;  /* Of the newest record; 1 if there is none. */
	uint64_t compact_revision; /* To which it is compacted; 0: never. */
	/* HashKV at ${revision}, as compacted to ${hash_compact}. */
	uint64_t hash_compact;
	uint32_t hash;
	uint64_t records, bytes;             /* Alive; bytes of their values. */
	struct etcd_index_segment *segments; /* Ascending and apart. */
	size_t nsegments;
};

#define ETCD_INDEX_PATH_LEN 40 /* "records/" and two numbers, with NUL. */

void etcd_index_clear(struct etcd_index *);

static inline void
freep_etcd_index(struct etcd_index *x)
{
	etcd_index_clear(x);
}

/**
 * etcd_index_path(main, sub, to):
 * The path of the segment whose first record has this revision, in the
 * backup; return ${to}.
 */
char *etcd_index_path(uint64_t, uint64_t, char[ETCD_INDEX_PATH_LEN]);

/**
 * etcd_index_add(x, seg, err):
 * Append a segment and take over its ${live}, also on failure.
 */
int etcd_index_add(
    struct etcd_index *, const struct etcd_index_segment *, struct err *);

/**
 * etcd_index_alive(seg, i):
 * Is record ${i} of the segment alive?
 */
static inline int
etcd_index_alive(const struct etcd_index_segment *s, uint32_t i)
{
	return s->live == NULL || (s->live[i / 8] >> (i % 8) & 1);
}

int etcd_index_encode(const struct etcd_index *, struct buf *, struct err *);

/**
 * etcd_index_decode(p, n, x, err):
 * Read one into the empty ${x}.  HF_ECORRUPT if a rule is broken: order,
 * counts that do not add up, revisions out of range, bytes left over.
 */
int etcd_index_decode(
    const uint8_t *, size_t, struct etcd_index *, struct err *);

#endif /* !ETCD_ETCD_INDEX_H_ */
