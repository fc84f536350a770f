#ifndef BASE_LIMIT_H_
#define BASE_LIMIT_H_

#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * How much memory something may take that grows with what a stranger stored:
 * a list of frames, of folders, of files.  No honest backup of a few
 * terabytes or millions of files comes near the limit; who made a backup that
 * has no end is told by it, before this host has none left.
 */
struct limit {
	uint64_t used, max; /* bytes */
};

#define LIMIT_FLOOR (UINT64_C(256) << 20)

/**
 * limit_of(memory):
 * The limit of who is told to use ${memory} bytes: LIMIT_FLOOR, or more if
 * that is more.
 */
static inline struct limit
limit_of(uint64_t memory)
{
	return (struct limit){ 0, memory > LIMIT_FLOOR ? memory : LIMIT_FLOOR };
}

/**
 * limit_take(l, n, what, err):
 * Count ${n} bytes more for ${what} ("its list of frames"); HF_ENOSPC, and
 * nothing is counted, if they are too many.
 */
int limit_take(struct limit *, uint64_t, const char *, struct err *);

#endif /* !BASE_LIMIT_H_ */
