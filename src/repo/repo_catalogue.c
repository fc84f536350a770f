#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/parallel.h"
#include "repo/repo_budget.h"
#include "repo/repo_chain.h"
#include "repo/repo_findings.h"
#include "repo/repo_heads.h"
#include "repo/repo_impl.h"
#include "repo/repo_judge.h"
#include "repo/repo_listing.h"
#include "repo/repo_revocations.h"

/*
 * Every object that decides what there is (writers, manifests, tombstones,
 * attestations) is read and judged, several at once.  What does not hold is
 * a finding and counts for nothing; only trouble with the store itself ends
 * the loading.
 */

#define THREADS 8            /* Each waits for the store most of the time. */
#define BUDGET (16ull << 20) /* Bytes of objects at a time. */

static const char manifest_remedy[] =
    "bring the object back from another copy or an older version of it; "
    "prune deletes nothing while it is like this";
static const char small_remedy[] =
    "bring the object back from another copy, or remove it if it was never "
    "yours";

static const char late_remedy[] =
    "the repository was copied since, or whoever stole that host made a false "
    "backup: look into what it holds before you trust it";
static const char undone_remedy[] =
    "somebody put the tombstone back, or the undo was cut off: remove the "
    "object";

struct load {
	struct repo *repo;
	struct repo_listing manifests, certs, tombs, attests, undos, revoked;
	/* One for each that is listed, zero where it did not hold. */
	struct repo_backup *backup;
	struct repo_writers writers;
	struct repo_tombstone *tomb;
	uint8_t (*tomb_sha256)[SHA256_LEN];
	struct repo_undo *undo;
	struct repo_attest *attest;
	struct repo_findings findings;
	struct repo_heads seen;
	struct repo_budget budget;
	bool unsure;
};

static void
backup_clear(struct repo_backup *b)
{
	repo_manifest_clear(&b->m);
	free(b->name);
	free(b->writer_name);
}

static void
load_clear(struct load *l)
{
	size_t i;

	for (i = 0; l->backup != NULL && i < l->manifests.n; i++)
		backup_clear(&l->backup[i]);
	for (i = 0; i < l->writers.n; i++) {
		repo_cert_clear(&l->writers.cert[i]);
		repo_revocation_clear(&l->writers.revoked[i]);
	}
	for (i = 0; l->tomb != NULL && i < l->tombs.n; i++)
		repo_tombstone_clear(&l->tomb[i]);
	for (i = 0; l->attest != NULL && i < l->attests.n; i++)
		repo_attest_clear(&l->attest[i]);
	free(l->backup);
	free(l->writers.cert);
	free(l->writers.fp);
	free(l->writers.revoked);
	free(l->tomb);
	free(l->tomb_sha256);
	free(l->undo);
	free(l->attest);
	repo_listing_clear(&l->manifests);
	repo_listing_clear(&l->certs);
	repo_listing_clear(&l->tombs);
	repo_listing_clear(&l->attests);
	repo_listing_clear(&l->undos);
	repo_listing_clear(&l->revoked);
	repo_findings_free(l->findings.v, l->findings.n);
	repo_heads_clear(&l->seen);
	(void)pthread_mutex_destroy(&l->findings.lock);
}

/* Judging all objects of one kind. */
struct task {
	struct load *load;
	const struct repo_listing *listing;
	int (*judge)(struct load *, size_t, struct err *);
	const char *remedy;
};

static int
judge_cert(struct load *l, size_t i, struct err *err)
{
	return repo_judge_cert(l->repo, &l->certs.v[i], &l->writers.cert[i],
	    l->writers.fp[i], err);
}

/* Whoever may write can lay down as much junk as he likes, of any size. */
static int
judge_manifest(struct load *l, size_t i, struct err *err)
{
	const struct repo_listed *o = &l->manifests.v[i];
	int rc;

	repo_budget_take(&l->budget, o->len);
	rc = repo_judge_manifest(l->repo, &l->writers, o, &l->backup[i], err);
	repo_budget_give(&l->budget, o->len);
	return rc;
}

static int
judge_tomb(struct load *l, size_t i, struct err *err)
{
	return repo_judge_tombstone(l->repo, &l->writers, &l->tombs.v[i],
	    &l->tomb[i], l->tomb_sha256[i], err);
}

