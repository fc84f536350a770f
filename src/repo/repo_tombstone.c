#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "repo/repo_wire.h"

static const struct repo_wire kind = { "HFT1", "tombstone" };

void
repo_tombstone_clear(struct repo_tombstone *t)
{
	free(t->manifest);
	free(t->reason);
	*t = (struct repo_tombstone){ 0 };
}

static const char *
broken(const struct repo_tombstone *t)
{
	if (!repo_time_ok(t->time_ms))
		return "the time is out of range";
	if (t->manifest == NULL ||
	    !repo_name_manifest_is(t->manifest, t->seq, t->sha256))
		return "the manifest's name does not fit its hash";
	if (t->seq == 0 ||
	    (t->seq == 1) != repo_all_zero(t->parent, sizeof(t->parent)))
		return "number and parent do not fit";
	return NULL;
}

static int
body(const struct repo_tombstone *t, struct buf *b, struct err *err)
{
	if (repo_wire_begin(&kind, b, err) < 0 ||
	    buf_add(b, t->vault_id, sizeof(t->vault_id), err) < 0 ||
	    buf_add(b, t->pruner, sizeof(t->pruner), err) < 0 ||
	    buf_add_u64(b, (uint64_t)t->time_ms, err) < 0 ||
	    buf_add_str(b, t->manifest, err) < 0 ||
	    buf_add(b, t->sha256, sizeof(t->sha256), err) < 0 ||
	    buf_add(b, t->writer, sizeof(t->writer), err) < 0 ||
	    buf_add_u64(b, t->seq, err) < 0 ||
	    buf_add(b, t->parent, sizeof(t->parent), err) < 0)
		return err->code;
	return buf_add_str(b, t->reason, err);
}

int
repo_tombstone_encode(const struct repo_tombstone *t, const struct secret *seed,
    struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (repo_wire_rule(&kind, HF_EBUG, broken(t), err) < 0)
		return err->code;
	if (body(t, b, err) < 0 || repo_wire_sign(b, from, seed, err) < 0) {
		b->len = from;
		return err->code;
	}
	return 0;
}

int
repo_tombstone_decode(const uint8_t *p, size_t n, const uint8_t pk[],
    struct repo_tombstone *ret, struct err *err)
{
	CLEANUP(repo_tombstone_clear) struct repo_tombstone t = { 0 };
	struct cur c;

	if (repo_wire_open(&kind, p, n, pk, &c, err) < 0)
		return err->code;
	cur_copy(&c, t.vault_id, sizeof(t.vault_id));
	cur_copy(&c, t.pruner, sizeof(t.pruner));
	t.time_ms = (int64_t)cur_u64(&c);
	if (cur_str(&c, &t.manifest, err) < 0)
		return err->code;
	cur_copy(&c, t.sha256, sizeof(t.sha256));
	cur_copy(&c, t.writer, sizeof(t.writer));
	t.seq = cur_u64(&c);
	cur_copy(&c, t.parent, sizeof(t.parent));
	if (cur_str(&c, &t.reason, err) < 0 ||
	    repo_wire_end(&kind, &c, err) < 0 ||
	    repo_wire_rule(&kind, HF_ECORRUPT, broken(&t), err) < 0)
		return err->code;
	*ret = t;
	t = (struct repo_tombstone){ 0 };
	return 0;
}
