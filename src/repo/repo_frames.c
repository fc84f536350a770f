#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/limit.h"
#include "repo/repo_frames.h"
#include "repo/repo_packs.h"
#include "repo/repo_segments.h"

struct load {
	struct repo_frames *frames;
	const struct repo_packs *packs;
	struct limit *limit;
};

/* Take in a segment of the frame list. */
static int
add_frames(void *arg, const uint8_t *p, size_t n, const struct err *why,
    struct err *err)
{
	struct load *l = arg;
	struct repo_frames *f = l->frames;
	size_t more = n / REPO_REF_LEN;
	struct repo_ref *v;
	struct cur c;
	int rc;

	if (n % REPO_REF_LEN != 0 || f->n + more > UINT32_MAX - 1)
		return err_set(
		    err, HF_ECORRUPT, "a frame list has a wrong length");
	if (p == NULL)
		more = 1; /* How many they were does not tell how long. */
	/* A segment may be named again and again: only their sum counts. */
	if ((rc = limit_take(l->limit, more * (sizeof(*v) + sizeof(*f->starts)),
		 "the list of the backup's frames", err)) < 0)
		return rc;
	v = reallocarray(f->v, f->n + more, sizeof(*v));
	if (v == NULL)
		return err_nomem(err);
	f->v = v;
	if (p == NULL) {
		v[f->n++] = (struct repo_ref){ 0 };
		f->hole = *why;
		return 0;
	}
	cur_init(&c, p, n);
	for (; more > 0; more--) {
		repo_ref_decode(&c, &v[f->n]);
		if ((rc = repo_packs_ref_check(l->packs, &v[f->n], err)) < 0)
			return rc;
		f->n++;
	}
	return 0;
}

bool
repo_frames_is_hole(const struct repo_frames *f, size_t i)
{
	return f->v[i].len == 0;
}

/*
 * Where segments of the frame list are lost, what comes before them is known
 * from the stream's beginning, and what comes behind them from its end: make
 * one hole of all between the first and the last.
 */
static void
join_holes(struct repo_frames *f)
{
	size_t first = 0, last = f->n;

	while (!repo_frames_is_hole(f, first))
		first++;
	while (!repo_frames_is_hole(f, last - 1))
		last--;
	memmove(&f->v[first + 1], &f->v[last], (f->n - last) * sizeof(*f->v));
	f->n -= last - first - 1;
}

/* Find where in the stream each frame begins. */
static int
place_frames(struct repo_frames *f, uint64_t len, struct err *err)
{
	uint64_t pos = 0, sum = 0;
	size_t i;

	f->starts = calloc(f->n + 1, sizeof(*f->starts));
	if (f->starts == NULL)
		return err_nomem(err);
	for (i = 0; i < f->n; i++)
		sum += f->v[i].plain;
	if (f->hole.code == 0 ? sum != len : sum > len)
		return err_set(err, HF_ECORRUPT,
		    "the frames hold %" PRIu64
		    " bytes, the stream has %" PRIu64,
		    sum, len);
	for (i = 0; i < f->n; i++) {
		f->starts[i] = pos;
		pos += repo_frames_is_hole(f, i) ? len - sum : f->v[i].plain;
	}
	f->starts[i] = pos;
	return 0;
}

int
repo_frames_load(struct repo_frames *f, struct repo_segments *segments,
    const struct repo_packs *packs, const struct repo_private *priv,
    struct limit *limit, struct err *err)
{
	struct load l = { f, packs, limit };
	CLEANUP(freep_mem) uint8_t *states = NULL;
	int rc;

	if ((states = calloc(1, priv->nframe_segs + 1)) == NULL)
		return err_nomem(err);
	if ((rc = repo_segments_each(segments, REPO_FRAME_LIST,
		 priv->frame_segs, states, priv->nframe_segs, add_frames, &l,
		 err)) < 0)
		return err_wrap(err, "read the frame list");
	if (f->hole.code < 0)
		join_holes(f);
	return place_frames(f, priv->stream_len, err);
}

void
repo_frames_clear(struct repo_frames *f)
{
	free(f->v);
	free(f->starts);
}

size_t
repo_frames_find(const struct repo_frames *f, uint64_t pos)
{
	size_t lo = 0, hi = f->n, mid; /* starts[lo] <= pos < [hi] */

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (f->starts[mid] <= pos)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}
