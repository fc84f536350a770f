#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "repo/repo_impl.h"
#include "repo/repo_trail.h"

#define TRAIL_MAX 4096 /* bytes */

static const char magic[8] = { 'H', 'F', 'L', 'T', 2 };

/* The name of its file; see repo_base_path. */
#define NAME_LEN (sizeof("trail-") + 2 * 16)

static int
name_of(const char *source, char to[NAME_LEN], struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t hash[SHA256_LEN];

	if (buf_add_str(&b, source, err) < 0 ||
	    sha256_of(b.p, b.len, hash, err) < 0)
		return err->code;
	memcpy(to, "trail-", sizeof("trail-"));
	(void)str_hex(to + strlen(to), hash, 16);
	return 0;
}

/* Read all of ${b}; return false if it is no trail of ${source}. */
static int
decode(const struct buf *b, const char *source, struct repo_trail *t,
    bool *good, struct err *err)
{
	CLEANUP(freep_mem) char *name = NULL;
	CLEANUP(freep_mem) char *state = NULL;
	char got[sizeof(magic)];
	struct cur c;

	cur_init(&c, b->p, b->len);
	cur_copy(&c, got, sizeof(got));
	if (cur_str(&c, &name, err) < 0)
		return err->code;
	cur_copy(&c, t->base, sizeof(t->base));
	cur_copy(&c, t->last, sizeof(t->last));
	t->base_ms = (int64_t)cur_u64(&c);
	t->revision = cur_u64(&c);
	t->to_ms = (int64_t)cur_u64(&c);
	t->cluster_id = cur_u64(&c);
	if (cur_str(&c, &state, err) < 0)
		return err->code;
	t->past.revision = cur_u64(&c);
	t->past.compact = cur_u64(&c);
	t->past.hash = cur_u32(&c);
	*good = cur_end(&c) && memcmp(got, magic, sizeof(magic)) == 0 &&
		strcmp(name, source) == 0 && strlen(state) < sizeof(t->state);
	if (*good)
		(void)snprintf(t->state, sizeof(t->state), "%s", state);
	return 0;
}

int
repo_trail_load(struct repo *r, const char *source, struct repo_trail *ret,
    bool *known, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct repo_trail t = { .state = "" };
	struct err e = ERR_INIT;
	char name[NAME_LEN];

	*known = false;
	if (name_of(source, name, err) < 0)
		return err->code;
	if (repo_local_get(r->local, name, TRAIL_MAX, &b, &e) < 0) {
		if (e.code == -HF_ENOTFOUND || e.code == -HF_ECORRUPT)
			return 0;
		*err = e;
		return err->code;
	}
	if (decode(&b, source, &t, known, err) < 0)
		return err->code;
	if (*known)
		*ret = t;
	return 0;
}

int
repo_trail_save(struct repo *r, const char *source, const struct repo_trail *t,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[NAME_LEN];

	if (name_of(source, name, err) < 0 ||
	    buf_add(&b, magic, sizeof(magic), err) < 0 ||
	    buf_add_str(&b, source, err) < 0 ||
	    buf_add(&b, t->base, sizeof(t->base), err) < 0 ||
	    buf_add(&b, t->last, sizeof(t->last), err) < 0 ||
	    buf_add_u64(&b, (uint64_t)t->base_ms, err) < 0 ||
	    buf_add_u64(&b, t->revision, err) < 0 ||
	    buf_add_u64(&b, (uint64_t)t->to_ms, err) < 0 ||
	    buf_add_u64(&b, t->cluster_id, err) < 0 ||
	    buf_add_str(&b, t->state, err) < 0 ||
	    buf_add_u64(&b, t->past.revision, err) < 0 ||
	    buf_add_u64(&b, t->past.compact, err) < 0 ||
	    buf_add_u32(&b, t->past.hash, err) < 0)
		return err->code;
	return repo_local_put(r->local, name, b.p, b.len, err);
}
