#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/limit.h"
#include "etcd/etcd_clock.h"
#include "etcd/etcd_lease_file.h"
#include "job/job.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db_impl.h"
#include "job/job_etcd_log_read.h"
#include "repo/repo.h"
#include "repo/repo_ahead.h"
#include "repo/repo_reader.h"

/* A clock has a row for each tenth of a second, a lease has 16 bytes. */
#define SMALL_MAX ((uint64_t)64 << 20) /* bytes */

/* A log that is open, and where its files are. */
struct opened {
	struct job_etcd_db db; /* Its job and reader alone. */
	struct job_etcd_file clock, leases;
	struct job_etcd_file *segments;
	size_t n, cap;
	struct limit limit; /* Of the segments. */
};

static void
opened_clear(struct opened *o)
{
	repo_reader_free(o->db.reader);
	free(o->segments);
}

static int
add_segment(struct opened *o, const struct job_etcd_file *at, struct err *err)
{
	struct job_etcd_file *grown;

	if (o->n == o->cap) {
		grown = limit_grow(&o->limit, o->segments, &o->cap,
		    sizeof(*grown), "the list of a log's segments", err);
		if (grown == NULL)
			return err->code;
		o->segments = grown;
	}
	o->segments[o->n++] = *at;
	return 0;
}

static int
find_file(void *arg, const struct entry *e, struct err *err)
{
	const struct job_etcd_file at = { e->data_pos, e->data_len };
	struct opened *o = arg;

	if (e->type != ENTRY_FILE)
		return 0;
	if (strcmp(e->path, "clock") == 0)
		o->clock = at;
	else if (strcmp(e->path, "leases") == 0)
		o->leases = at;
	else if (strncmp(e->path, "records/", 8) == 0)
		return add_segment(o, &at, err);
	return 0;
}

static int
open_log(const struct job *j, struct repo *r, const struct repo_brought *log,
    struct opened *o, struct err *err)
{
	const struct repo_reader_opts opts = {
		.memory = JOB_MEMORY_SMALL,
		.workers = j->workers,
		.packs = log->packs,
	};
	int rc;

	*o = (struct opened){ .db = { .job = j },
		.limit = limit_of(job_memory(j)) };
	if ((rc = repo_reader_new(r, &log->m, &opts, &o->db.reader, err)) < 0)
		return rc;
	return repo_reader_entries(o->db.reader, find_file, o, err);
}

static int
gather(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	return buf_add(arg, p, n, err);
}

/* All of a small file. */
static int
read_small(struct opened *o, const struct job_etcd_file *f, const char *what,
    struct buf *b, struct err *err)
{
	if (f->len == 0 || f->len > SMALL_MAX)
		return err_set(err, HF_ECORRUPT, "the file '%s' is %s", what,
		    f->len == 0 ? "missing" : "too large");
	return job_etcd_db_read(&o->db, f, gather, b, err);
}

static int
within(const struct job_etcd_log *log, struct err *err)
{
	return err_wrap(err, "log '%s'", log->backup->id);
}

int
job_etcd_log_clock(const struct job *j, struct repo *r,
    const struct job_etcd_log *log, struct etcd_clock *ret, struct err *err)
{
	CLEANUP(freep_repo_brought) struct repo_brought *brought = NULL;
	CLEANUP(opened_clear) struct opened o = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	if (repo_bring(r, log->backup, &brought, err) < 0 ||
	    open_log(j, r, brought, &o, err) < 0 ||
	    read_small(&o, &o.clock, "clock", &b, err) < 0 ||
	    etcd_clock_decode(b.p, b.len, ret, err) < 0)
		return within(log, err);
	return 0;
}

int
job_etcd_log_leases(const struct job *j, struct repo *r,
    const struct job_etcd_log *log, struct etcd_lease_file *ret,
    struct err *err)
{
	CLEANUP(freep_repo_brought) struct repo_brought *brought = NULL;
	CLEANUP(opened_clear) struct opened o = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	if (repo_bring(r, log->backup, &brought, err) < 0 ||
	    open_log(j, r, brought, &o, err) < 0 ||
	    read_small(&o, &o.leases, "leases", &b, err) < 0 ||
	    etcd_lease_file_decode(b.p, b.len, ret, err) < 0)
		return within(log, err);
	return 0;
}

/* The records of a log, one segment behind the other. */
struct pass {
	const struct job_etcd_log *log;
	uint64_t after;
	etcd_record_fn *fn;
	void *arg;
	uint64_t main, next_sub; /* Of the last one; what may follow. */
};

/* A revision begins with 0, and follows the one before it. */
static int
take(void *arg, const struct etcd_record *r, struct err *err)
{
	struct pass *p = arg;

	if ((r->main != p->main || r->sub != p->next_sub) &&
	    (r->main != p->main + 1 || r->sub != 0))
		return err_set(err, HF_ECORRUPT,
		    "the record %" PRIu64 ".%" PRIu64 " comes after %" PRIu64
		    ".%" PRIu64 ": there is a gap",
		    r->main, r->sub, p->main, p->next_sub);
	if (r->main > p->log->last)
		return err_set(err, HF_ECORRUPT,
		    "it has revision %" PRIu64 " and should end with %" PRIu64,
		    r->main, p->log->last);
	p->main = r->main;
	p->next_sub = r->sub + 1;
	return r->main > p->after ? p->fn(p->arg, r, err) : 0;
}

static int
feed(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	return etcd_segment_reader_feed(arg, p, n, err);
}

static int
read_segment(struct opened *o, size_t i, struct pass *p, struct err *err)
{
	struct etcd_segment_reader r;
	int rc;

	etcd_segment_reader_init(&r, take, p);
	rc = job_etcd_db_read(&o->db, &o->segments[i], feed, &r, err);
	if (rc == 0)
		rc = etcd_segment_reader_end(&r, err);
	etcd_segment_reader_clear(&r);
	return rc;
}

static int
read_segments(struct opened *o, struct pass *p, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < o->n; i++)
		if ((rc = read_segment(o, i, p, err)) < 0)
			return rc;
	if (p->main != p->log->last)
		return err_set(err, HF_ECORRUPT,
		    "it ends with revision %" PRIu64
		    " and should end with %" PRIu64,
		    p->main, p->log->last);
	return 0;
}

int
job_etcd_log_records(const struct job *j, struct repo *r,
    struct repo_ahead *ahead, const struct job_etcd_log *log, uint64_t after,
    etcd_record_fn *fn, void *arg, struct err *err)
{
	CLEANUP(freep_repo_brought) struct repo_brought *brought = NULL;
	CLEANUP(opened_clear) struct opened o = { 0 };
	struct pass p = { .log = log,
		.after = after,
		.fn = fn,
		.arg = arg,
		.main = log->first - 1,
		.next_sub = UINT64_MAX };

	if (repo_ahead_take(ahead, &brought, err) < 0 ||
	    open_log(j, r, brought, &o, err) < 0 ||
	    read_segments(&o, &p, err) < 0)
		return within(log, err);
	return 0;
}
