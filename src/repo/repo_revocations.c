#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "repo/repo_findings.h"
#include "repo/repo_impl.h"
#include "repo/repo_judge.h"
#include "repo/repo_listing.h"
#include "repo/repo_revocations.h"

#define LOCAL_NAME_MAX (2 + 2 * SIGN_FINGERPRINT_LEN + 1)

static const char gone_remedy[] =
    "somebody deleted it: it counts here, and not on a host that has never "
    "seen it; `writer revoke` puts it back";
static const char false_remedy[] =
    "remove the object, which is damaged or not yours, and run `writer "
    "revoke` again if the writer was revoked";

static char *
local_name(const uint8_t fp[], char name[LOCAL_NAME_MAX])
{
	char hex[2 * SIGN_FINGERPRINT_LEN + 1];

	(void)snprintf(name, LOCAL_NAME_MAX, "r-%s",
	    str_hex(hex, fp, SIGN_FINGERPRINT_LEN));
	return name;
}

static int
decode(struct repo *r, const uint8_t fp[], const struct buf *b,
    struct repo_revocation *ret, struct err *err)
{
	CLEANUP(repo_revocation_clear) struct repo_revocation v = { 0 };

	if (repo_revocation_decode(b->p, b->len, r->head.root_pk, &v, err) < 0)
		return err->code;
	if (memcmp(v.vault_id, r->head.vault_id, REPO_ID_LEN) != 0 ||
	    memcmp(v.writer, fp, SIGN_FINGERPRINT_LEN) != 0)
		return err_set(err, HF_ECORRUPT,
		    "the revocation belongs to another name or vault");
	*ret = v;
	v = (struct repo_revocation){ 0 };
	return 0;
}

int
repo_revocation_local(struct repo *r, const uint8_t fp[],
    struct repo_revocation *v, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[LOCAL_NAME_MAX];
	struct err e = ERR_INIT;

	if (repo_local_get(r->local, local_name(fp, name), REPO_REVOCATION_MAX,
		&b, &e) < 0) {
		if (e.code == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return err->code;
	}
	if (decode(r, fp, &b, v, err) < 0) {
		(void)err_wrap(err, "'%s/%s'", repo_local_path(r->local),
		    local_name(fp, name));
		return err_hint(err, "remove it: the one in the store is then "
				     "taken");
	}
	return 0;
}

int
repo_revocation_remember(
    struct repo *r, const uint8_t fp[], const struct buf *b, struct err *err)
{
	char name[LOCAL_NAME_MAX];

	return repo_local_put(
	    r->local, local_name(fp, name), b->p, b->len, err);
}

/* Read what the store has, and remember it the first time. */
static int
read_stored(struct repo *r, const uint8_t fp[], bool remember,
    struct repo_revocation *v, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX];

	repo_name_revocation(name, fp);
	if (repo_get(r, name, REPO_REVOCATION_MAX, &b, err) < 0 ||
	    decode(r, fp, &b, v, err) < 0)
		return err->code;
	return remember ? repo_revocation_remember(r, fp, &b, err) : 0;
}

int
repo_revocation_mine(
    struct repo *r, const uint8_t fp[], bool *revoked, struct err *err)
{
	CLEANUP(repo_revocation_clear) struct repo_revocation v = { 0 };
	struct err e = ERR_INIT;

	if (repo_revocation_local(r, fp, &v, err) < 0)
		return err->code;
	if (v.time_ms == 0 && read_stored(r, fp, true, &v, &e) < 0 &&
	    e.code != -HF_ENOTFOUND && e.code != -HF_EDENIED &&
	    e.code != -HF_ECORRUPT) {
		*err = e;
		return err->code;
	}
	*revoked = v.time_ms != 0;
	return 0;
}

static bool
is_listed(const struct repo_listing *l, const uint8_t fp[], char *name)
{
	size_t i;

	repo_name_revocation(name, fp);
	for (i = 0; i < l->n; i++)
		if (strcmp(l->v[i].name, name) == 0)
			return true;
	return false;
}

/*
 * What is remembered is used before what is stored: it is the older one, and
 * whoever could make the root sign another could do anything.
 */
static int
load_one(struct repo *r, const struct repo_listing *l, const uint8_t fp[],
    struct repo_revocation *v, struct repo_findings *f, struct err *err)
{
	CLEANUP(repo_revocation_clear) struct repo_revocation stored = { 0 };
	char name[REPO_NAME_MAX];
	struct err e = ERR_INIT;

	if (repo_revocation_local(r, fp, v, err) < 0)
		return err->code;
	if (!is_listed(l, fp, name))
		return v->time_ms == 0
			   ? 0
			   : repo_findings_add(f, err, name, gone_remedy,
				 "this revocation, seen here before, is gone");
	if (read_stored(r, fp, v->time_ms == 0, &stored, &e) < 0) {
		if (e.code != -HF_ECORRUPT && e.code != -HF_ENOTFOUND &&
		    e.code != -HF_EDENIED) {
			*err = e;
			return err_wrap(err, "read '%s'", name);
		}
		return repo_findings_add(
		    f, err, name, false_remedy, "%s", e.msg);
	}
	if (v->time_ms == 0) {
		*v = stored;
		stored = (struct repo_revocation){ 0 };
	}
	return 0;
}

int
repo_revocations_load(struct repo *r, const struct repo_listing *l,
    struct repo_writers *w, struct repo_findings *f, struct err *err)
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->cert[i].roles != 0 &&
		    load_one(r, l, w->fp[i], &w->revoked[i], f, err) < 0)
			return err->code;
	return 0;
}
