#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "repo/repo_impl.h"
#include "repo/repo_judge.h"
#include "repo/repo_listing.h"
#include "repo/repo_revocations.h"
#include "store/store.h"

/*
 * A writer is revoked by a list of all that he has signed so far, which the
 * root signs.  What is in the list still counts, and nothing else of his does
 * from then on.  No clock decides what is old enough, neither his nor the
 * store's; and nobody can add to the list, neither by setting a time nor by
 * branching off from his chain.
 */

static int
add(struct repo_revocation *v, const uint8_t sha256[], struct err *err)
{
	uint8_t(*grown)[SHA256_LEN];
	size_t n = v->nkept;

	if ((n & (n - 1)) == 0) { /* Full, at each power of two. */
		grown = reallocarray(v->kept, n == 0 ? 1 : 2 * n, SHA256_LEN);
		if (grown == NULL)
			return err_nomem(err);
		v->kept = grown;
	}
	memcpy(v->kept[v->nkept++], sha256, SHA256_LEN);
	return 0;
}

static bool
is_signed(const struct repo_cert *w, const uint8_t fp[], const struct buf *b)
{
	uint8_t signer[SIGN_FINGERPRINT_LEN];
	struct err e = ERR_INIT;

	return repo_signer(b->p, b->len, signer) &&
	       memcmp(signer, fp, sizeof(signer)) == 0 &&
	       repo_is_signed(b->p, b->len, w->pk, &e) == 0;
}

/*
 * Add his tombstones, undos and attestations; what does not hold is passed
 * over.
 */
static int
add_small(struct repo *r, const char *prefix, const struct repo_cert *w,
    struct repo_revocation *v, struct err *err)
{
	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	uint8_t sha256[SHA256_LEN];
	size_t i;
	int rc;

	if (repo_listing_load(r, prefix, &l, err) < 0)
		return err->code;
	for (i = 0; i < l.n; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;
		struct err e = ERR_INIT;

		rc = repo_get(r, l.v[i].name, REPO_SMALL_MAX, &b, &e);
		if (rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND)
			continue;
		if (rc < 0) {
			*err = e;
			return err_wrap(err, "read '%s'", l.v[i].name);
		}
		if (is_signed(w, v->writer, &b) &&
		    (sha256_of(b.p, b.len, sha256, err) < 0 ||
			add(v, sha256, err) < 0))
			return err->code;
	}
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_LEN);
}

static int
gather(struct repo *r, const struct repo_catalogue *cat,
    const struct repo_cert *w, struct repo_revocation *v, struct err *err)
{
	const struct repo_backup *b;
	size_t i;

	for (i = 0; i < cat->n; i++) {
		b = &cat->backups[i];
		if (memcmp(b->m.writer, v->writer, sizeof(v->writer)) == 0 &&
		    add(v, b->m.sha256, err) < 0)
			return err->code;
	}
	if (add_small(r, "t/", w, v, err) < 0 ||
	    add_small(r, "u/", w, v, err) < 0 ||
	    add_small(r, "a/", w, v, err) < 0)
		return err->code;
	if (v->nkept > 0)
		qsort(v->kept, v->nkept, SHA256_LEN, compare);
	return 0;
}

static bool
is_meant(const struct repo_cert *w, const uint8_t fp[], const char *text)
{
	char pk_hex[2 * SIGN_PUBLIC_LEN + 1], fp_hex[2 * SIGN_PUBLIC_LEN + 1];

	return strcmp(text, w->name) == 0 ||
	       strcmp(text, str_hex(fp_hex, fp, SIGN_FINGERPRINT_LEN)) == 0 ||
	       strcmp(text, str_hex(pk_hex, w->pk, SIGN_PUBLIC_LEN)) == 0;
}

/*
 * Find the one writer that ${text} names, by name, fingerprint or verify key.
 */
static int
find_writer(struct repo *r, const char *text, struct repo_cert *ret,
    uint8_t fp[SIGN_FINGERPRINT_LEN], struct err *err)
{
	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	CLEANUP(repo_cert_clear) struct repo_cert found = { 0 };
	size_t i;

	if (repo_listing_load(r, "w/", &l, err) < 0)
		return err->code;
	for (i = 0; i < l.n; i++) {
		CLEANUP(repo_cert_clear) struct repo_cert w = { 0 };
		CLEANUP(freep_buf) struct buf b = BUF_INIT;
		uint8_t id[SIGN_FINGERPRINT_LEN];
		struct err e = ERR_INIT;

		if (repo_get(r, l.v[i].name, REPO_SMALL_MAX, &b, &e) < 0 ||
		    repo_judge_cert(r, &l.v[i], &b, &w, id, &e) < 0 ||
		    w.roles == 0 || !is_meant(&w, id, text))
			continue;
		if (found.roles != 0) {
			(void)err_set(err, HF_EUSAGE,
			    "several writers are called '%s'", text);
			return err_hint(err, "give the verify key, as `writer "
					     "add` got it");
		}
		found = w;
		w = (struct repo_cert){ 0 };
		memcpy(fp, id, sizeof(id));
	}
	if (found.roles == 0)
		return err_set(err, HF_ENOTFOUND,
		    "no writer has the name, fingerprint or verify key '%s'",
		    text);
	*ret = found;
	memset(&found, 0, sizeof(found));
	return 0;
}

/*
 * A revocation that is remembered here but gone from the store is put back as
 * it was.
 */
static int
make(struct repo *r, const struct repo_catalogue *cat,
    const struct repo_cert *w, struct repo_revocation *v, struct err *err)
{
	uint8_t fp[SIGN_FINGERPRINT_LEN];

	memcpy(fp, v->writer, sizeof(fp));
	if (repo_revocation_local(r, fp, v, err) < 0)
		return err->code;
	if (v->time_ms != 0)
		return 0;
	memcpy(v->vault_id, r->head.vault_id, sizeof(v->vault_id));
	if (store_now(r->store, &v->time_ms, err) < 0)
		return err->code;
	return gather(r, cat, w, v, err);
}

int
repo_revoke(struct repo *r, const struct repo_catalogue *cat, const char *text,
    struct repo_revoked *ret, struct err *err)
{
	CLEANUP(repo_revocation_clear) struct repo_revocation v = { 0 };
	CLEANUP(repo_cert_clear) struct repo_cert w = { 0 };
	CLEANUP(freep_secret) struct secret *root = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX];

	if (find_writer(r, text, &w, v.writer, err) < 0 ||
	    repo_root_seed(r, &root, err) < 0 ||
	    make(r, cat, &w, &v, err) < 0 ||
	    repo_revocation_encode(&v, root, &b, err) < 0)
		return err->code;
	repo_name_revocation(name, v.writer);
	if (repo_put(r, name, &b, err) < 0) {
		if (err->code != -HF_EEXISTS)
			return err_wrap(err, "revoke '%s'", text);
		(void)err_set(err, HF_EEXISTS,
		    "revoke '%s': '%s' is there, and is not the root's", text,
		    name);
		return err_hint(err, "remove that object, and run this again");
	}
	ret->kept = v.nkept;
	(void)str_hex(ret->fingerprint, v.writer, SIGN_FINGERPRINT_LEN);
	return repo_revocation_remember(r, v.writer, &b, err);
}
