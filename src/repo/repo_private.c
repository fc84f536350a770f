#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/err.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "repo/repo_pack_frame.h"
#include "repo/repo_wire.h"

static const struct repo_wire kind = { "", "private part of the manifest" };

#define LEVEL 3 /* It is small, mostly numbers, and kept for long. */
#define WARNINGS_MAX 100

void
repo_private_clear(struct repo_private *p)
{
	repo_facts_free(p->warnings, p->nwarnings);
	free(p->label);
	free(p->entry_segs);
	free(p->frame_segs);
	*p = (struct repo_private){ 0 };
}

int
repo_ref_encode(const struct repo_ref *r, struct buf *b, struct err *err)
{
	if (buf_add_u32(b, r->pack, err) < 0 ||
	    buf_add_u32(b, r->frame, err) < 0 ||
	    buf_add_u32(b, r->off, err) < 0 ||
	    buf_add_u32(b, r->len, err) < 0 ||
	    buf_add_u32(b, r->plain, err) < 0)
		return err->code;
	return buf_add_u8(b, r->codec, err);
}

void
repo_ref_decode(struct cur *c, struct repo_ref *r)
{
	r->pack = cur_u32(c);
	r->frame = cur_u32(c);
	r->off = cur_u32(c);
	r->len = cur_u32(c);
	r->plain = cur_u32(c);
	r->codec = cur_u8(c);
}

/* Can ${r} be a frame of a pack of ${m}? */
static int
check_ref(
    const struct repo_ref *r, const struct repo_manifest *m, struct err *err)
{
	const char *why = NULL;

	if (r->pack >= m->npacks)
		why = "a frame lies in a pack that is not listed";
	else if (!repo_pack_ref_ok(r, m->packs[r->pack].len))
		why = "the place or length of a frame is impossible";
	return repo_wire_rule(&kind, HF_ECORRUPT, why, err);
}

static int
add_refs(const struct repo_ref *v, size_t n, struct buf *b, struct err *err)
{
	size_t i;

	if (buf_add_u32(b, (uint32_t)n, err) < 0)
		return err->code;
	for (i = 0; i < n; i++)
		if (repo_ref_encode(&v[i], b, err) < 0)
			return err->code;
	return 0;
}

static int
get_refs(struct cur *c, struct repo_ref **v, size_t *n, struct err *err)
{
	size_t i, count = repo_wire_count(c, REPO_REF_LEN);

	if (repo_wire_array(count, sizeof(**v), v, err) < 0)
		return err->code;
	*n = count;
	for (i = 0; i < count; i++)
		repo_ref_decode(c, &(*v)[i]);
	return 0;
}

static int
encode(const struct repo_private *p, struct buf *b, struct err *err)
{
	if (p->nwarnings > WARNINGS_MAX)
		return repo_wire_rule(
		    &kind, HF_EBUG, "it has more than 100 warnings", err);
	if (buf_add_str(b, p->label, err) < 0 ||
	    buf_add_u64(b, p->stream_len, err) < 0 ||
	    add_refs(p->entry_segs, p->nentry_segs, b, err) < 0 ||
	    add_refs(p->frame_segs, p->nframe_segs, b, err) < 0 ||
	    repo_facts_encode(p->warnings, p->nwarnings, b, err) < 0)
		return err->code;
	if (b->len > REPO_MANIFEST_MAX)
		return err_set(err, HF_ENOSPC, "%s: %zu bytes are too many",
		    kind.what, b->len);
	return 0;
}

static int
check(const struct repo_private *p, const struct repo_manifest *m,
    struct err *err)
{
	size_t i;

	for (i = 0; i < p->nentry_segs; i++)
		if (check_ref(&p->entry_segs[i], m, err) < 0)
			return err->code;
	for (i = 0; i < p->nframe_segs; i++)
		if (check_ref(&p->frame_segs[i], m, err) < 0)
			return err->code;
	return 0;
}

static int
decode(const struct buf *b, const struct repo_manifest *m,
    struct repo_private *ret, struct err *err)
{
	CLEANUP(repo_private_clear) struct repo_private p = { 0 };
	struct cur c;

	cur_init(&c, b->p, b->len);
	if (cur_str(&c, &p.label, err) < 0)
		return err->code;
	p.stream_len = cur_u64(&c);
	if (get_refs(&c, &p.entry_segs, &p.nentry_segs, err) < 0 ||
	    get_refs(&c, &p.frame_segs, &p.nframe_segs, err) < 0 ||
	    repo_facts_decode(
		&c, WARNINGS_MAX, &p.warnings, &p.nwarnings, err) < 0 ||
	    repo_wire_end(&kind, &c, err) < 0 || check(&p, m, err) < 0)
		return err->code;
	*ret = p;
	p = (struct repo_private){ 0 };
	return 0;
}

