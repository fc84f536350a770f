#ifndef JOB_JOB_ETCD_DB_IMPL_H_
#define JOB_JOB_ETCD_DB_IMPL_H_

#include "job/job_etcd_db.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct job_paged;
struct repo_reader;
struct source_pages;

/* The forms in which a database is stored: what job_etcd_db.c calls. */
struct job_etcd_form {
	int (*buckets)(
	    void *form, const struct etcd_bucket_sink *, struct err *);
	/* All living records up to the revision, which is in range. */
	int (*records)(
	    void *form, uint64_t, etcd_record_fn *, void *, struct err *);
	/* What buckets and records do not show; NULL: nothing. */
	int (*check)(void *form, struct err *);
	/* The snapshot's bytes; NULL: the form does not have them. */
	struct source_pages *(*image)(void *form);
	void (*free)(void *form);
};

/* A file of the backup: where its bytes are. */
struct job_etcd_file {
	uint64_t pos, len;
};

struct job_etcd_db {
	const struct job *job;
	struct repo_manifest manifest; /* The reader's. */
	struct repo_reader *reader;
	struct job_etcd_facts facts;
	const struct job_etcd_form *form;
	void *state; /* The form's. */
};

/**
 * job_etcd_db_read(db, file, fn, arg, err):
 * Hand ${fn} the bytes of ${file}, piece by piece.
 */
int job_etcd_db_read(struct job_etcd_db *, const struct job_etcd_file *,
    int (*)(void *, const uint8_t *, size_t, struct err *), void *,
    struct err *);

/**
 * job_etcd_db_open_records(db, err),
 * job_etcd_db_open_snapshot(db, file, err),
 * job_etcd_db_open_paged(db, paged, err):
 * Find out what is there, and set form, state and facts of ${db}.
 */
int job_etcd_db_open_records(struct job_etcd_db *, struct err *);
int job_etcd_db_open_snapshot(
    struct job_etcd_db *, const struct job_etcd_file *, struct err *);
int job_etcd_db_open_paged(
    struct job_etcd_db *, struct job_paged *, struct err *);

#endif /* !JOB_JOB_ETCD_DB_IMPL_H_ */
