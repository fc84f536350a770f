#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "job/job.h"
#include "job/job_paged.h"
#include "job/job_restore.h"
#include "job/job_select.h"
#include "repo/repo.h"
#include "repo/repo_reader.h"
#include "source/source_pages.h"
#include "source/target.h"

#define PIECE ((size_t)64 << 10) /* bytes */

/*
 * The entries are walked twice: once to plan, so that the reader knows which
 * parts of which packs are wanted and fetches them ahead, and once to write.
 */
struct restore {
	const struct job *job;
	const struct job_restore_opts *opts;
	const char *id; /* The backup's. */
	struct job_restore_report rep;
	struct job_select *select;
	struct repo_manifest manifest; /* The reader's. */
	struct repo_reader *reader;
	struct job_paged *paged; /* Or NULL. */
	struct sha256 *sha;
	struct target *target; /* NULL in a dry run. */
	bool is_tree;          /* The backup has a top folder. */
	uint64_t seen;         /* Entries, wanted or not. */
	uint64_t total;
	uint64_t lost_bytes; /* Of the files that are left out. */
};

static void
tell(const struct restore *x, enum job_event_kind kind, const char *subject,
    const char *text)
{
	const struct job_event ev = {
		.kind = kind,
		.job = "restore",
		.subject = subject,
		.text = text,
		.done = x->rep.bytes,
		.total = x->total,
		.entries = x->rep.entries,
	};

	job_tell(x->job, &ev);
}

static void
on_target_warn(void *arg, const char *path, const char *what)
{
	struct restore *x = arg;

	x->rep.warnings++;
	tell(x, JOB_WARNING, path, what);
}

/* Something that leads to files is damaged. */
static void
on_damage(void *arg, enum repo_damage damage, const char *what)
{
	struct restore *x = arg;
	char text[sizeof(((struct err *)0)->msg) + 64];

	(void)snprintf(text, sizeof(text), "%s: %s", what,
	    damage == REPO_MENDED         ? "its copy served"
	    : damage == REPO_ENTRIES_LOST ? "the names in it are lost"
					  : "where files lie is lost");
	if (damage == REPO_MENDED)
		x->rep.warnings++;
	tell(x, damage == REPO_MENDED ? JOB_WARNING : JOB_FOUND, x->id, text);
}

/* First walk: say what is wanted. */
static int
plan_entry(void *arg, const struct entry *e, struct err *err)
{
	struct restore *x = arg;

	x->seen++;
	if (strcmp(e->path, ".") == 0)
		x->is_tree = true;
	if (!job_select_has(x->select, e))
		return 0;
	x->rep.entries++;
	x->total += e->data_len;
	if (e->data_len == 0)
		return 0;
	return repo_reader_want(x->reader, e->data_pos, e->data_len, err);
}

/* Write ${n} bytes that lie at ${off} of the data of ${e}, around its holes.
 */
static int
write_data(struct restore *x, const struct entry *e, uint64_t off,
    const uint8_t *p, size_t n, struct err *err)
{
	uint64_t start = 0, run;
	size_t i;
	int rc;

	if (!e->sparse)
		return target_write(x->target, off, p, n, err);
	for (i = 0; i < e->nextents && n > 0; i++) {
		const struct entry_extent *ext = &e->extents[i];

		if (off < start + ext->len) {
			run = start + ext->len - off;
			if (run > n)
				run = n;
			rc = target_write(x->target, ext->off + (off - start),
			    p, (size_t)run, err);
			if (rc < 0)
				return rc;
			off += run;
			p += run;
			n -= (size_t)run;
		}
		start += ext->len;
	}
	if (n > 0)
		return err_set(err, HF_ECORRUPT,
		    "'%s' has more data than its extents hold", e->path);
	return 0;
}

static void
lose(struct restore *x, const struct entry *e, const struct err *cause)
{
	x->rep.lost++;
	x->lost_bytes += e->data_len;
	tell(x, JOB_FOUND, e->path, cause->msg);
}

