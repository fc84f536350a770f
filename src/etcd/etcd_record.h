#ifndef ETCD_ETCD_RECORD_H_
#define ETCD_ETCD_RECORD_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "etcd/etcd_items.h"

/*
 * The records form of an etcd database (doc/format.md, "etcd records"): what
 * the bucket "key" holds, record by record in the order of revisions, cut into
 * segments that never change once they are stored.  It is the same on every
 * member, and before and after a defragmentation; free pages, with what was
 * deleted, are left out.
 */

/* One MVCC record: a version of a key, or its deletion. */
struct etcd_record {
	uint64_t main, sub; /* The revision; at most INT64_MAX each. */
	bool tombstone;
	const uint8_t *value; /* The KeyValue message, as it was stored. */
	size_t len;
};

#define ETCD_RECORD_HEAD 21

/**
 * etcd_record_cmp(a, b):
 * Compare two records by revision, as strcmp does.
 */
int etcd_record_cmp(const struct etcd_record *, const struct etcd_record *);

/* What a segment begins with, and what stands before each value. */
void etcd_segment_head(uint8_t[ETCD_MAGIC_LEN]);
void etcd_record_head(const struct etcd_record *, uint8_t[ETCD_RECORD_HEAD]);

/*
 * Reading a segment that comes in pieces: ${fn} gets each record, valid
 * during the call.  HF_ECORRUPT if a rule is broken: the head, ascending
 * revisions, lengths, or anything cut.
 */
typedef int etcd_record_fn(void *arg, const struct etcd_record *, struct err *);

struct etcd_segment_reader {
	etcd_record_fn *fn;
	void *arg;

	/* Private. */
	struct etcd_items items;
	bool any;
	struct etcd_record last; /* Its revision alone. */
};

void etcd_segment_reader_init(
    struct etcd_segment_reader *, etcd_record_fn *, void *);
void etcd_segment_reader_clear(struct etcd_segment_reader *);
int etcd_segment_reader_feed(
    struct etcd_segment_reader *, const uint8_t *, size_t, struct err *);
int etcd_segment_reader_end(struct etcd_segment_reader *, struct err *);

#endif /* !ETCD_ETCD_RECORD_H_ */
