#ifndef SOURCE_ETCD_SOURCE_ETCD_RECORDS_H_
#define SOURCE_ETCD_SOURCE_ETCD_RECORDS_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_index.h"
#include "etcd/etcd_mvcc.h"
#include "source/source.h"

/* Opaque types. */
struct source_pages;

/*
 * The database of a snapshot as records (doc/format.md, "etcd records").
 */
struct source_etcd_db {
	struct etcd_bolt_file file;
	struct etcd_bolt bolt;
	struct etcd_meta meta;
	uint64_t revision; /* Of the newest record. */
	uint64_t compact;  /* Of a server that starts on it. */
	/* Why it cannot be stored as records, or "": it holds something that
	 * this program does not know. */
	char unknown[160];
};

/**
 * source_etcd_db_open(pages, digest, db, err):
 * Open the database that is followed by ${digest} bytes in ${pages}, both of
 * which must outlive it.  HF_ESOURCE if it is damaged.
 */
int source_etcd_db_open(
    struct source_pages *, size_t, struct source_etcd_db *, struct err *);
void source_etcd_db_clear(struct source_etcd_db *);

static inline void
freep_source_etcd_db(struct source_etcd_db *db)
{
	source_etcd_db_clear(db);
}

/**
 * source_etcd_db_write(db, sink, time_ns, x, err):
 * Give the database to ${sink}, all files but the index; the empty ${x} gets
 * what belongs into it, with HashKV as the database is compacted.
 */
int source_etcd_db_write(struct source_etcd_db *, struct sink *, int64_t,
    struct etcd_index *, struct err *);

/**
 * source_etcd_db_write_index(x, sink, time_ns, err):
 * The index, and with it the end.
 */
int source_etcd_db_write_index(
    const struct etcd_index *, struct sink *, int64_t, struct err *);

/**
 * source_etcd_db_hash(db, revision, compact, hash, err):
 * HashKV at ${revision}, which the database has, as compacted to ${compact}.
 */
int source_etcd_db_hash(
    struct source_etcd_db *, uint64_t, uint64_t, uint32_t *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_RECORDS_H_ */