static int
judge_undo(struct load *l, size_t i, struct err *err)
{
	return repo_judge_undo(
	    l->repo, &l->writers, &l->undos.v[i], &l->undo[i], err);
}

static int
judge_attest(struct load *l, size_t i, struct err *err)
{
	return repo_judge_attest(
	    l->repo, &l->writers, &l->attests.v[i], &l->attest[i], err);
}

static int
one(void *arg, size_t i, struct err *err)
{
	struct task *t = arg;
	struct load *l = t->load;
	struct err e = ERR_INIT;

	if (t->judge(l, i, &e) == 0)
		return 0;
	if (e.code != -HF_ECORRUPT && e.code != -HF_ENOTFOUND &&
	    e.code != -HF_EDENIED) {
		*err = e;
		return err_wrap(err, "read '%s'", t->listing->v[i].name);
	}
	return repo_findings_add(&l->findings, err, t->listing->v[i].name,
	    e.hint[0] != '\0' ? e.hint : t->remedy, "%s", e.msg);
}

static int
run(struct task *t, struct err *err)
{
	return parallel_for(t->listing->n, THREADS, one, t, err);
}

/*
 * Manifests are listed first: a writer's certificate is older than his
 * first manifest and a tombstone is older than the gap it explains, so
 * neither can be missing from a listing that is made later.  An undo is
 * stored before its tombstone goes, and a revocation is younger than all
 * that it ends.  The heads seen come before all: what another process commits
 * while we list is not gone.
 */
static int
list(struct load *l, struct err *err)
{
	if (repo_heads_load(l->repo->local, &l->seen, err) < 0 ||
	    repo_listing_load(l->repo, "s/", &l->manifests, err) < 0 ||
	    repo_listing_load(l->repo, "t/", &l->tombs, err) < 0 ||
	    repo_listing_load(l->repo, "a/", &l->attests, err) < 0 ||
	    repo_listing_load(l->repo, "u/", &l->undos, err) < 0 ||
	    repo_listing_load(l->repo, "w/", &l->certs, err) < 0 ||
	    repo_listing_load(l->repo, "r/", &l->revoked, err) < 0)
		return err->code;
	return 0;
}

static int
make_room(struct load *l, struct err *err)
{
	/* One more than needed: none of these may be NULL. */
	l->backup = calloc(l->manifests.n + 1, sizeof(*l->backup));
	l->tomb = calloc(l->tombs.n + 1, sizeof(*l->tomb));
	l->tomb_sha256 = calloc(l->tombs.n + 1, sizeof(*l->tomb_sha256));
	l->undo = calloc(l->undos.n + 1, sizeof(*l->undo));
	l->attest = calloc(l->attests.n + 1, sizeof(*l->attest));
	l->writers.cert = calloc(l->certs.n + 1, sizeof(*l->writers.cert));
	l->writers.fp = calloc(l->certs.n + 1, sizeof(*l->writers.fp));
	l->writers.revoked =
	    calloc(l->certs.n + 1, sizeof(*l->writers.revoked));
	if (l->backup == NULL || l->tomb == NULL || l->attest == NULL ||
	    l->tomb_sha256 == NULL || l->undo == NULL ||
	    l->writers.cert == NULL || l->writers.fp == NULL ||
	    l->writers.revoked == NULL)
		return err_nomem(err);
	l->writers.n = l->certs.n;
	return 0;
}

static int
judge(struct load *l, struct err *err)
{
	struct task certs = { l, &l->certs, judge_cert, small_remedy };
	struct task tombs = { l, &l->tombs, judge_tomb, small_remedy };
	struct task undos = { l, &l->undos, judge_undo, small_remedy };
	struct task attests = { l, &l->attests, judge_attest, small_remedy };
	struct task manifests = { l, &l->manifests, judge_manifest,
		manifest_remedy };
	size_t i;

	if (run(&certs, err) < 0 ||
	    repo_revocations_load(
		l->repo, &l->revoked, &l->writers, &l->findings, err) < 0 ||
	    run(&manifests, err) < 0 || run(&tombs, err) < 0 ||
	    run(&undos, err) < 0 || run(&attests, err) < 0)
		return err->code;
	/* Whatever they are, they may name packs that somebody needs; but
	 * what the root has ruled out names none. */
	for (i = 0; i < l->manifests.n; i++)
		if (l->backup[i].name == NULL && !l->backup[i].revoked)
			l->unsure = true;
	return 0;
}

