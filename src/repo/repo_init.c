#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "repo/repo_impl.h"
#include "repo/repo_open.h"
#include "store/store.h"

/* doc/design/format.md, "Prune without locks", says what these are for. */
#define REUSE_S (7 * 86400)
#define DEADLINE_S 86400
#define GRACE_S (DEADLINE_S + 3600)

/* The name decides; the bytes do not matter, they may be damaged. */
static int
refuse_existing(const struct repo_opts *opts, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX];
	struct err e = ERR_INIT;

	(void)snprintf(name, sizeof(name), "hf1/%s/F", repo_opts_vault(opts));
	if (store_get(opts->store, name, REPO_SMALL_MAX, &b, &e) < 0 &&
	    e.code != -HF_ECORRUPT) {
		if (e.code == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return err_wrap(
		    err, "look for a repository in '%s'", opts->store->place);
	}
	(void)err_set(err, HF_EEXISTS,
	    "there is a repository '%s' in '%s': nothing was written",
	    repo_opts_vault(opts), opts->store->place);
	return err_hint(err, "use it as it is, or name another place or "
			     "another vault");
}

static int
is_there(void *arg, const struct store_info *info, struct err *err)
{
	const struct repo_opts *opts = *(const struct repo_opts **)arg;

	(void)err_set(err, HF_EEXISTS,
	    "'%s' holds backups of a repository '%s' whose F is gone ('%s'): "
	    "nothing was written",
	    opts->store->place, repo_opts_vault(opts), info->name);
	return err_hint(err,
	    "bring 'hf1/%s/F' back: hosts that used the repository have a "
	    "copy in their state folder; else name another place or another "
	    "vault",
	    repo_opts_vault(opts));
}

/*
 * Refuse to begin beside the backups of another repository: with a new root
 * they would no longer be believed, and this host would have forgotten which
 * root was the right one.  What an init leaves that was killed is no backup,
 * and does not count.
 */
static int
refuse_remains(const struct repo_opts *opts, struct err *err)
{
	char prefix[REPO_NAME_MAX];
	struct err e = ERR_INIT;

	(void)snprintf(
	    prefix, sizeof(prefix), "hf1/%s/s/", repo_opts_vault(opts));
	if (store_list(opts->store, prefix, is_there, &opts, &e) == 0)
		return 0;
	*err = e;
	return err->code;
}

/*
 * Refuse an empty place that this host knows: most often a mount is missing, or
 * the name is wrong.  The new repository's root would be remembered in place of
 * the old one's; and when the old one comes back, this host would take it for a
 * forgery.
 */
static int
refuse_known(const struct repo_opts *opts, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	struct repo_pin pin;
	bool known;

	if (repo_opts_pin(opts, &path, err) < 0 ||
	    repo_pin_load(path, &pin, &known, err) < 0)
		return err->code;
	if (!known)
		return 0;
	(void)err_set(err, HF_EEXISTS,
	    "this host has used a repository '%s' in '%s' and finds nothing "
	    "there now: nothing was written",
	    repo_opts_vault(opts), opts->store->place);
	return err_hint(err,
	    "mount or name the right place; if that repository is gone for "
	    "good, remove '%s'",
	    path);
}

static int
draw(const struct repo_opts *opts, const struct secret *seed,
    struct repo_head *h, struct err *err)
{
	randombytes_buf(h->repo_id, sizeof(h->repo_id));
	randombytes_buf(h->vault_id, sizeof(h->vault_id));
	h->reuse_s = REUSE_S;
	h->deadline_s = DEADLINE_S;
	h->grace_s = GRACE_S;
	if (sign_public(seed, h->root_pk, err) < 0 ||
	    store_now(opts->store, &h->created_ms, err) < 0)
		return err->code;
	return str_dup(repo_opts_vault(opts), &h->vault, err);
}

