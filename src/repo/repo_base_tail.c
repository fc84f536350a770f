#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "repo/repo_base_tail.h"
#include "repo/repo_pack.h"
#include "repo/repo_wire.h"

#define KEY_LEN (REPO_ID_LEN + 8)
#define PACK_ROW_LEN (REPO_OID_LEN + 4 + 4 + 2 + SHA256_LEN)

static const struct repo_wire kind = { "", "the memory of the last backup" };

void
repo_base_tail_clear(struct repo_base_tail *t)
{
	free(t->source);
	free(t->type);
	free(t->host);
	free(t->manifest);
	free(t->keys);
	free(t->packs);
	free(t->frames);
	*t = (struct repo_base_tail){ 0 };
}

static int
add_lists(const struct repo_base_tail *t, struct buf *b, struct err *err)
{
	const struct repo_pack_row *p;
	size_t i;

	if (buf_add_u32(b, (uint32_t)t->nkeys, err) < 0)
		return err->code;
	for (i = 0; i < t->nkeys; i++)
		if (buf_add(b, t->keys[i].id, REPO_ID_LEN, err) < 0 ||
		    buf_add_u64(b, (uint64_t)t->keys[i].made_ms, err) < 0)
			return err->code;
	if (buf_add_u32(b, (uint32_t)t->npacks, err) < 0)
		return err->code;
	for (i = 0; i < t->npacks; i++) {
		p = &t->packs[i];
		if (buf_add(b, p->oid, sizeof(p->oid), err) < 0 ||
		    buf_add_u32(b, p->hour, err) < 0 ||
		    buf_add_u32(b, p->len, err) < 0 ||
		    buf_add_u16(b, p->key, err) < 0 ||
		    buf_add(b, p->sha256, sizeof(p->sha256), err) < 0)
			return err->code;
	}
	if (buf_add_u32(b, (uint32_t)t->nframes, err) < 0)
		return err->code;
	for (i = 0; i < t->nframes; i++)
		if (repo_ref_encode(&t->frames[i], b, err) < 0)
			return err->code;
	return 0;
}

int
repo_base_tail_encode(
    const struct repo_base_tail *t, struct buf *b, struct err *err)
{
	if (buf_add_str(b, t->source, err) < 0 ||
	    buf_add_str(b, t->type, err) < 0 ||
	    buf_add_str(b, t->host, err) < 0 ||
	    buf_add(b, t->repo_id, sizeof(t->repo_id), err) < 0 ||
	    buf_add(b, t->sha256, sizeof(t->sha256), err) < 0 ||
	    buf_add_str(b, t->manifest, err) < 0 ||
	    buf_add_u64(b, (uint64_t)t->start_ms, err) < 0 ||
	    buf_add_u64(b, (uint64_t)t->began_ns, err) < 0)
		return err->code;
	return add_lists(t, b, err);
}

static int
get_keys(struct cur *c, struct repo_base_tail *t, struct err *err)
{
	size_t i, n = repo_wire_count(c, KEY_LEN);

	if (repo_wire_array(n, sizeof(*t->keys), &t->keys, err) < 0)
		return err->code;
	t->nkeys = n;
	for (i = 0; i < n; i++) {
		cur_copy(c, t->keys[i].id, REPO_ID_LEN);
		t->keys[i].made_ms = (int64_t)cur_u64(c);
	}
	return 0;
}

static int
get_packs(struct cur *c, struct repo_base_tail *t, struct err *err)
{
	size_t i, n = repo_wire_count(c, PACK_ROW_LEN);
	struct repo_pack_row *p;

	if (repo_wire_array(n, sizeof(*t->packs), &t->packs, err) < 0)
		return err->code;
	t->npacks = n;
	for (i = 0; i < n; i++) {
		p = &t->packs[i];
		cur_copy(c, p->oid, sizeof(p->oid));
		p->hour = cur_u32(c);
		p->len = cur_u32(c);
		p->key = cur_u16(c);
		cur_copy(c, p->sha256, sizeof(p->sha256));
	}
	return 0;
}

static int
get_frames(struct cur *c, struct repo_base_tail *t, struct err *err)
{
	size_t i, n = repo_wire_count(c, REPO_REF_LEN);

	if (repo_wire_array(n, sizeof(*t->frames), &t->frames, err) < 0)
		return err->code;
	t->nframes = n;
	for (i = 0; i < n; i++)
		repo_ref_decode(c, &t->frames[i]);
	return 0;
}

/* Return the rule that it breaks, or NULL. */
static const char *
broken(const struct repo_base_tail *t)
{
	const struct repo_ref *r;
	size_t i;

	if (t->source == NULL || t->type == NULL || t->host == NULL ||
	    t->manifest == NULL)
		return "a name is missing";
	if (!repo_time_ok(t->start_ms))
		return "the time is out of range";
	for (i = 0; i < t->nkeys; i++)
		if (!repo_time_ok(t->keys[i].made_ms))
			return "the time of a key is out of range";
	for (i = 0; i < t->npacks; i++)
		if (t->packs[i].key >= t->nkeys ||
		    t->packs[i].hour > REPO_HOUR_MAX)
			return "a pack's key or hour is out of range";
	for (i = 0; i < t->nframes; i++) {
		r = &t->frames[i];
		if (r->pack >= t->npacks ||
		    !repo_pack_ref_ok(r, t->packs[r->pack].len))
			return "the place or length of a frame is impossible";
	}
	return NULL;
}

int
repo_base_tail_decode(
    const uint8_t *p, size_t n, struct repo_base_tail *ret, struct err *err)
{
	CLEANUP(repo_base_tail_clear) struct repo_base_tail t = { 0 };
	struct cur c;

	cur_init(&c, p, n);
	if (cur_str(&c, &t.source, err) < 0 || cur_str(&c, &t.type, err) < 0 ||
	    cur_str(&c, &t.host, err) < 0)
		return err->code;
	cur_copy(&c, t.repo_id, sizeof(t.repo_id));
	cur_copy(&c, t.sha256, sizeof(t.sha256));
	if (cur_str(&c, &t.manifest, err) < 0)
		return err->code;
	t.start_ms = (int64_t)cur_u64(&c);
	t.began_ns = (int64_t)cur_u64(&c);
	if (get_keys(&c, &t, err) < 0 || get_packs(&c, &t, err) < 0 ||
	    get_frames(&c, &t, err) < 0 || repo_wire_end(&kind, &c, err) < 0 ||
	    repo_wire_rule(&kind, HF_ECORRUPT, broken(&t), err) < 0)
		return err->code;
	*ret = t;
	t = (struct repo_base_tail){ 0 };
	return 0;
}
