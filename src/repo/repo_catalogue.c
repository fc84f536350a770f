#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/parallel.h"
#include "repo/repo_cache.h"
#include "repo/repo_catalogue_impl.h"
#include "repo/repo_impl.h"
#include "repo/repo_revocations.h"

/*
 * Every object that decides what there is (writers, manifests, tombstones,
 * attestations) is read and judged, several at once.  What does not hold is
 * a finding and counts for nothing; only trouble with the store itself ends
 * the loading.
 */

#define BUDGET (16ull << 20) /* Bytes of objects at a time. */

static const char manifest_remedy[] =
    "bring the object back from another copy or an older version of it; "
    "prune deletes nothing while it is like this";
static const char small_remedy[] =
    "bring the object back from another copy, or remove it if it was never "
    "yours";

static void
backup_clear(struct repo_backup *b)
{
	repo_manifest_clear(&b->m);
	free(b->name);
	free(b->writer_name);
}

static void
load_clear(struct repo_load *l)
{
	size_t i;

	for (i = 0; l->backup != NULL && i < l->nbackups; i++)
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
	free(l->by_hash);
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
	struct repo_load *load;
	struct repo_listing *listing;
	int (*judge)(struct repo_load *, size_t, const struct buf *,
	    bool *revoked, struct err *);
	size_t max; /* Bytes of one. */
	bool kept;  /* There are copies of them (repo_cache.h). */
	const char *remedy;
};

static int
judge_cert(struct repo_load *l, size_t i, const struct buf *b, bool *revoked,
    struct err *err)
{
	(void)revoked;
	return repo_judge_cert(l->repo, &l->certs.v[i], b, &l->writers.cert[i],
	    l->writers.fp[i], err);
}

static int
judge_manifest(struct repo_load *l, size_t i, const struct buf *b,
    bool *revoked, struct err *err)
{
	int rc;

	/* A copy that did not hold may have been judged before. */
	backup_clear(&l->backup[i]);
	l->backup[i] = (struct repo_backup){ 0 };
	rc = repo_judge_manifest(
	    l->repo, &l->writers, &l->manifests.v[i], b, &l->backup[i], err);
	*revoked = l->backup[i].revoked;
	return rc;
}

static int
judge_tomb(struct repo_load *l, size_t i, const struct buf *b, bool *revoked,
    struct err *err)
{
	return repo_judge_tombstone(l->repo, &l->writers, &l->tombs.v[i], b,
	    &l->tomb[i], l->tomb_sha256[i], revoked, err);
}

static int
judge_undo(struct repo_load *l, size_t i, const struct buf *b, bool *revoked,
    struct err *err)
{
	return repo_judge_undo(
	    l->repo, &l->writers, &l->undos.v[i], b, &l->undo[i], revoked, err);
}

static int
judge_attest(struct repo_load *l, size_t i, const struct buf *b, bool *revoked,
    struct err *err)
{
	return repo_judge_attest(l->repo, &l->writers, &l->attests.v[i], b,
	    &l->attest[i], revoked, err);
}

/*
 * Is there a copy, and does it hold?  What is said of one that does not is no
 * matter: the object itself is read.
 */
static bool
copy_holds(const struct task *t, size_t i)
{
	const struct repo_listed *o = &t->listing->v[i];
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err ignored = ERR_INIT;
	bool revoked = false;

	return !t->load->prove && o->copy != 0 &&
	       repo_cache_get(
		   t->load->repo->cache, o->copy, (size_t)o->len, &b) &&
	       t->judge(t->load, i, &b, &revoked, &ignored) == 0;
}

static int
read_and_judge(const struct task *t, size_t i, bool *revoked, struct err *err)
{
	struct repo_listed *o = &t->listing->v[i];
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	if (o->len > t->max)
		return err_set(err, HF_ECORRUPT,
		    "an object of its kind has at most %zu bytes", t->max);
	if (copy_holds(t, i))
		return 0;
	/* Read no more than was listed: there is room for that much. */
	if (repo_get(t->load->repo, o->name, (size_t)o->len, &b, err) < 0 ||
	    t->judge(t->load, i, &b, revoked, err) < 0)
		return err->code;
	if (t->kept && (o->copy == 0 || !t->load->prove))
		repo_cache_add(t->load->repo->cache, o, &b);
	return 0;
}

/* Whoever may write can lay down as much junk as he likes, of any size. */
static int
judge_one(const struct task *t, size_t i, bool *revoked, struct err *err)
{
	const uint64_t len = t->listing->v[i].len;
	int rc;

	repo_budget_take(&t->load->budget, len);
	rc = read_and_judge(t, i, revoked, err);
	repo_budget_give(&t->load->budget, len);
	return rc;
}

static int
one(void *arg, size_t i, struct err *err)
{
	struct task *t = arg;
	struct repo_load *l = t->load;
	const char *name = t->listing->v[i].name;
	struct err e = ERR_INIT;
	bool revoked = false;

	if (judge_one(t, i, &revoked, &e) == 0)
		return 0;
	if (e.code != -HF_ECORRUPT && e.code != -HF_ENOTFOUND &&
	    e.code != -HF_EDENIED) {
		*err = e;
		return err_wrap(err, "read '%s'", name);
	}
	if (revoked)
		return repo_findings_settled(
		    &l->findings, name, e.hint, e.msg, err);
	return repo_findings_add(&l->findings, err, name,
	    e.hint[0] != '\0' ? e.hint : t->remedy, "%s", e.msg);
}

static int
run(struct task *t, struct err *err)
{
	return parallel_for(
	    t->listing->n, repo_threads(t->load->repo), one, t, err);
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
list(struct repo_load *l, struct err *err)
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
make_room(struct repo_load *l, struct err *err)
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
	l->nbackups = l->manifests.n;
	l->writers.n = l->certs.n;
	return 0;
}

