#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "crypto/secret.h"
#include "repo/repo_copies.h"
#include "repo/repo_packs.h"
#include "repo/repo_segments.h"

struct repo_segments {
	const struct repo_manifest *m;
	struct repo_packs *packs;
	struct repo_reader_opts opts;
	struct repo_copies *copies; /* NULL until one is needed. */
	struct repo_unpacker *unpacker;
	struct buf sealed;
	uint8_t *p;  /* REPO_FRAME_MAX bytes, */
	size_t used; /* of which these may hold something. */
};

int
repo_segments_new(const struct repo_manifest *m, struct repo_packs *packs,
    const struct repo_reader_opts *opts, struct repo_segments **ret,
    struct err *err)
{
	CLEANUP(freep_repo_segments) struct repo_segments *s = NULL;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->m = m;
	s->packs = packs;
	s->opts = *opts;
	if ((rc = repo_unpacker_new(&s->unpacker, err)) < 0)
		return rc;
	if ((s->p = malloc(REPO_FRAME_MAX)) == NULL)
		return err_nomem(err);
	*ret = TAKE(s);
	return 0;
}

void
repo_segments_free(struct repo_segments *s)
{
	if (s == NULL)
		return;
	repo_copies_free(s->copies);
	repo_unpacker_free(s->unpacker);
	buf_free(&s->sealed);
	if (s->p != NULL)
		secret_wipe(s->p, s->used);
	free(s->p);
	free(s);
}

static void
tell(const struct repo_segments *s, enum repo_damage damage,
    const struct err *why)
{
	if (s->opts.damaged != NULL)
		s->opts.damaged(s->opts.arg, damage, why->msg);
}

static int
open_copy(struct repo_segments *s, enum repo_frame_kind kind,
    const struct repo_ref *ref, struct err *err)
{
	int rc;

	s->used = REPO_FRAME_MAX;
	if (s->copies == NULL &&
	    (rc = repo_copies_new(s->m, s->packs, &s->copies, err)) < 0)
		return rc;
	return repo_copies_frame(s->copies, s->unpacker, kind, ref, s->p, err);
}

/* The segment itself is lost, ${why}, and this is the first time. */
static int
mend(struct repo_segments *s, enum repo_frame_kind kind,
    const struct repo_ref *ref, uint8_t *state, const struct err *why,
    struct err *err)
{
	struct err e = ERR_INIT;
	int rc;

	rc = open_copy(s, kind, ref, &e);
	if (rc == 0) {
		*state = REPO_SEGMENT_MENDED;
		tell(s, REPO_MENDED, why);
		return 0;
	}
	if (!repo_packs_is_loss(rc) || !s->opts.keep_going) {
		*err = repo_packs_is_loss(rc) ? *why : e;
		return err->code;
	}
	*state = REPO_SEGMENT_LOST;
	tell(s, kind == REPO_FRAME_LIST ? REPO_FRAMES_LOST : REPO_ENTRIES_LOST,
	    why);
	return 0;
}

/* Open a segment, or its copy, unless ${*state} becomes, or is, lost. */
static int
open_segment(struct repo_segments *s, enum repo_frame_kind kind,
    const struct repo_ref *ref, uint8_t *state, struct err *why,
    struct err *err)
{
	int rc;

	if (*state == REPO_SEGMENT_LOST)
		return 0;
	if (*state == REPO_SEGMENT_MENDED)
		return open_copy(s, kind, ref, err);
	rc = repo_packs_frame(
	    s->packs, s->unpacker, kind, ref, &s->sealed, s->p, why);
	if (rc == 0)
		return 0;
	if (repo_packs_is_loss(rc))
		return mend(s, kind, ref, state, why, err);
	*err = *why;
	return rc;
}

int
repo_segments_each(struct repo_segments *s, enum repo_frame_kind kind,
    const struct repo_ref *refs, uint8_t *states, size_t n, repo_segment_fn *fn,
    void *arg, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		struct err why = ERR_INIT;

		if (refs[i].plain > s->used)
			s->used = refs[i].plain < REPO_FRAME_MAX
				      ? refs[i].plain
				      : REPO_FRAME_MAX;
		if ((rc = open_segment(
			 s, kind, &refs[i], &states[i], &why, err)) < 0)
			return rc;
		rc = fn(arg, states[i] == REPO_SEGMENT_LOST ? NULL : s->p,
		    refs[i].plain, &why, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
