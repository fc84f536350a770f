#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "repo/repo.h"
#include "repo/repo_writer.h"
#include "source/source.h"
#include "store/store.h"

#define WARNINGS_KEPT 100 /* doc/format.md: the first 100 */

/* What stands between a source and a repository. */
struct backup {
	struct sink sink;
	const struct job *job;
	const struct job_backup_opts *opts;
	struct repo_writer *writer;
	struct repo_manifest m;
	struct repo_private priv;
	uint64_t entries, bytes;
	uint64_t stored; /* Atomic: uploaders add to it. */
};

static void
tell(struct backup *b, enum job_event_kind kind, const char *subject,
    const char *text)
{
	struct job_event ev = {
		.kind = kind,
		.job = "backup",
		.subject = subject,
		.text = text,
		.done = b->bytes,
		.entries = b->entries,
		.stored = __atomic_load_n(&b->stored, __ATOMIC_RELAXED),
	};

	job_tell(b->job, &ev);
}

static int
on_begin(struct sink *s, const char *path, uint64_t size, struct err *err)
{
	struct backup *b = (struct backup *)s;

	(void)path;
	return repo_writer_begin(b->writer, size, err);
}

static int
on_space(struct sink *s, uint8_t **p, size_t *n, struct err *err)
{
	return repo_writer_space(((struct backup *)s)->writer, p, n, err);
}

static int
on_wrote(struct sink *s, size_t n, struct err *err)
{
	struct backup *b = (struct backup *)s;

	b->bytes += n;
	tell(b, JOB_PROGRESS, NULL, NULL);
	return repo_writer_wrote(b->writer, n, err);
}

static int
on_add(struct sink *s, const struct entry *e, struct err *err)
{
	struct backup *b = (struct backup *)s;

	b->entries++;
	return repo_writer_add(b->writer, e, err);
}

/* Append a pair to a list of them; both strings are copied. */
static int
fact_add(struct repo_fact **v, size_t *n, const char *name, const char *value,
    struct err *err)
{
	CLEANUP(freep_mem) char *copy_name = NULL;
	CLEANUP(freep_mem) char *copy_value = NULL;
	struct repo_fact *grown;
	int rc;

	if ((rc = str_dup(name, &copy_name, err)) < 0 ||
	    (rc = str_dup(value, &copy_value, err)) < 0)
		return rc;
	if ((grown = reallocarray(*v, *n + 1, sizeof(*grown))) == NULL)
		return err_nomem(err);
	*v = grown;
	grown[(*n)++] = (struct repo_fact){ .name = TAKE(copy_name),
		.value = TAKE(copy_value) };
	return 0;
}

static int
on_evidence(
    struct sink *s, const char *name, const char *value, struct err *err)
{
	struct backup *b = (struct backup *)s;

	return fact_add(&b->m.evidence, &b->m.nevidence, name, value, err);
}

static void
on_warn(struct sink *s, const char *path, const char *what)
{
	struct backup *b = (struct backup *)s;
	struct err ignored = ERR_INIT;

	/* The count is exact; the list is a convenience and may be short. */
	b->m.warnings++;
	if (b->priv.nwarnings < WARNINGS_KEPT)
		(void)fact_add(&b->priv.warnings, &b->priv.nwarnings, path,
		    what, &ignored);
	tell(b, JOB_WARNING, path, what);
}

static int
on_check(struct sink *s, struct err *err)
{
	return job_check(((struct backup *)s)->job, err);
}

static const struct sink_ops backup_sink_ops = {
	.begin = on_begin,
	.space = on_space,
	.wrote = on_wrote,
	.add = on_add,
	.evidence = on_evidence,
	.warn = on_warn,
	.check = on_check,
};

/* An uploader has stored so much more. */
static void
on_stored(void *arg, uint64_t bytes)
{
	struct backup *b = arg;

	__atomic_add_fetch(&b->stored, bytes, __ATOMIC_RELAXED);
}

static int
describe(struct backup *b, struct repo *r, struct err *err)
{
	struct repo_manifest *m = &b->m;
	int rc;

	if ((rc = str_dup(b->opts->source, &m->source, err)) < 0 ||
	    (rc = str_dup(b->opts->type, &m->type, err)) < 0 ||
	    (rc = str_dup("data", &m->class, err)) < 0 ||
	    (rc = str_dup(repo_host(r), &m->host, err)) < 0 ||
	    (rc = str_dup("holdfast " HOLDFAST_VERSION, &m->program, err)) <
		0 ||
	    (rc = str_dup(b->opts->label, &b->priv.label, err)) < 0)
		return rc;
	return 0;
}

static int
lay_down(struct backup *b, struct repo *r, struct source *src,
    char id[REPO_BACKUP_ID_LEN + 1], struct err *err)
{
	const struct repo_writer_opts wopts = {
		.memory = job_memory(b->job),
		.level = b->job->level > 0 ? b->job->level : 1,
		.workers = b->job->workers,
		.stored = on_stored,
		.arg = b,
	};
	const struct secret *seed;
	int rc;

	if ((rc = repo_writer_seed(r, REPO_ROLE_WRITE, &seed, err)) < 0 ||
	    (rc = store_now(repo_store(r), &b->m.start_ms, err)) < 0 ||
	    (rc = repo_writer_new(r, &wopts, &b->writer, err)) < 0 ||
	    (rc = describe(b, r, err)) < 0)
		return rc;
	tell(b, JOB_STARTED, b->opts->source, NULL);
	if ((rc = source_read(src, &b->sink, err)) < 0 ||
	    (rc = job_check(b->job, err)) < 0 ||
	    (rc = repo_writer_finish(b->writer, &b->m, &b->priv, err)) < 0)
		return rc;
	return repo_commit(r, &b->m, id, err);
}

int
job_backup(const struct job *j, struct repo *r, struct source *src,
    const struct job_backup_opts *opts, struct job_backup_report *rep,
    struct err *err)
{
	struct backup b = {
		.sink = { .ops = &backup_sink_ops },
		.job = j,
		.opts = opts,
	};
	struct job_backup_report done = { .took_ms = time_mono_ms() };
	int rc;

	if ((rc = lay_down(&b, r, src, done.id, err)) == 0) {
		done.took_ms = time_mono_ms() - done.took_ms;
		done.entries = b.m.entries;
		done.plain_bytes = b.m.plain_bytes;
		done.stored_bytes = b.m.stored_bytes;
		done.warnings = b.m.warnings;
		tell(&b, JOB_FINISHED, done.id, NULL);
		*rep = done;
	}
	repo_writer_free(TAKE(b.writer));
	repo_private_clear(&b.priv);
	repo_manifest_clear(&b.m);
	return rc;
}