/* The manifest that ${sha256} is the hash of, or NULL. */
static struct repo_backup *
find(const struct load *l, const uint8_t sha256[])
{
	size_t i;

	for (i = 0; i < l->manifests.n; i++)
		if (l->backup[i].name != NULL &&
		    memcmp(l->backup[i].m.sha256, sha256, SHA256_LEN) == 0)
			return &l->backup[i];
	return NULL;
}

static bool
is_undone(const struct load *l, size_t tomb)
{
	size_t i;

	for (i = 0; i < l->undos.n; i++)
		if (l->undo[i].time_ms != 0 &&
		    memcmp(l->undo[i].tombstone, l->tomb_sha256[tomb],
			SHA256_LEN) == 0)
			return true;
	return false;
}

/*
 * The undo window counts from the later of what the pruner says and what
 * the store says, so that a clock which is behind cannot shorten it.  A
 * tombstone that was undone removes nothing, however often it is put back.
 */
static int
apply_tombs(struct load *l, struct err *err)
{
	struct repo_backup *b;
	size_t i;

	for (i = 0; i < l->tombs.n; i++) {
		if (l->tomb[i].manifest == NULL ||
		    (b = find(l, l->tomb[i].sha256)) == NULL)
			continue;
		if (is_undone(l, i)) {
			b->undone = true;
			if (repo_findings_add(&l->findings, err,
				l->tombs.v[i].name, undone_remedy,
				"this removal was undone, and counts for "
				"nothing") < 0)
				return err->code;
			continue;
		}
		b->removed = true;
		b->removed_ms = l->tomb[i].time_ms;
		if (l->tombs.v[i].mtime_ms > b->removed_ms)
			b->removed_ms = l->tombs.v[i].mtime_ms;
	}
	return 0;
}

static int
tell_late(struct load *l, struct err *err)
{
	const struct repo_backup *b;
	size_t i;

	for (i = 0; i < l->manifests.n; i++) {
		b = &l->backup[i];
		if (b->name != NULL && b->late &&
		    repo_findings_add(&l->findings, err, b->name, late_remedy,
			"it was stored after the certificate of its writer "
			"'%s' had ended",
			b->writer_name) < 0)
			return err->code;
	}
	return 0;
}

static void
apply_attests(struct load *l)
{
	const struct repo_attest *a;
	struct repo_backup *b;
	size_t i;

	/* Good ones first, then bad ones that are newer than any of them. */
	for (i = 0; i < l->attests.n; i++) {
		a = &l->attest[i];
		if (!a->good || (b = find(l, a->sha256)) == NULL)
			continue;
		if (a->level > b->verified_level ||
		    (a->level == b->verified_level &&
			a->time_ms > b->verified_ms)) {
			b->verified_level = a->level;
			b->verified_ms = a->time_ms;
		}
		if (a->time_ms > b->good_ms)
			b->good_ms = a->time_ms;
	}
	for (i = 0; i < l->attests.n; i++) {
		a = &l->attest[i];
		if (a->host != NULL && !a->good &&
		    (b = find(l, a->sha256)) != NULL && a->time_ms > b->good_ms)
			b->bad = true;
	}
}

static size_t
collect_links(const struct load *l, struct repo_link *v)
{
	const struct repo_tombstone *t;
	const struct repo_backup *b;
	struct repo_link *k = v;
	size_t i;

	for (i = 0; i < l->manifests.n; i++) {
		if ((b = &l->backup[i])->name == NULL)
			continue;
		memcpy(k->writer, b->m.writer, sizeof(k->writer));
		memcpy(k->sha256, b->m.sha256, sizeof(k->sha256));
		memcpy(k->parent, b->m.parent, sizeof(k->parent));
		k->seq = b->m.seq;
		k++->object = b->name;
	}
	for (i = 0; i < l->tombs.n; i++) {
		if ((t = &l->tomb[i])->manifest == NULL)
			continue;
		memcpy(k->writer, t->writer, sizeof(k->writer));
		memcpy(k->sha256, t->sha256, sizeof(k->sha256));
		memcpy(k->parent, t->parent, sizeof(k->parent));
		k->seq = t->seq;
		k++->object = l->tombs.v[i].name;
	}
	return (size_t)(k - v);
}

