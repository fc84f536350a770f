#ifndef ETCD_ETCD_BUCKET_FILE_H_
#define ETCD_ETCD_BUCKET_FILE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "etcd/etcd_bolt.h"
#include "etcd/etcd_items.h"

/*
 * The buckets of an etcd database other than "key", as they were: the file
 * "buckets" of the records form (doc/format.md, "etcd records").
 */

#define ETCD_BUCKET_ITEM_HEAD 17

/* Such a file begins with this; the rest is items. */
void etcd_bucket_file_head(uint8_t[ETCD_MAGIC_LEN]);

/**
 * etcd_bucket_item_head(to, bucket, nkey, seq, nvalue):
 * What stands before the name of a bucket (its length in ${nkey}, its
 * sequence in ${seq}), or before a key and its value.
 */
void etcd_bucket_item_head(
    uint8_t[ETCD_BUCKET_ITEM_HEAD], bool, uint32_t, uint64_t, uint32_t);

/* Who takes what is in it; both are valid during the call. */
struct etcd_bucket_sink {
	int (*bucket)(void *arg, const uint8_t *name, size_t len, uint64_t seq,
	    struct err *);
	int (*pair)(void *arg, const uint8_t *key, size_t nkey,
	    const uint8_t *value, size_t nvalue, struct err *);
	void *arg;
};

/**
 * etcd_bucket_each(b, sink, err):
 * Give ${sink} all buckets of a database but "key", ascending.  HF_ECORRUPT
 * if there is anything but buckets, or in one of them anything but pairs.
 */
int etcd_bucket_each(
    const struct etcd_bolt *, const struct etcd_bucket_sink *, struct err *);

/*
 * Reading one that comes in pieces.  HF_ECORRUPT if a rule is broken: the
 * head, buckets and keys that do not ascend, a bucket "key", anything cut.
 */
struct etcd_bucket_reader {
	const struct etcd_bucket_sink *sink;

	/* Private. */
	struct etcd_items items;
	struct buf name, key; /* The last of each. */
	bool any_bucket, any_key;
};

void etcd_bucket_reader_init(
    struct etcd_bucket_reader *, const struct etcd_bucket_sink *);
void etcd_bucket_reader_clear(struct etcd_bucket_reader *);
int etcd_bucket_reader_feed(
    struct etcd_bucket_reader *, const uint8_t *, size_t, struct err *);
int etcd_bucket_reader_end(struct etcd_bucket_reader *, struct err *);

#endif /* !ETCD_ETCD_BUCKET_FILE_H_ */
