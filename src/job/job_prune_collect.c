#include <string.h>

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

/*
 * Erase an object; return 1 if the store refuses, because a lock holds it
 * longer.
 */
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

/* What the store holds on to stays in its undo window, with its packs. */
static int
hold(struct prune *p, struct repo_backup *b, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	int rc;

	if ((rc = repo_manifest_load(p->repo, b, &m, err)) < 0)
		return rc;
	(void)prune_name(p, &m);
	b->removed_ms = p->now_ms;
	return 0;
}

/*
 * Erase manifests first, then what they name.  A prune that is killed in
 * between leaves packs that nothing names, and the next prune collects them.
 * The other way round, it would leave a manifest that names packs which are
 * gone.
 */
static int
erase_manifests(struct prune *p, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < p->cat.n; i++) {
		if (!prune_is_over(p, &p->cat.backups[i]))
			continue;
		if ((rc = erase(p, p->cat.backups[i].name, err)) < 0)
			return err_wrap(err, "erase the manifest of '%s'",
			    p->cat.backups[i].id);
		if (rc == 0)
			p->rep.erased++;
		else if ((rc = hold(p, &p->cat.backups[i], err)) < 0)
			return rc;
	}
	return 0;
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
erase_packs(struct prune *p, struct err *err)
{
	char name[REPO_NAME_MAX];
	struct job_pack *pack;
	size_t i;
	int rc;

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
		for (k = 0; k < b->m.nkeys && !prune_is_over(p, b); k++)
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

int
prune_collect(struct prune *p, struct err *err)
{
	int rc;

	if ((rc = erase_manifests(p, err)) < 0 ||
	    (rc = erase_packs(p, err)) < 0)
		return rc;
	return erase_keys(p, err);
}
