#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "crypto/aead.h"
#include "repo/repo_wire.h"

static const struct repo_wire kind = { "HFM1", "manifest" };

#define PACK_ROW_LEN (REPO_OID_LEN + 4 + 4 + 2 + SHA256_LEN)

/*
 * A catalogue keeps the texts and the evidence of every backup, and each costs
 * more memory than its bytes: so both are limited.
 */
#define TEXTS_MAX (64u << 10) /* bytes */
#define FACTS_MAX 4096

static void
free_texts(struct repo_manifest *m)
{
	repo_facts_free(m->evidence, m->nevidence);
	free(m->source);
	free(m->type);
	free(m->class);
	free(m->host);
	free(m->program);
}

void
repo_manifest_clear(struct repo_manifest *m)
{
	if (m->block != NULL)
		free(m->block);
	else
		free_texts(m);
	free(m->keys);
	free(m->packs);
	buf_free(&m->priv_sealed);
	*m = (struct repo_manifest){ 0 };
}

static const char *
broken_pack(const struct repo_manifest *m, const struct repo_pack_row *p)
{
	if (p->key >= m->nkeys)
		return "a pack names a key that is not listed";
	if (p->hour > REPO_HOUR_MAX)
		return "a pack's hour is out of range";
	return NULL;
}

static const char *
broken_private(const struct repo_manifest *m, size_t sealed)
{
	if (m->priv_key >= m->nkeys)
		return "the private part names a key that is not listed";
	if (m->priv_codec > 1)
		return "the private part's codec is unknown";
	if (m->priv_plain > REPO_MANIFEST_MAX)
		return "the private part is too long";
	if (sealed < AEAD_TAG_LEN ||
	    (m->priv_codec == 0 && sealed - AEAD_TAG_LEN != m->priv_plain))
		return "the private part's lengths do not fit";
	return NULL;
}

/*
 * Return what is wrong with it, the packs aside, or NULL; the private part has
 * ${sealed} bytes.
 */
static const char *
broken(const struct repo_manifest *m, size_t sealed)
{
	if (m->kind < REPO_FULL || m->kind > REPO_LOG)
		return "its kind is unknown";
	if (m->seq == 0 ||
	    (m->seq == 1) != repo_all_zero(m->parent, sizeof(m->parent)))
		return "number and parent do not fit";
	if ((m->kind == REPO_FULL) != repo_all_zero(m->base, sizeof(m->base)))
		return "kind and base do not fit";
	if (!repo_time_ok(m->start_ms) || !repo_time_ok(m->commit_ms) ||
	    m->commit_ms < m->start_ms)
		return "the times are out of range";
	if (m->nkeys > UINT16_MAX)
		return "it has too many keys";
	return broken_private(m, sealed);
}

static int
add_texts(const struct repo_manifest *m, struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (buf_add_str(b, m->source, err) < 0 ||
	    buf_add_str(b, m->type, err) < 0 ||
	    buf_add_str(b, m->class, err) < 0 ||
	    buf_add_str(b, m->host, err) < 0 ||
	    buf_add_str(b, m->program, err) < 0)
		return err->code;
	return repo_wire_rule(&kind, HF_EBUG,
	    b->len - from > TEXTS_MAX ? "its texts are too long" : NULL, err);
}

static int
add_head(const struct repo_manifest *m, struct buf *b, struct err *err)
{
	if (repo_wire_begin(&kind, b, err) < 0 ||
	    buf_add_u8(b, REPO_SUITE, err) < 0 ||
	    buf_add_u8(b, m->kind, err) < 0 || buf_add_u8(b, 0, err) < 0 ||
	    buf_add(b, m->repo_id, sizeof(m->repo_id), err) < 0 ||
	    buf_add(b, m->vault_id, sizeof(m->vault_id), err) < 0 ||
	    buf_add(b, m->writer, sizeof(m->writer), err) < 0 ||
	    buf_add_u64(b, m->seq, err) < 0 ||
	    buf_add(b, m->parent, sizeof(m->parent), err) < 0 ||
	    buf_add(b, m->base, sizeof(m->base), err) < 0 ||
	    buf_add_u64(b, (uint64_t)m->start_ms, err) < 0 ||
	    buf_add_u64(b, (uint64_t)m->commit_ms, err) < 0 ||
	    add_texts(m, b, err) < 0 ||
	    buf_add_u64(b, m->plain_bytes, err) < 0 ||
	    buf_add_u64(b, m->stored_bytes, err) < 0 ||
	    buf_add_u64(b, m->entries, err) < 0)
		return err->code;
	return buf_add_u64(b, m->warnings, err);
}

