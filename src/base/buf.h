#ifndef BASE_BUF_H_
#define BASE_BUF_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;

/*
 * A growing run of bytes, and the two halves of the one encoding that all of
 * holdfast's formats use (doc/format.md, "Encoding"): integers are little
 * endian, strings and byte strings are a u32 length and the bytes.
 */
struct buf {
	uint8_t *p;
	size_t len, cap;
};

#define BUF_INIT                                                               \
	{                                                                      \
		NULL, 0, 0                                                     \
	}

/**
 * buf_free(b):
 * Release what ${b} holds and make it empty.  NULL is allowed.
 */
void buf_free(struct buf *);

static inline void
freep_buf(struct buf *b)
{
	buf_free(b);
}

/**
 * buf_reserve(b, n, err):
 * Make room for ${n} more bytes behind ${b->len}.
 */
int buf_reserve(struct buf *, size_t, struct err *);

/**
 * buf_add(b, p, n, err):
 * Append ${n} bytes.  The others append one encoded value: a u8, u16, u32 or
 * u64 in little endian; raw bytes with a u32 length in front; a string
 * likewise, without its NUL (NULL counts as "").
 */
int buf_add(struct buf *, const void *, size_t, struct err *);
int buf_add_u8(struct buf *, uint8_t, struct err *);
int buf_add_u16(struct buf *, uint16_t, struct err *);
int buf_add_u32(struct buf *, uint32_t, struct err *);
int buf_add_u64(struct buf *, uint64_t, struct err *);
int buf_add_bytes(struct buf *, const void *, size_t, struct err *);
int buf_add_str(struct buf *, const char *, struct err *);

/**
 * buf_printf(b, err, fmt, ...):
 * Append formatted text; a NUL follows it that ${b->len} does not count.
 */
int buf_printf(struct buf *, struct err *, const char *, ...)
    __attribute__((format(printf, 3, 4)));

/*
 * A cursor over bytes that nobody vouches for.  Reading behind the end, or a
 * length that does not fit, makes it ${bad}; from then on every read gives
 * zeroes, so that a decoder checks once, at its end.
 */
struct cur {
	const uint8_t *p;
	size_t left;
	bool bad;
};

/**
 * cur_init(c, p, n):
 * Read ${n} bytes from ${p}.
 */
void cur_init(struct cur *, const void *, size_t);

/**
 * cur_take(c, n):
 * Return a pointer to the next ${n} bytes and step over them, or NULL.
 */
const uint8_t *cur_take(struct cur *, size_t);

/* Copy the next n bytes to p, or zeroes if there are fewer. */
void cur_copy(struct cur *, void *, size_t);
uint8_t cur_u8(struct cur *);
uint16_t cur_u16(struct cur *);
uint32_t cur_u32(struct cur *);
uint64_t cur_u64(struct cur *);

/**
 * cur_bytes(c, n):
 * Read a byte string: return a pointer into the input, its length in ${*n}.
 */
const uint8_t *cur_bytes(struct cur *, size_t *);

/**
 * cur_str(c, s, err):
 * Read a string into a new, NUL-terminated copy that the caller frees.  A
 * NUL inside makes the cursor bad.  Return 0, or -HF_ENOMEM; a bad cursor
 * gives 0 and leaves ${*s} NULL.
 */
int cur_str(struct cur *, char **, struct err *);

/**
 * cur_end(c):
 * Return true if all bytes were read and none was missing.
 */
bool cur_end(const struct cur *);

/* Little-endian integers at a fixed place. */
uint32_t le32_get(const uint8_t *);
uint64_t le64_get(const uint8_t *);
void le32_put(uint8_t *, uint32_t);
void le64_put(uint8_t *, uint64_t);

/* The same with the highest byte first: what etcd and names sort by. */
uint64_t be64_get(const uint8_t *);
void be64_put(uint8_t *, uint64_t);

#endif /* !BASE_BUF_H_ */
