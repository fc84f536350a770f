#ifndef SOURCE_SOURCE_PAGED_MEMO_H_
#define SOURCE_SOURCE_PAGED_MEMO_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct buf;
struct err;
struct secret;

/*
 * What this host remembers of a group of pages that it has stored
 * (sink_remember): the key of its pages' ids, and of each page its number,
 * its length and id, and whether it was still alive at the last backup.
 *
 * An id is 16 bytes of keyed BLAKE2b.  The key is random and never leaves
 * this host: who writes into what is backed up cannot make one page that has
 * the id of another, and who sees the ids learns nothing without the key.
 */
#define SOURCE_PAGED_ID_LEN 16
#define SOURCE_PAGED_KEY_LEN 32
#define SOURCE_PAGED_MEMO_HEAD (4 + SOURCE_PAGED_KEY_LEN)
#define SOURCE_PAGED_MEMO_ROW (13 + SOURCE_PAGED_ID_LEN)

struct source_paged_memo {
	uint64_t number;
	uint32_t len;
	bool alive;
	uint8_t id[SOURCE_PAGED_ID_LEN];
};

/**
 * source_paged_id(key, p, n, id, err):
 * Compute the id of the page of ${n} bytes at ${p}.
 */
int source_paged_id(const struct secret *, const void *, size_t,
    uint8_t[SOURCE_PAGED_ID_LEN], struct err *);

/* Begin a memo of pages of this size, and add a page to it. */
int source_paged_memo_begin(
    struct buf *, uint32_t, const struct secret *, struct err *);
int source_paged_memo_add(
    struct buf *, const struct source_paged_memo *, struct err *);

/**
 * source_paged_memo_ok(p, n, page_size):
 * Are the ${n} bytes at ${p} a memo of pages of this size?
 */
bool source_paged_memo_ok(const uint8_t *, size_t, uint32_t);

/* How many pages it has; its key; page ${i}; and: that one is dead. */
size_t source_paged_memo_count(const struct buf *);
const uint8_t *source_paged_memo_key(const struct buf *);
void source_paged_memo_get(
    const struct buf *, size_t, struct source_paged_memo *);
void source_paged_memo_kill(struct buf *, size_t);

#endif /* !SOURCE_SOURCE_PAGED_MEMO_H_ */
