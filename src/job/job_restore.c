#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "job/job_paged.h"
#include "job/job_restore_impl.h"
#include "job/job_select.h"
#include "repo/repo.h"
#include "repo/repo_reader.h"
#include "source/source_pages.h"
#include "source/target.h"

static void
on_target_warn(void *arg, const char *path, const char *what)
{
	struct restore *x = arg;

	x->rep.warnings++;
	job_restore_tell(x, JOB_WARNING, path, what);
}

/* What says where files lie, or what they are called, is damaged. */
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
	job_restore_tell(
	    x, damage == REPO_MENDED ? JOB_WARNING : JOB_FOUND, x->id, text);
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

static int
restore_one(struct restore *x, const struct entry *e, struct err *err)
{
	int rc;

	if (e->type == ENTRY_FILE)
		return job_restore_file(x, e, err);
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

/*
 * Restore the file that is stored as pages; nothing else is wanted.  All of
 * it is brought together and checked before its first byte is written, so
 * that nothing bad goes into a pipe.
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
	job_restore_tell(x, JOB_STARTED, b->id, NULL);
	rc = job_paged_load(x->paged, &pages, err);
	if (rc < 0 && x->opts->keep_going && repo_reader_is_loss(rc)) {
		x->rep.bytes += e->data_len;
		job_restore_lose(x, e, err);
	} else if (rc < 0 || (rc = job_restore_image(x, e, pages, err)) < 0) {
		return rc;
	}
	if (x->target != NULL && (rc = target_finish(x->target, err)) < 0)
		return rc;
	job_restore_tell(x, JOB_FINISHED, b->id, NULL);
	return 0;
}

/* Read a round that has failed to its end, so that another may begin. */
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

/* Is a file wanted that is stored as pages, as the one file it was? */
static int
find_paged(struct restore *x, bool *wanted, struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	*wanted = false;
	if (x->opts->parts)
		return 0;
	rc = job_paged_find(x->job, x->reader, &x->manifest, &x->paged, &e);
	/*
	 * Parts of it are lost, so it cannot be put together: those that are
	 * whole are restored as they lie there.
	 */
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

/* Say why nothing is restored: it was never there, or its name is lost. */
static int
has_none(const struct restore *x, struct err *err)
{
	if (x->rep.unnamed > 0)
		return err_set(err, HF_ECORRUPT,
		    "nothing that was asked for is left of backup '%s': the "
		    "names of %" PRIu64 " entries are lost",
		    x->id, x->rep.unnamed);
	(void)err_set(err, HF_ENOTFOUND, "backup '%s' has no entry '%s'", x->id,
	    x->opts->nonly > 0 ? x->opts->only[0] : ".");
	return err_hint(
	    err, "`holdfast show %s --files` lists what it has", x->id);
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
	job_restore_tell(x, JOB_STARTED, b->id, NULL);
	if ((rc = repo_reader_entries(x->reader, restore_entry, x, err)) < 0)
		return rc;
	if (x->target != NULL && (rc = target_finish(x->target, err)) < 0)
		return rc;
	job_restore_tell(x, JOB_FINISHED, b->id, NULL);
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
