#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "repo/repo_impl.h"
#include "repo/repo_judge.h"
#include "repo/repo_listing.h"

size_t
repo_judge_writer(const struct repo_writers *w, const uint8_t fp[])
{
	size_t i;

	for (i = 0; i < w->n; i++)
		if (w->cert[i].roles != 0 &&
		    memcmp(w->fp[i], fp, SIGN_FINGERPRINT_LEN) == 0)
			break;
	return i;
}

/*
 * Is this among what still counts of a writer who was revoked?  ${*revoked}:
 * no, and he did sign it.  What he did not sign may be one of those, damaged,
 * which must not be taken for what the root has ruled out.
 */
static int
check_kept(const struct repo_cert *w, const struct repo_revocation *v,
    const struct buf *b, bool *revoked, struct err *err)
{
	uint8_t sha256[SHA256_LEN];
	char when[TIME_TEXT_MAX];

	if (sha256_of(b->p, b->len, sha256, err) < 0)
		return err->code;
	if (repo_revocation_keeps(v, sha256))
		return 0;
	if (repo_is_signed(b->p, b->len, w->pk, err) < 0)
		return err->code;
	*revoked = true;
	(void)err_set(err, HF_ECORRUPT,
	    "its writer '%s' was revoked at %s, and this is not among what "
	    "stays",
	    w->name, time_format(v->time_ms, when));
	return err_hint(err, "it counts for nothing: take from that host the "
			     "right to write to the store, and remove it");
}

/*
 * Is it a certificate of another vault?  An init that was killed leaves one of
 * a vault that never came to be, under a root key that nobody has.  It
 * certifies nobody here, so it is no fault: what its writer might sign is
 * refused like any stranger's.
 */
static bool
is_of_another_vault(const struct repo *r, const struct buf *b)
{
	static const size_t at = 4 + 1; /* Behind magic and version. */

	return b->len >= at + REPO_ID_LEN &&
	       memcmp(b->p + at, r->head.vault_id, REPO_ID_LEN) != 0;
}

int
repo_judge_cert(struct repo *r, const struct repo_listed *o,
    const struct buf *b, struct repo_cert *ret,
    uint8_t fp[SIGN_FINGERPRINT_LEN], struct err *err)
{
	CLEANUP(repo_cert_clear) struct repo_cert w = { 0 };
	char want[REPO_NAME_MAX];

	if (is_of_another_vault(r, b))
		return 0;
	if (repo_cert_decode(b->p, b->len, r->head.root_pk, &w, err) < 0 ||
	    sign_fingerprint(w.pk, fp, err) < 0)
		return err->code;
	repo_name_cert(want, fp);
	if (strcmp(want, o->name) != 0)
		return err_set(err, HF_ECORRUPT,
		    "the certificate belongs to another name");
	*ret = w;
	w = (struct repo_cert){ 0 };
	return 0;
}

static int
check_late(const struct repo_cert *w, const struct repo_listed *o, bool *late,
    struct err *err)
{
	const bool is_late = w->expires_ms != 0 && o->mtime_ms >= w->expires_ms;

	if (is_late && late == NULL)
		return err_set(err, HF_ECORRUPT,
		    "the certificate of its writer '%s' had expired", w->name);
	if (late != NULL)
		*late = is_late;
	return 0;
}

/*
 * Find the certificate of the writer that ${o} names as its signer, if it
 * allowed ${role} when ${o} was stored, which is a time that the signer cannot
 * choose.  With ${late}, the caller decides about a certificate that had ended
 * by then.  What still counts of a writer who was revoked is known by its hash,
 * whenever it was stored; ${revoked} is set for what does not count.
 */
static const struct repo_cert *
find_signer(const struct repo_writers *writers, const struct repo_listed *o,
    const struct buf *b, enum repo_role role, bool *late, bool *revoked,
    struct err *err)
{
	char hex[2 * SIGN_FINGERPRINT_LEN + 1];
	uint8_t fp[SIGN_FINGERPRINT_LEN];
	const struct repo_cert *w;
	size_t i;

	if (!repo_signer(b->p, b->len, fp)) {
		(void)err_set(err, HF_ECORRUPT, "it is not what its name says");
		return NULL;
	}
	if ((i = repo_judge_writer(writers, fp)) == writers->n) {
		(void)err_set(err, HF_ECORRUPT,
		    "its writer '%s' has no certificate",
		    str_hex(hex, fp, sizeof(fp)));
		return NULL;
	}
	w = &writers->cert[i];
	if (!(w->roles & role)) {
		(void)err_set(err, HF_ECORRUPT,
		    "its writer '%s' may not write such objects", w->name);
		return NULL;
	}
	if (writers->revoked[i].time_ms == 0)
		return check_late(w, o, late, err) < 0 ? NULL : w;
	if (check_kept(w, &writers->revoked[i], b, revoked, err) < 0)
		return NULL;
	return w;
}

bool
repo_cert_allows(const struct repo_cert *w, const char *source)
{
	size_t i;

	for (i = 0; i < w->nsources; i++)
		if (fnmatch(w->sources[i], source, 0) == 0)
			return true;
	return w->nsources == 0;
}

static int
check_manifest(const struct repo *r, const struct repo_listed *o,
    const struct repo_cert *w, const struct repo_manifest *m, bool late,
    struct err *err)
{
	char want[REPO_NAME_MAX];

