#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "repo/repo_wire.h"

static const struct repo_wire kind = { "HFA1", "attestation" };

#define LEVEL_MAX 4

void
repo_attest_clear(struct repo_attest *a)
{
	repo_facts_free(a->facts, a->nfacts);
	free(a->host);
	free(a->message);
	*a = (struct repo_attest){ 0 };
}

static const char *
broken(const struct repo_attest *a)
{
	if (a->level > LEVEL_MAX)
		return "the level is unknown";
	if (a->good > 1)
		return "the result is neither good nor bad";
	if (!repo_time_ok(a->time_ms))
		return "the time is out of range";
	return NULL;
}

static int
body(const struct repo_attest *a, struct buf *b, struct err *err)
{
	if (repo_wire_begin(&kind, b, err) < 0 ||
	    buf_add(b, a->vault_id, sizeof(a->vault_id), err) < 0 ||
	    buf_add(b, a->verifier, sizeof(a->verifier), err) < 0 ||
	    buf_add(b, a->sha256, sizeof(a->sha256), err) < 0 ||
	    buf_add_u8(b, a->level, err) < 0 ||
	    buf_add_u8(b, a->good, err) < 0 ||
	    buf_add_u64(b, (uint64_t)a->time_ms, err) < 0 ||
	    buf_add_u64(b, a->took_ms, err) < 0 ||
	    buf_add_u64(b, a->objects, err) < 0 ||
	    buf_add_u64(b, a->bytes, err) < 0 ||
	    buf_add_str(b, a->host, err) < 0 ||
	    buf_add_str(b, a->message, err) < 0)
		return err->code;
	return repo_facts_encode(a->facts, a->nfacts, b, err);
}

int
repo_attest_encode(const struct repo_attest *a, const struct secret *seed,
    struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (repo_wire_rule(&kind, HF_EBUG, broken(a), err) < 0)
		return err->code;
	if (body(a, b, err) < 0 || repo_wire_sign(b, from, seed, err) < 0) {
		b->len = from;
		return err->code;
	}
	return 0;
}

int
repo_attest_decode(const uint8_t *p, size_t n, const uint8_t pk[],
    struct repo_attest *ret, struct err *err)
{
	CLEANUP(repo_attest_clear) struct repo_attest a = { 0 };
	struct cur c;

	if (repo_wire_open(&kind, p, n, pk, &c, err) < 0)
		return err->code;
	cur_copy(&c, a.vault_id, sizeof(a.vault_id));
	cur_copy(&c, a.verifier, sizeof(a.verifier));
	cur_copy(&c, a.sha256, sizeof(a.sha256));
	a.level = cur_u8(&c);
	a.good = cur_u8(&c);
	a.time_ms = (int64_t)cur_u64(&c);
	a.took_ms = cur_u64(&c);
	a.objects = cur_u64(&c);
	a.bytes = cur_u64(&c);
	if (cur_str(&c, &a.host, err) < 0 || cur_str(&c, &a.message, err) < 0 ||
	    repo_facts_decode(&c, SIZE_MAX, &a.facts, &a.nfacts, err) < 0 ||
	    repo_wire_end(&kind, &c, err) < 0 ||
	    repo_wire_rule(&kind, HF_ECORRUPT, broken(&a), err) < 0)
		return err->code;
	*ret = a;
	a = (struct repo_attest){ 0 };
	return 0;
}
