#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "repo/repo_impl.h"
#include "repo/repo_open.h"
#include "store/store.h"

#define HEX_LEN (2 * SIGN_FINGERPRINT_LEN)

/* What is known while a repository is opened, before there is a struct repo. */
struct opening {
	const struct repo_opts *opts;
	char *pin_path;
	struct repo_pin pin;
	bool known;      /* ${pin} was there. */
	bool from_store; /* ${bytes} came from the store. */
	struct buf bytes;
	struct repo_head head;
	uint8_t root_fp[SIGN_FINGERPRINT_LEN];
};

static void
opening_clear(struct opening *o)
{
	free(o->pin_path);
	buf_free(&o->bytes);
	repo_head_clear(&o->head);
}

const char *
repo_opts_vault(const struct repo_opts *opts)
{
	return opts->vault != NULL ? opts->vault : "main";
}

int
repo_opts_check(const struct repo_opts *opts, struct err *err)
{
	uint8_t fp[SIGN_FINGERPRINT_LEN];
	const char *vault = repo_opts_vault(opts), *hex = opts->fingerprint;

	if (!repo_vault_ok(vault))
		return err_set(err, HF_EUSAGE,
		    "'%s' cannot be a vault's name: 1 to %d of [a-z0-9-]",
		    vault, REPO_VAULT_MAX);
	if (hex != NULL &&
	    (strlen(hex) != HEX_LEN || !str_unhex(fp, hex, sizeof(fp))))
		return err_set(err, HF_EUSAGE,
		    "'%s' cannot be a root fingerprint: %d hex digits", hex,
		    HEX_LEN);
	return 0;
}

int
repo_opts_pin(const struct repo_opts *opts, char **ret, struct err *err)
{
	return repo_pin_path(opts->state_dir, opts->store->place,
	    repo_opts_vault(opts), ret, err);
}

/* A host that may only write has its own copy of F, from when it was set up. */
static int
read_local(struct opening *o, const struct err *cause, struct err *err)
{
	CLEANUP(freep_repo_local) struct repo_local *l = NULL;

	if (!o->known) {
		*err = *cause;
		(void)err_wrap(err,
		    "'%s' cannot be read, and this host has never seen the "
		    "repository in it",
		    o->opts->store->place);
		return err_hint(err, "open it once with credentials that may "
				     "read, or copy the state folder of a "
				     "host that has");
	}
	if (repo_local_open(o->opts->state_dir, o->pin.vault_id, &l, err) < 0 ||
	    repo_local_get(l, REPO_LOCAL_HEAD, REPO_SMALL_MAX, &o->bytes, err) <
		0)
		return err_wrap(err, "the local copy of 'F'");
	return 0;
}

/*
 * There was a repository, or the place is the wrong one: an empty mount, a new
 * bucket.
 */
static int
gone(const struct opening *o, const char *name, struct err *err)
{
	char hex[2 * REPO_ID_LEN + 1];

	return err_hint(err,
	    "this host has used one here: mount or name the right place, or, "
	    "if only F is lost, copy '%s/%s/F' to '%s' there",
	    o->opts->state_dir, str_hex(hex, o->pin.vault_id, REPO_ID_LEN),
	    name);
}

static int
read_head(struct opening *o, struct err *err)
{
	const struct store *s = o->opts->store;
	char name[REPO_NAME_MAX];
	struct err e = ERR_INIT;

	(void)snprintf(
	    name, sizeof(name), "hf1/%s/F", repo_opts_vault(o->opts));
	if (store_get(o->opts->store, name, REPO_SMALL_MAX, &o->bytes, &e) ==
	    0) {
		o->from_store = true;
		return 0;
	}
	if (e.code == -HF_EDENIED)
		return read_local(o, &e, err);
	*err = e;
	/* If there is a hint, what is missing is the bucket, not an object. */
	if (e.code != -HF_ENOTFOUND || e.hint[0] != '\0')
		return err_wrap(err, "read '%s' of '%s'", name, s->place);
	(void)err_set(err, HF_ENOTFOUND, "no repository '%s' in '%s'",
	    repo_opts_vault(o->opts), s->place);
	if (o->known)
		return gone(o, name, err);
	return err_hint(err, "make one with `holdfast init`");
}

/*
 * Is the root the right one?  Whoever can write to the place can put another
 * repository there, with a root of his own, and wait for backups that he can
 * open.  So it must be the root that the operator names, or else the one that
 * was here before.
 */
