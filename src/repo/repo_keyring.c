#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "key/recipient/key_recipient.h"
#include "repo/repo_impl.h"
#include "repo/repo_listing.h"
#include "repo/repo_taken.h"
#include "store/store.h"

#define DATA_KEY_LEN 32

int
repo_wrapped_load(struct repo *r, const char *name, struct repo_wrapped *ret,
    bool *vouched, struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char want[REPO_NAME_MAX];
	struct err e = ERR_INIT;

	if (repo_get(r, name, REPO_SMALL_MAX, &b, err) < 0)
		return err->code;
	if (repo_wrapped_decode(b.p, b.len, &w, err) < 0)
		return err_wrap(err, "'%s'", name);
	repo_name_wrapped(want, w.key_id, w.opener);
	if (strcmp(want, name) != 0)
		return err_set(err, HF_ECORRUPT,
		    "'%s' holds what belongs under '%s'", name, want);
	if (vouched != NULL)
		*vouched =
		    repo_wrapped_vouched(b.p, b.len, r->head.root_pk, &e) == 0;
	*ret = w;
	w = (struct repo_wrapped){ 0 };
	return 0;
}

int
repo_open_with(struct repo *r, struct key *k, enum repo_key_class class,
    const uint8_t key_id[], struct secret **ret, struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	char name[REPO_NAME_MAX];

	repo_name_wrapped(name, key_id, k->fingerprint);
	if (repo_wrapped_load(r, name, &w, NULL, err) < 0)
		return err->code;
	if (w.class != class ||
	    memcmp(w.vault_id, r->head.vault_id, REPO_ID_LEN) != 0)
		return err_set(err, HF_ECORRUPT,
		    "'%s' is of another class or vault", name);
	if (repo_unwrap(k, &w, ret, err) < 0)
		return err_wrap(err, "open '%s' with '%s'", name, k->label);
	return 0;
}

/*
 * Append the openers of a key, as far as they can be listed: "'0123abcd', ...".
 */
static void
name_openers(struct repo *r, const char *id, struct buf *text)
{
	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	char prefix[REPO_NAME_MAX];
	struct err e = ERR_INIT;
	size_t i, skip;

	(void)snprintf(prefix, sizeof(prefix), "k/%s.", id);
	if (repo_listing_load(r, prefix, &l, &e) < 0)
		return;
	skip = strlen(prefix);
	for (i = 0; i < l.n; i++)
		(void)buf_printf(text, &e, "%s'%.8s'", i > 0 ? ", " : "",
		    l.v[i].name + skip);
}

static int
no_key(struct repo *r, const uint8_t key_id[], struct err *err)
{
	CLEANUP(freep_buf) struct buf openers = BUF_INIT;
	CLEANUP(freep_buf) struct buf at_hand = BUF_INIT;
	char id[2 * REPO_ID_LEN + 1], fp[9];
	struct err e = ERR_INIT;
	size_t i;

	name_openers(r, str_hex(id, key_id, REPO_ID_LEN), &openers);
	for (i = 0; i < r->nkeys; i++)
		(void)buf_printf(&at_hand, &e, "%s'%s' (%s)", i > 0 ? ", " : "",
		    r->keys[i]->label, str_hex(fp, r->keys[i]->fingerprint, 4));
	(void)err_set(err, HF_EKEY,
	    "no key at hand opens '%s': it is wrapped for %s; at hand is %s",
	    id, openers.len > 0 ? (const char *)openers.p : "nobody",
	    at_hand.len > 0 ? (const char *)at_hand.p : "none");
	return err_hint(err, "name the right key with --key; `holdfast key "
			     "list` shows which keys open what");
}

/*
 * Try one key after the other.  Damage to one wrapping must not hide
 * another that is whole; but if none is, the damage is what to tell.
 */
int
repo_open_any(struct repo *r, enum repo_key_class class, const uint8_t key_id[],
    struct secret **ret, struct err *err)
{
	struct err first = ERR_INIT, e = ERR_INIT;
	size_t i;

	for (i = 0; i < r->nkeys; i++) {
		if (!(r->keys[i]->caps & KEY_CAN_UNWRAP))
			continue;
		if (repo_open_with(r, r->keys[i], class, key_id, ret, &e) == 0)
			return 0;
		if (e.code != -HF_ENOTFOUND && first.code == 0)
			first = e;
	}
	if (first.code == 0)
		return no_key(r, key_id, err);
	*err = first;
	return err->code;
}

