#ifndef SOURCE_ETCD_SOURCE_ETCD_MEMO_H_
#define SOURCE_ETCD_SOURCE_ETCD_MEMO_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"
#include "etcd/etcd_record.h"

/* Opaque types. */
struct buf;
struct err;
struct secret;

/*
 * What this host remembers of a segment that it has stored (sink_remember;
 * doc/format.md, "Local state"): the key of its records' ids, and of each
 * record its revision, its length and its id, and whether it was still alive
 * at the last backup; no part of a key or a value.
 *
 * An id is SipHash-2-4 of the value, under a random key that never leaves this
 * host.  Whoever may write into a cluster that was set back can give a record
 * the revision and the length of one that was stored, and any checksum that
 * he can compute: HashKV, a checksum too, would not tell them apart either.
 * An id he cannot compute.  Nor can he search for two values of one id, for
 * he never sees one; all that an increment tells him is whether a value that
 * he wrote was taken for the old one, which is so once in 2^64 trials, each
 * of them a cluster set back and a backup.  So 64 bits are enough here.  Pages
 * (source_paged_memo.h) have nothing beside their id, and have 128.
 */
#define SOURCE_ETCD_MEMO_HEAD (8 + SIPHASH_KEY_LEN)
#define SOURCE_ETCD_MEMO_ROW 25

struct source_etcd_memo {
	uint64_t main;
	uint32_t sub, len;
	bool tombstone, alive;
	uint64_t id;
};

/**
 * source_etcd_memo_of(key, r, ret):
 * What is remembered of ${r}, which is alive.
 */
void source_etcd_memo_of(const struct secret *, const struct etcd_record *,
    struct source_etcd_memo *);

/* Begin the memo of a segment, and add a record to it. */
int source_etcd_memo_begin(struct buf *, const struct secret *, struct err *);
int source_etcd_memo_add(
    struct buf *, const struct source_etcd_memo *, struct err *);

/**
 * source_etcd_memo_ok(p, n):
 * Are the ${n} bytes at ${p} a memo?
 */
bool source_etcd_memo_ok(const uint8_t *, size_t);

/* How many records it has; its key; record ${i}; and: that one is dead. */
size_t source_etcd_memo_count(const struct buf *);
const uint8_t *source_etcd_memo_key(const struct buf *);
void source_etcd_memo_get(
    const struct buf *, size_t, struct source_etcd_memo *);
void source_etcd_memo_kill(struct buf *, size_t);

/**
 * source_etcd_memo_same(a, b):
 * Are both the same record, as far as can be known without its bytes?
 */
bool source_etcd_memo_same(
    const struct source_etcd_memo *, const struct source_etcd_memo *);

/**
 * source_etcd_memo_cmp(a, b):
 * Compare by revision, as strcmp does.
 */
int source_etcd_memo_cmp(
    const struct source_etcd_memo *, const struct source_etcd_memo *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_MEMO_H_ */
