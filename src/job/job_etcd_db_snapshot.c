#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "crypto/hash.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_mvcc.h"
#include "job/job.h"
#include "job/job_etcd_db_impl.h"
#include "job/job_paged.h"
#include "job/job_pages.h"
#include "job/job_verify_format.h"
#include "repo/repo.h"
#include "source/etcd/source_etcd.h"
#include "source/source_pages.h"

/* A snapshot as etcd sent it: a bolt file and, behind it, its SHA-256. */
struct snapshot {
	const struct job_etcd_db *db;
	struct source_pages *pages;
	struct etcd_bolt_file file;
	struct etcd_bolt bolt;
	struct etcd_meta meta;
};

static void
snapshot_free(void *form)
{
	struct snapshot *f = form;

	if (f == NULL)
		return;
	etcd_meta_clear(&f->meta);
	source_pages_free(f->pages);
	free(f);
}

static void
freep_snapshot(struct snapshot **f)
{
	snapshot_free(*f);
}

static int
put(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	return source_pages_put(arg, p, n, err);
}

static int
load_file(struct job_etcd_db *db, const struct job_etcd_file *at,
    struct source_pages **ret, struct err *err)
{
	const struct source_pages_opts opts = { .memory =
						    job_pages_memory(db->job) };
	int rc;

	if ((rc = source_pages_new(&opts, ret, err)) < 0 ||
	    (rc = job_etcd_db_read(db, at, put, *ret, err)) < 0)
		return rc;
	return source_pages_end(*ret, err);
}

static int
snapshot_buckets(
    void *form, const struct etcd_bucket_sink *sink, struct err *err)
{
	struct snapshot *f = form;

	return etcd_bucket_each(&f->bolt, sink, err);
}

static int
snapshot_records(void *form, uint64_t revision, etcd_record_fn *fn, void *arg,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct snapshot *f = form;
	struct etcd_bolt_item item;
	struct etcd_record r;
	struct etcd_kv kv;
	int rc;

	if ((rc = etcd_bolt_bucket(&f->bolt, "key", &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1) {
		if ((rc = etcd_mvcc_read(&item, &r, &kv, err)) < 0)
			return rc;
		if (r.main > revision)
			return 0;
		if ((rc = fn(arg, &r, err)) < 0)
			return rc;
	}
	return rc;
}

static int
snapshot_check(void *form, struct err *err)
{
	struct snapshot *f = form;

	return etcd_bolt_check(&f->bolt, err);
}

static int
walk_piece(
    void *arg, uint64_t off, const uint8_t *piece, size_t n, struct err *err)
{
	char path[] = SOURCE_ETCD_SNAPSHOT;
	const struct entry e = { .path = path };

	(void)off;
	return job_walk_data(arg, &e, piece, n, err);
}

/*
 * Check the digest at the end of the snapshot.  Where the snapshot is stored
 * as one file, verification has compared it while it read that file; where it
 * is stored as pages, nobody has had the whole of it before.
 */
static int
check_digest(struct snapshot *f, struct err *err)
{
	CLEANUP(freep_job_walk) struct job_walk *walk = NULL;
	const char *what;
	int rc;

	if ((rc = job_walk_new(&f->db->manifest, &walk, err)) < 0 ||
	    (rc = job_pages_each(f->db->job, f->pages, 0,
		 source_pages_size(f->pages), walk_piece, walk, err)) < 0)
		return rc;
	if ((what = job_walk_end(walk)) != NULL)
		return err_set(
		    err, HF_ECORRUPT, "'%s' %s", SOURCE_ETCD_SNAPSHOT, what);
	return 0;
}

static int
paged_check(void *form, struct err *err)
{
	int rc;

	if ((rc = check_digest(form, err)) < 0)
		return rc;
	return snapshot_check(form, err);
}

static struct source_pages *
snapshot_image(void *form)
{
	struct snapshot *f = form;

	return f->pages;
}

static const struct job_etcd_form snapshot_form = {
	.buckets = snapshot_buckets,
	.records = snapshot_records,
	.check = snapshot_check,
	.image = snapshot_image,
	.free = snapshot_free,
};

static const struct job_etcd_form paged_form = {
	.buckets = snapshot_buckets,
	.records = snapshot_records,
	.check = paged_check,
	.image = snapshot_image,
	.free = snapshot_free,
};

static int
describe(
    struct job_etcd_facts *facts, const struct snapshot *f, struct err *err)
{
	int rc;

	facts->page_size = f->bolt.page_size;
	facts->compact_revision = etcd_meta_compact_revision(&f->meta);
	rc = etcd_mvcc_revision(
	    &f->bolt, facts->compact_revision, &facts->revision, err);
	facts->others_revision = facts->revision;
	return rc;
}

static int
open_bolt(struct snapshot *f, struct err *err)
{
	const uint64_t size = source_pages_size(f->pages);
	int rc;

	if (size <= SHA256_LEN)
		return err_set(
		    err, HF_ECORRUPT, "it is too short for a snapshot of etcd");
	f->file = (struct etcd_bolt_file){
		.size = size - SHA256_LEN,
		.read = source_pages_read,
		.arg = f->pages,
	};
	if ((rc = etcd_bolt_open(&f->bolt, &f->file, err)) < 0)
		return rc;
	return etcd_meta_read(&f->bolt, &f->meta, err);
}

/* Open the database whose bytes are in ${pages}, which is taken over. */
static int
open_pages(struct job_etcd_db *db, const struct job_etcd_form *form,
    struct source_pages **pages, struct err *err)
{
	CLEANUP(freep_snapshot) struct snapshot *f = NULL;
	int rc;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	f->db = db;
	f->meta = (struct etcd_meta)ETCD_META_INIT;
	f->pages = TAKE(*pages);
	if ((rc = open_bolt(f, err)) < 0 ||
	    (rc = describe(&db->facts, f, err)) < 0)
		return rc;
	db->form = form;
	db->state = TAKE(f);
	return 0;
}

int
job_etcd_db_open_snapshot(
    struct job_etcd_db *db, const struct job_etcd_file *at, struct err *err)
{
	CLEANUP(freep_source_pages) struct source_pages *pages = NULL;
	int rc;

	if ((rc = load_file(db, at, &pages, err)) < 0)
		return rc;
	return open_pages(db, &snapshot_form, &pages, err);
}

int
job_etcd_db_open_paged(
    struct job_etcd_db *db, struct job_paged *paged, struct err *err)
{
	CLEANUP(freep_source_pages) struct source_pages *pages = NULL;
	int rc;

	if ((rc = job_paged_load(paged, &pages, err)) < 0)
		return rc;
	return open_pages(db, &paged_form, &pages, err);
}