int
repo_root_seed(struct repo *r, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *seed = NULL;
	uint8_t pk[SIGN_PUBLIC_LEN];

	if (repo_open_any(r, REPO_KEY_ROOT, r->root_fp, &seed, err) < 0)
		return err_wrap(err, "the root seed");
	if (sign_public(seed, pk, err) < 0)
		return err->code;
	if (memcmp(pk, r->head.root_pk, sizeof(pk)) != 0)
		return err_set(err, HF_ECORRUPT,
		    "what is wrapped as the root seed is another key");
	*ret = TAKE(seed);
	return 0;
}

static const struct repo_ring_key *
ring_find(const struct repo *r, const uint8_t id[])
{
	const struct repo_ring_key *k = r->ring;

	while (k != NULL && memcmp(k->id, id, REPO_ID_LEN) != 0)
		k = k->next;
	return k;
}

static int
ring_add(struct repo *r, const uint8_t id[], struct secret **key,
    const struct secret **ret, struct err *err)
{
	CLEANUP(repo_unlock) struct repo *locked = repo_lock(r);
	struct repo_ring_key *k;

	if ((k = calloc(1, sizeof(*k))) == NULL)
		return err_nomem(err);
	memcpy(k->id, id, REPO_ID_LEN);
	k->key = TAKE(*key);
	k->next = locked->ring;
	locked->ring = k;
	*ret = k->key;
	return 0;
}

static bool
ring_get(struct repo *r, const uint8_t id[], const struct secret **ret)
{
	CLEANUP(repo_unlock) struct repo *locked = repo_lock(r);
	const struct repo_ring_key *known = ring_find(locked, id);

	if (known != NULL)
		*ret = known->key;
	return known != NULL;
}

static int
open_key(struct repo *r, const uint8_t id[], const struct secret **ret,
    struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;

	if (ring_get(r, id, ret)) /* Another thread was faster. */
		return 0;
	if (repo_open_any(r, REPO_KEY_DATA, id, &key, err) < 0)
		return err->code;
	return ring_add(r, id, &key, ret, err);
}

/*
 * One thread opens a key: many that read backups of one hour want the same
 * one at once, and a KMS counts its calls.
 */
int
repo_data_key(struct repo *r, const uint8_t id[REPO_ID_LEN],
    const struct secret **ret, struct err *err)
{
	int rc;

	if (ring_get(r, id, ret))
		return 0;
	(void)pthread_mutex_lock(&r->opening);
	rc = open_key(r, id, ret, err);
	(void)pthread_mutex_unlock(&r->opening);
	return rc;
}

/* A data key that is being wrapped and stored. */
struct wrapping {
	struct repo *repo;
	const uint8_t *id;
	const struct secret *key;
	size_t n; /* Wrappings stored. */
};

static int
wrap_for(struct wrapping *w, struct key *k, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct err e = ERR_INIT;

	repo_name_wrapped(name, w->id, k->fingerprint);
	if (repo_wrap(k, REPO_KEY_DATA, w->repo->head.vault_id, w->id, w->key,
		&b, err) < 0)
		return err_wrap(err, "wrap a data key for '%s'", k->label);
	if (repo_put(w->repo, name, &b, &e) < 0 &&
	    (e.code != -HF_EEXISTS ||
		!repo_taken_by_us(
		    w->repo->store, repo_object(w->repo, name, object)))) {
		*err = e;
		return err_wrap(err, "wrap a data key for '%s'", k->label);
	}
	w->n++;
	return 0;
}

static bool
wraps_already(const struct repo *r, const uint8_t fp[])
{
	size_t i;

	for (i = 0; i < r->nkeys; i++)
		if ((r->keys[i]->caps & KEY_CAN_WRAP) &&
		    memcmp(r->keys[i]->fingerprint, fp, KEY_FINGERPRINT_LEN) ==
			0)
			return true;
	return false;
}

