#ifndef ETCD_ETCD_BOLT_PAGES_H_
#define ETCD_ETCD_BOLT_PAGES_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct etcd_bolt_flusher;

/*
 * The pages of a bbolt file, laid one behind the other in large writes, by a
 * thread of their own.  The first two are left empty: only once everything
 * else is in the file do the metas make a database of it, so what a crash or
 * a full disk leaves behind is never taken for one.
 */
struct etcd_bolt_pages {
	int fd;
	char *path; /* For errors. */
	size_t page_size;
	struct etcd_bolt_flusher *flusher;
	uint8_t *buf; /* What is not written yet, the flusher's; */
	size_t len;   /* how much of it there is, */
	uint64_t off; /* and where it belongs. */
};

/**
 * etcd_bolt_pages_init(p, fd, path, page_size, err):
 * Begin in the empty file ${fd}, which stays the caller's.
 */
int etcd_bolt_pages_init(
    struct etcd_bolt_pages *, int, const char *, size_t, struct err *);
void etcd_bolt_pages_clear(struct etcd_bolt_pages *);

/**
 * etcd_bolt_pages_begin(p, type, count, n, id, err):
 * Begin a page of ${n} bytes behind its header, with as many more pages as
 * they need; ${*id} is its number.  add appends to it, end fills it up.
 */
int etcd_bolt_pages_begin(struct etcd_bolt_pages *, unsigned int, size_t,
    uint64_t, uint64_t *, struct err *);
int etcd_bolt_pages_add(
    struct etcd_bolt_pages *, const void *, size_t, struct err *);
void etcd_bolt_pages_end(struct etcd_bolt_pages *);

/**
 * etcd_bolt_pages_finish(p, root, size, err):
 * Write what is left, and then the metas, whose bucket of buckets is
 * ${root}.  ${*size} is the file's.
 */
int etcd_bolt_pages_finish(
    struct etcd_bolt_pages *, uint64_t, uint64_t *, struct err *);

#endif /* !ETCD_ETCD_BOLT_PAGES_H_ */