	/* A copied repository has new times; that must not lose a backup. */
	if (late && m->commit_ms >= w->expires_ms)
		return err_set(err, HF_ECORRUPT,
		    "the certificate of its writer '%s' had expired", w->name);
	repo_name_manifest(want, m->seq, m->commit_ms, m->sha256);
	if (strcmp(want, o->name) != 0)
		return err_set(err, HF_ECORRUPT,
		    "its name does not match its hash: it should be '%s'",
		    want);
	if (memcmp(m->repo_id, r->head.repo_id, REPO_ID_LEN) != 0 ||
	    memcmp(m->vault_id, r->head.vault_id, REPO_ID_LEN) != 0)
		return err_set(
		    err, HF_ECORRUPT, "it belongs to another repository");
	if (!repo_cert_allows(w, m->source))
		return err_set(err, HF_ECORRUPT,
		    "its writer '%s' may not back up '%s'", w->name, m->source);
	return 0;
}

int
repo_judge_manifest(struct repo *r, const struct repo_writers *writers,
    const struct repo_listed *o, const struct buf *b, struct repo_backup *to,
    struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	const struct repo_cert *w;
	bool late = false;

	if ((w = find_signer(writers, o, b, REPO_ROLE_WRITE, &late,
		 &to->revoked, err)) == NULL ||
	    repo_manifest_brief(b->p, b->len, w->pk, &m, err) < 0 ||
	    check_manifest(r, o, w, &m, late, err) < 0 ||
	    str_dup(w->name, &to->writer_name, err) < 0 ||
	    str_dup(o->name, &to->name, err) < 0)
		return err->code;
	(void)str_hex(to->id, m.sha256, REPO_BACKUP_ID_LEN / 2);
	to->manifest_len = b->len;
	to->stored_ms = o->mtime_ms < m.commit_ms ? o->mtime_ms : m.commit_ms;
	to->late = late;
	to->again = late || o->mtime_ms >
				m.start_ms + 1000 * (int64_t)r->head.deadline_s;
	to->verified_level = -1;
	to->m = m;
	m = (struct repo_manifest){ 0 };
	return 0;
}

int
repo_judge_tombstone(struct repo *r, const struct repo_writers *writers,
    const struct repo_listed *o, const struct buf *b,
    struct repo_tombstone *ret, uint8_t sha256[SHA256_LEN], bool *revoked,
    struct err *err)
{
	CLEANUP(repo_tombstone_clear) struct repo_tombstone t = { 0 };
	const struct repo_cert *w;
	char want[REPO_NAME_MAX];

	if ((w = find_signer(
		 writers, o, b, REPO_ROLE_PRUNE, NULL, revoked, err)) == NULL ||
	    repo_tombstone_decode(b->p, b->len, w->pk, &t, err) < 0 ||
	    sha256_of(b->p, b->len, sha256, err) < 0)
		return err->code;
	repo_name_tombstone(want, t.sha256);
	if (strcmp(want, o->name) != 0 ||
	    memcmp(t.vault_id, r->head.vault_id, REPO_ID_LEN) != 0)
		return err_set(err, HF_ECORRUPT,
		    "the tombstone belongs to another name or vault");
	*ret = t;
	t = (struct repo_tombstone){ 0 };
	return 0;
}

int
repo_judge_undo(struct repo *r, const struct repo_writers *writers,
    const struct repo_listed *o, const struct buf *b, struct repo_undo *ret,
    bool *revoked, struct err *err)
{
	const struct repo_cert *w;
	char want[REPO_NAME_MAX];
	struct repo_undo u;

	if ((w = find_signer(
		 writers, o, b, REPO_ROLE_PRUNE, NULL, revoked, err)) == NULL ||
	    repo_undo_decode(b->p, b->len, w->pk, &u, err) < 0)
		return err->code;
	repo_name_undo(want, u.tombstone);
	if (strcmp(want, o->name) != 0 ||
	    memcmp(u.vault_id, r->head.vault_id, REPO_ID_LEN) != 0)
		return err_set(err, HF_ECORRUPT,
		    "the undo belongs to another name or vault");
	*ret = u;
	return 0;
}

/*
 * Does the name follow from the content, but for the random digits at its end?
 */
static bool
is_attest_name(const char *name, const struct repo_attest *a)
{
	static const size_t tail = sizeof("01234567.hfa") - 1;
	char want[REPO_NAME_MAX];
	size_t n = strlen(name);
	uint8_t rnd[4];

	if (n < tail || !str_unhex(rnd, name + n - tail, sizeof(rnd)))
		return false;
	repo_name_attest(want, a->sha256, a->time_ms, rnd);
	return strcmp(want, name) == 0;
}

int
repo_judge_attest(struct repo *r, const struct repo_writers *writers,
    const struct repo_listed *o, const struct buf *b, struct repo_attest *ret,
    bool *revoked, struct err *err)
{
	CLEANUP(repo_attest_clear) struct repo_attest a = { 0 };
	const struct repo_cert *w;

	if ((w = find_signer(writers, o, b, REPO_ROLE_VERIFY, NULL, revoked,
		 err)) == NULL ||
	    repo_attest_decode(b->p, b->len, w->pk, &a, err) < 0)
		return err->code;
	if (memcmp(a.vault_id, r->head.vault_id, REPO_ID_LEN) != 0 ||
	    !is_attest_name(o->name, &a))
		return err_set(err, HF_ECORRUPT,
		    "the attestation belongs to another name or vault");
	*ret = a;
	a = (struct repo_attest){ 0 };
	return 0;
}