static int
wrap_for_recipient(struct wrapping *w, const char *name, struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped root = { 0 };
	CLEANUP(freep_params) struct params *params = NULL;
	CLEANUP(freep_key) struct key *k = NULL;
	bool vouched = false;
	struct err e = ERR_INIT;

	/*
	 * A wrapping that does not hold names nobody, like one that is
	 * unsigned: a stranger may have left it, and must not be able to stop
	 * all backups.
	 */
	if (repo_wrapped_load(w->repo, name, &root, &vouched, &e) < 0) {
		if (e.code == -HF_EDENIED || e.code == -HF_ECORRUPT ||
		    e.code == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return err->code;
	}
	/*
	 * If it is not signed, whoever can write to the store may have put it
	 * there.
	 */
	if (!vouched || root.public_text[0] == '\0' ||
	    wraps_already(w->repo, root.opener))
		return 0;
	if (params_new(&params, err) < 0 ||
	    params_set(params, "public", root.public_text, err) < 0 ||
	    key_recipient_driver.open(params, w->repo->head.vault_id, &k, err) <
		0)
		return err_wrap(err, "'%s'", name);
	return wrap_for(w, k, err);
}

/*
 * Wrap the key for the recipients that the root has named, if we may read them.
 */
static int
wrap_for_recipients(struct wrapping *w, struct err *err)
{
	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	char id[2 * SIGN_FINGERPRINT_LEN + 1], prefix[REPO_NAME_MAX];
	struct err e = ERR_INIT;
	size_t i;

	(void)snprintf(prefix, sizeof(prefix), "k/%s.",
	    str_hex(id, w->repo->root_fp, SIGN_FINGERPRINT_LEN));
	if (repo_listing_load(w->repo, prefix, &l, &e) < 0) {
		if (e.code == -HF_EDENIED) /* A host that may only write. */
			return 0;
		*err = e;
		return err_wrap(err, "the repository's openers");
	}
	for (i = 0; i < l.n; i++)
		if (wrap_for_recipient(w, l.v[i].name, err) < 0)
			return err->code;
	return 0;
}

/*
 * Does ${k} open something else here?  A backup that is sealed for a key which
 * opens nothing else is lost to the owner of the repository, and nobody notices
 * before the day of the restore.  One wrong path in a configuration is enough.
 */
static int
is_opener(struct repo *r, const struct key *k, struct err *err)
{
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64], fp[9];
	struct store_info info;
	struct err e = ERR_INIT;

	if (!(k->caps & KEY_CAN_WRAP))
		return 0;
	repo_name_wrapped(name, r->root_fp, k->fingerprint);
	if (store_head(r->store, repo_object(r, name, object), &info, &e) ==
		0 ||
	    e.code == -HF_EDENIED) /* A host that may only write. */
		return 0;
	if (e.code != -HF_ENOTFOUND) {
		*err = e;
		return err_wrap(err, "the repository's openers");
	}
	(void)err_set(err, HF_EKEY,
	    "'%s' (%s) is no key of this repository: the backup would be lost "
	    "to those who have one",
	    k->label, str_hex(fp, k->fingerprint, 4));
	return err_hint(err, "name the right key with --key; `holdfast key "
			     "list` shows them, `holdfast key add` makes one "
			     "more");
}

int
repo_data_key_new(struct repo *r, uint8_t id[REPO_ID_LEN], struct secret **ret,
    struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	uint8_t drawn[REPO_ID_LEN];
	struct wrapping w = { .repo = r, .id = drawn };
	size_t i;

	for (i = 0; i < r->nkeys; i++)
		if (is_opener(r, r->keys[i], err) < 0)
			return err->code;
	randombytes_buf(drawn, sizeof(drawn));
	if (secret_random(DATA_KEY_LEN, &key, err) < 0)
		return err->code;
	w.key = key;
	for (i = 0; i < r->nkeys; i++)
		if ((r->keys[i]->caps & KEY_CAN_WRAP) &&
		    wrap_for(&w, r->keys[i], err) < 0)
			return err->code;
	if (wrap_for_recipients(&w, err) < 0)
		return err->code;
	if (w.n == 0) {
		(void)err_set(err, HF_EKEY,
		    "nobody could open this backup: no key at hand can wrap, "
		    "and the repository names no recipient");
		return err_hint(err, "name a key with --key");
	}
	/*
	 * Give the key out only now: nothing may be sealed under one that
	 * nobody opens.
	 */
	memcpy(id, drawn, sizeof(drawn));
	*ret = TAKE(key);
	return 0;
}
