#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "repo/repo.h"
#include "repo/repo_base.h"
#include "repo/repo_writer.h"
#include "source/source.h"
#include "store/store.h"

#define WARNINGS_KEPT 100 /* doc/format.md: the first 100 */

/* What stands between a source and a repository. */
struct backup {
	struct sink sink;
	const struct job *job;
	const struct job_backup_opts *opts;
	struct repo *repo;
	struct repo_writer *writer;
	struct repo_base_session session;
	bool recalled; /* The source has asked for the last backup. */
	struct repo_base *base;
	struct repo_base_writer *remember;
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
on_begin(struct sink *s, const char *path, uint64_t size, enum sink_hash hash,
    struct err *err)
{
	struct backup *b = (struct backup *)s;

	(void)path;
	return repo_writer_begin(b->writer, size, hash == SINK_HASHES, err);
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

/* Append a pair to a list; both strings are copied. */
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

	if (b->opts->fact != NULL)
		b->opts->fact(b->opts->arg, name, value);
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

/* A full backup is no failure: say why it is one, and go on. */
static void
note(struct backup *b, const char *what, const char *why)
{
	char text[1024];

	(void)snprintf(text, sizeof(text), "%s: %s", what, why);
	tell(b, JOB_NOTE, b->opts->source, text);
}

static int
open_base(struct backup *b, struct err *err)
{
	struct err e = ERR_INIT;
	const char *why = NULL;
	int rc;

	b->session = (struct repo_base_session){
		.source = b->opts->source,
		.type = b->opts->type,
		.start_ms = b->m.start_ms,
		.began_ns = b->session.began_ns,
	};
	if (!b->opts->full && (rc = repo_base_open(b->repo, &b->session,
				   &b->base, &why, err)) < 0)
		return rc;
	if (why != NULL)
		note(b, "everything is read and stored anew", why);
	if (repo_base_writer_new(b->repo, &b->session, &b->remember, &e) < 0)
		note(b, "the next backup will not know of this one", e.msg);
	return repo_writer_base(b->writer, b->base, b->remember, err);
}

/*
 * The record of the last backup is opened when the source first asks for it:
 * one that never asks, such as a stream, has no use for it.
 */
static int
on_recall(struct sink *s, struct sink_kept *ret, struct err *err)
{
	struct backup *b = (struct backup *)s;
	int rc;

	if (b->opts->log_of != NULL)
		return 0;
	if (!b->recalled && (rc = open_base(b, err)) < 0)
		return rc;
	b->recalled = true;
	if (b->base == NULL || (rc = repo_base_next(b->base, err)) == 0)
		return 0;
	if (rc < 0)
		return rc;
	*ret = (struct sink_kept){
		.entry = &b->base->entry,
		.memo = b->base->memo.p,
		.memo_len = b->base->memo.len,
		.began_ns = b->base->tail.began_ns,
	};
	return 1;
}

static int
on_keep(struct sink *s, const char *path, const uint8_t *memo, size_t n,
    struct err *err)
{
	struct backup *b = (struct backup *)s;
	int rc;

	b->entries++;
	if (b->base != NULL)
		b->bytes += b->base->entry.data_len;
	tell(b, JOB_PROGRESS, NULL, NULL);
	if ((rc = repo_writer_remember(b->writer, memo, n, err)) < 0)
		return rc;
	return repo_writer_keep(b->writer, path, err);
}

static int
on_remember(struct sink *s, const uint8_t *memo, size_t n, struct err *err)
{
	return repo_writer_remember(((struct backup *)s)->writer, memo, n, err);
}

static const struct sink_ops backup_sink_ops = {
	.begin = on_begin,
	.space = on_space,
	.wrote = on_wrote,
	.add = on_add,
	.evidence = on_evidence,
	.warn = on_warn,
	.check = on_check,
	.recall = on_recall,
	.keep = on_keep,
	.remember = on_remember,
};

/* An uploader has stored ${bytes} more. */
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
begin(struct backup *b, struct err *err)
{
	struct repo_writer_opts wopts = {
		.memory = job_memory(b->job),
		.level = b->job->level > 0 ? b->job->level : 1,
		.workers = b->job->workers,
		.stored = on_stored,
		.arg = b,
		.keys = b->opts->keys,
	};
	const struct secret *seed;
	int rc;

	if ((rc = repo_writer_seed(b->repo, REPO_ROLE_WRITE, &seed, err)) < 0 ||
	    (rc = store_now(repo_store(b->repo), &b->m.start_ms, err)) < 0)
		return rc;
	/* Before the first look at a file: see sink_kept. */
	b->session.began_ns = 1000000 * time_now_ms();
	wopts.start_ms = b->m.start_ms;
	if (b->opts->log_of != NULL) {
		b->m.kind = REPO_LOG;
		memcpy(b->m.base, b->opts->log_of, SHA256_LEN);
	}
	if ((rc = repo_writer_new(b->repo, &wopts, &b->writer, err)) < 0)
		return rc;
	return describe(b, b->repo, err);
}

static int
lay_down(struct backup *b, struct source *src, char id[REPO_BACKUP_ID_LEN + 1],
    struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	if ((rc = begin(b, err)) < 0)
		return rc;
	tell(b, JOB_STARTED, b->opts->source, NULL);
	if ((rc = source_read(src, &b->sink, err)) < 0 ||
	    (rc = job_check(b->job, err)) < 0 ||
	    (rc = repo_writer_finish(b->writer, &b->m, &b->priv, err)) < 0 ||
	    (rc = repo_commit(b->repo, &b->m, id, err)) < 0)
		return rc;
	/* The backup exists; the next one may have to be a full one. */
	if (repo_writer_commit_base(b->writer, &b->m, &e) < 0)
		note(b, "the next backup will not know of this one", e.msg);
	return 0;
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
		.repo = r,
	};
	struct job_backup_report done = { 0 };
	int64_t start = time_mono_ms();
	int rc;

	if ((rc = lay_down(&b, src, done.id, err)) == 0) {
		done.took_ms = (uint64_t)(time_mono_ms() - start);
		done.kind = (enum repo_kind)b.m.kind;
		memcpy(done.sha256, b.m.sha256, sizeof(done.sha256));
		done.entries = b.m.entries;
		done.plain_bytes = b.m.plain_bytes;
		done.stored_bytes = b.m.stored_bytes;
		done.warnings = b.m.warnings;
		tell(&b, JOB_FINISHED, done.id, NULL);
		*rep = done;
		if (opts->manifest != NULL) {
			*opts->manifest = b.m;
			b.m = (struct repo_manifest){ 0 };
		}
	}
	repo_writer_free(TAKE(b.writer));
	repo_base_writer_free(b.remember);
	repo_base_free(b.base);
	repo_private_clear(&b.priv);
	repo_manifest_clear(&b.m);
	return rc;
}