/* Frame 0 of kind 5 under an oid of its own (doc/format.md, "p: pack"). */
static void
aad_of(const struct repo_manifest *m, uint8_t aad[PACK_AAD_LEN])
{
	const struct repo_ref ref = {
		.frame = 0,
		.plain = m->priv_plain,
		.codec = m->priv_codec,
	};

	repo_pack_aad(aad, m->priv_oid, &ref, REPO_FRAME_MANIFEST);
}

/* Compress, unless that is not smaller; leave room for the tag. */
static int
squeeze(const struct buf *in, struct buf *out, uint8_t *codec, struct err *err)
{
	size_t bound = ZSTD_compressBound(in->len), n;

	if (buf_reserve(out, bound + AEAD_TAG_LEN, err) < 0)
		return err->code;
	n = ZSTD_compress(out->p, bound, in->p, in->len, LEVEL);
	if (ZSTD_isError(n) &&
	    ZSTD_getErrorCode(n) == ZSTD_error_memory_allocation)
		return err_nomem(err);
	*codec = REPO_ZSTD;
	if (ZSTD_isError(n) || n >= in->len) {
		*codec = REPO_RAW;
		return buf_add(out, in->p, in->len, err);
	}
	out->len = n;
	return 0;
}

/* Seal the frame that ${m} describes, in place; ${b} has room for the tag. */
static int
seal(struct repo_manifest *m, const struct secret *data_key, struct buf *b,
    struct err *err)
{
	CLEANUP(repo_object_key_clear) struct repo_object_key k = { 0 };
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t aad[PACK_AAD_LEN];

	randombytes_buf(m->priv_oid, sizeof(m->priv_oid));
	if (repo_object_key(data_key, m->vault_id, m->keys[m->priv_key],
		m->priv_oid, &k, err) < 0 ||
	    aead_new(k.key, m->priv_oid, &a, err) < 0)
		return err->code;
	memcpy(m->priv_commit, k.commitment, sizeof(m->priv_commit));
	aad_of(m, aad);
	if (aead_seal(a, 0, aad, sizeof(aad), b->p, b->len, b->p, err) < 0)
		return err->code;
	b->len += AEAD_TAG_LEN;
	return 0;
}

int
repo_private_seal(const struct repo_private *p, const struct secret *data_key,
    uint16_t key, struct repo_manifest *m, struct err *err)
{
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	struct repo_manifest sealed = *m;

	if (key >= m->nkeys)
		return repo_wire_rule(
		    &kind, HF_EBUG, "the key is not listed", err);
	if (encode(p, &plain, err) < 0 ||
	    squeeze(&plain, &out, &sealed.priv_codec, err) < 0)
		return err->code;
	sealed.priv_key = key;
	sealed.priv_plain = (uint32_t)plain.len;
	if (seal(&sealed, data_key, &out, err) < 0)
		return err->code;
	buf_free(&m->priv_sealed);
	*m = sealed;
	m->priv_sealed = out;
	out = (struct buf)BUF_INIT;
	return 0;
}

/* Open the sealed frame into ${out}, still compressed. */
static int
unseal(const struct repo_manifest *m, const struct secret *data_key,
    struct buf *out, struct err *err)
{
	CLEANUP(repo_object_key_clear) struct repo_object_key ok = { 0 };
	CLEANUP(freep_aead) struct aead *a = NULL;
	const struct buf *in = &m->priv_sealed;
	uint8_t aad[PACK_AAD_LEN];

	if (repo_object_key(data_key, m->vault_id, m->keys[m->priv_key],
		m->priv_oid, &ok, err) < 0)
		return err->code;
	if (memcmp(ok.commitment, m->priv_commit, 32) != 0)
		return repo_wire_rule(&kind, HF_EKEY,
		    "it was sealed under another data key", err);
	if (aead_new(ok.key, m->priv_oid, &a, err) < 0 ||
	    buf_reserve(out, in->len, err) < 0)
		return err->code;
	aad_of(m, aad);
	if (aead_open(a, 0, aad, sizeof(aad), in->p, in->len, out->p, err) < 0)
		return err_wrap(err, "%s", kind.what);
	out->len = in->len - AEAD_TAG_LEN;
	return 0;
}

int
repo_private_open(const struct repo_manifest *m, const struct secret *data_key,
    struct repo_private *ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	size_t n;

	if (unseal(m, data_key, &sealed, err) < 0)
		return err->code;
	if (m->priv_codec == REPO_RAW)
		return decode(&sealed, m, ret, err);
	/* One byte more than that shows a frame that is too long. */
	if (buf_reserve(&plain, (size_t)m->priv_plain + 1, err) < 0)
		return err->code;
	n = ZSTD_decompress(plain.p, plain.cap, sealed.p, sealed.len);
	if (ZSTD_isError(n) || n != m->priv_plain)
		return repo_wire_rule(&kind, HF_ECORRUPT,
		    "it does not decompress to its length", err);
	plain.len = n;
	return decode(&plain, m, ret, err);
}
