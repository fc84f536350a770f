#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "repo/repo_copies.h"
#include "repo/repo_packs.h"

/* A copy that was found: where it is, and of which frame. */
struct copy {
	struct repo_ref ref;
	uint8_t tail[REPO_COPY_TAIL_LEN];
};

struct repo_copies {
	const struct repo_manifest *m;
	struct repo_packs *packs;
	bool *looked; /* Into this pack, already. */
	struct copy *v;
	size_t n, cap;
	struct buf sealed;
};

int
repo_copies_new(const struct repo_manifest *m, struct repo_packs *packs,
    struct repo_copies **ret, struct err *err)
{
	CLEANUP(freep_repo_copies) struct repo_copies *c = NULL;

	if ((c = calloc(1, sizeof(*c))) == NULL ||
	    (c->looked = calloc(m->npacks + 1, sizeof(*c->looked))) == NULL)
		return err_nomem(err);
	c->m = m;
	c->packs = packs;
	*ret = TAKE(c);
	return 0;
}

void
repo_copies_free(struct repo_copies *c)
{
	if (c == NULL)
		return;
	free(c->looked);
	free(c->v);
	buf_free(&c->sealed);
	free(c);
}

/* Open the copy at ${ref}; its bytes are what is before the tail. */
static int
open_copy(struct repo_copies *c, struct repo_unpacker *u,
    const struct repo_ref *ref, uint8_t *out, struct err *err)
{
	if (ref->plain <= REPO_COPY_TAIL_LEN)
		return err_set(err, HF_ECORRUPT, "a copy is too short");
	return repo_packs_frame(
	    c->packs, u, REPO_FRAME_COPY, ref, &c->sealed, out, err);
}

/* Note what the frame at ${ref} is a copy of; a damaged one is no copy. */
static int
note(struct repo_copies *c, struct repo_unpacker *u, const struct repo_ref *ref,
    uint8_t *out, struct err *err)
{
	struct copy *grown;
	int rc;

	rc = open_copy(c, u, ref, out, err);
	if (rc < 0)
		return repo_packs_is_loss(rc) ? 0 : rc;
	if (c->n == c->cap) {
		grown = reallocarray(c->v, 2 * c->cap + 16, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		c->v = grown;
		c->cap = 2 * c->cap + 16;
	}
	c->v[c->n].ref = *ref;
	memcpy(c->v[c->n].tail, out + ref->plain - REPO_COPY_TAIL_LEN,
	    REPO_COPY_TAIL_LEN);
	c->n++;
	return 0;
}

/* Note all copies in pack ${i}; a pack that is lost has none. */
static int
look(struct repo_copies *c, struct repo_unpacker *u, uint32_t i, uint8_t *out,
    struct err *err)
{
	CLEANUP(freep_mem) struct repo_ref *refs = NULL;
	CLEANUP(freep_mem) uint8_t *kinds = NULL;
	size_t j, n = 0;
	int rc;

	if (c->looked[i])
		return 0;
	c->looked[i] = true;
	rc = repo_packs_table(
	    c->packs, u, i, &c->sealed, &refs, &kinds, &n, err);
	if (rc < 0)
		return repo_packs_is_loss(rc) ? 0 : rc;
	for (j = 0; j < n; j++)
		if (kinds[j] == REPO_FRAME_COPY &&
		    (rc = note(c, u, &refs[j], out, err)) < 0)
			return rc;
	return 0;
}

static const struct copy *
known(const struct repo_copies *c, enum repo_frame_kind kind,
    const struct repo_ref *ref)
{
	const uint8_t *oid = c->m->packs[ref->pack].oid, *t;
	size_t i;

	for (i = 0; i < c->n; i++) {
		t = c->v[i].tail;
		if (t[0] == kind && memcmp(t + 1, oid, REPO_OID_LEN) == 0 &&
		    le32_get(t + 1 + REPO_OID_LEN) == ref->frame &&
		    c->v[i].ref.plain == ref->plain + REPO_COPY_TAIL_LEN)
			return &c->v[i];
	}
	return NULL;
}

/*
 * A copy was sealed soon after the frame, so its pack has a number nearby:
 * look there first.
 */
static int
find(struct repo_copies *c, struct repo_unpacker *u, enum repo_frame_kind kind,
    const struct repo_ref *ref, uint8_t *out, const struct copy **ret,
    struct err *err)
{
	size_t d, n = c->m->npacks, at = ref->pack;
	int rc;

	*ret = known(c, kind, ref);
	for (d = 1; d < n && *ret == NULL; d++) {
		if (at + d < n &&
		    (rc = look(c, u, (uint32_t)(at + d), out, err)) < 0)
			return rc;
		if (at >= d &&
		    (rc = look(c, u, (uint32_t)(at - d), out, err)) < 0)
			return rc;
		*ret = known(c, kind, ref);
	}
	return 0;
}

int
repo_copies_frame(struct repo_copies *c, struct repo_unpacker *u,
    enum repo_frame_kind kind, const struct repo_ref *ref, uint8_t *out,
    struct err *err)
{
	const struct copy *copy;
	struct err e = ERR_INIT;
	int rc;

	if ((rc = repo_packs_ref_check(c->packs, ref, err)) < 0)
		return rc;
	if ((rc = find(c, u, kind, ref, out, &copy, &e)) < 0) {
		*err = e;
		return rc;
	}
	if (copy == NULL)
		return err_set(err, HF_ENOTFOUND,
		    "no other pack has a copy of frame %" PRIu32, ref->frame);
	return open_copy(c, u, &copy->ref, out, err);
}
