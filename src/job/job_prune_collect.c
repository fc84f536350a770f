#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/parallel.h"
#include "job/job.h"
#include "job/job_prune_impl.h"
#include "job/job_wrappings.h"

bool
prune_is_over(const struct prune *p, const struct repo_backup *b)
{
	return b->removed && b->removed_ms < p->now_ms - p->opts->undo_ms;
}

bool
prune_name(const struct prune *p, const struct repo_manifest *m)
{
	struct job_pack *pack;
	bool whole = true;
	size_t i;

	for (i = 0; i < m->npacks; i++) {
		if ((pack = job_packs_find(p->packs, &m->packs[i])) != NULL)
			pack->named = true;
		if (pack == NULL || pack->len != m->packs[i].len)
			whole = false;
	}
	return whole;
}

int
prune_each(struct prune *p, size_t n, int (*fn)(void *, size_t, struct err *),
    struct err *err)
{
	const bool near = repo_store(p->repo)->ops->caps & STORE_CAP_NEAR;

	return parallel_for(n, near ? 1 : repo_threads(p->repo), fn, p, err);
}

/*
 * Erase an object, and count it in ${*done}; return 1 if the store refuses,
 * because a lock holds it longer.
 */
static int
erase(struct prune *p, const char *name, uint64_t *done, struct err *err)
{
	char object[REPO_NAME_MAX + 64];
	struct err e = ERR_INIT;
	int rc;

	if (!p->opts->dry_run) {
		if ((rc = job_check(p->job, err)) < 0)
			return rc;
		(void)repo_object(p->repo, name, object);
		rc = store_erase(p->eraser, object, &e);
		if (rc < 0 && rc != -HF_EDENIED) {
			*err = e;
			return err->code;
		}
	}
	(void)pthread_mutex_lock(&p->lock);
	if (e.code == 0) {
		(*done)++;
	} else {
		p->rep.held++;
		p->held = e;
	}
	(void)pthread_mutex_unlock(&p->lock);
	return e.code == 0 ? 0 : 1;
}

/* What the store holds on to stays in its undo window, with its packs. */
static int
hold(struct prune *p, struct repo_backup *b, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	int rc;

	if ((rc = repo_manifest_load(p->repo, b, &m, err)) < 0)
		return rc;
	(void)pthread_mutex_lock(&p->lock);
	(void)prune_name(p, &m);
	(void)pthread_mutex_unlock(&p->lock);
	b->removed_ms = p->now_ms;
	return 0;
}

static int
erase_manifest(void *arg, size_t i, struct err *err)
{
	struct prune *p = arg;
	struct repo_backup *b = &p->cat.backups[i];
	int rc;

	if (!prune_is_over(p, b))
		return 0;
	if ((rc = erase(p, b->name, &p->rep.erased, err)) < 0)
		return err_wrap(err, "erase the manifest of '%s'", b->id);
	return rc == 0 ? 0 : hold(p, b, err);
}

/*
 * If an object was stored before the time returned here, and nothing names it,
 * then nothing ever will.
 */
static int64_t
horizon(const struct prune *p)
{
	const struct repo_head *h = repo_head(p->repo);

	return p->now_ms - 1000 * ((int64_t)h->reuse_s + h->grace_s);
}

static int
erase_pack(void *arg, size_t i, struct err *err)
{
	struct prune *p = arg;
	const struct job_pack *pack = job_packs_at(p->packs, i);
	char name[REPO_NAME_MAX];
	int rc;

	if (pack->named || pack->mtime_ms >= horizon(p))
		return 0;
	repo_name_pack(name, pack->hour, pack->oid);
	if ((rc = erase(p, name, &p->rep.packs, err)) < 0)
		return err_wrap(err, "erase '%s'", name);
	if (rc == 0)
		__atomic_add_fetch(&p->rep.bytes, pack->len, __ATOMIC_RELAXED);
	return 0;
}

static int
erase_packs(struct prune *p, struct err *err)
{
	const struct job_pack *pack;
	size_t n;

	for (n = 0; (pack = job_packs_at(p->packs, n)) != NULL; n++)
		p->rep.waiting += !pack->named && pack->mtime_ms >= horizon(p);
	return prune_each(p, n, erase_pack, err);
}

/* The ids of the data keys that the manifests that stay need, sorted. */
struct ids {
	uint8_t (*v)[REPO_ID_LEN];
	size_t n, cap;
};

static int
by_id(const void *a, const void *b)
{
	return memcmp(a, b, REPO_ID_LEN);
}

/* Logs come in hundreds with one key: all but the first add nothing. */
static int
add_id(struct ids *ids, const uint8_t id[], struct err *err)
{
	uint8_t(*grown)[REPO_ID_LEN];

	if (ids->n > 0 && by_id(ids->v[ids->n - 1], id) == 0)
		return 0;
	if (ids->n == ids->cap) {
		ids->cap = ids->cap * 2 + 64;
		grown = reallocarray(ids->v, ids->cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		ids->v = grown;
	}
	memcpy(ids->v[ids->n++], id, REPO_ID_LEN);
	return 0;
}

static int
gather_ids(const struct prune *p, struct ids *ids, struct err *err)
{
	const struct repo_backup *b;
	size_t i, k;

	for (i = 0; i < p->cat.n; i++) {
		b = &p->cat.backups[i];
		for (k = 0; k < b->m.nkeys && !prune_is_over(p, b); k++)
			if (add_id(ids, b->m.keys[k], err) < 0)
				return err->code;
	}
	if (ids->n > 0)
		qsort(ids->v, ids->n, sizeof(*ids->v), by_id);
	return 0;
}

/* Does a manifest that stays hold something under the data key of ${w}? */
static bool
is_needed(const struct prune *p, const struct job_wrapping *w,
    const struct ids *ids, const uint8_t root[])
{
	if (w->mtime_ms >= horizon(p) ||
	    memcmp(w->key_id, root, SIGN_FINGERPRINT_LEN) == 0)
		return true;
	return ids->n > 0 &&
	       bsearch(w->key_id, ids->v, ids->n, REPO_ID_LEN, by_id) != NULL;
}

static int
erase_unneeded(struct prune *p, const struct ids *ids, struct err *err)
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
		if (is_needed(p, &all.v[i], ids, root))
			continue;
		repo_name_wrapped(name, all.v[i].key_id, all.v[i].opener);
		if ((rc = erase(p, name, &p->rep.keys, err)) < 0)
			return err_wrap(err, "erase '%s'", name);
	}
	return 0;
}

static int
erase_keys(struct prune *p, struct err *err)
{
	struct ids ids = { NULL, 0, 0 };
	int rc;

	if ((rc = gather_ids(p, &ids, err)) == 0)
		rc = erase_unneeded(p, &ids, err);
	free(ids.v);
	return rc;
}

/*
 * Erase manifests first, then what they name.  A prune that is killed in
 * between leaves packs that nothing names, and the next prune collects them.
 * The other way round, it would leave a manifest that names packs which are
 * gone.
 */
int
prune_collect(struct prune *p, struct err *err)
{
	int rc;

	if ((rc = prune_each(p, p->cat.n, erase_manifest, err)) < 0 ||
	    (rc = erase_packs(p, err)) < 0)
		return rc;
	return erase_keys(p, err);
}
