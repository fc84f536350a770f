#ifndef ETCD_ETCD_BOLT_IMPL_H_
#define ETCD_ETCD_BOLT_IMPL_H_

#include <stdbool.h>

#include "etcd/etcd_bolt.h"

/*
 * The page format (bbolt's internal/common/page.go).  A header:
 * u64 number, u16 type, u16 count of elements, u32 further pages of its run;
 * then elements, whose ${pos} counts from the element itself:
 *
 *	of a branch  u32 pos, u32 key length, u64 number of the child
 *	of a leaf    u32 flags, u32 pos, u32 key length, u32 value length
 *
 * A bucket's value is u64 number of its root page, u64 sequence; if the
 * number is 0, a leaf page follows in the value itself.
 */
#define BOLT_HEADER 16
#define BOLT_ELEMENT 16
#define BOLT_BUCKET 16
#define BOLT_KEY_MAX 32768
#define BOLT_VALUE_MAX 0x7ffffffe

/*
 * Pages 0 and 1 are metas, of which the higher transaction counts: behind the
 * header u32 magic, u32 version, u32 page size, u32 flags, the value of the
 * bucket that holds all others, u64 page of the list of free pages, u64 pages,
 * u64 transaction, u64 checksum.
 */
#define BOLT_MAGIC 0xed0cdaed
#define BOLT_VERSION 2
#define BOLT_META_LEN 64
#define BOLT_META_SUMMED 56 /* Of these, what the checksum is over. */

enum bolt_type {
	BOLT_BRANCH = 0x01,
	BOLT_LEAF = 0x02,
	BOLT_META = 0x04,
	BOLT_FREELIST = 0x10,
};

/*
 * A run may be as long as its longest value; etcd takes requests of 1.5 MiB
 * unless told otherwise.
 */
#define BOLT_RUN_MAX (256UL * 1024 * 1024)

/* The keys that a page must lie between: lo <= key < hi; NULL is no bound. */
struct bolt_key {
	const uint8_t *p;
	size_t n;
};

struct bolt_bounds {
	struct bolt_key lo, hi;
};

/* A page in memory, checked. */
struct bolt_page {
	uint64_t id; /* 0: it lies in a bucket's value. */
	const uint8_t *p;
	size_t len; /* Of the run. */
	bool leaf;
	unsigned int count;
	unsigned int at; /* The element where a cursor stands. */
	struct bolt_bounds bounds;
	uint8_t *room; /* Its bytes, if the file is not in memory. */
	size_t cap;
};

struct bolt_header {
	uint64_t id;
	unsigned int type, count;
	uint32_t overflow;
};

void bolt_header(const uint8_t *, struct bolt_header *);

/**
 * bolt_header_put(p, h):
 * The reverse.
 */
void bolt_header_put(uint8_t *, const struct bolt_header *);

/**
 * bolt_meta_sum(p):
 * Return the checksum of the meta at ${p}, FNV-1a.
 */
uint64_t bolt_meta_sum(const uint8_t *);

/**
 * bolt_page_load(b, id, bounds, pg, err):
 * Read page ${id} into ${pg} and check all of it.
 */
int bolt_page_load(const struct etcd_bolt *, uint64_t,
    const struct bolt_bounds *, struct bolt_page *, struct err *);

/**
 * bolt_page_inline(p, n, pg, err):
 * Take the ${n} bytes at ${p}, which stay where they are, for a leaf.
 */
int bolt_page_inline(const uint8_t *, size_t, struct bolt_page *, struct err *);

/**
 * bolt_page_room(pg, n, err):
 * Have room for ${n} bytes; what is in it stays.
 */
int bolt_page_room(struct bolt_page *, size_t, struct err *);

/**
 * bolt_page_key(pg, i), bolt_page_item(pg, i, item), bolt_page_child(pg, i):
 * What element ${i} says.
 */
struct bolt_key bolt_page_key(const struct bolt_page *, unsigned int);
void bolt_page_item(
    const struct bolt_page *, unsigned int, struct etcd_bolt_item *);
uint64_t bolt_page_child(const struct bolt_page *, unsigned int);

int bolt_key_cmp(const struct bolt_key *, const struct bolt_key *);

/**
 * bolt_file_read(f, off, to, n, err):
 * Copy ${n} bytes at ${off}, which must lie in the file.
 */
int bolt_file_read(
    const struct etcd_bolt_file *, uint64_t, void *, size_t, struct err *);

/**
 * bolt_cursor_watch(c, fn, arg):
 * Have ${fn} called with the numbers of every run of pages that ${c} reads,
 * the first and how many, before any of it is used.
 */
void bolt_cursor_watch(struct etcd_bolt_cursor *,
    int (*)(void *, uint64_t, uint64_t, struct err *), void *);

/**
 * bolt_cursor_leaf(c, to, err):
 * Step to the first leaf or the next one, whose elements may be none: 1, or 0
 * if there is none.  It becomes ${to}'s, with its room; the one that ${to}
 * had is used for another.  The cursor can do nothing else from then on.
 */
int bolt_cursor_leaf(
    struct etcd_bolt_cursor *, struct bolt_page *, struct err *);

#endif /* !ETCD_ETCD_BOLT_IMPL_H_ */
