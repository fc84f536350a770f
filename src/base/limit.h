#ifndef BASE_LIMIT_H_
#define BASE_LIMIT_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * How much memory something may take that grows with what a stranger stored: a
 * list of frames, of folders, of files.  No honest backup of a few terabytes or
 * millions of files comes near the limit; but a backup that was made to have no
 * end meets it before this host runs out of memory.
 */
struct limit {
	uint64_t used, max; /* bytes */
};

#define LIMIT_FLOOR (UINT64_C(256) << 20)

/**
 * limit_of(memory):
 * Return the limit of a caller that may use ${memory} bytes: that, but at least
 * LIMIT_FLOOR.
 */
static inline struct limit
limit_of(uint64_t memory)
{
	return (struct limit){ 0, memory > LIMIT_FLOOR ? memory : LIMIT_FLOOR };
}

/**
 * limit_take(l, n, what, err):
 * Count ${n} more bytes for ${what} ("its list of frames").  If they are too
 * many, HF_ENOSPC, and nothing is counted.
 */
int limit_take(struct limit *, uint64_t, const char *, struct err *);

/**
 * limit_grow(l, v, cap, size, what, err):
 * Return the list ${v}, of ${*cap} elements of ${size} bytes, with room for
 * twice as many, and ${*cap} doubled; ${v} is gone then.  NULL, and all is as
 * it was, if ${l} forbids it.
 */
void *limit_grow(
    struct limit *, void *, size_t *, size_t, const char *, struct err *);

#endif /* !BASE_LIMIT_H_ */
