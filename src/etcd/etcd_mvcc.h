#ifndef ETCD_ETCD_MVCC_H_
#define ETCD_ETCD_MVCC_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_kv.h"
#include "etcd/etcd_record.h"

/*
 * What etcd keeps in its database, from 3.4 to 3.7.  The bucket "key" has the
 * history of all keys: u64 main | '_' | u64 sub, big endian, is the revision
 * of a change, and 't' behind it says that the key was deleted; the value is
 * a KeyValue message.
 */
#define ETCD_MVCC_KEY 17
#define ETCD_MVCC_KEY_MAX 18 /* Of a deletion. */

/**
 * etcd_mvcc_key_read(key, n, r):
 * Take the revision of the ${n} bytes at ${key} for ${r->main}, ${r->sub} and
 * ${r->tombstone}.  Return false if they are none that etcd writes.
 */
bool etcd_mvcc_key_read(const uint8_t *, size_t, struct etcd_record *);

/**
 * etcd_mvcc_key(r, to):
 * Write the key of ${r}; return how long it is.
 */
size_t etcd_mvcc_key(const struct etcd_record *, uint8_t[ETCD_MVCC_KEY_MAX]);

/**
 * etcd_mvcc_record(r, kv, err):
 * Read the message in a record.  HF_ECORRUPT if it is not as etcd writes
 * them: its mod_revision, which is the record's; a deletion has the deleted
 * key alone.  (etcdutl's --bump-revision writes a change without a message.)
 */
int etcd_mvcc_record(
    const struct etcd_record *, struct etcd_kv *, struct err *);

/**
 * etcd_mvcc_read(item, r, kv, err):
 * Read an element of the bucket "key": a record and the message in it.
 * HF_ECORRUPT if either is not as etcd writes it.
 */
int etcd_mvcc_read(const struct etcd_bolt_item *, struct etcd_record *,
    struct etcd_kv *, struct err *);

/**
 * etcd_mvcc_bucket_known(name, n):
 * Is this one of the buckets that etcd 3.4 to 3.7 have?
 */
bool etcd_mvcc_bucket_known(const uint8_t *, size_t);

/* What the bucket "meta" says; 0 or "" where it says nothing. */
struct etcd_meta {
	uint64_t scheduled_compact, finished_compact;
	uint64_t consistent_index, term;
	char storage_version[32]; /* Since 3.6. */
	struct buf conf_state;    /* JSON, since 3.5. */
};

#define ETCD_META_INIT                                                         \
	{                                                                      \
		.conf_state = BUF_INIT                                         \
	}

/**
 * etcd_meta_read(b, m, err):
 * Read it into the empty ${m}, which the caller clears.
 */
int etcd_meta_read(const struct etcd_bolt *, struct etcd_meta *, struct err *);
void etcd_meta_clear(struct etcd_meta *);

/**
 * etcd_meta_take(m, item, err):
 * Take one pair of the bucket.  HF_ECORRUPT if its value makes no sense.
 */
int etcd_meta_take(
    struct etcd_meta *, const struct etcd_bolt_item *, struct err *);

/**
 * etcd_meta_compact_revision(m):
 * The compact revision of a server that has started on this database.
 */
uint64_t etcd_meta_compact_revision(const struct etcd_meta *);

/**
 * etcd_mvcc_revision(b, compact_revision, ret, err):
 * The revision at which a server starts on this database, which is compacted
 * so far: that of the newest record, but not before that; 1 if nothing was
 * ever written.
 */
int etcd_mvcc_revision(
    const struct etcd_bolt *, uint64_t, uint64_t *, struct err *);

#endif /* !ETCD_ETCD_MVCC_H_ */
