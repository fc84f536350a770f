#ifndef JOB_JOB_ETCD_DB_H_
#define JOB_JOB_ETCD_DB_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "etcd/etcd_bucket_file.h"
#include "etcd/etcd_record.h"

/* Opaque types. */
struct err;
struct job;
struct job_etcd_db;
struct repo;
struct repo_backup;
struct source_pages;

/*
 * The etcd database in a backup, in whichever form it was stored: the small
 * buckets, and the records of the bucket "key" in the order of revisions.
 * Restores, looks and comparisons all build on this.
 *
 * Records are read as a stream.  A snapshot, whole or as pages, is first put
 * into a file without a name, encrypted, because its pages lie in any order.
 */

struct job_etcd_facts {
	const char *version; /* Of the member it came from, or "". */
	uint32_t page_size;
	uint64_t revision; /* Of the newest record. */
	/* As of which the buckets other than "key" are: it may be newer. */
	uint64_t others_revision;
	/* What is older than this was compacted: at this revision and all
	 * later ones the state is known. */
	uint64_t compact_revision;
	/* HashKV at ${revision}, as compacted to ${hash_compact}, that the
	 * live member and the backup agreed on. */
	bool has_hash;
	uint32_t hash;
	uint64_t hash_compact;
};

/**
 * job_etcd_db_open(j, r, b, ret, err):
 * Open the database in the backup ${b}, which must outlive it.  HF_EUSAGE if
 * it is no backup of etcd, or a log, HF_ECORRUPT if its parts do not fit
 * together.
 */
int job_etcd_db_open(const struct job *, struct repo *,
    const struct repo_backup *, struct job_etcd_db **, struct err *);
void job_etcd_db_free(struct job_etcd_db *);
CLEANUP_DEFINE(job_etcd_db);

const struct job_etcd_facts *job_etcd_db_facts(const struct job_etcd_db *);

/**
 * job_etcd_db_image(db):
 * The snapshot as etcd sent it, digest and all, if that was stored; else
 * NULL.  It stays ${db}'s.
 */
struct source_pages *job_etcd_db_image(const struct job_etcd_db *);

/**
 * job_etcd_db_buckets(db, sink, err):
 * Give all buckets but "key", ascending.
 */
int job_etcd_db_buckets(
    struct job_etcd_db *, const struct etcd_bucket_sink *, struct err *);

/**
 * job_etcd_db_records(db, revision, fn, arg, err):
 * Give the records up to ${revision} (0: all), ascending: those that a member
 * has at that revision.  HF_ENOTFOUND, naming what there is, if it is compacted
 * or still to come.  If all records are given and HashKV is known, it is
 * computed from them, and a difference is HF_ECORRUPT: what ${fn} was given
 * counts only if this returns 0.
 */
int job_etcd_db_records(
    struct job_etcd_db *, uint64_t, etcd_record_fn *, void *, struct err *);

/**
 * job_etcd_db_check(db, err):
 * Check everything: the pages of a snapshot as bbolt does (and its digest, if
 * they were stored as such), segments against the index, what etcd_audit.h
 * checks, HashKV.  HF_ECORRUPT names the first thing that is wrong.
 */
int job_etcd_db_check(struct job_etcd_db *, struct err *);

#endif /* !JOB_JOB_ETCD_DB_H_ */