/* Wrap the root seed for every key at hand. */
static int
put_root(struct repo *r, const struct secret *seed, struct err *err)
{
	char name[REPO_NAME_MAX];
	size_t i, wrapped = 0;

	for (i = 0; i < r->nkeys; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		if (!(r->keys[i]->caps & KEY_CAN_WRAP))
			continue;
		repo_name_wrapped(name, r->root_fp, r->keys[i]->fingerprint);
		if (repo_wrap(r->keys[i], REPO_KEY_ROOT, r->head.vault_id,
			r->root_fp, seed, &b, err) < 0 ||
		    repo_put(r, name, &b, err) < 0)
			return err_wrap(err, "wrap the root seed for '%s'",
			    r->keys[i]->label);
		wrapped++;
	}
	if (wrapped > 0)
		return 0;
	(void)err_set(err, HF_EUSAGE,
	    "nobody could open the repository: no key was given that can "
	    "wrap");
	return err_hint(err, "name one with --key, or make one with "
			     "`holdfast keygen`");
}

static int
put_head(struct repo *r, const struct buf *head, struct err *err)
{
	if (repo_put(r, "F", head, err) < 0) {
		if (err->code == -HF_EEXISTS)
			(void)err_hint(err, "another init was faster: use "
					    "its repository");
		return err->code;
	}
	return 0;
}

static int
remember(const struct repo_opts *opts, struct repo *r, const struct buf *head,
    struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	struct repo_pin pin;

	memcpy(pin.vault_id, r->head.vault_id, sizeof(pin.vault_id));
	memcpy(pin.root_fp, r->root_fp, sizeof(pin.root_fp));
	if (repo_local_put(r->local, REPO_LOCAL_HEAD, head->p, head->len, err) <
		0 ||
	    repo_opts_pin(opts, &path, err) < 0)
		return err->code;
	return repo_pin_save(path, &pin, err);
}

/*
 * F comes last, as a manifest does in a backup: the repository exists when F
 * exists, and by then somebody can open its root seed, and this host may write.
 * An init that is killed before leaves wrappings of a root that no F names.
 * When it runs again, it draws a new root and new ids, and nothing takes the
 * old ones for its own.  If F came first, an init killed after it would leave a
 * repository whose root nobody can ever open.
 */
static int
lay_down(const struct repo_opts *opts, struct repo *r,
    const struct secret *root_seed, struct err *err)
{
	CLEANUP(freep_buf) struct buf head = BUF_INIT;

	if (repo_head_encode(&r->head, root_seed, &head, err) < 0 ||
	    put_root(r, root_seed, err) < 0 ||
	    repo_local_seed(r->local, &r->seed, err) < 0 ||
	    sign_public(r->seed, r->seed_pk, err) < 0 ||
	    repo_certificate(
		r, root_seed, r->seed_pk, r->host, REPO_ROLE_ALL, 0, err) < 0 ||
	    put_head(r, &head, err) < 0)
		return err->code;
	/* Killed here, the next command trusts F on first use. */
	return remember(opts, r, &head, err);
}

int
repo_init(const struct repo_opts *opts, repo_open_keys_fn *open_keys, void *arg,
    uint8_t root_fp[SIGN_FINGERPRINT_LEN], struct err *err)
{
	CLEANUP(freep_secret) struct secret *root_seed = NULL;
	CLEANUP(repo_head_clear) struct repo_head head = { 0 };
	CLEANUP(freep_repo) struct repo *r = NULL;

	if (repo_opts_check(opts, err) < 0 || refuse_existing(opts, err) < 0 ||
	    refuse_remains(opts, err) < 0 || refuse_known(opts, err) < 0 ||
	    secret_random(32, &root_seed, err) < 0 ||
	    draw(opts, root_seed, &head, err) < 0 ||
	    repo_new(opts, &head, &r, err) < 0 ||
	    open_keys(arg, r->head.vault_id, &r->keys, &r->nkeys, err) < 0 ||
	    lay_down(opts, r, root_seed, err) < 0)
		return err_wrap(err, "make a repository");
	memcpy(root_fp, r->root_fp, SIGN_FINGERPRINT_LEN);
	return 0;
}