/* Hash, show and write the ${n} bytes at ${off} of the data of ${e}. */
static int
take_piece(struct restore *x, const struct entry *e, uint64_t off,
    const uint8_t *p, size_t n, struct err *err)
{
	int rc;

	if ((rc = sha256_update(x->sha, p, n, err)) < 0)
		return rc;
	if (x->opts->inspect != NULL &&
	    (rc = x->opts->inspect(x->opts->inspect_arg, e, p, n, err)) < 0)
		return rc;
	return x->target == NULL ? 0 : write_data(x, e, off, p, n, err);
}

/* Read the data of ${e}; ${*lost} says that some of it cannot be had. */
static int
read_data(struct restore *x, const struct entry *e, bool *lost, struct err *err)
{
	uint64_t off, pos;
	const uint8_t *p;
	size_t n;
	int rc;

	for (off = 0; off < e->data_len; off += n) {
		if ((rc = job_check(x->job, err)) < 0)
			return rc;
		rc = repo_reader_read(x->reader, &pos, &p, &n, err);
		if (rc < 0 && !(x->opts->keep_going && repo_reader_is_loss(rc)))
			return rc;
		if (n == 0 || pos != e->data_pos + off)
			return err_set(err, HF_EBUG,
			    "'%s': the reader is out of step", e->path);
		if (rc < 0 && !*lost) {
			lose(x, e, err);
			*lost = true;
		}
		if (!*lost && (rc = take_piece(x, e, off, p, n, err)) < 0)
			return rc;
		x->rep.bytes += n;
		tell(x, JOB_PROGRESS, NULL, NULL);
	}
	return 0;
}

static int
check_hash(
    struct restore *x, const struct entry *e, bool *lost, struct err *err)
{
	uint8_t got[SHA256_LEN];
	int rc;

	if ((rc = sha256_final(x->sha, got, err)) < 0)
		return rc;
	if (!e->has_sha256 || memcmp(got, e->sha256, sizeof(got)) == 0)
		return 0;
	rc = err_set(err, HF_ECORRUPT,
	    "'%s' differs from the hash that was recorded for it", e->path);
	if (!x->opts->keep_going)
		return rc;
	lose(x, e, err);
	*lost = true;
	return 0;
}

static int
restore_file(struct restore *x, const struct entry *e, struct err *err)
{
	bool lost = false;
	int rc;

	if (x->target != NULL && (rc = target_begin(x->target, e, err)) < 0)
		return rc;
	if ((rc = sha256_reset(x->sha, err)) < 0 ||
	    (rc = read_data(x, e, &lost, err)) < 0)
		return rc;
	if (!lost && (rc = check_hash(x, e, &lost, err)) < 0)
		return rc;
	if (x->target == NULL)
		return 0;
	return lost ? target_drop(x->target, err)
		    : target_end(x->target, e, err);
}

static int
restore_one(struct restore *x, const struct entry *e, struct err *err)
{
	int rc;

	if (e->type == ENTRY_FILE)
		return restore_file(x, e, err);
	if (x->target == NULL)
		return 0;
	if ((rc = target_begin(x->target, e, err)) < 0)
		return rc;
	return target_end(x->target, e, err);
}

/* Second walk: write. */
static int
restore_entry(void *arg, const struct entry *e, struct err *err)
{
	struct restore *x = arg;
	struct entry as = *e;
	int rc;

	if ((rc = job_check(x->job, err)) < 0)
		return rc;
	if (!job_select_has(x->select, e))
		return 0;
	job_select_rename(x->select, &as);
	return restore_one(x, &as, err);
}

