#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/parallel.h"
#include "repo/repo_impl.h"
#include "repo/repo_listing.h"

/*
 * Who opens what is read from the names in the store.  For each data key and
 * each opener one object is read, however many openers a data key has.
 */

struct scan {
	struct repo *repo;
	struct repo_listing all;
	bool *foreign; /* By name, the first of its key: of another vault. */
};

static void
scan_clear(struct scan *s)
{
	repo_listing_clear(&s->all);
	free(s->foreign);
}

/* Is name ${i} the first of its key id?  Names of one key stand together. */
static bool
is_first(const struct repo_listing *l, size_t i)
{
	size_t n = strlen("k/") + 2 * REPO_ID_LEN;

	return i == 0 || strncmp(l->v[i - 1].name, l->v[i].name, n) != 0;
}

/* An init that was killed leaves keys of a vault that never came to be. */
static int
look(void *arg, size_t i, struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	struct scan *s = arg;
	struct err e = ERR_INIT;

	if (!is_first(&s->all, i))
		return 0;
	if (repo_wrapped_load(s->repo, s->all.v[i].name, &w, NULL, &e) == 0) {
		s->foreign[i] = memcmp(w.vault_id, s->repo->head.vault_id,
				    REPO_ID_LEN) != 0;
		return 0;
	}
	if (e.code == -HF_ECORRUPT || e.code == -HF_ENOTFOUND)
		return 0; /* Damaged, but it counts. */
	*err = e;
	return err->code;
}

static struct repo_opener *
find(const struct repo_openers *o, const uint8_t fp[])
{
	size_t i;

	for (i = 0; i < o->n; i++)
		if (memcmp(o->v[i].fingerprint, fp, KEY_FINGERPRINT_LEN) == 0)
			return &o->v[i];
	return NULL;
}

static bool
at_hand(const struct repo *r, const uint8_t fp[])
{
	size_t i;

	for (i = 0; i < r->nkeys; i++)
		if (memcmp(r->keys[i]->fingerprint, fp, KEY_FINGERPRINT_LEN) ==
		    0)
			return true;
	return false;
}

/* Describe an opener by what one of its objects says; NULL on failure. */
static struct repo_opener *
add(struct repo *r, const char *name, struct repo_openers *o, struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	struct repo_opener *grown, *to;

	if (repo_wrapped_load(r, name, &w, NULL, err) < 0)
		return NULL;
	grown = reallocarray(o->v, o->n + 1, sizeof(*grown));
	if (grown == NULL) {
		(void)err_nomem(err);
		return NULL;
	}
	o->v = grown;
	to = &o->v[o->n++];
	*to = (struct repo_opener){
		.kind = TAKE(w.kind),
		.public_text = TAKE(w.public_text),
		.at_hand = at_hand(r, w.opener),
	};
	memcpy(to->fingerprint, w.opener, KEY_FINGERPRINT_LEN);
	return to;
}

static int
count_one(struct scan *s, size_t i, struct repo_openers *o, struct err *err)
{
	uint8_t id[REPO_ID_LEN], fp[KEY_FINGERPRINT_LEN];
	struct repo_opener *opener;

	if (!repo_name_wrapped_read(s->all.v[i].name, id, fp))
		return 0;
	if ((opener = find(o, fp)) == NULL &&
	    (opener = add(s->repo, s->all.v[i].name, o, err)) == NULL)
		return err->code;
	if (memcmp(id, s->repo->root_fp, sizeof(id)) == 0) {
		opener->root = true;
		return 0;
	}
	opener->data_keys++;
	o->data_keys += is_first(&s->all, i);
	return 0;
}

static int
count(struct scan *s, struct repo_openers *o, struct err *err)
{
	bool foreign = false;
	size_t i;

	for (i = 0; i < s->all.n; i++) {
		if (is_first(&s->all, i))
			foreign = s->foreign[i];
		if (!foreign && count_one(s, i, o, err) < 0)
			return err->code;
	}
	return 0;
}

int
repo_openers_load(struct repo *r, struct repo_openers *ret, struct err *err)
{
	CLEANUP(scan_clear) struct scan s = { .repo = r };
	CLEANUP(repo_openers_clear) struct repo_openers o = { 0 };

	if (repo_listing_load(r, "k/", &s.all, err) < 0)
		return err->code;
	if ((s.foreign = calloc(s.all.n + 1, sizeof(*s.foreign))) == NULL)
		return err_nomem(err);
	if (parallel_for(s.all.n, repo_threads(r), look, &s, err) < 0 ||
	    count(&s, &o, err) < 0)
		return err->code;
	*ret = o;
	o = (struct repo_openers){ 0 };
	return 0;
}

void
repo_openers_clear(struct repo_openers *o)
{
	size_t i;

	for (i = 0; i < o->n; i++) {
		free(o->v[i].kind);
		free(o->v[i].public_text);
	}
	free(o->v);
	*o = (struct repo_openers){ 0 };
}
