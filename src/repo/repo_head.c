#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "repo/repo_wire.h"

static const struct repo_wire kind = { "HFF1", "repository head 'F'" };

/* Where the root's verify key lies: it checks the bytes that carry it. */
#define ROOT_PK_OFF (4 + 1 + 1 + REPO_ID_LEN + REPO_ID_LEN)

void
repo_head_clear(struct repo_head *h)
{
	free(h->vault);
	*h = (struct repo_head){ 0 };
}

bool
repo_vault_ok(const char *s)
{
	size_t n = strspn(s, "abcdefghijklmnopqrstuvwxyz0123456789-");

	return n >= 1 && n <= REPO_VAULT_MAX && s[n] == '\0';
}

static const char *
broken(const struct repo_head *h)
{
	if (h->vault == NULL || !repo_vault_ok(h->vault))
		return "the vault's name is not 1 to 40 of [a-z0-9-]";
	if (!repo_time_ok(h->created_ms))
		return "the time is out of range";
	/* These two make prune safe (doc/design/format.md). */
	if (h->deadline_s < 3600)
		return "the commit deadline is under an hour";
	if (h->grace_s < 3600 || h->grace_s - 3600 < h->deadline_s)
		return "grace is not an hour above the commit deadline";
	return NULL;
}

static int
body(const struct repo_head *h, struct buf *b, struct err *err)
{
	if (repo_wire_begin(&kind, b, err) < 0 ||
	    buf_add_u8(b, REPO_SUITE, err) < 0 ||
	    buf_add(b, h->repo_id, sizeof(h->repo_id), err) < 0 ||
	    buf_add(b, h->vault_id, sizeof(h->vault_id), err) < 0 ||
	    buf_add(b, h->root_pk, sizeof(h->root_pk), err) < 0 ||
	    buf_add_u32(b, h->reuse_s, err) < 0 ||
	    buf_add_u32(b, h->deadline_s, err) < 0 ||
	    buf_add_u32(b, h->grace_s, err) < 0 ||
	    buf_add_u64(b, (uint64_t)h->created_ms, err) < 0)
		return err->code;
	return buf_add_str(b, h->vault, err);
}

int
repo_head_encode(const struct repo_head *h, const struct secret *seed,
    struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (repo_wire_rule(&kind, HF_EBUG, broken(h), err) < 0)
		return err->code;
	if (body(h, b, err) < 0 || repo_wire_sign(b, from, seed, err) < 0) {
		b->len = from;
		return err->code;
	}
	return 0;
}

int
repo_head_decode(
    const uint8_t *p, size_t n, struct repo_head *ret, struct err *err)
{
	CLEANUP(repo_head_clear) struct repo_head h = { 0 };
	struct cur c;
	uint8_t suite;

	if (n < ROOT_PK_OFF + SIGN_PUBLIC_LEN)
		return err_set(err, HF_ECORRUPT, "%s: %zu bytes are too few",
		    kind.what, n);
	if (repo_wire_open(&kind, p, n, p + ROOT_PK_OFF, &c, err) < 0)
		return err->code;
	suite = cur_u8(&c);
	cur_copy(&c, h.repo_id, sizeof(h.repo_id));
	cur_copy(&c, h.vault_id, sizeof(h.vault_id));
	cur_copy(&c, h.root_pk, sizeof(h.root_pk));
	h.reuse_s = cur_u32(&c);
	h.deadline_s = cur_u32(&c);
	h.grace_s = cur_u32(&c);
	h.created_ms = (int64_t)cur_u64(&c);
	if (cur_str(&c, &h.vault, err) < 0 || repo_wire_end(&kind, &c, err) < 0)
		return err->code;
	if (suite != REPO_SUITE)
		return repo_wire_rule(
		    &kind, HF_ECORRUPT, "the suite is unknown", err);
	if (repo_wire_rule(&kind, HF_ECORRUPT, broken(&h), err) < 0)
		return err->code;
	*ret = h;
	h = (struct repo_head){ 0 };
	return 0;
}