static int
judge(struct repo_load *l, struct err *err)
{
	struct task certs = { l, &l->certs, judge_cert, REPO_SMALL_MAX, false,
		small_remedy };
	struct task tombs = { l, &l->tombs, judge_tomb, REPO_SMALL_MAX, false,
		small_remedy };
	struct task undos = { l, &l->undos, judge_undo, REPO_SMALL_MAX, false,
		small_remedy };
	struct task attests = { l, &l->attests, judge_attest, REPO_SMALL_MAX,
		true, small_remedy };
	struct task manifests = { l, &l->manifests, judge_manifest,
		REPO_MANIFEST_MAX, true, manifest_remedy };
	struct repo_listing *const kept[] = { &l->manifests, &l->attests };
	size_t i;

	repo_cache_look(l->repo->cache, kept, 2);
	if (run(&certs, err) < 0 ||
	    repo_revocations_load(
		l->repo, &l->revoked, &l->writers, &l->findings, err) < 0 ||
	    run(&manifests, err) < 0 || run(&tombs, err) < 0 ||
	    run(&undos, err) < 0 || run(&attests, err) < 0)
		return err->code;
	repo_cache_settle(l->repo->cache, kept, 2);
	/* Whatever they are, they may name packs that somebody needs; but
	 * what the root has ruled out names none. */
	for (i = 0; i < l->manifests.n; i++) {
		if (l->backup[i].name == NULL && !l->backup[i].revoked)
			l->unsure = true;
		if (!l->prove)
			l->backup[i].copy = l->manifests.v[i].copy;
	}
	return 0;
}

static int
by_time(const void *a, const void *b)
{
	const struct repo_backup *x = a, *y = b;

	if (x->stored_ms != y->stored_ms)
		return x->stored_ms < y->stored_ms ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int
by_name(const void *a, const void *b)
{
	const struct repo_certified *x = a, *y = b;
	int rc = strcmp(x->cert.name, y->cert.name);

	if (rc != 0)
		return rc;
	return memcmp(x->fingerprint, y->fingerprint, sizeof(x->fingerprint));
}

static int
hand_over_writers(
    struct repo_load *l, struct repo_catalogue *cat, struct err *err)
{
	struct repo_writers *w = &l->writers;
	struct repo_certified *v;
	size_t i, n = 0;

	if ((v = calloc(w->n + 1, sizeof(*v))) == NULL)
		return err_nomem(err);
	for (i = 0; i < w->n; i++) {
		if (w->cert[i].roles == 0)
			continue;
		v[n].cert = w->cert[i];
		memcpy(v[n].fingerprint, w->fp[i], SIGN_FINGERPRINT_LEN);
		v[n++].revoked_ms = w->revoked[i].time_ms;
		w->cert[i] = (struct repo_cert){ 0 };
	}
	if (n > 0)
		qsort(v, n, sizeof(*v), by_name);
	cat->writers = v;
	cat->nwriters = n;
	return 0;
}

/* Leave those that hold, by time, and find them by hash. */
static int
arrange(struct repo_load *l, struct err *err)
{
	size_t i, n = 0;

	repo_listing_clear(&l->manifests); /* Of hundreds of thousands. */
	for (i = 0; i < l->nbackups; i++)
		if (l->backup[i].name != NULL)
			l->backup[n++] = l->backup[i];
	l->nbackups = n;
	if (n > 0)
		qsort(l->backup, n, sizeof(*l->backup), by_time);
	return repo_backups_by_hash(l->backup, n, &l->by_hash, err);
}

static void
hand_over(struct repo_load *l, struct repo_catalogue *cat)
{
	size_t i;

	cat->backups = TAKE(l->backup);
	cat->by_hash = TAKE(l->by_hash);
	cat->n = l->nbackups;
	cat->findings = TAKE(l->findings.v);
	cat->nfindings = l->findings.n;
	for (i = 0; i < cat->nfindings; i++)
		cat->nsettled += cat->findings[i].settled;
	l->findings.n = 0;
	cat->unsure = l->unsure;
}

static int
load(struct repo *r, bool prove, struct repo_catalogue *cat, struct err *err)
{
	CLEANUP(load_clear)
	struct repo_load l = {
		.repo = r,
		.findings = { .lock = PTHREAD_MUTEX_INITIALIZER },
		.budget = REPO_BUDGET(BUDGET),
		.prove = prove,
	};

	if (list(&l, err) < 0 || make_room(&l, err) < 0 || judge(&l, err) < 0 ||
	    arrange(&l, err) < 0 || repo_catalogue_apply(&l, err) < 0 ||
	    hand_over_writers(&l, cat, err) < 0)
		return err_wrap(err, "the catalogue");
	hand_over(&l, cat);
	return 0;
}

int
repo_catalogue_load(struct repo *r, struct repo_catalogue *cat, struct err *err)
{
	return load(r, false, cat, err);
}

int
repo_catalogue_prove(
    struct repo *r, struct repo_catalogue *cat, struct err *err)
{
	return load(r, true, cat, err);
}

void
repo_catalogue_clear(struct repo_catalogue *cat)
{
	size_t i;

	for (i = 0; i < cat->n; i++)
		backup_clear(&cat->backups[i]);
	free(cat->backups);
	free(cat->by_hash);
	for (i = 0; i < cat->nwriters; i++)
		repo_cert_clear(&cat->writers[i].cert);
	free(cat->writers);
	repo_findings_free(cat->findings, cat->nfindings);
	*cat = (struct repo_catalogue){ 0 };
}
