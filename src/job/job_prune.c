#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "job/job.h"
#include "job/job_prune_impl.h"

static void
tell(const struct prune *p, enum job_event_kind kind, const char *subject,
    const char *text)
{
	job_say(p->job, "prune", kind, subject, text);
}

struct judge {
	const struct prune *prune;
	bool *good; /* Of every backup of the catalogue. */
};

static int
judge_one(void *arg, const struct repo_backup *b, const struct repo_manifest *m,
    struct err *err)
{
	const struct judge *j = arg;

	(void)err;
	j->good[b - j->prune->cat.backups] = prune_name(j->prune, m) && !b->bad;
	return 0;
}

/*
 * Find out which backups are whole, and which packs are named, in one pass
 * over all manifests that stay.  One that cannot be read again ends it, with
 * nothing deleted.
 */
static int
judge(struct prune *p, bool *good, struct err *err)
{
	CLEANUP(freep_mem) const struct repo_backup **v = NULL;
	struct judge j = { .prune = p, .good = good };
	size_t i, n = 0;
	int rc;

	if ((v = calloc(p->cat.n + 1, sizeof(struct repo_backup *))) == NULL)
		return err_nomem(err);
	for (i = 0; i < p->cat.n; i++)
		if (!prune_is_over(p, &p->cat.backups[i]))
			v[n++] = &p->cat.backups[i];
	if ((rc = repo_manifest_each(p->repo, v, n, judge_one, &j, err)) < 0)
		return err_hint(err, "nothing was deleted: run it again");
	return 0;
}

static int
decide(struct prune *p, struct err *err)
{
	CLEANUP(freep_mem) bool *good = NULL;
	CLEANUP(freep_mem) char *text = NULL;
	struct retention_verdict *v;
	size_t i;
	int rc;

	if ((good = calloc(p->cat.n + 1, sizeof(*good))) == NULL ||
	    (v = calloc(p->cat.n + 1, sizeof(*v))) == NULL)
		return err_nomem(err);
	p->verdicts = v;
	if ((rc = judge(p, good, err)) < 0)
		return rc;
	rc = retention_plan(&p->opts->rule, &p->cat, p->now_ms, good, v, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < p->cat.n; i++) {
		if (p->cat.backups[i].removed)
			continue;
		free(TAKE(text));
		rc = str_printf(&text, err, "%s (%s)",
		    v[i].keep ? "keep" : "remove", v[i].why);
		if (rc < 0)
			return rc;
		tell(p, JOB_DECIDED, p->cat.backups[i].id, text);
		p->rep.kept += v[i].keep;
	}
	return 0;
}

static bool
has_shrunk(uint64_t now, uint64_t before)
{
	return now < before - before / 10 * 3;
}

/* The newest backup of the source of ${old} that is not removed. */
static const struct repo_backup *
newest_of(const struct prune *p, const struct repo_backup *old)
{
	size_t i;

	for (i = p->cat.n; i-- > 0;)
		if (!p->cat.backups[i].removed &&
		    p->cat.backups[i].m.kind != REPO_LOG &&
		    strcmp(p->cat.backups[i].m.source, old->m.source) == 0)
			return &p->cat.backups[i];
	return old;
}

static int
refuse_if_shrunk(const struct prune *p, struct err *err)
{
	const struct repo_backup *b, *newest;
	size_t i;

	for (i = 0; i < p->cat.n; i++) {
		b = &p->cat.backups[i];
		if (b->removed || p->verdicts[i].keep || b->m.kind == REPO_LOG)
			continue;
		newest = newest_of(p, b);
		if (!has_shrunk(newest->m.plain_bytes, b->m.plain_bytes) &&
		    !has_shrunk(newest->m.entries, b->m.entries))
			continue;
		(void)err_set(err, HF_EWARN,
		    "the newest backup '%s' of '%s' is more than 30 %% "
		    "smaller than '%s', which would go: nothing was removed",
		    newest->id, b->m.source, b->id);
		return err_hint(err,
		    "look at the source; if it is meant to be that small, "
		    "prune with --force");
	}
	return 0;
}

