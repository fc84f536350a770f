#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "repo/repo_wire.h"

static const struct repo_wire kind = { "HFW1", "writer's certificate" };

void
repo_cert_clear(struct repo_cert *w)
{
	size_t i;

	for (i = 0; i < w->nsources; i++)
		free(w->sources[i]);
	free(w->sources);
	free(w->name);
	*w = (struct repo_cert){ 0 };
}

static const char *
broken(const struct repo_cert *w)
{
	if (w->roles == 0 || w->roles > REPO_ROLE_ALL)
		return "the roles are none or unknown";
	if (!repo_time_ok(w->created_ms) || !repo_time_ok(w->expires_ms))
		return "a time is out of range";
	return NULL;
}

static int
body(const struct repo_cert *w, struct buf *b, struct err *err)
{
	size_t i;

	if (repo_wire_begin(&kind, b, err) < 0 ||
	    buf_add(b, w->vault_id, sizeof(w->vault_id), err) < 0 ||
	    buf_add(b, w->pk, sizeof(w->pk), err) < 0 ||
	    buf_add_u32(b, w->roles, err) < 0 ||
	    buf_add_u64(b, (uint64_t)w->created_ms, err) < 0 ||
	    buf_add_u64(b, (uint64_t)w->expires_ms, err) < 0 ||
	    buf_add_str(b, w->name, err) < 0 ||
	    buf_add_u32(b, (uint32_t)w->nsources, err) < 0)
		return err->code;
	for (i = 0; i < w->nsources; i++)
		if (buf_add_str(b, w->sources[i], err) < 0)
			return err->code;
	return 0;
}

int
repo_cert_encode(const struct repo_cert *w, const struct secret *root_seed,
    struct buf *b, struct err *err)
{
	size_t from = b->len;

	if (repo_wire_rule(&kind, HF_EBUG, broken(w), err) < 0)
		return err->code;
	if (body(w, b, err) < 0 ||
	    repo_wire_sign(b, from, root_seed, err) < 0) {
		b->len = from;
		return err->code;
	}
	return 0;
}

static int
decode_sources(struct cur *c, struct repo_cert *w, struct err *err)
{
	size_t i, n = repo_wire_count(c, 4);

	if (repo_wire_array(n, sizeof(*w->sources), &w->sources, err) < 0)
		return err->code;
	w->nsources = n;
	for (i = 0; i < n && !c->bad; i++)
		if (cur_str(c, &w->sources[i], err) < 0)
			return err->code;
	return 0;
}

int
repo_cert_decode(const uint8_t *p, size_t n, const uint8_t root_pk[],
    struct repo_cert *ret, struct err *err)
{
	CLEANUP(repo_cert_clear) struct repo_cert w = { 0 };
	struct cur c;

	if (repo_wire_open(&kind, p, n, root_pk, &c, err) < 0)
		return err->code;
	cur_copy(&c, w.vault_id, sizeof(w.vault_id));
	cur_copy(&c, w.pk, sizeof(w.pk));
	w.roles = cur_u32(&c);
	w.created_ms = (int64_t)cur_u64(&c);
	w.expires_ms = (int64_t)cur_u64(&c);
	if (cur_str(&c, &w.name, err) < 0 || decode_sources(&c, &w, err) < 0 ||
	    repo_wire_end(&kind, &c, err) < 0 ||
	    repo_wire_rule(&kind, HF_ECORRUPT, broken(&w), err) < 0)
		return err->code;
	*ret = w;
	w = (struct repo_cert){ 0 };
	return 0;
}
