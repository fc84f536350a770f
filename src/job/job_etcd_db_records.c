#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/limit.h"
#include "etcd/etcd_index.h"
#include "job/job.h"
#include "job/job_etcd_db_impl.h"
#include "repo/repo_reader.h"

#define INDEX_MAX ((uint64_t)256 << 20) /* bytes */

/* The records form: segments, an index, and the other buckets. */
struct records {
	struct job_etcd_db *db;
	struct job_etcd_file buckets, index_file;
	struct job_etcd_file *files; /* Of the segments, in order. */
	size_t nfiles, cap;
	struct limit limit; /* Of the files. */
	struct etcd_index index;
};

static void
records_free(void *form)
{
	struct records *f = form;

	if (f == NULL)
		return;
	etcd_index_clear(&f->index);
	free(f->files);
	free(f);
}

static void
freep_records(struct records **f)
{
	records_free(*f);
}

static int
add_file(struct records *f, const struct job_etcd_file *at, struct err *err)
{
	struct job_etcd_file *grown;

	if (f->nfiles == f->cap) {
		grown = limit_grow(&f->limit, f->files, &f->cap, sizeof(*grown),
		    "the list of etcd's segments", err);
		if (grown == NULL)
			return err->code;
		f->files = grown;
	}
	f->files[f->nfiles++] = *at;
	return 0;
}

/* Segments have no names here: they come in the order of the index. */
static int
find_file(void *arg, const struct entry *e, struct err *err)
{
	const struct job_etcd_file at = { e->data_pos, e->data_len };
	struct records *f = arg;

	if (e->type != ENTRY_FILE)
		return 0;
	if (strcmp(e->path, "buckets") == 0)
		f->buckets = at;
	else if (strcmp(e->path, "segments") == 0)
		f->index_file = at;
	else if (strncmp(e->path, "records/", 8) == 0)
		return add_file(f, &at, err);
	return 0;
}

static int
gather(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	return buf_add(arg, p, n, err);
}

static int
load_index(struct records *f, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if (f->index_file.len == 0 || f->index_file.len > INDEX_MAX ||
	    f->buckets.len == 0)
		return err_set(err, HF_ECORRUPT,
		    "the index of etcd's records or the file of its buckets "
		    "is missing");
	rc = job_etcd_db_read(f->db, &f->index_file, gather, &b, err);
	if (rc < 0 || (rc = etcd_index_decode(b.p, b.len, &f->index, err)) < 0)
		return rc;
	if (f->index.nsegments != f->nfiles)
		return err_set(err, HF_ECORRUPT,
		    "the index of etcd's records names %zu segments, and "
		    "there are %zu",
		    f->index.nsegments, f->nfiles);
	return 0;
}

/* Feed the file of buckets to its reader. */
static int
feed_buckets(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	return etcd_bucket_reader_feed(arg, p, n, err);
}

static int
records_buckets(
    void *form, const struct etcd_bucket_sink *sink, struct err *err)
{
	struct records *f = form;
	struct etcd_bucket_reader r;
	int rc;

	etcd_bucket_reader_init(&r, sink);
	rc = job_etcd_db_read(f->db, &f->buckets, feed_buckets, &r, err);
	if (rc == 0)
		rc = etcd_bucket_reader_end(&r, err);
	etcd_bucket_reader_clear(&r);
	return rc == -HF_ECORRUPT ? err_wrap(err, "'buckets'") : rc;
}

/* One pass over the segments. */
struct pass {
	const struct etcd_index_segment *seg;
	uint32_t i; /* Record in it. */
	uint64_t revision;
	etcd_record_fn *fn;
	void *arg;
};

static int
pass_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct pass *p = arg;
	uint32_t i = p->i++;

	if (i == 0 && (r->main != p->seg->main || r->sub != p->seg->sub))
		return err_set(err, HF_ECORRUPT,
		    "a segment begins with another record than the index says");
	if (i >= p->seg->records)
		return err_set(err, HF_ECORRUPT,
		    "a segment has more records than the index says");
	if (!etcd_index_alive(p->seg, i) || r->main > p->revision)
		return 0;
	return p->fn(p->arg, r, err);
}

