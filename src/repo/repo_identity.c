#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "repo/repo_impl.h"
#include "repo/repo_revocations.h"
#include "store/store.h"

/*
 * Who this host is: a signing seed that never leaves it, and the certificate
 * in which the root says what it may do.  The seed comes first; a host that
 * is killed before its certificate is stored asks for it again.
 */

static const char *
role_word(enum repo_role role)
{
	switch (role) {
	case REPO_ROLE_PRUNE:
		return "prune";
	case REPO_ROLE_VERIFY:
		return "sign what it has verified";
	default:
		return "write backups";
	}
}

static int
load_seed(struct repo *r, struct err *err)
{
	CLEANUP(freep_secret) struct secret *seed = NULL;

	if (r->seed != NULL)
		return 0;
	if (repo_local_seed(r->local, &seed, err) < 0 ||
	    sign_public(seed, r->seed_pk, err) < 0 ||
	    sign_fingerprint(r->seed_pk, r->seed_fp, err) < 0)
		return err->code;
	r->seed = TAKE(seed);
	return 0;
}

static bool
is_ours(const struct repo *r, const struct repo_cert *w)
{
	return memcmp(w->pk, r->seed_pk, sizeof(w->pk)) == 0 &&
	       memcmp(w->vault_id, r->head.vault_id, REPO_ID_LEN) == 0;
}

/* Take ${b} as our certificate if it is one; a stranger's changes nothing. */
static bool
accept(struct repo *r, const struct buf *b)
{
	CLEANUP(repo_cert_clear) struct repo_cert w = { 0 };
	struct err e = ERR_INIT;

	if (repo_cert_decode(b->p, b->len, r->head.root_pk, &w, &e) < 0 ||
	    !is_ours(r, &w))
		return false;
	repo_cert_clear(&r->cert);
	r->cert = w;
	w = (struct repo_cert){ 0 };
	return true;
}

/* Find our certificate here or in the store; there may be none. */
static int
load_cert(struct repo *r, struct err *err)
{
	CLEANUP(freep_buf) struct buf local = BUF_INIT;
	CLEANUP(freep_buf) struct buf stored = BUF_INIT;
	char name[REPO_NAME_MAX];
	struct err e = ERR_INIT;

	if (r->cert.roles != 0)
		return 0;
	if (repo_local_get(
		r->local, REPO_LOCAL_CERT, REPO_SMALL_MAX, &local, &e) == 0 &&
	    accept(r, &local))
		return 0;
	repo_name_cert(name, r->seed_fp);
	if (repo_get(r, name, REPO_SMALL_MAX, &stored, &e) < 0) {
		if (e.code == -HF_ENOTFOUND || e.code == -HF_EDENIED)
			return 0;
		*err = e;
		return err->code;
	}
	if (!accept(r, &stored)) {
		(void)err_set(err, HF_ECORRUPT,
		    "this host's certificate '%s' is damaged or forged", name);
		return err_hint(err,
		    "remove '%s/seed': this host then gets "
		    "a new one",
		    repo_local_path(r->local));
	}
	return repo_local_put(
	    r->local, REPO_LOCAL_CERT, stored.p, stored.len, err);
}

/* The name is taken: does the certificate that is there allow the same? */
static int
compare_cert(struct repo *r, const char *name, const uint8_t pk[],
    uint32_t roles, int64_t until_ms, struct err *err)
{
	CLEANUP(repo_cert_clear) struct repo_cert w = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	if (repo_get(r, name, REPO_SMALL_MAX, &b, err) < 0 ||
	    repo_cert_decode(b.p, b.len, r->head.root_pk, &w, err) < 0)
		return err_wrap(err, "'%s'", name);
	if (memcmp(w.pk, pk, SIGN_PUBLIC_LEN) == 0 &&
	    (w.roles & roles) == roles && w.expires_ms == until_ms)
		return 0;
	(void)err_set(
	    err, HF_EEXISTS, "'%s' exists and allows something else", name);
	return err_hint(err, "certificates never change: let the host make "
			     "a new signing seed, and certify that");
}

static int
check_until(const struct repo_cert *w, struct err *err)
{
	char now[TIME_TEXT_MAX];

	if (w->expires_ms == 0 || w->expires_ms > w->created_ms)
		return 0;
	return err_set(err, HF_EUSAGE,
	    "a certificate must end later than now, %s by the store's clock",
	    time_format(w->created_ms, now));
}

int
repo_certificate(struct repo *r, const struct secret *root_seed,
    const uint8_t pk[], const char *host, uint32_t roles, int64_t until_ms,
    struct err *err)
{
	CLEANUP(repo_cert_clear)
	struct repo_cert w = { .roles = roles, .expires_ms = until_ms };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t fp[SIGN_FINGERPRINT_LEN];
	char name[REPO_NAME_MAX];

