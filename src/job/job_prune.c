#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "job/job.h"
#include "job/job_packs.h"
#include "job/job_prune.h"
#include "job/job_wrappings.h"
#include "repo/repo.h"
#include "store/store.h"

struct prune {
	const struct job *job;
	struct repo *repo;
	const struct job_prune_opts *opts;
	struct job_prune_report rep;
	int64_t now_ms; /* The store's, before anything was listed. */
	struct repo_catalogue cat;
	struct job_packs *packs;
	struct retention_verdict *verdicts;
	struct store_eraser *eraser;
	struct err held; /* The last refusal to erase. */
};

static void
tell(const struct prune *p, enum job_event_kind kind, const char *subject,
    const char *text)
{
	const struct job_event ev = {
		.kind = kind,
		.job = "prune",
		.subject = subject,
		.text = text,
	};

	job_tell(p->job, &ev);
}

/* Are all packs of ${b} there, with their lengths? */
static bool
is_whole(const struct prune *p, const struct repo_backup *b)
{
	const struct job_pack *pack;
	size_t i;

	for (i = 0; i < b->m.npacks; i++) {
		pack = job_packs_find(p->packs, &b->m.packs[i]);
		if (pack == NULL || pack->len != b->m.packs[i].len)
			return false;
	}
	return !b->bad;
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
	for (i = 0; i < p->cat.n; i++)
		good[i] = is_whole(p, &p->cat.backups[i]);
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
		    "the newest backup '%s' of '%s' is 30 %% smaller than "
		    "'%s', which would go: nothing was removed",
		    newest->id, b->m.source, b->id);
		return err_hint(err,
		    "look at the source; if it is meant to be that small, "
		    "prune with --force");
	}
	return 0;
}

static int
put_tombstone(
    struct prune *p, size_t i, const struct secret *seed, struct err *err)
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
	    (rc = repo_tombstone_encode(&t, seed, &bytes, err)) < 0)
		return rc;
	repo_name_tombstone(name, t.sha256);
	blob = (struct store_blob){ .p = bytes.p, .len = bytes.len };
	rc = store_put(repo_store(p->repo), repo_object(p->repo, name, object),
	    &blob, err);
	/* Another prune was faster: it has removed the same backup. */
	return rc == -HF_EEXISTS ? 0 : rc;
}

static int
remove_backups(struct prune *p, struct err *err)
{
	const struct secret *seed = NULL;
	size_t i;
	int rc;

	if (!p->opts->dry_run &&
	    (rc = repo_writer_seed(p->repo, REPO_ROLE_PRUNE, &seed, err)) < 0)
		return rc;
	for (i = 0; i < p->cat.n; i++) {
		if (p->cat.backups[i].removed || p->verdicts[i].keep)
			continue;
		p->rep.removed++;
		if (p->opts->dry_run)
			continue;
		if ((rc = job_check(p->job, err)) < 0 ||
		    (rc = put_tombstone(p, i, seed, err)) < 0)
			return err_wrap(
			    err, "remove '%s'", p->cat.backups[i].id);
	}
	return 0;
}

/* Was it erased?  1 if the store refuses: it is locked, for longer. */
static int
erase(struct prune *p, const char *name, struct err *err)
{
	char object[REPO_NAME_MAX + 64];
	struct err e = ERR_INIT;
	int rc;

	if (p->opts->dry_run)
		return 0;
	if ((rc = job_check(p->job, err)) < 0)
		return rc;
	(void)repo_object(p->repo, name, object);
	if (store_erase(p->eraser, object, &e) == 0)
		return 0;
	if (e.code != -HF_EDENIED) {
		*err = e;
		return err->code;
	}
	p->rep.held++;
	p->held = e;
	return 1;
}

/* Is the undo window of ${b} over? */
static bool
is_over(const struct prune *p, const struct repo_backup *b)
{
	return b->removed && b->removed_ms < p->now_ms - p->opts->undo_ms;
}

/*
 * Erase manifests first, then what they named.  Killed in between, packs
 * are left that nothing names, and the next prune collects them; the other
 * way round a manifest would be left that names packs which are gone.  For
 * the same reason one that the store holds on to stays in its undo window.
 */
static int
erase_manifests(struct prune *p, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < p->cat.n; i++) {
		if (!is_over(p, &p->cat.backups[i]))
			continue;
		if ((rc = erase(p, p->cat.backups[i].name, err)) < 0)
			return err_wrap(err, "erase the manifest of '%s'",
			    p->cat.backups[i].id);
		if (rc > 0)
			p->cat.backups[i].removed_ms = p->now_ms;
		else
			p->rep.erased++;
	}
	return 0;
}

