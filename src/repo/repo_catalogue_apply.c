#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "repo/repo_catalogue_impl.h"
#include "repo/repo_chain.h"

static const char late_remedy[] =
    "the repository was copied since, or whoever stole that host made a false "
    "backup: look into what it holds before you trust it";
static const char undone_remedy[] =
    "somebody put the tombstone back, or the undo was cut off: remove the "
    "object";

/* The manifest that ${sha256} is the hash of, or NULL. */
static struct repo_backup *
find(const struct repo_load *l, const uint8_t sha256[])
{
	return repo_backup_by_hash(l->by_hash, l->nbackups, sha256);
}

static int
by_tombstone(const void *a, const void *b)
{
	const struct repo_undo *x = a, *y = b;

	return memcmp(x->tombstone, y->tombstone, SHA256_LEN);
}

/* Put those that hold in order; return how many they are. */
static size_t
sort_undos(struct repo_load *l)
{
	size_t i, n = 0;

	for (i = 0; i < l->undos.n; i++)
		if (l->undo[i].time_ms != 0)
			l->undo[n++] = l->undo[i];
	if (n > 0)
		qsort(l->undo, n, sizeof(*l->undo), by_tombstone);
	return n;
}

static bool
is_undone(const struct repo_load *l, size_t nundos, size_t tomb)
{
	struct repo_undo want;

	if (nundos == 0)
		return false;
	memcpy(want.tombstone, l->tomb_sha256[tomb], SHA256_LEN);
	return bsearch(&want, l->undo, nundos, sizeof(want), by_tombstone) !=
	       NULL;
}

/*
 * The undo window counts from the later of what the pruner says and what
 * the store says, so that a clock which is behind cannot shorten it.  A
 * tombstone that was undone removes nothing, however often it is put back.
 */
static int
apply_tombs(struct repo_load *l, struct err *err)
{
	size_t i, nundos = sort_undos(l);
	struct repo_backup *b;

	for (i = 0; i < l->tombs.n; i++) {
		if (l->tomb[i].manifest == NULL ||
		    (b = find(l, l->tomb[i].sha256)) == NULL)
			continue;
		if (is_undone(l, nundos, i)) {
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
tell_late(struct repo_load *l, struct err *err)
{
	const struct repo_backup *b;
	size_t i;

	for (i = 0; i < l->nbackups; i++) {
		b = &l->backup[i];
		if (b->late &&
		    repo_findings_add(&l->findings, err, b->name, late_remedy,
			"it was stored after the certificate of its writer "
			"'%s' had ended",
			b->writer_name) < 0)
			return err->code;
	}
	return 0;
}

static void
apply_attests(struct repo_load *l)
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
collect_links(const struct repo_load *l, struct repo_link *v)
{
	const struct repo_tombstone *t;
	const struct repo_backup *b;
	struct repo_link *k = v;
	size_t i;

	for (i = 0; i < l->nbackups; i++) {
		b = &l->backup[i];
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
forget_revoked(const struct repo_load *l, struct repo_heads *h)
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
remember(const struct repo_load *l, const struct repo_link *v, size_t n,
    struct err *err)
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
check_chains(struct repo_load *l, struct err *err)
{
	CLEANUP(freep_mem) struct repo_link *v = NULL;
	size_t n;

	v = calloc(l->nbackups + l->tombs.n + 1, sizeof(*v));
	if (v == NULL)
		return err_nomem(err);
	n = collect_links(l, v);
	(void)forget_revoked(l, &l->seen);
	if (repo_chain_check(v, &n, &l->seen, &l->findings, err) < 0)
		return err->code;
	return remember(l, v, n, err);
}

int
repo_catalogue_apply(struct repo_load *l, struct err *err)
{
	if (apply_tombs(l, err) < 0 || tell_late(l, err) < 0)
		return err->code;
	apply_attests(l);
	return check_chains(l, err);
}
