#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "repo/repo_impl.h"
#include "repo/repo_wire.h"
#include "store/store.h"

static const struct repo_wire kind = { "HFU1", "undo" };

int
repo_undo_encode(const struct repo_undo *u, const struct secret *seed,
    struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (repo_wire_rule(&kind, HF_EBUG,
		repo_time_ok(u->time_ms) ? NULL : "the time is out of range",
		err) < 0)
		return err->code;
	if (repo_wire_begin(&kind, b, err) < 0 ||
	    buf_add(b, u->vault_id, sizeof(u->vault_id), err) < 0 ||
	    buf_add(b, u->pruner, sizeof(u->pruner), err) < 0 ||
	    buf_add_u64(b, (uint64_t)u->time_ms, err) < 0 ||
	    buf_add(b, u->tombstone, sizeof(u->tombstone), err) < 0 ||
	    repo_wire_sign(b, from, seed, err) < 0) {
		b->len = from;
		return err->code;
	}
	return 0;
}

int
repo_undo_decode(const uint8_t *p, size_t n, const uint8_t pk[],
    struct repo_undo *ret, struct err *err)
{
	struct repo_undo u;
	struct cur c;

	if (repo_wire_open(&kind, p, n, pk, &c, err) < 0)
		return err->code;
	cur_copy(&c, u.vault_id, sizeof(u.vault_id));
	cur_copy(&c, u.pruner, sizeof(u.pruner));
	u.time_ms = (int64_t)cur_u64(&c);
	cur_copy(&c, u.tombstone, sizeof(u.tombstone));
	if (repo_wire_end(&kind, &c, err) < 0 ||
	    repo_wire_rule(&kind, HF_ECORRUPT,
		repo_time_ok(u.time_ms) ? NULL : "the time is out of range",
		err) < 0)
		return err->code;
	*ret = u;
	return 0;
}

int
repo_undo(struct repo *r, const struct repo_backup *b, struct err *err)
{
	CLEANUP(freep_buf) struct buf tomb = BUF_INIT;
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	const struct secret *seed;
	char name[REPO_NAME_MAX];
	struct repo_undo u;

	repo_name_tombstone(name, b->m.sha256);
	if (repo_writer_seed(r, REPO_ROLE_PRUNE, &seed, err) < 0 ||
	    repo_get(r, name, REPO_SMALL_MAX, &tomb, err) < 0 ||
	    sha256_of(tomb.p, tomb.len, u.tombstone, err) < 0 ||
	    store_now(r->store, &u.time_ms, err) < 0 ||
	    repo_writer_fingerprint(r, u.pruner, err) < 0)
		return err->code;
	memcpy(u.vault_id, r->head.vault_id, sizeof(u.vault_id));
	if (repo_undo_encode(&u, seed, &out, err) < 0)
		return err->code;
	repo_name_undo(name, u.tombstone);
	/*
	 * If the name is taken, an undo was killed before the tombstone was
	 * gone.
	 */
	if (repo_put(r, name, &out, err) < 0 && err->code != -HF_EEXISTS)
		return err_wrap(err, "undo the removal of '%s'", b->id);
	return 0;
}
