#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "repo/repo_deadline.h"
#include "repo/repo_heads.h"
#include "repo/repo_impl.h"
#include "repo/repo_pending.h"
#include "store/store.h"

static const char magic[4] = { 'H', 'F', 'L', 'M' };

int
repo_pending_keep(
    struct repo *r, const char *name, const struct buf *bytes, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	if (buf_add(&b, magic, sizeof(magic), err) < 0 ||
	    buf_add_str(&b, name, err) < 0 ||
	    buf_add_bytes(&b, bytes->p, bytes->len, err) < 0)
		return err->code;
	return repo_local_put(r->local, REPO_LOCAL_PENDING, b.p, b.len, err);
}

int
repo_pending_landed(struct repo *r, const struct buf *bytes, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	CLEANUP(repo_heads_clear) struct repo_heads h = { 0 };
	int rc;

	if (repo_manifest_decode(bytes->p, bytes->len, r->seed_pk, &m, err) <
		0 ||
	    repo_heads_load(r->local, &h, err) < 0)
		return err->code;
	rc = repo_heads_raise(&h, m.writer, m.seq, m.sha256, err);
	if (rc < 0 || (rc > 0 && repo_heads_save(r->local, &h, err) < 0))
		return err->code;
	return repo_local_drop(r->local, REPO_LOCAL_PENDING, err);
}

/* Store it again; it has landed if it is there now, or was there before. */
static int
put_again(
    struct repo *r, const char *name, const struct buf *bytes, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	struct err e = ERR_INIT;

	if (repo_manifest_decode(bytes->p, bytes->len, r->seed_pk, &m, err) < 0)
		return err->code;
	/*
	 * It is too late: prune may have erased its packs, so it is given up.
	 */
	if (repo_in_time(r, &m, &e) < 0) {
		if (e.code == -HF_ECLOCK)
			return repo_local_drop(
			    r->local, REPO_LOCAL_PENDING, err);
		*err = e;
		return err->code;
	}
	if (repo_put(r, name, bytes, &e) < 0 && e.code != -HF_EEXISTS) {
		*err = e;
		return err->code;
	}
	return repo_pending_landed(r, bytes, err);
}

static int
ask(struct repo *r, const char *name, const struct buf *bytes, struct err *err)
{
	char object[REPO_NAME_MAX + 64];
	struct store_info info;
	struct err e = ERR_INIT;

	if (store_head(r->store, repo_object(r, name, object), &info, &e) == 0)
		return repo_pending_landed(r, bytes, err);
	if (e.code == -HF_ENOTFOUND)
		return repo_local_drop(r->local, REPO_LOCAL_PENDING, err);
	if (e.code == -HF_EDENIED)
		return put_again(r, name, bytes, err);
	*err = e;
	return err->code;
}

int
repo_pending_settle(struct repo *r, struct err *err)
{
	CLEANUP(freep_mem) char *name = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	struct buf bytes = BUF_INIT;
	uint8_t got[4];
	struct cur c;

	if (repo_local_get(r->local, REPO_LOCAL_PENDING,
		REPO_MANIFEST_MAX + REPO_SMALL_MAX, &b, &e) < 0) {
		if (e.code == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return err->code;
	}
	cur_init(&c, b.p, b.len);
	cur_copy(&c, got, sizeof(got));
	if (cur_str(&c, &name, err) < 0)
		return err->code;
	/* Borrowed from ${b}, and only read. */
	bytes.p = b.p + (cur_bytes(&c, &bytes.len) - b.p);
	if (!cur_end(&c) || memcmp(got, magic, sizeof(magic)) != 0)
		return err_set(err, HF_ECORRUPT, "'%s/%s' is damaged",
		    repo_local_path(r->local), REPO_LOCAL_PENDING);
	if (ask(r, name, &bytes, err) < 0)
		return err_wrap(err, "what became of '%s'", name);
	return 0;
}