/* Check that the segment is the one that the index means. */
static int
end_segment(struct pass *p, struct etcd_segment_reader *r, struct err *err)
{
	const struct etcd_index_segment *s = p->seg;
	int rc;

	if ((rc = etcd_segment_reader_end(r, err)) < 0)
		return rc;
	if (p->i != s->records || r->last.main != s->last_main ||
	    r->last.sub != s->last_sub)
		return err_set(err, HF_ECORRUPT,
		    "a segment does not hold what the index says");
	return 0;
}

static int
read_segment(struct records *f, size_t i, struct pass *p, struct err *err)
{
	char path[ETCD_INDEX_PATH_LEN];
	struct etcd_segment_reader r;
	uint64_t left = f->files[i].len, pos;
	const uint8_t *data;
	size_t n;
	int rc = 0;

	p->seg = &f->index.segments[i];
	p->i = 0;
	etcd_segment_reader_init(&r, pass_record, p);
	for (; rc == 0 && left > 0; left -= n) {
		if ((rc = job_check(f->db->job, err)) < 0 ||
		    (rc = repo_reader_read(
			 f->db->reader, &pos, &data, &n, err)) < 0)
			break;
		if (n == 0 || n > left) {
			rc = err_set(err, HF_EBUG, "the reader is out of step");
			break;
		}
		rc = etcd_segment_reader_feed(&r, data, n, err);
	}
	if (rc == 0)
		rc = end_segment(p, &r, err);
	etcd_segment_reader_clear(&r);
	if (rc == -HF_ECORRUPT)
		(void)err_wrap(err, "'%s'",
		    etcd_index_path(p->seg->main, p->seg->sub, path));
	return rc;
}

/* Read to the end of the pass, so that the next one may begin. */
static int
end_pass(struct records *f, struct err *err)
{
	const uint8_t *data;
	uint64_t pos;
	size_t n;
	int rc;

	rc = repo_reader_read(f->db->reader, &pos, &data, &n, err);
	if (rc == 0 && n > 0)
		return err_set(err, HF_EBUG, "the reader is out of step");
	return rc;
}

/* Say first all that is wanted, so that the reader can fetch ahead. */
static int
records_records(void *form, uint64_t revision, etcd_record_fn *fn, void *arg,
    struct err *err)
{
	struct pass p = { .revision = revision, .fn = fn, .arg = arg };
	struct records *f = form;
	size_t i, n;
	int rc;

	for (n = 0; n < f->nfiles && f->index.segments[n].main <= revision; n++)
		if ((rc = repo_reader_want(f->db->reader, f->files[n].pos,
			 f->files[n].len, err)) < 0)
			return rc;
	for (i = 0; i < n; i++)
		if ((rc = read_segment(f, i, &p, err)) < 0)
			return rc;
	return end_pass(f, err);
}

static const struct job_etcd_form records_form = {
	.buckets = records_buckets,
	.records = records_records,
	.free = records_free,
};

int
job_etcd_db_open_records(struct job_etcd_db *db, struct err *err)
{
	CLEANUP(freep_records) struct records *f = NULL;
	int rc;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	f->db = db;
	f->limit = limit_of(job_memory(db->job));
	if ((rc = repo_reader_entries(db->reader, find_file, f, err)) < 0 ||
	    (rc = load_index(f, err)) < 0)
		return rc;
	db->facts.page_size = f->index.page_size;
	db->facts.revision = f->index.revision;
	db->facts.others_revision = f->index.revision;
	db->facts.compact_revision = f->index.compact_revision;
	db->facts.has_hash = true;
	db->facts.hash = f->index.hash;
	db->facts.hash_compact = f->index.hash_compact;
	db->form = &records_form;
	db->state = TAKE(f);
	return 0;
}
