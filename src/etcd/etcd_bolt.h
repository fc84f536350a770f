#ifndef ETCD_ETCD_BOLT_H_
#define ETCD_ETCD_BOLT_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_bolt_cursor;

/*
 * Reading bbolt files, which etcd's databases and snapshots are: a B+ tree
 * of pages, whose leaves hold buckets, whose leaves hold keys and values.
 *
 * A file has no checksum but those of its two meta pages, so nothing in it
 * is believed: of each page the number, the type, the run of pages that it
 * fills, the place of every element and the order of every key, between the
 * keys that its parent has around it, are checked when it is read, before
 * any of it is handed out.  As keys only ascend, no page is handed out twice
 * in a pass, so that no file makes a reader go in circles.
 *
 * Damage is HF_ECORRUPT, and the message names the page and the rule.
 */

/*
 * Where the bytes are: all of them in memory, or to be read piece by piece.
 */
struct etcd_bolt_file {
	uint64_t size;
	const uint8_t *base; /* The bytes; or NULL, and then: */

	/* Read ${n} bytes at ${off}; off + n is at most size. */
	int (*read)(void *arg, uint64_t off, void *to, size_t n, struct err *);
	void *arg;
};

/* A database: what the newer of its valid meta pages says. */
#define ETCD_BOLT_NO_FREELIST UINT64_MAX
#define ETCD_BOLT_PAGE_MIN 512
#define ETCD_BOLT_PAGE_MAX 65536

struct etcd_bolt {
	const struct etcd_bolt_file *file;
	uint32_t page_size;
	uint64_t pages; /* All page numbers are below. */
	uint64_t root, freelist, txid;
};

/**
 * etcd_bolt_open(b, file, err):
 * Read the meta pages of ${file}, which must outlive ${b}.  Bytes behind the
 * last page, like the digest of a snapshot, are passed over.
 */
int etcd_bolt_open(
    struct etcd_bolt *, const struct etcd_bolt_file *, struct err *);

/* One element of a leaf. */
#define ETCD_BOLT_BUCKET 1

struct etcd_bolt_item {
	const uint8_t *key, *value;
	size_t nkey, nvalue;
	uint32_t flags; /* ETCD_BOLT_BUCKET: value is a bucket. */
};

/**
 * etcd_bolt_cursor_new(b, bucket, ret, err):
 * Make a cursor over the elements of ${bucket}, an item with the flag
 * ETCD_BOLT_BUCKET; of the database's root, whose elements are the buckets,
 * if it is NULL.
 */
int etcd_bolt_cursor_new(const struct etcd_bolt *,
    const struct etcd_bolt_item *, struct etcd_bolt_cursor **, struct err *);
void etcd_bolt_cursor_free(struct etcd_bolt_cursor *);
CLEANUP_DEFINE(etcd_bolt_cursor);

/**
 * etcd_bolt_bucket(b, name, ret, err):
 * Make a cursor over the bucket ${name} of the root; HF_ENOTFOUND if there is
 * none.
 */
int etcd_bolt_bucket(const struct etcd_bolt *, const char *,
    struct etcd_bolt_cursor **, struct err *);

/**
 * etcd_bolt_first(c, item, err), etcd_bolt_next(c, item, err):
 * Step to the first or the next element; next of a new cursor is first.
 * Return 1, or 0 if there is none, or a negative code, after which there is
 * none either.  What ${item} points to stays as it is until the cursor's next
 * step; if the file is in memory, as long as that.
 */
int etcd_bolt_first(
    struct etcd_bolt_cursor *, struct etcd_bolt_item *, struct err *);
int etcd_bolt_next(
    struct etcd_bolt_cursor *, struct etcd_bolt_item *, struct err *);

/**
 * etcd_bolt_seek(c, key, n, item, err):
 * Step to the first element whose key is not below the ${n} bytes at ${key}.
 */
int etcd_bolt_seek(struct etcd_bolt_cursor *, const void *, size_t,
    struct etcd_bolt_item *, struct err *);

/**
 * etcd_bolt_last(c, item, err):
 * Step to the last element.
 */
int etcd_bolt_last(
    struct etcd_bolt_cursor *, struct etcd_bolt_item *, struct err *);

/**
 * etcd_bolt_sequence(bucket):
 * The sequence number of ${bucket}, an item with the flag ETCD_BOLT_BUCKET.
 */
uint64_t etcd_bolt_sequence(const struct etcd_bolt_item *);

/**
 * etcd_bolt_check(b, err):
 * Walk everything, as bbolt's own check does: every page between 2 and the
 * highest is as it must be, and is either reached once or, if there is a list
 * of free pages, once in that.  Needs a bit of memory for each page.
 */
int etcd_bolt_check(const struct etcd_bolt *, struct err *);

#endif /* !ETCD_ETCD_BOLT_H_ */