static int
open_target(struct restore *x, struct err *err)
{
	const struct target_opts topts = {
		.path = x->opts->to,
		.overwrite = x->opts->overwrite,
		.incomplete = x->rep.unnamed > 0,
		.memory = job_memory(x->job),
		.warn = on_target_warn,
		.arg = x,
	};
	bool to_stdout = strcmp(x->opts->to, "-") == 0;

	if (x->is_tree && !to_stdout)
		return target_tree_new(&topts, &x->target, err);
	return target_file_new(&topts, &x->target, err);
}

/* Write what was brought together, and check that it is the file. */
static int
write_paged(struct restore *x, const struct entry *e,
    struct source_pages *pages, struct err *err)
{
	uint8_t piece[PIECE];
	bool lost = false;
	uint64_t off;
	size_t n;
	int rc;

	if ((x->target != NULL && (rc = target_begin(x->target, e, err)) < 0) ||
	    (rc = sha256_reset(x->sha, err)) < 0)
		return rc;
	for (off = 0; off < e->size; off += n) {
		n = e->size - off < PIECE ? (size_t)(e->size - off) : PIECE;
		if ((rc = job_check(x->job, err)) < 0 ||
		    (rc = source_pages_read(pages, off, piece, n, err)) < 0 ||
		    (rc = take_piece(x, e, off, piece, n, err)) < 0)
			return rc;
		x->rep.bytes += n;
		tell(x, JOB_PROGRESS, NULL, NULL);
	}
	if ((rc = check_hash(x, e, &lost, err)) < 0 || x->target == NULL)
		return rc;
	return target_end(x->target, e, err);
}

/*
 * The file that is stored as pages, and nothing else.  It is whole before
 * its first byte is written, so that what goes to a pipe is good.
 */
static int
restore_paged(struct restore *x, const struct repo_backup *b, struct err *err)
{
	CLEANUP(freep_source_pages) struct source_pages *pages = NULL;
	const struct entry *e = job_paged_entry(x->paged);
	int rc;

	x->rep.entries = 1;
	x->total = e->size;
	if (!x->opts->dry_run && (rc = open_target(x, err)) < 0)
		return rc;
	tell(x, JOB_STARTED, b->id, NULL);
	rc = job_paged_load(x->paged, &pages, err);
	if (rc < 0 && x->opts->keep_going && repo_reader_is_loss(rc)) {
		x->rep.bytes += e->data_len;
		lose(x, e, err);
	} else if (rc < 0 || (rc = write_paged(x, e, pages, err)) < 0) {
		return rc;
	}
	if (x->target != NULL && (rc = target_finish(x->target, err)) < 0)
		return rc;
	tell(x, JOB_FINISHED, b->id, NULL);
	return 0;
}

/* End a round of reading that has failed, so that another may begin. */
static void
drain(struct restore *x)
{
	struct err e = ERR_INIT;
	const uint8_t *p;
	uint64_t pos;
	size_t n;

	do
		(void)repo_reader_read(x->reader, &pos, &p, &n, &e);
	while (n > 0);
}

/* Is it the file as a whole that is wanted? */
static int
find_paged(struct restore *x, bool *wanted, struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	*wanted = false;
	if (x->opts->parts)
		return 0;
	rc = job_paged_find(x->job, x->reader, &x->manifest, &x->paged, &e);
	/* Of a file in parts that are lost in part, others come as they are. */
	if (rc < 0 && x->opts->keep_going && repo_reader_is_loss(rc)) {
		drain(x);
		return 0;
	}
	if (rc < 0) {
		*err = e;
		return rc;
	}
	*wanted = x->paged != NULL &&
		  job_select_has(x->select, job_paged_entry(x->paged));
	return 0;
}

/* Nothing is there that was asked for: not at all, or not any more? */
static int
has_none(const struct restore *x, struct err *err)
{
	if (x->rep.unnamed > 0)
		return err_set(err, HF_ECORRUPT,
		    "nothing that was asked for is left of backup '%s': the "
		    "names of %" PRIu64 " entries are lost",
		    x->id, x->rep.unnamed);
	return err_set(err, HF_ENOTFOUND, "backup '%s' has no entry '%s'",
	    x->id, x->opts->nonly > 0 ? x->opts->only[0] : ".");
}

