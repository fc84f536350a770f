#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/secret.h"
#include "repo/repo_wire.h"

static const struct repo_wire kind = { "HFK1", "wrapped key" };

#define CHECK_LEN 8
#define CONTEXT_LEN (4 + REPO_ID_LEN + REPO_ID_LEN + 1)
#define KIND_MAX 32   /* bytes */
#define PUBLIC_MAX 79 /* bytes, as struct key has room for */

void
repo_wrapped_clear(struct repo_wrapped *w)
{
	free(w->kind);
	free(w->public_text);
	buf_free(&w->wrapping);
	*w = (struct repo_wrapped){ 0 };
}

static const char *
broken(const struct repo_wrapped *w)
{
	if (w->class != REPO_KEY_DATA && w->class != REPO_KEY_ROOT)
		return "its class is unknown";
	if (w->kind == NULL || w->kind[0] == '\0' || strlen(w->kind) > KIND_MAX)
		return "the opener's kind is not 1 to 32 bytes";
	if (w->public_text != NULL && strlen(w->public_text) > PUBLIC_MAX)
		return "the public half is too long";
	if (w->wrapping.len == 0 || w->wrapping.len > KEY_WRAP_MAX)
		return "the wrapping's length is out of range";
	return NULL;
}

static int
body(const struct repo_wrapped *w, struct buf *b, struct err *err)
{
	if (repo_wire_begin(&kind, b, err) < 0 ||
	    buf_add_u8(b, REPO_SUITE, err) < 0 ||
	    buf_add_u8(b, w->class, err) < 0 ||
	    buf_add(b, w->vault_id, sizeof(w->vault_id), err) < 0 ||
	    buf_add(b, w->key_id, sizeof(w->key_id), err) < 0 ||
	    buf_add(b, w->opener, sizeof(w->opener), err) < 0 ||
	    buf_add_str(b, w->kind, err) < 0 ||
	    buf_add_str(b, w->public_text, err) < 0)
		return err->code;
	return buf_add_bytes(b, w->wrapping.p, w->wrapping.len, err);
}

static int
add_check(struct buf *b, size_t from, struct err *err)
{
	uint8_t hash[SHA256_LEN];

	if (sha256_of(b->p + from, b->len - from, hash, err) < 0)
		return err->code;
	return buf_add(b, hash, CHECK_LEN, err);
}

int
repo_wrapped_encode(const struct repo_wrapped *w,
    const struct secret *root_seed, struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (repo_wire_rule(&kind, HF_EBUG, broken(w), err) < 0)
		return err->code;
	if (body(w, b, err) < 0 || add_check(b, from, err) < 0 ||
	    (w->class == REPO_KEY_ROOT &&
		repo_wire_sign(b, from, root_seed, err) < 0)) {
		b->len = from;
		return err->code;
	}
	return 0;
}

/*
 * The check finds damage in both classes.  The signature that follows it in
 * class 1 is checked by who is going to trust it: repo_wrapped_vouched.
 */
static int
body_of(const uint8_t *p, size_t n, struct cur *c, struct err *err)
{
	uint8_t hash[SHA256_LEN];
	size_t tail = CHECK_LEN;

	if (n < 7 + tail)
		return repo_wire_rule(
		    &kind, HF_ECORRUPT, "it has too few bytes", err);
	if (memcmp(p, kind.magic, 4) != 0)
		return repo_wire_rule(
		    &kind, HF_ECORRUPT, "it does not begin with 'HFK1'", err);
	if (p[6] == REPO_KEY_ROOT)
		tail += SIGN_LEN;
	if (n < 7 + tail)
		return repo_wire_rule(
		    &kind, HF_ECORRUPT, "it has too few bytes", err);
	if (sha256_of(p, n - tail, hash, err) < 0)
		return err->code;
	if (memcmp(hash, p + n - tail, CHECK_LEN) != 0)
		return repo_wire_rule(&kind, HF_ECORRUPT, "it is damaged", err);
	if (p[4] != REPO_VERSION || p[5] != REPO_SUITE)
		return repo_wire_rule(
		    &kind, HF_ECORRUPT, "version or suite is unknown", err);
	cur_init(c, p + 6, n - tail - 6);
	return 0;
}

int
repo_wrapped_decode(
    const uint8_t *p, size_t n, struct repo_wrapped *ret, struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	const uint8_t *wrapping;
	struct cur c;
	size_t len;

	if (body_of(p, n, &c, err) < 0)
		return err->code;
	w.class = cur_u8(&c);
	cur_copy(&c, w.vault_id, sizeof(w.vault_id));
	cur_copy(&c, w.key_id, sizeof(w.key_id));
	cur_copy(&c, w.opener, sizeof(w.opener));
	if (cur_str(&c, &w.kind, err) < 0 ||
	    cur_str(&c, &w.public_text, err) < 0)
		return err->code;
	wrapping = cur_bytes(&c, &len);
	if (repo_wire_end(&kind, &c, err) < 0 ||
	    buf_add(&w.wrapping, wrapping, len, err) < 0 ||
	    repo_wire_rule(&kind, HF_ECORRUPT, broken(&w), err) < 0)
		return err->code;
	*ret = w;
	w = (struct repo_wrapped){ 0 };
	return 0;
}

int
repo_wrapped_vouched(
    const uint8_t *p, size_t n, const uint8_t root_pk[], struct err *err)
{
	if (n < 7 + CHECK_LEN + SIGN_LEN || p[6] != REPO_KEY_ROOT)
		return repo_wire_rule(
		    &kind, HF_ECORRUPT, "the root does not vouch for it", err);
	n -= SIGN_LEN;
	if (sign_check(root_pk, p, n, p + n, err) < 0)
		return err_wrap(err, "%s", kind.what);
	return 0;
}

static void
context_of(const struct repo_wrapped *w, uint8_t ctx[CONTEXT_LEN])
{
	memcpy(ctx, "HF1K", 4);
	memcpy(ctx + 4, w->vault_id, REPO_ID_LEN);
	memcpy(ctx + 4 + REPO_ID_LEN, w->key_id, REPO_ID_LEN);
	ctx[CONTEXT_LEN - 1] = w->class;
}

int
repo_wrap(struct key *k, uint8_t class, const uint8_t vault_id[],
    const uint8_t key_id[], const struct secret *plain, struct buf *out,
    struct err *err)
{
	CLEANUP(repo_wrapped_clear) struct repo_wrapped w = { 0 };
	uint8_t ctx[CONTEXT_LEN];

	w.class = class;
	memcpy(w.vault_id, vault_id, REPO_ID_LEN);
	memcpy(w.key_id, key_id, REPO_ID_LEN);
	memcpy(w.opener, k->fingerprint, KEY_FINGERPRINT_LEN);
	if ((w.kind = strdup(k->kind)) == NULL ||
	    (w.public_text = strdup(k->public_text)) == NULL)
		return err_nomem(err);
	context_of(&w, ctx);
	if (key_wrap(k, plain, ctx, sizeof(ctx), &w.wrapping, err) < 0)
		return err->code;
	/* Class 1 wraps the very seed that signs the wrapping. */
	return repo_wrapped_encode(&w, plain, out, err);
}

int
repo_unwrap(struct key *k, const struct repo_wrapped *w, struct secret **plain,
    struct err *err)
{
	uint8_t ctx[CONTEXT_LEN];

	context_of(w, ctx);
	return key_unwrap(
	    k, w->wrapping.p, w->wrapping.len, ctx, sizeof(ctx), plain, err);
}
