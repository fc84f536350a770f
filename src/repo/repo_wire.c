#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "repo/repo_wire.h"

#define HEAD_LEN 5 /* magic and version */

int
repo_wire_begin(const struct repo_wire *k, struct buf *b, struct err *err)
{
	if (buf_add(b, k->magic, 4, err) < 0)
		return err->code;
	return buf_add_u8(b, REPO_VERSION, err);
}

int
repo_wire_sign(
    struct buf *b, size_t from, const struct secret *seed, struct err *err)
{
	uint8_t sig[SIGN_LEN];

	if (sign_make(seed, b->p + from, b->len - from, sig, err) < 0)
		return err->code;
	return buf_add(b, sig, sizeof(sig), err);
}

int
repo_is_signed(const uint8_t *p, size_t n, const uint8_t pk[], struct err *err)
{
	if (n < SIGN_LEN)
		return err_set(err, HF_ECORRUPT, "%zu bytes are too few", n);
	return sign_check(pk, p, n - SIGN_LEN, p + n - SIGN_LEN, err);
}

int
repo_wire_open(const struct repo_wire *k, const uint8_t *p, size_t n,
    const uint8_t pk[], struct cur *c, struct err *err)
{
	if (n < HEAD_LEN + SIGN_LEN)
		return err_set(
		    err, HF_ECORRUPT, "%s: %zu bytes are too few", k->what, n);
	if (memcmp(p, k->magic, 4) != 0)
		return err_set(err, HF_ECORRUPT, "%s: does not begin with '%s'",
		    k->what, k->magic);
	if (pk != NULL && repo_is_signed(p, n, pk, err) < 0)
		return err_wrap(err, "%s", k->what);
	n -= SIGN_LEN;
	if (p[4] != REPO_VERSION) {
		(void)err_set(err, HF_ECORRUPT, "%s: version %d is unknown",
		    k->what, p[4]);
		return err_hint(err, "a newer holdfast may have written it: "
				     "update this one");
	}
	cur_init(c, p + HEAD_LEN, n - HEAD_LEN);
	return 0;
}

int
repo_wire_end(const struct repo_wire *k, const struct cur *c, struct err *err)
{
	if (c->bad)
		return err_set(err, HF_ECORRUPT,
		    "%s: a length, count or text does not fit", k->what);
	if (!cur_end(c))
		return err_set(err, HF_ECORRUPT, "%s: %zu bytes are left over",
		    k->what, c->left);
	return 0;
}

int
repo_wire_rule(const struct repo_wire *k, enum hf_code code, const char *broken,
    struct err *err)
{
	if (broken == NULL)
		return 0;
	return err_set(err, code, "%s: %s", k->what, broken);
}

size_t
repo_wire_count(struct cur *c, size_t min)
{
	size_t n = cur_u32(c);

	if (n > c->left / min) {
		c->bad = true;
		return 0;
	}
	return n;
}

int
repo_wire_array(size_t n, size_t size, void *ret, struct err *err)
{
	void *p = NULL;

	if (n > 0 && (p = calloc(n, size)) == NULL)
		return err_nomem(err);
	*(void **)ret = p;
	return 0;
}

bool
repo_time_ok(int64_t ms)
{
	return ms >= 0 && ms <= REPO_TIME_MAX;
}

bool
repo_all_zero(const uint8_t *p, size_t n)
{
	while (n > 0 && *p == 0) {
		p++;
		n--;
	}
	return n == 0;
}

int
repo_facts_encode(
    const struct repo_fact *v, size_t n, struct buf *b, struct err *err)
{
	size_t i;

	if (buf_add_u32(b, (uint32_t)n, err) < 0)
		return err->code;
	for (i = 0; i < n; i++)
		if (buf_add_str(b, v[i].name, err) < 0 ||
		    buf_add_str(b, v[i].value, err) < 0)
			return err->code;
	return 0;
}

int
repo_facts_decode(
    struct cur *c, size_t max, struct repo_fact **v, size_t *n, struct err *err)
{
	size_t i, count = repo_wire_count(c, 8);

	if (count > max) {
		c->bad = true;
		return 0;
	}
	/* If more fails, the caller's clear frees what has come so far. */
	if (repo_wire_array(count, sizeof(**v), v, err) < 0)
		return err->code;
	*n = count;
	for (i = 0; i < count && !c->bad; i++)
		if (cur_str(c, &(*v)[i].name, err) < 0 ||
		    cur_str(c, &(*v)[i].value, err) < 0)
			return err->code;
	return 0;
}

void
repo_facts_free(struct repo_fact *v, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		free(v[i].name);
		free(v[i].value);
	}
	free(v);
}
