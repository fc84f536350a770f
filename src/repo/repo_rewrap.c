#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/parallel.h"
#include "crypto/secret.h"
#include "repo/repo_impl.h"
#include "repo/repo_listing.h"
#include "store/store.h"

#define THREADS 4 /* A KMS counts its calls. */

struct rewrap {
	struct repo *repo;
	struct key *add;
	struct repo_listing all; /* Every k object. */
	/* Guarded by the repository's lock. */
	uint64_t done;
	struct err first; /* What could not be wrapped; the rest still is. */
};

static int
wrap(struct rewrap *w, enum repo_key_class class, const uint8_t id[],
    const struct secret *key, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX];

	repo_name_wrapped(name, id, w->add->fingerprint);
	if (repo_wrap(w->add, (uint8_t) class, w->repo->head.vault_id, id, key,
		&b, err) < 0 ||
	    repo_put(w->repo, name, &b, err) < 0)
		return err_wrap(err, "wrap '%s' for '%s'", name, w->add->label);
	(void)repo_lock(w->repo);
	w->done++;
	repo_unlock(&w->repo);
	return 0;
}

/*
 * Check a wrapping that cannot be opened here, because only the recipient is at
 * hand.  It must be whole, and the root must vouch for the wrapping of its own
 * seed: whoever can write to the store knows every name, and could otherwise
 * make us pass over what we came for.
 */
static int
check_closed(struct rewrap *w, enum repo_key_class class, const char *name,
    struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped k = { 0 };
	bool vouched = false;

	if (repo_wrapped_load(w->repo, name, &k, &vouched, err) < 0)
		return err->code;
	if (k.class == class && (class == REPO_KEY_DATA || vouched) &&
	    memcmp(k.vault_id, w->repo->head.vault_id, REPO_ID_LEN) == 0)
		return 1;
	(void)err_set(err, HF_ECORRUPT,
	    "'%s' is not a wrapping that this repository made", name);
	return err_hint(err, "remove that object, and run this again");
}

/*
 * Is it wrapped for the new opener already?  Return 1 or 0.  The wrapping must
 * open, and give the same key as the others.  Otherwise a rotation could end
 * with an opener that opens nothing, and then the old ones might be removed.
 */
static int
is_wrapped(struct rewrap *w, enum repo_key_class class, const uint8_t id[],
    const struct secret *key, struct err *err)
{
	CLEANUP(freep_secret) struct secret *other = NULL;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct store_info info;
	struct err e = ERR_INIT;

	repo_name_wrapped(name, id, w->add->fingerprint);
	if (store_head(w->repo->store, repo_object(w->repo, name, object),
		&info, &e) < 0) {
		if (e.code == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return err->code;
	}
	if (!(w->add->caps & KEY_CAN_UNWRAP))
		return check_closed(w, class, name, err);
	if (repo_open_with(w->repo, w->add, class, id, &other, &e) < 0) {
		if (e.code == -HF_EKEY)
			e.code = -HF_ECORRUPT;
		*err = e;
		return err->code;
	}
	if (!secret_equal(key, other))
		return err_set(err, HF_ECORRUPT,
		    "'%s' holds another key than the other openers have", name);
	return 1;
}

static int
rewrap_one(struct rewrap *w, enum repo_key_class class, const uint8_t id[],
    struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	int rc;

	if (class == REPO_KEY_ROOT)
		rc = repo_root_seed(w->repo, &key, err);
	else
		rc = repo_open_any(w->repo, class, id, &key, err);
	if (rc < 0 || (rc = is_wrapped(w, class, id, key, err)) != 0)
		return rc < 0 ? rc : 0;
	return wrap(w, class, id, key, err);
}

/*
 * Does it belong to a vault that never came to be, because its init was killed?
 */
static bool
is_foreign(struct rewrap *w, const char *name)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped k = { 0 };
	struct err e = ERR_INIT;

	return repo_wrapped_load(w->repo, name, &k, NULL, &e) == 0 &&
	       memcmp(k.vault_id, w->repo->head.vault_id, REPO_ID_LEN) != 0;
}

static void
note(struct rewrap *w, const struct err *e)
{
	CLEANUP(repo_unlock) struct repo *locked = repo_lock(w->repo);

	(void)locked;
	if (w->first.code == 0)
		w->first = *e;
}

/* The data key of listed name ${i}, if that is its first name. */
static int
one(void *arg, size_t i, struct err *err)
{
	struct rewrap *w = arg;
	uint8_t id[REPO_ID_LEN], before[REPO_ID_LEN];
	uint8_t fp[KEY_FINGERPRINT_LEN];
	struct err e = ERR_INIT;

	if (!repo_name_wrapped_read(w->all.v[i].name, id, fp) ||
	    memcmp(id, w->repo->root_fp, sizeof(id)) == 0)
		return 0;
	if (i > 0 && repo_name_wrapped_read(w->all.v[i - 1].name, before, fp) &&
	    memcmp(id, before, sizeof(id)) == 0)
		return 0;
	if (rewrap_one(w, REPO_KEY_DATA, id, &e) == 0)
		return 0;
	if (e.code == -HF_ECORRUPT || e.code == -HF_EKEY) {
		if (!is_foreign(w, w->all.v[i].name))
			note(w, &e);
		return 0;
	}
	*err = e;
	return err->code;
}

/*
 * Wrap the root seed first: from then on, other hosts know the new recipient,
 * and wrap for it the data keys that they make while we are at work.
 */
int
repo_rewrap(struct repo *r, struct key *add, uint64_t *done, struct err *err)
{
	struct rewrap w = { .repo = r, .add = add };
	int rc;

	if ((rc = rewrap_one(&w, REPO_KEY_ROOT, r->root_fp, err)) == 0 &&
	    (rc = repo_listing_load(r, "k/", &w.all, err)) == 0)
		rc = parallel_for(w.all.n, THREADS, one, &w, err);
	repo_listing_clear(&w.all);
	*done = w.done;
	if (rc < 0)
		return rc;
	if (w.first.code != 0) {
		*err = w.first;
		return err_hint(err, "the other data keys were wrapped; this "
				     "one needs a key that opens it, or its "
				     "object back from another copy");
	}
	return 0;
}
