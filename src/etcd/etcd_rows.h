#ifndef ETCD_ETCD_ROWS_H_
#define ETCD_ETCD_ROWS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * The encoding of the small files of a log, "clock" and "leases"
 * (doc/format.md, "etcd logs"): eight bytes that say what it is, and rows of
 * two numbers, neither of which is greater than INT64_MAX.
 */
#define ETCD_ROWS_MAGIC_LEN 8

int etcd_rows_begin(
    struct buf *, const uint8_t magic[ETCD_ROWS_MAGIC_LEN], struct err *);
int etcd_rows_add(struct buf *, uint64_t, uint64_t, struct err *);

/* What is still to be read of such a file. */
struct etcd_rows {
	const uint8_t *p;
	size_t n;
	bool bad;
};

/**
 * etcd_rows_open(r, magic, p, n):
 * Begin to read ${n} bytes, which may be anything.
 */
void etcd_rows_open(struct etcd_rows *,
    const uint8_t magic[ETCD_ROWS_MAGIC_LEN], const uint8_t *, size_t);

/**
 * etcd_rows_next(r, a, b):
 * Give the next row; return false at the end, or, with ${r->bad} set, where
 * the file is damaged.
 */
bool etcd_rows_next(struct etcd_rows *, uint64_t *, uint64_t *);

#endif /* !ETCD_ETCD_ROWS_H_ */
