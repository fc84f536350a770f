#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "repo/repo_deadline.h"
#include "repo/repo_heads.h"
#include "repo/repo_impl.h"
#include "repo/repo_judge.h"
#include "repo/repo_listing.h"
#include "repo/repo_pending.h"
#include "store/store.h"

/*
 * Find the last manifest of this host.  A host that has lost its heads, but not
 * its seed, asks the catalogue; one that may only write begins anew.
 */
static int
know_head(struct repo *r, struct err *err)
{
	CLEANUP(repo_heads_clear) struct repo_heads h = { 0 };
	struct repo_catalogue cat = { 0 };
	struct err e = ERR_INIT;

	if (repo_heads_load(r->local, &h, err) < 0)
		return err->code;
	if (repo_heads_find(&h, r->seed_fp) != NULL)
		return 0;
	if (repo_catalogue_load(r, &cat, &e) < 0 && e.code != -HF_EDENIED) {
		*err = e;
		return err->code;
	}
	repo_catalogue_clear(&cat);
	return 0;
}

/*
 * Is one of the manifests with the next number ours?  Then the local state is
 * older than the store: it came back with a copy of the disk.
 */
static int
next_in_store(
    struct repo *r, struct repo_head_seen *head, bool *found, struct err *err)
{
	CLEANUP(repo_listing_clear) struct repo_listing l = { 0 };
	uint8_t writer[SIGN_FINGERPRINT_LEN];
	char prefix[REPO_NAME_MAX];
	size_t i;
	int rc;

	*found = false;
	(void)snprintf(
	    prefix, sizeof(prefix), "s/%012" PRIu64 "-", head->seq + 1);
	if (repo_listing_load(r, prefix, &l, err) < 0)
		return err->code;
	for (i = 0; i < l.n && !*found; i++) {
		CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
		CLEANUP(freep_buf) struct buf b = BUF_INIT;
		struct err e = ERR_INIT;

		rc = repo_get(r, l.v[i].name, REPO_MANIFEST_MAX, &b, &e);
		/*
		 * What a stranger has left there must not keep us from
		 * committing.
		 */
		if (rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND)
			continue;
		if (rc < 0) {
			*err = e;
			return rc;
		}
		if (!repo_signer(b.p, b.len, writer) ||
		    memcmp(writer, r->seed_fp, sizeof(writer)) != 0 ||
		    repo_manifest_decode(b.p, b.len, r->seed_pk, &m, &e) < 0)
			continue;
		head->seq = m.seq;
		memcpy(head->sha256, m.sha256, SHA256_LEN);
		*found = true;
	}
	return 0;
}

/* Give our last manifest, with number 0 if there is none. */
static int
find_head(struct repo *r, struct repo_head_seen *head, struct err *err)
{
	CLEANUP(repo_heads_clear) struct repo_heads h = { 0 };
	const struct repo_head_seen *known;
	struct err e = ERR_INIT;
	bool more = true;

	if (repo_heads_load(r->local, &h, err) < 0)
		return err->code;
	if ((known = repo_heads_find(&h, r->seed_fp)) != NULL)
		*head = *known;
	while (more) {
		if (next_in_store(r, head, &more, &e) == 0)
			continue;
		if (e.code == -HF_EDENIED)
			return 0;
		*err = e;
		return err->code;
	}
	return 0;
}

static int
fill(struct repo *r, struct repo_manifest *m, struct err *err)
{
	struct repo_head_seen head = { 0 };
	int64_t now;

	if (find_head(r, &head, err) < 0 ||
	    store_now(r->store, &now, err) < 0 ||
	    repo_deadline_check(r, m->start_ms, now, err) < 0)
		return err->code;
	if (m->host == NULL && str_dup(r->host, &m->host, err) < 0)
		return err->code;
	memcpy(m->repo_id, r->head.repo_id, sizeof(m->repo_id));
	memcpy(m->vault_id, r->head.vault_id, sizeof(m->vault_id));
	memcpy(m->writer, r->seed_fp, sizeof(m->writer));
	m->seq = head.seq + 1;
	memcpy(m->parent, head.sha256, sizeof(m->parent));
	/* The clocks of a store of several machines may differ by a second. */
	m->commit_ms = now > m->start_ms ? now : m->start_ms;
	return 0;
}

/* Did the store say no, so that nothing can have been stored? */
static bool
is_refusal(int code)
{
	return code == -HF_EDENIED || code == -HF_ENOSPC ||
	       code == -HF_EUSAGE || code == -HF_ECONFIG;
}

static int
put(struct repo *r, const char *name, const struct buf *b, struct err *err)
{
	struct err e = ERR_INIT;

	if (repo_pending_keep(r, name, b, err) < 0)
		return err->code;
	/*
	 * The name is the hash of the bytes: if it is taken, these bytes have
	 * taken it.
	 */
	if (repo_put(r, name, b, err) < 0 && err->code != -HF_EEXISTS) {
		if (is_refusal(err->code))
			(void)repo_local_drop(r->local, REPO_LOCAL_PENDING, &e);
		return err_wrap(err, "commit");
	}
	/*
	 * The backup exists now, whatever happens to this host.  If that cannot
	 * be written down here, the next commit finds it pending, and writes it
	 * down.
	 */
	(void)repo_pending_landed(r, b, &e);
	return 0;
}

static int
may_commit(struct repo *r, const struct repo_manifest *m,
    const struct secret **seed, struct err *err)
{
	if (repo_writer_seed(r, REPO_ROLE_WRITE, seed, err) < 0)
		return err->code;
	if (!repo_cert_allows(&r->cert, m->source != NULL ? m->source : ""))
		return err_set(err, HF_EDENIED,
		    "this host's certificate does not let it back up '%s'",
		    m->source);
	return 0;
}

int
repo_commit(struct repo *r, struct repo_manifest *m,
    char id[REPO_BACKUP_ID_LEN + 1], struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_fd) int lock = -1;
	const struct secret *seed;
	char name[REPO_NAME_MAX];

	/* Two commits of one host must not take the same number. */
	if (may_commit(r, m, &seed, err) < 0 || know_head(r, err) < 0 ||
	    repo_local_lock(r->local, &lock, err) < 0 ||
	    repo_pending_settle(r, err) < 0 || fill(r, m, err) < 0 ||
	    repo_manifest_encode(m, seed, &b, err) < 0 ||
	    sha256_of(b.p, b.len, m->sha256, err) < 0)
		return err->code;
	repo_name_manifest(name, m->seq, m->commit_ms, m->sha256);
	if (put(r, name, &b, err) < 0)
		return err->code;
	(void)str_hex(id, m->sha256, REPO_BACKUP_ID_LEN / 2);
	return 0;
}