static int
add_lists(const struct repo_manifest *m, struct buf *b, struct err *err)
{
	const struct repo_pack_row *p;
	size_t i, from;

	if (buf_add_u32(b, (uint32_t)m->nkeys, err) < 0 ||
	    buf_add(b, m->keys, m->nkeys * REPO_ID_LEN, err) < 0 ||
	    buf_add_u32(b, (uint32_t)m->npacks, err) < 0)
		return err->code;
	for (i = 0; i < m->npacks; i++) {
		p = &m->packs[i];
		if (repo_wire_rule(&kind, HF_EBUG, broken_pack(m, p), err) <
			0 ||
		    buf_add(b, p->oid, sizeof(p->oid), err) < 0 ||
		    buf_add_u32(b, p->hour, err) < 0 ||
		    buf_add_u32(b, p->len, err) < 0 ||
		    buf_add_u16(b, p->key, err) < 0 ||
		    buf_add(b, p->sha256, sizeof(p->sha256), err) < 0)
			return err->code;
	}
	from = b->len;
	if (repo_facts_encode(m->evidence, m->nevidence, b, err) < 0)
		return err->code;
	return repo_wire_rule(&kind, HF_EBUG,
	    m->nevidence > FACTS_MAX || b->len - from > TEXTS_MAX
		? "it has too much evidence"
		: NULL,
	    err);
}

static int
add_private(const struct repo_manifest *m, struct buf *b, struct err *err)
{
	if (buf_add_u16(b, m->priv_key, err) < 0 ||
	    buf_add(b, m->priv_oid, sizeof(m->priv_oid), err) < 0 ||
	    buf_add(b, m->priv_commit, sizeof(m->priv_commit), err) < 0 ||
	    buf_add_u32(b, m->priv_plain, err) < 0 ||
	    buf_add_u8(b, m->priv_codec, err) < 0)
		return err->code;
	return buf_add_bytes(b, m->priv_sealed.p, m->priv_sealed.len, err);
}

int
repo_manifest_encode(const struct repo_manifest *m,
    const struct secret *writer_seed, struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (repo_wire_rule(&kind, HF_EBUG, broken(m, m->priv_sealed.len), err) <
	    0)
		return err->code;
	if (add_head(m, b, err) < 0 || add_lists(m, b, err) < 0 ||
	    add_private(m, b, err) < 0 ||
	    repo_wire_sign(b, from, writer_seed, err) < 0) {
		b->len = from;
		return err->code;
	}
	if (b->len - from > REPO_MANIFEST_MAX) {
		(void)err_set(err, HF_ENOSPC,
		    "manifest: %zu bytes are more than a reader takes",
		    b->len - from);
		b->len = from;
		return err_hint(err, "back up less in one backup: split the "
				     "source into several");
	}
	return 0;
}

/* Let ${c} end after ${max} bytes; return how many lie behind that. */
static size_t
narrow(struct cur *c, size_t max)
{
	size_t hidden = c->left > max ? c->left - max : 0;

	c->left -= hidden;
	return hidden;
}

static int
get_texts(struct cur *c, struct repo_manifest *m, struct err *err)
{
	size_t hidden = narrow(c, TEXTS_MAX);

	if (cur_str(c, &m->source, err) < 0 || cur_str(c, &m->type, err) < 0 ||
	    cur_str(c, &m->class, err) < 0 || cur_str(c, &m->host, err) < 0 ||
	    cur_str(c, &m->program, err) < 0)
		return err->code;
	c->left += hidden;
	return 0;
}

static int
get_evidence(struct cur *c, struct repo_manifest *m, struct err *err)
{
	size_t hidden = narrow(c, TEXTS_MAX);

	if (repo_facts_decode(c, FACTS_MAX, &m->evidence, &m->nevidence, err) <
	    0)
		return err->code;
	c->left += hidden;
	return 0;
}

static int
get_head(struct cur *c, struct repo_manifest *m, struct err *err)
{
	if (cur_u8(c) != REPO_SUITE)
		return repo_wire_rule(
		    &kind, HF_ECORRUPT, "the suite is unknown", err);
	m->kind = cur_u8(c);
	if (cur_u8(c) != 0)
		return repo_wire_rule(
		    &kind, HF_ECORRUPT, "byte 7 is not zero", err);
	cur_copy(c, m->repo_id, sizeof(m->repo_id));
	cur_copy(c, m->vault_id, sizeof(m->vault_id));
	cur_copy(c, m->writer, sizeof(m->writer));
	m->seq = cur_u64(c);
	cur_copy(c, m->parent, sizeof(m->parent));
	cur_copy(c, m->base, sizeof(m->base));
	m->start_ms = (int64_t)cur_u64(c);
	m->commit_ms = (int64_t)cur_u64(c);
	if (get_texts(c, m, err) < 0)
		return err->code;
	m->plain_bytes = cur_u64(c);
	m->stored_bytes = cur_u64(c);
	m->entries = cur_u64(c);
	m->warnings = cur_u64(c);
	return 0;
}