/* Walk the entries to learn what is wanted, and what is missing. */
static int
plan(struct restore *x, struct err *err)
{
	int rc;

	if ((rc = job_select_links(x->select, x->reader, err)) < 0 ||
	    (rc = repo_reader_entries(x->reader, plan_entry, x, err)) < 0)
		return rc;
	if (x->seen < x->manifest.entries) {
		x->rep.unnamed = x->manifest.entries - x->seen;
		if (!x->opts->keep_going)
			return err_set(err, HF_ECORRUPT,
			    "backup '%s' has %" PRIu64 " entries of %" PRIu64,
			    x->id, x->seen, x->manifest.entries);
		/* The top folder itself may be what is missing. */
		x->is_tree = x->is_tree || x->manifest.entries > 1;
	}
	return x->rep.entries == 0 ? has_none(x, err) : 0;
}

static int
run(struct restore *x, const struct repo_backup *b, struct err *err)
{
	bool paged;
	int rc;

	rc = job_select_new(x->opts->only, x->opts->nonly, x->opts->exact,
	    job_memory(x->job), &x->select, err);
	if (rc < 0 || (rc = sha256_new(&x->sha, err)) < 0 ||
	    (rc = find_paged(x, &paged, err)) < 0)
		return rc;
	if (paged)
		return restore_paged(x, b, err);
	if ((rc = plan(x, err)) < 0)
		return rc;
	if (!x->opts->dry_run && (rc = open_target(x, err)) < 0)
		return rc;
	tell(x, JOB_STARTED, b->id, NULL);
	if ((rc = repo_reader_entries(x->reader, restore_entry, x, err)) < 0)
		return rc;
	if (x->target != NULL && (rc = target_finish(x->target, err)) < 0)
		return rc;
	tell(x, JOB_FINISHED, b->id, NULL);
	return 0;
}

static int
open_reader(struct restore *x, struct repo *r, const struct repo_backup *b,
    struct err *err)
{
	const struct repo_reader_opts ropts = {
		.memory = job_memory(x->job),
		.workers = x->job->workers,
		.keep_going = x->opts->keep_going,
		.damaged = on_damage,
		.arg = x,
	};
	int rc;

	if ((rc = repo_manifest_load(r, b, &x->manifest, err)) < 0)
		return rc;
	return repo_reader_new(r, &x->manifest, &ropts, &x->reader, err);
}

int
job_restore(const struct job *j, struct repo *r, const struct repo_backup *b,
    const struct job_restore_opts *opts, struct job_restore_report *rep,
    struct err *err)
{
	struct restore x = { .job = j, .opts = opts, .id = b->id };
	int64_t start = time_mono_ms();
	int rc;

	if ((rc = open_reader(&x, r, b, err)) == 0)
		rc = run(&x, b, err);
	target_free(x.target);
	sha256_free(x.sha);
	job_select_free(x.select);
	job_paged_free(x.paged);
	repo_reader_free(x.reader);
	repo_manifest_clear(&x.manifest);
	if (rc < 0)
		return rc;
	x.rep.bytes -= x.lost_bytes;
	x.rep.took_ms = (uint64_t)(time_mono_ms() - start);
	*rep = x.rep;
	return 0;
}

int
job_entries(const struct job *j, struct repo *r, const struct repo_backup *b,
    int (*fn)(void *, const struct entry *, struct err *), void *arg,
    struct err *err)
{
	const struct job_restore_opts opts = { 0 };
	struct restore x = { .job = j, .opts = &opts, .id = b->id };
	int rc;

	if ((rc = open_reader(&x, r, b, err)) == 0)
		rc = repo_reader_entries(x.reader, fn, arg, err);
	repo_reader_free(x.reader);
	repo_manifest_clear(&x.manifest);
	return rc;
}
