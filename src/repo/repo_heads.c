#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "repo/repo_heads.h"
#include "repo/repo_local.h"
#include "repo/repo_wire.h"

#define ROW_LEN (SIGN_FINGERPRINT_LEN + 8 + SHA256_LEN)
#define HEADS_MAX (16u << 20) /* bytes */

static const char magic[4] = { 'H', 'F', 'L', 'H' };

void
repo_heads_clear(struct repo_heads *h)
{
	free(h->v);
	*h = (struct repo_heads){ 0 };
}

static int
decode(const struct buf *b, struct repo_heads *h, struct err *err)
{
	uint8_t got[4];
	struct cur c;
	size_t i, n;

	cur_init(&c, b->p, b->len);
	cur_copy(&c, got, sizeof(got));
	n = repo_wire_count(&c, ROW_LEN);
	if (repo_wire_array(n, sizeof(*h->v), &h->v, err) < 0)
		return err->code;
	h->n = n;
	for (i = 0; i < n; i++) {
		cur_copy(&c, h->v[i].writer, sizeof(h->v[i].writer));
		h->v[i].seq = cur_u64(&c);
		cur_copy(&c, h->v[i].sha256, sizeof(h->v[i].sha256));
	}
	if (!cur_end(&c) || memcmp(got, magic, sizeof(magic)) != 0)
		return err_set(err, HF_ECORRUPT, "'heads' is damaged");
	return 0;
}

int
repo_heads_load(
    const struct repo_local *l, struct repo_heads *ret, struct err *err)
{
	CLEANUP(repo_heads_clear) struct repo_heads h = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	if (repo_local_get(l, REPO_LOCAL_HEADS, HEADS_MAX, &b, &e) < 0) {
		if (e.code == -HF_ENOTFOUND)
			return 0;
		*err = e;
		return err->code;
	}
	if (decode(&b, &h, err) < 0) {
		(void)err_wrap(err, "'%s'", repo_local_path(l));
		return err_hint(err, "remove the file 'heads' there: the "
				     "store is then trusted once more");
	}
	*ret = h;
	h = (struct repo_heads){ 0 };
	return 0;
}

int
repo_heads_save(
    const struct repo_local *l, const struct repo_heads *h, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	size_t i;

	if (buf_add(&b, magic, sizeof(magic), err) < 0 ||
	    buf_add_u32(&b, (uint32_t)h->n, err) < 0)
		return err->code;
	for (i = 0; i < h->n; i++)
		if (buf_add(&b, h->v[i].writer, SIGN_FINGERPRINT_LEN, err) <
			0 ||
		    buf_add_u64(&b, h->v[i].seq, err) < 0 ||
		    buf_add(&b, h->v[i].sha256, SHA256_LEN, err) < 0)
			return err->code;
	return repo_local_put(l, REPO_LOCAL_HEADS, b.p, b.len, err);
}

static struct repo_head_seen *
find(const struct repo_heads *h, const uint8_t writer[])
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (memcmp(h->v[i].writer, writer, SIGN_FINGERPRINT_LEN) == 0)
			return &h->v[i];
	return NULL;
}

const struct repo_head_seen *
repo_heads_find(const struct repo_heads *h, const uint8_t writer[])
{
	return find(h, writer);
}

int
repo_heads_raise(struct repo_heads *h, const uint8_t writer[], uint64_t seq,
    const uint8_t sha256[], struct err *err)
{
	struct repo_head_seen *s = find(h, writer), *grown;

	if (s == NULL) {
		grown = reallocarray(h->v, h->n + 1, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		h->v = grown;
		s = &h->v[h->n++];
		*s = (struct repo_head_seen){ 0 };
		memcpy(s->writer, writer, SIGN_FINGERPRINT_LEN);
	}
	if (seq <= s->seq)
		return 0;
	s->seq = seq;
	memcpy(s->sha256, sha256, SHA256_LEN);
	return 1;
}