static void
get_pack(struct cur *c, struct repo_pack_row *p)
{
	cur_copy(c, p->oid, sizeof(p->oid));
	p->hour = cur_u32(c);
	p->len = cur_u32(c);
	p->key = cur_u16(c);
	cur_copy(c, p->sha256, sizeof(p->sha256));
}

/* Check all packs, and keep them unless only a brief is wanted. */
static int
get_packs(struct cur *c, struct repo_manifest *m, bool brief, struct err *err)
{
	size_t i, n = repo_wire_count(c, PACK_ROW_LEN);
	struct repo_pack_row row;

	if (!brief && repo_wire_array(n, sizeof(*m->packs), &m->packs, err) < 0)
		return err->code;
	m->npacks = n;
	for (i = 0; i < n; i++) {
		get_pack(c, &row);
		if (repo_wire_rule(
			&kind, HF_ECORRUPT, broken_pack(m, &row), err) < 0)
			return err->code;
		if (!brief)
			m->packs[i] = row;
	}
	return 0;
}

static int
get_lists(struct cur *c, struct repo_manifest *m, bool brief, struct err *err)
{
	size_t n = repo_wire_count(c, REPO_ID_LEN);

	if (repo_wire_array(n, REPO_ID_LEN, &m->keys, err) < 0)
		return err->code;
	m->nkeys = n;
	cur_copy(c, m->keys, n * REPO_ID_LEN);
	if (get_packs(c, m, brief, err) < 0)
		return err->code;
	return get_evidence(c, m, err);
}

static int
get_private(struct cur *c, struct repo_manifest *m, bool brief, size_t *sealed,
    struct err *err)
{
	const uint8_t *p;

	m->priv_key = cur_u16(c);
	cur_copy(c, m->priv_oid, sizeof(m->priv_oid));
	cur_copy(c, m->priv_commit, sizeof(m->priv_commit));
	m->priv_plain = cur_u32(c);
	m->priv_codec = cur_u8(c);
	if ((p = cur_bytes(c, sealed)) == NULL || brief)
		return 0; /* If the cursor is bad, the caller sees it. */
	return buf_add(&m->priv_sealed, p, *sealed, err);
}

/* Copy ${from} to ${*at}, which goes behind it; return the copy. */
static char *
place(char **at, const char *from)
{
	char *to = *at;
	size_t n = strlen(from) + 1;

	memcpy(to, from, n);
	*at += n;
	return to;
}

static size_t
texts_len(const struct repo_manifest *m)
{
	size_t i, n = strlen(m->source) + strlen(m->type) + strlen(m->class) +
		      strlen(m->host) + strlen(m->program) + 5;

	for (i = 0; i < m->nevidence; i++)
		n += strlen(m->evidence[i].name) +
		     strlen(m->evidence[i].value) + 2;
	return n;
}

/*
 * Of a follower there are hundreds of thousands in memory, with some twenty
 * texts each, and a text of a few bytes has 32 when it is by itself.
 */
static int
join_texts(struct repo_manifest *m, struct err *err)
{
	struct repo_manifest x = *m;
	size_t i, facts = m->nevidence * sizeof(*m->evidence);
	char *at;

	if ((x.block = malloc(facts + texts_len(m))) == NULL)
		return err_nomem(err);
	x.evidence = x.block;
	at = (char *)x.block + facts;
	x.source = place(&at, m->source);
	x.type = place(&at, m->type);
	x.class = place(&at, m->class);
	x.host = place(&at, m->host);
	x.program = place(&at, m->program);
	for (i = 0; i < m->nevidence; i++) {
		x.evidence[i].name = place(&at, m->evidence[i].name);
		x.evidence[i].value = place(&at, m->evidence[i].value);
	}
	free_texts(m);
	*m = x;
	return 0;
}

static int
decode(const uint8_t *p, size_t n, const uint8_t pk[], bool brief,
    struct repo_manifest *ret, struct err *err)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	size_t sealed = 0;
	struct cur c;

	if (repo_wire_open(&kind, p, n, pk, &c, err) < 0 ||
	    get_head(&c, &m, err) < 0 || get_lists(&c, &m, brief, err) < 0 ||
	    get_private(&c, &m, brief, &sealed, err) < 0 ||
	    repo_wire_end(&kind, &c, err) < 0 ||
	    repo_wire_rule(&kind, HF_ECORRUPT, broken(&m, sealed), err) < 0 ||
	    sha256_of(p, n, m.sha256, err) < 0 ||
	    (brief && join_texts(&m, err) < 0))
		return err->code;
	*ret = m;
	m = (struct repo_manifest){ 0 };
	return 0;
}

int
repo_manifest_decode(const uint8_t *p, size_t n, const uint8_t pk[],
    struct repo_manifest *m, struct err *err)
{
	return decode(p, n, pk, false, m, err);
}

int
repo_manifest_brief(const uint8_t *p, size_t n, const uint8_t pk[],
    struct repo_manifest *m, struct err *err)
{
	return decode(p, n, pk, true, m, err);
}