static void
mark_named(struct prune *p)
{
	const struct repo_backup *b;
	struct job_pack *pack;
	size_t i, k;

	for (i = 0; i < p->cat.n; i++) {
		b = &p->cat.backups[i];
		if (is_over(p, b))
			continue;
		for (k = 0; k < b->m.npacks; k++) {
			pack = job_packs_find(p->packs, &b->m.packs[k]);
			if (pack != NULL)
				pack->named = true;
		}
	}
}

/* Stored before this, an object that nothing names can be named no more. */
static int64_t
horizon(const struct prune *p)
{
	const struct repo_head *h = repo_head(p->repo);

	return p->now_ms - 1000 * ((int64_t)h->reuse_s + h->grace_s);
}

static int
erase_packs(struct prune *p, struct err *err)
{
	char name[REPO_NAME_MAX];
	struct job_pack *pack;
	size_t i;
	int rc;

	mark_named(p);
	for (i = 0; (pack = job_packs_at(p->packs, i)) != NULL; i++) {
		if (pack->named)
			continue;
		if (pack->mtime_ms >= horizon(p)) {
			p->rep.waiting++;
			continue;
		}
		repo_name_pack(name, pack->hour, pack->oid);
		if ((rc = erase(p, name, err)) < 0)
			return err_wrap(err, "erase '%s'", name);
		if (rc > 0)
			continue;
		p->rep.packs++;
		p->rep.bytes += pack->len;
	}
	return 0;
}

/* Does a manifest that stays hold something under the data key of ${w}? */
static bool
is_needed(
    const struct prune *p, const struct job_wrapping *w, const uint8_t root[])
{
	const struct repo_backup *b;
	size_t i, k;

	if (w->mtime_ms >= horizon(p) ||
	    memcmp(w->key_id, root, SIGN_FINGERPRINT_LEN) == 0)
		return true;
	for (i = 0; i < p->cat.n; i++) {
		b = &p->cat.backups[i];
		for (k = 0; k < b->m.nkeys && !is_over(p, b); k++)
			if (memcmp(b->m.keys[k], w->key_id, REPO_ID_LEN) == 0)
				return true;
	}
	return false;
}

static int
erase_keys(struct prune *p, struct err *err)
{
	CLEANUP(freep_job_wrappings) struct job_wrappings all = { NULL, 0 };
	uint8_t root[SIGN_FINGERPRINT_LEN];
	char name[REPO_NAME_MAX];
	size_t i;
	int rc;

	if ((rc = job_wrappings_load(p->repo, NULL, &all, err)) < 0 ||
	    (rc = sign_fingerprint(repo_head(p->repo)->root_pk, root, err)) < 0)
		return rc;
	for (i = 0; i < all.n; i++) {
		if (is_needed(p, &all.v[i], root))
			continue;
		repo_name_wrapped(name, all.v[i].key_id, all.v[i].opener);
		if ((rc = erase(p, name, err)) < 0)
			return err_wrap(err, "erase '%s'", name);
		p->rep.keys += rc == 0;
	}
	return 0;
}

static int
look(struct prune *p, struct err *err)
{
	size_t i;
	int rc;

	/* The time first: doc/design/format.md, rule P1. */
	if ((rc = store_now(repo_store(p->repo), &p->now_ms, err)) < 0 ||
	    (rc = repo_catalogue_load(p->repo, &p->cat, err)) < 0 ||
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
	    (rc = erase_manifests(p, err)) < 0 ||
	    (rc = erase_packs(p, err)) < 0)
		return rc;
	if ((rc = erase_keys(p, err)) < 0)
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
	struct prune p = { .job = j, .repo = r, .opts = opts };
	int rc;

	if ((rc = run(&p, err)) == 0)
		*rep = p.rep;
	store_eraser_free(p.eraser);
	free(p.verdicts);
	job_packs_free(p.packs);
	repo_catalogue_clear(&p.cat);
	return rc;
}

static int
bring_back(struct repo *r, struct store_eraser *eraser,
    const struct repo_backup *b, struct err *err)
{
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];

	repo_name_tombstone(name, b->m.sha256);
	return store_erase(eraser, repo_object(r, name, object), err);
}

int
job_prune_undo(struct repo *r, const struct repo_catalogue *cat,
    const struct repo_backup *b, struct err *err)
{
	CLEANUP(freep_store_eraser) struct store_eraser *eraser = NULL;
	const struct repo_backup *log;
	size_t i;
	int rc;

	if (!b->removed)
		return err_set(
		    err, HF_EUSAGE, "backup '%s' is not removed", b->id);
	if ((rc = store_eraser_new(repo_store(r), &eraser, err)) < 0)
		return rc;
	/* The logs first: killed in between, it is still removed, and this
	 * can be said again. */
	for (i = 0; i < cat->n; i++) {
		log = &cat->backups[i];
		if (log->removed && repo_backup_continues(log, b) &&
		    (rc = bring_back(r, eraser, log, err)) < 0)
			return rc;
	}
	return bring_back(r, eraser, b, err);
}
