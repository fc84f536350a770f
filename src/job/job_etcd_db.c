#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "etcd/etcd_audit.h"
#include "etcd/etcd_hashkv.h"
#include "job/job.h"
#include "job/job_etcd_db_impl.h"
#include "repo/repo_reader.h"

void
job_etcd_db_free(struct job_etcd_db *db)
{
	if (db == NULL)
		return;
	if (db->form != NULL)
		db->form->free(db->state);
	repo_reader_free(db->reader);
	repo_manifest_clear(&db->manifest);
	free(db);
}

const struct job_etcd_facts *
job_etcd_db_facts(const struct job_etcd_db *db)
{
	return &db->facts;
}

int
job_etcd_db_read(struct job_etcd_db *db, const struct job_etcd_file *f,
    int (*fn)(void *, const uint8_t *, size_t, struct err *), void *arg,
    struct err *err)
{
	const uint8_t *p;
	uint64_t pos;
	size_t n;
	int rc;

	if (f->len == 0)
		return 0;
	if ((rc = repo_reader_want(db->reader, f->pos, f->len, err)) < 0)
		return rc;
	for (;;) {
		if ((rc = job_check(db->job, err)) < 0 ||
		    (rc = repo_reader_read(db->reader, &pos, &p, &n, err)) < 0)
			return rc;
		if (n == 0)
			return 0;
		if ((rc = fn(arg, p, n, err)) < 0)
			return rc;
	}
}

struct source_pages *
job_etcd_db_image(const struct job_etcd_db *db)
{
	return db->form->image != NULL ? db->form->image(db->state) : NULL;
}

int
job_etcd_db_buckets(struct job_etcd_db *db, const struct etcd_bucket_sink *sink,
    struct err *err)
{
	return db->form->buckets(db->state, sink, err);
}

/* Passes records on to the caller, and hashes them as etcd does. */
struct hashed {
	struct etcd_hashkv_sum *sum;
	etcd_record_fn *fn;
	void *arg;
};

static int
hash_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct hashed *h = arg;
	int rc;

	if ((rc = etcd_hashkv_sum_add(h->sum, r, err)) < 0)
		return rc;
	return h->fn(h->arg, r, err);
}

static int
all_records(
    struct job_etcd_db *db, etcd_record_fn *fn, void *arg, struct err *err)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *sum = NULL;
	const struct job_etcd_facts *f = &db->facts;
	struct hashed h = { .fn = fn, .arg = arg };
	uint32_t hash;
	int rc;

	rc = etcd_hashkv_sum_new(f->revision, f->hash_compact, &sum, err);
	if (rc < 0)
		return rc;
	h.sum = sum;
	rc = db->form->records(db->state, f->revision, hash_record, &h, err);
	if (rc < 0)
		return rc;
	if ((hash = etcd_hashkv_sum_end(sum)) != f->hash)
		return err_set(err, HF_ECORRUPT,
		    "the records at revision %" PRIu64
		    " have the HashKV %" PRIu32 " and should have %" PRIu32,
		    f->revision, hash, f->hash);
	return 0;
}

int
job_etcd_db_records(struct job_etcd_db *db, uint64_t revision,
    etcd_record_fn *fn, void *arg, struct err *err)
{
	const struct job_etcd_facts *f = &db->facts;

	if (revision == 0)
		revision = f->revision;
	if (revision > f->revision || revision < f->compact_revision) {
		(void)err_set(err, HF_ENOTFOUND,
		    "revision %" PRIu64 " is not in this backup", revision);
		return err_hint(err,
		    "it has the revisions %" PRIu64 " to %" PRIu64,
		    f->compact_revision > 0 ? f->compact_revision : 1,
		    f->revision);
	}
	if (revision == f->revision && f->has_hash)
		return all_records(db, fn, arg, err);
	return db->form->records(db->state, revision, fn, arg, err);
}

int
job_etcd_db_check(struct job_etcd_db *db, struct err *err)
{
	CLEANUP(freep_etcd_audit) struct etcd_audit *a = NULL;
	struct etcd_bucket_sink sink;
	int rc;

	if ((rc = etcd_audit_new(&a, err)) < 0)
		return rc;
	sink = etcd_audit_buckets(a);
	if ((db->form->check != NULL &&
		(rc = db->form->check(db->state, err)) < 0) ||
	    (rc = job_etcd_db_buckets(db, &sink, err)) < 0 ||
	    (rc = job_etcd_db_records(db, 0, etcd_audit_record, a, err)) < 0)
		return rc;
	return etcd_audit_end(a, err);
}