/*
 * The last manifest seen of a writer may be one that was revoked since: then
 * the newest that stays takes its place.
 */
static bool
forget_revoked(const struct load *l, struct repo_heads *h)
{
	const struct repo_revocation *v;
	size_t i, w, n = 0;
	bool changed;

	for (i = 0; i < h->n; i++) {
		w = repo_judge_writer(&l->writers, h->v[i].writer);
		v = w < l->writers.n ? &l->writers.revoked[w] : NULL;
		if (v == NULL || v->time_ms == 0 ||
		    repo_revocation_keeps(v, h->v[i].sha256))
			h->v[n++] = h->v[i];
	}
	changed = n < h->n;
	h->n = n;
	return changed;
}

/* Remember the last manifest of every writer; others may do so as well. */
static int
remember(
    const struct load *l, const struct repo_link *v, size_t n, struct err *err)
{
	CLEANUP(repo_heads_clear) struct repo_heads h = { 0 };
	CLEANUP(freep_fd) int fd = -1;
	int rc, changed;
	size_t i;

	if (repo_local_lock(l->repo->local, &fd, err) < 0 ||
	    repo_heads_load(l->repo->local, &h, err) < 0)
		return err->code;
	changed = forget_revoked(l, &h);
	for (i = 0; i < n; i++) {
		rc = repo_heads_raise(
		    &h, v[i].writer, v[i].seq, v[i].sha256, err);
		if (rc < 0)
			return rc;
		changed |= rc;
	}
	return changed ? repo_heads_save(l->repo->local, &h, err) : 0;
}

static int
check_chains(struct load *l, struct err *err)
{
	CLEANUP(freep_mem) struct repo_link *v = NULL;
	size_t n;

	v = calloc(l->manifests.n + l->tombs.n + 1, sizeof(*v));
	if (v == NULL)
		return err_nomem(err);
	n = collect_links(l, v);
	(void)forget_revoked(l, &l->seen);
	if (repo_chain_check(v, &n, &l->seen, &l->findings, err) < 0)
		return err->code;
	return remember(l, v, n, err);
}

static int
by_time(const void *a, const void *b)
{
	const struct repo_backup *x = a, *y = b;

	if (x->stored_ms != y->stored_ms)
		return x->stored_ms < y->stored_ms ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
hand_over(struct load *l, struct repo_catalogue *cat)
{
	size_t i, n = 0;

	for (i = 0; i < l->manifests.n; i++)
		if (l->backup[i].name != NULL)
			l->backup[n++] = l->backup[i];
	if (n > 0)
		qsort(l->backup, n, sizeof(*l->backup), by_time);
	cat->backups = TAKE(l->backup);
	cat->n = n;
	cat->findings = TAKE(l->findings.v);
	cat->nfindings = l->findings.n;
	l->findings.n = 0;
	cat->unsure = l->unsure;
}

int
repo_catalogue_load(struct repo *r, struct repo_catalogue *cat, struct err *err)
{
	CLEANUP(load_clear)
	struct load l = {
		.repo = r,
		.findings = { .lock = PTHREAD_MUTEX_INITIALIZER },
		.budget = REPO_BUDGET(BUDGET),
	};

	if (list(&l, err) < 0 || make_room(&l, err) < 0 || judge(&l, err) < 0 ||
	    apply_tombs(&l, err) < 0 || tell_late(&l, err) < 0)
		return err_wrap(err, "the catalogue");
	apply_attests(&l);
	if (check_chains(&l, err) < 0)
		return err_wrap(err, "the catalogue");
	hand_over(&l, cat);
	return 0;
}

void
repo_catalogue_clear(struct repo_catalogue *cat)
{
	size_t i;

	for (i = 0; i < cat->n; i++)
		backup_clear(&cat->backups[i]);
	free(cat->backups);
	repo_findings_free(cat->findings, cat->nfindings);
	*cat = (struct repo_catalogue){ 0 };
}