	memcpy(w.vault_id, r->head.vault_id, sizeof(w.vault_id));
	memcpy(w.pk, pk, sizeof(w.pk));
	if (str_dup(host, &w.name, err) < 0 ||
	    store_now(r->store, &w.created_ms, err) < 0 ||
	    check_until(&w, err) < 0 ||
	    repo_cert_encode(&w, root_seed, &b, err) < 0 ||
	    sign_fingerprint(pk, fp, err) < 0)
		return err->code;
	repo_name_cert(name, fp);
	if (repo_put(r, name, &b, err) < 0) {
		if (err->code != -HF_EEXISTS)
			return err_wrap(err, "certify '%s'", host);
		return compare_cert(r, name, pk, roles, until_ms, err);
	}
	if (memcmp(pk, r->seed_pk, SIGN_PUBLIC_LEN) != 0)
		return 0;
	return repo_local_put(r->local, REPO_LOCAL_CERT, b.p, b.len, err);
}

/* If a key at hand opens the root seed, this host certifies itself. */
static int
certify_self(struct repo *r, enum repo_role role, struct err *err)
{
	CLEANUP(freep_secret) struct secret *root = NULL;
	char hex[2 * SIGN_PUBLIC_LEN + 1];

	if (repo_root_seed(r, &root, err) < 0) {
		if (err->code != -HF_EKEY && err->code != -HF_EDENIED)
			return err->code;
		(void)err_set(err, HF_EDENIED,
		    "this host has no certificate that lets it %s, and no "
		    "key at hand opens the root seed to make one",
		    role_word(role));
		return err_hint(err,
		    "on a host with such a key run `holdfast writer add %s "
		    "%s`; if this one may not read the store, run `holdfast "
		    "writer show` here then, once, with credentials that may",
		    str_hex(hex, r->seed_pk, SIGN_PUBLIC_LEN), r->host);
	}
	if (repo_certificate(
		r, root, r->seed_pk, r->host, REPO_ROLE_ALL, 0, err) < 0)
		return err->code;
	return load_cert(r, err);
}

/*
 * Refuse a host that was revoked before it makes a backup that would count for
 * nothing; a host that may not read cannot know.
 */
static int
check_revoked(struct repo *r, enum repo_role role, struct err *err)
{
	bool revoked = false;

	if (r->not_revoked)
		return 0;
	if (repo_revocation_mine(r, r->seed_fp, &revoked, err) < 0)
		return err->code;
	r->not_revoked = !revoked;
	if (!revoked)
		return 0;
	(void)err_set(err, HF_EDENIED,
	    "this host's certificate was revoked: it does not let it %s any "
	    "more",
	    role_word(role));
	return err_hint(err,
	    "remove '%s/seed': this host then gets a new one, which the owner "
	    "certifies",
	    repo_local_path(r->local));
}

static int
check_role(struct repo *r, enum repo_role role, struct err *err)
{
	const bool allowed = (r->cert.roles & role) != 0;
	int64_t now = 0;

	if (r->cert.expires_ms != 0 && store_now(r->store, &now, err) < 0)
		return err->code;
	if (allowed && (r->cert.expires_ms == 0 || now < r->cert.expires_ms))
		return 0;
	(void)err_set(err, HF_EDENIED,
	    "this host's certificate %sdoes not let it %s%s",
	    allowed ? "has expired: it " : "", role_word(role),
	    allowed ? " any more" : "");
	return err_hint(err,
	    "remove '%s/seed': with a key that opens the "
	    "repository this host then gets a new one",
	    repo_local_path(r->local));
}

int
repo_writer_seed(struct repo *r, enum repo_role role, const struct secret **ret,
    struct err *err)
{
	CLEANUP(repo_unlock) struct repo *locked = repo_lock(r);

	if (load_seed(locked, err) < 0 || load_cert(locked, err) < 0)
		return err->code;
	if (locked->cert.roles == 0 && certify_self(locked, role, err) < 0)
		return err->code;
	if (check_role(locked, role, err) < 0 ||
	    check_revoked(locked, role, err) < 0)
		return err->code;
	*ret = locked->seed;
	return 0;
}

int
repo_writer_fingerprint(
    struct repo *r, uint8_t fp[SIGN_FINGERPRINT_LEN], struct err *err)
{
	CLEANUP(repo_unlock) struct repo *locked = repo_lock(r);

	if (load_seed(locked, err) < 0)
		return err->code;
	memcpy(fp, locked->seed_fp, SIGN_FINGERPRINT_LEN);
	return 0;
}

int
repo_writer_public(struct repo *r, uint8_t pk[SIGN_PUBLIC_LEN], uint32_t *roles,
    struct err *err)
{
	CLEANUP(repo_unlock) struct repo *locked = repo_lock(r);

	if (load_seed(locked, err) < 0 || load_cert(locked, err) < 0)
		return err->code;
	memcpy(pk, locked->seed_pk, SIGN_PUBLIC_LEN);
	*roles = locked->cert.roles;
	return 0;
}

int
repo_certify(struct repo *r, const uint8_t pk[SIGN_PUBLIC_LEN],
    const char *name, uint32_t roles, int64_t until_ms, struct err *err)
{
	CLEANUP(freep_secret) struct secret *root = NULL;

	if (repo_root_seed(r, &root, err) < 0)
		return err->code;
	return repo_certificate(r, root, pk, name, roles, until_ms, err);
}