static int
trust(const struct opening *o, struct err *err)
{
	char want[HEX_LEN + 1], got[HEX_LEN + 1];
	uint8_t fp[SIGN_FINGERPRINT_LEN];

	if (o->opts->fingerprint != NULL)
		(void)str_unhex(fp, o->opts->fingerprint, sizeof(fp));
	else if (o->known)
		memcpy(fp, o->pin.root_fp, sizeof(fp));
	else
		return 0;
	if (memcmp(fp, o->root_fp, sizeof(fp)) == 0)
		return 0;
	(void)err_set(err, HF_ECORRUPT,
	    "'%s' is not the repository that was expected: its root "
	    "fingerprint is '%s' instead of '%s'",
	    o->opts->store->place, str_hex(got, o->root_fp, sizeof(fp)),
	    str_hex(want, fp, sizeof(fp)));
	if (o->opts->fingerprint != NULL)
		return err_hint(err, "somebody may have replaced it; compare "
				     "with what `holdfast init` printed");
	return err_hint(err,
	    "somebody may have replaced it; if you did, remove '%s'",
	    o->pin_path);
}

static int
judge(struct opening *o, struct err *err)
{
	char hex[2 * REPO_ID_LEN + 1];

	if (repo_head_decode(o->bytes.p, o->bytes.len, &o->head, err) < 0) {
		(void)err_wrap(err, "'%s'", o->opts->store->place);
		if (o->known && o->from_store)
			return err_hint(err,
			    "put F back: '%s/%s/F' is a copy of F",
			    o->opts->state_dir,
			    str_hex(hex, o->pin.vault_id, REPO_ID_LEN));
		return err_hint(err, "put F back: hosts that used "
				     "the repository keep a copy of F in their "
				     "state folder");
	}
	if (sign_fingerprint(o->head.root_pk, o->root_fp, err) < 0 ||
	    trust(o, err) < 0)
		return err->code;
	if (strcmp(o->head.vault, repo_opts_vault(o->opts)) != 0)
		return err_set(err, HF_ECORRUPT,
		    "'%s' holds the vault '%s' under the name '%s'",
		    o->opts->store->place, o->head.vault,
		    repo_opts_vault(o->opts));
	return 0;
}

/* Remember F and its root, for the next time, and for use without reading. */
static int
remember(const struct opening *o, struct repo *r, struct err *err)
{
	CLEANUP(freep_buf) struct buf kept = BUF_INIT;
	struct repo_pin pin;
	struct err e = ERR_INIT;

	memcpy(pin.vault_id, r->head.vault_id, sizeof(pin.vault_id));
	memcpy(pin.root_fp, r->root_fp, sizeof(pin.root_fp));
	if (repo_local_get(
		r->local, REPO_LOCAL_HEAD, REPO_SMALL_MAX, &kept, &e) < 0) {
		if (e.code != -HF_ENOTFOUND) {
			*err = e;
			return err->code;
		}
		if (repo_local_put(r->local, REPO_LOCAL_HEAD, o->bytes.p,
			o->bytes.len, err) < 0)
			return err->code;
	} else if (kept.len != o->bytes.len ||
		   memcmp(kept.p, o->bytes.p, kept.len) != 0) {
		(void)err_set(err, HF_ECORRUPT,
		    "'F' of '%s' is not the one that this host has seen",
		    o->opts->store->place);
		return err_hint(err,
		    "F never changes: compare with the copy "
		    "in '%s'",
		    repo_local_path(r->local));
	}
	if (o->known && memcmp(&pin, &o->pin, sizeof(pin)) == 0)
		return 0;
	return repo_pin_save(o->pin_path, &pin, err);
}

int
repo_open(const struct repo_opts *opts, repo_open_keys_fn *open_keys, void *arg,
    struct repo **ret, struct err *err)
{
	CLEANUP(opening_clear) struct opening o = { .opts = opts };
	CLEANUP(freep_repo) struct repo *r = NULL;

	if (repo_opts_check(opts, err) < 0 ||
	    repo_opts_pin(opts, &o.pin_path, err) < 0 ||
	    repo_pin_load(o.pin_path, &o.pin, &o.known, err) < 0 ||
	    read_head(&o, err) < 0 || judge(&o, err) < 0 ||
	    repo_new(opts, &o.head, &r, err) < 0 || remember(&o, r, err) < 0)
		return err->code;
	if (open_keys != NULL &&
	    open_keys(arg, r->head.vault_id, &r->keys, &r->nkeys, err) < 0)
		return err->code;
	*ret = TAKE(r);
	return 0;
}
