#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "repo/repo_wire.h"

static const struct repo_wire kind = { "HFR1", "revocation" };

void
repo_revocation_clear(struct repo_revocation *v)
{
	free(v->kept);
	*v = (struct repo_revocation){ 0 };
}

static const char *
broken(const struct repo_revocation *v)
{
	size_t i;

	if (v->time_ms == 0 || !repo_time_ok(v->time_ms))
		return "the time is out of range";
	for (i = 1; i < v->nkept; i++)
		if (memcmp(v->kept[i - 1], v->kept[i], SHA256_LEN) >= 0)
			return "what stays is out of order";
	return NULL;
}

static int
body(const struct repo_revocation *v, struct buf *b, struct err *err)
{
	if (repo_wire_begin(&kind, b, err) < 0 ||
	    buf_add(b, v->vault_id, sizeof(v->vault_id), err) < 0 ||
	    buf_add(b, v->writer, sizeof(v->writer), err) < 0 ||
	    buf_add_u64(b, (uint64_t)v->time_ms, err) < 0 ||
	    buf_add_u32(b, (uint32_t)v->nkept, err) < 0)
		return err->code;
	return buf_add(b, v->kept, v->nkept * SHA256_LEN, err);
}

int
repo_revocation_encode(const struct repo_revocation *v,
    const struct secret *root_seed, struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (repo_wire_rule(&kind, HF_EBUG, broken(v), err) < 0)
		return err->code;
	if (body(v, b, err) < 0 ||
	    repo_wire_sign(b, from, root_seed, err) < 0) {
		b->len = from;
		return err->code;
	}
	return 0;
}

int
repo_revocation_decode(const uint8_t *p, size_t n, const uint8_t root_pk[],
    struct repo_revocation *ret, struct err *err)
{
	CLEANUP(repo_revocation_clear) struct repo_revocation v = { 0 };
	struct cur c;

	if (repo_wire_open(&kind, p, n, root_pk, &c, err) < 0)
		return err->code;
	cur_copy(&c, v.vault_id, sizeof(v.vault_id));
	cur_copy(&c, v.writer, sizeof(v.writer));
	v.time_ms = (int64_t)cur_u64(&c);
	v.nkept = repo_wire_count(&c, SHA256_LEN);
	if (repo_wire_array(v.nkept, SHA256_LEN, &v.kept, err) < 0)
		return err->code;
	cur_copy(&c, v.kept, v.nkept * SHA256_LEN);
	if (repo_wire_end(&kind, &c, err) < 0 ||
	    repo_wire_rule(&kind, HF_ECORRUPT, broken(&v), err) < 0)
		return err->code;
	*ret = v;
	v = (struct repo_revocation){ 0 };
	return 0;
}

static int
compare(const void *a, const void *b)
{
	return memcmp(a, b, SHA256_LEN);
}

bool
repo_revocation_keeps(const struct repo_revocation *v, const uint8_t sha256[])
{
	return v->nkept > 0 &&
	       bsearch(sha256, v->kept, v->nkept, SHA256_LEN, compare) != NULL;
}
