#ifndef SOURCE_ETCD_SOURCE_ETCD_MEMO_H_
#define SOURCE_ETCD_SOURCE_ETCD_MEMO_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "etcd/etcd_record.h"

/*
 * What this host remembers of a segment that it has stored (sink_remember):
 * of each record its revision, its length and a checksum, and whether it was
 * still alive at the last backup; no part of a key or a value.
 */
#define SOURCE_ETCD_MEMO_LEN 21 /* bytes for each record */

struct source_etcd_memo {
	uint64_t main;
	uint32_t sub, len, crc;
	bool tombstone, alive;
};

/**
 * source_etcd_memo_of(r, ret):
 * Give what is remembered of ${r}, which is alive.
 */
void source_etcd_memo_of(const struct etcd_record *, struct source_etcd_memo *);
int source_etcd_memo_add(
    const struct source_etcd_memo *, struct buf *, struct err *);
void source_etcd_memo_read(const uint8_t *, struct source_etcd_memo *);

/**
 * source_etcd_memo_kill(p):
 * Mark the record whose memo is encoded at ${p} as no longer alive.
 */
void source_etcd_memo_kill(uint8_t *);

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