static int
put_tombstone(struct prune *p, size_t i, struct err *err)
{
	const struct repo_backup *b = &p->cat.backups[i];
	CLEANUP(freep_buf) struct buf bytes = BUF_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct repo_tombstone t = {
		.time_ms = p->now_ms,
		.manifest = b->name,          /* Borrowed, */
		.reason = p->verdicts[i].why, /* like this. */
		.seq = b->m.seq,
	};
	struct store_blob blob;
	int rc;

	memcpy(t.vault_id, repo_head(p->repo)->vault_id, sizeof(t.vault_id));
	memcpy(t.sha256, b->m.sha256, sizeof(t.sha256));
	memcpy(t.writer, b->m.writer, sizeof(t.writer));
	memcpy(t.parent, b->m.parent, sizeof(t.parent));
	if ((rc = repo_writer_fingerprint(p->repo, t.pruner, err)) < 0 ||
	    (rc = repo_tombstone_encode(&t, p->seed, &bytes, err)) < 0)
		return rc;
	repo_name_tombstone(name, t.sha256);
	/*
	 * A tombstone that was undone, and has been put back, must not keep
	 * this one out.
	 */
	if (b->undone && (rc = store_erase(p->eraser,
			      repo_object(p->repo, name, object), err)) < 0)
		return rc;
	blob = (struct store_blob){ .p = bytes.p, .len = bytes.len };
	rc = store_put(repo_store(p->repo), repo_object(p->repo, name, object),
	    &blob, err);
	/* Another prune was faster: it has removed the same backup. */
	return rc == -HF_EEXISTS ? 0 : rc;
}

static int
remove_one(void *arg, size_t i, struct err *err)
{
	struct prune *p = arg;
	int rc;

	if (p->cat.backups[i].removed || p->verdicts[i].keep)
		return 0;
	if ((rc = job_check(p->job, err)) < 0 ||
	    (rc = put_tombstone(p, i, err)) < 0)
		return err_wrap(err, "remove '%s'", p->cat.backups[i].id);
	return 0;
}

static int
remove_backups(struct prune *p, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < p->cat.n; i++)
		p->rep.removed +=
		    !p->cat.backups[i].removed && !p->verdicts[i].keep;
	if (p->opts->dry_run)
		return 0;
	/* Nobody else erases, even where nothing is to be removed. */
	rc = repo_writer_seed(p->repo, REPO_ROLE_PRUNE, &p->seed, err);
	if (rc < 0)
		return rc;
	return prune_each(p, p->cat.n, remove_one, err);
}

static int
look(struct prune *p, struct err *err)
{
	size_t i;
	int rc;

	/* The time first: doc/design/format.md, rule P1. */
	if ((rc = store_now(repo_store(p->repo), &p->now_ms, err)) < 0 ||
	    (rc = repo_catalogue_prove(p->repo, &p->cat, err)) < 0 ||
	    (rc = job_packs_load(p->repo, NULL, &p->packs, err)) < 0)
		return rc;
	for (i = 0; i < p->cat.nfindings; i++)
		tell(p, JOB_FOUND, p->cat.findings[i].object,
		    p->cat.findings[i].what);
	if (!p->cat.unsure)
		return 0;
	(void)err_set(err, HF_ECORRUPT,
	    "a manifest cannot be read or does not hold: nothing is deleted "
	    "while it may name objects that are needed");
	return err_hint(err, "run `holdfast verify` to see which, and restore "
			     "or remove it first");
}

static int
run(struct prune *p, struct err *err)
{
	int rc;

	if ((rc = store_eraser_new(repo_store(p->repo), &p->eraser, err)) < 0 ||
	    (rc = look(p, err)) < 0 || (rc = decide(p, err)) < 0)
		return rc;
	if (!p->opts->force && (rc = refuse_if_shrunk(p, err)) < 0)
		return rc;
	if ((rc = remove_backups(p, err)) < 0 ||
	    (rc = prune_collect(p, err)) < 0)
		return rc;
	if (p->rep.held > 0)
		tell(p, JOB_WARNING, "held by the store", p->held.msg);
	return 0;
}

int
job_prune(const struct job *j, struct repo *r,
    const struct job_prune_opts *opts, struct job_prune_report *rep,
    struct err *err)
{
	struct prune p = {
		.job = j,
		.repo = r,
		.opts = opts,
		.lock = PTHREAD_MUTEX_INITIALIZER,
	};
	int rc;

	if ((rc = run(&p, err)) == 0)
		*rep = p.rep;
	store_eraser_free(p.eraser);
	free(p.verdicts);
	job_packs_free(p.packs);
	repo_catalogue_clear(&p.cat);
	(void)pthread_mutex_destroy(&p.lock);
	return rc;
}
