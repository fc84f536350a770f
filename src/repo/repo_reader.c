#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/limit.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "repo/repo_fetch.h"
#include "repo/repo_frames.h"
#include "repo/repo_packs.h"
#include "repo/repo_reader.h"
#include "repo/repo_segments.h"

struct range {
	uint64_t pos, len;
};

struct repo_reader {
	const struct repo_manifest *m;
	struct repo_reader_opts opts;
	struct limit limit; /* Of frames and ranges. */
	struct repo_packs *packs;
	struct repo_packs *own; /* The same, if they are not the caller's. */
	struct repo_private priv;
	struct repo_segments *segments;
	uint8_t *entry_states; /* enum repo_segment of each with entries. */

	struct repo_frames frames;

	/* What is wanted, and how much of it was read. */
	struct range *ranges;
	size_t nranges, ranges_cap;
	size_t range;     /* The one being read, */
	uint64_t done;    /* so far. */
	bool reading;     /* Nothing can be added until the end. */
	uint32_t *wanted; /* Frames that are known, each once. */
	size_t nwanted;
	size_t at; /* The frame at hand; as many as there are: none yet. */
	const uint8_t *frame;
	struct err lost; /* Why there is none. */
	struct repo_fetch *fetch;
};

void
repo_reader_free(struct repo_reader *rd)
{
	if (rd == NULL)
		return;
	repo_fetch_free(rd->fetch); /* Its threads use all the rest. */
	repo_segments_free(rd->segments);
	repo_packs_free(rd->own);
	repo_private_clear(&rd->priv);
	free(rd->entry_states);
	repo_frames_clear(&rd->frames);
	free(rd->ranges);
	free(rd->wanted);
	free(rd);
}

static int
open_private(struct repo_reader *rd, struct repo *r, struct err *err)
{
	const struct repo_manifest *m = rd->m;
	const struct secret *key;
	int rc;

	if (m->priv_key >= m->nkeys)
		return err_set(err, HF_ECORRUPT,
		    "the manifest names a key that it does not have");
	if ((rc = repo_data_key(r, m->keys[m->priv_key], &key, err)) < 0)
		return rc;
	return repo_private_open(m, key, &rd->priv, err);
}

int
repo_reader_new(struct repo *r, const struct repo_manifest *m,
    const struct repo_reader_opts *opts, struct repo_reader **ret,
    struct err *err)
{
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	int rc;

	if ((rd = calloc(1, sizeof(*rd))) == NULL)
		return err_nomem(err);
	rd->m = m;
	rd->opts = *opts;
	rd->limit = limit_of(opts->memory);
	if ((rc = open_private(rd, r, err)) < 0 ||
	    (opts->packs == NULL &&
		(rc = repo_packs_new(r, m, &rd->own, err)) < 0))
		return rc;
	rd->packs = opts->packs != NULL ? opts->packs : rd->own;
	if ((rc = repo_segments_new(m, rd->packs, opts, &rd->segments, err)) <
		0 ||
	    (rc = repo_frames_load(&rd->frames, rd->segments, rd->packs,
		 &rd->priv, &rd->limit, err)) < 0)
		return rc;
	rd->entry_states = calloc(1, rd->priv.nentry_segs + 1);
	if (rd->entry_states == NULL)
		return err_nomem(err);
	*ret = TAKE(rd);
	return 0;
}

struct entries_call {
	repo_entry_fn *fn;
	void *arg;
};

static int
each_entry(void *arg, const uint8_t *p, size_t n, const struct err *why,
    struct err *err)
{
	const struct entries_call *call = arg;
	struct cur c;
	int rc;

	(void)why;
	if (p == NULL)
		return 0;
	cur_init(&c, p, n);
	while (c.left > 0) {
		CLEANUP(freep_entry) struct entry e = { 0 };

		if ((rc = entry_decode(&c, &e, err)) < 0 ||
		    (rc = call->fn(call->arg, &e, err)) < 0)
			return rc;
	}
	return 0;
}

int
repo_reader_entries(
    struct repo_reader *rd, repo_entry_fn *fn, void *arg, struct err *err)
{
	struct entries_call call = { fn, arg };

	return repo_segments_each(rd->segments, REPO_FRAME_ENTRIES,
	    rd->priv.entry_segs, rd->entry_states, rd->priv.nentry_segs,
	    each_entry, &call, err);
}

int
repo_reader_want(
    struct repo_reader *rd, uint64_t pos, uint64_t len, struct err *err)
{
	const struct range *last;
	struct range *v;
	size_t cap;
	int rc;

	if (len == 0)
		return 0;
	if (rd->reading)
		return err_set(err, HF_EBUG, "what was wanted is not read yet");
	if (pos > rd->priv.stream_len || len > rd->priv.stream_len - pos)
		return err_set(err, HF_ECORRUPT,
		    "data is said to lie behind the end of the stream");
	last = rd->nranges > 0 ? &rd->ranges[rd->nranges - 1] : NULL;
	if (last != NULL && pos < last->pos + last->len)
		return err_set(err, HF_ECORRUPT,
		    "data is said to lie before that of an earlier entry");
	if (rd->ranges == NULL || rd->nranges == rd->ranges_cap) {
		cap = rd->ranges_cap + rd->ranges_cap / 2 + 16;
		if ((rc = limit_take(&rd->limit,
			 (cap - rd->ranges_cap) * sizeof(*v),
			 "the list of the files to be read", err)) < 0)
			return rc;
		if ((v = reallocarray(rd->ranges, cap, sizeof(*v))) == NULL)
			return err_nomem(err);
		rd->ranges = v;
		rd->ranges_cap = cap;
	}
	rd->ranges[rd->nranges++] = (struct range){ pos, len };
	return 0;
}

/* Turn the ranges into the frames that hold them, each once. */
static int
list_wanted(struct repo_reader *rd, struct err *err)
{
	size_t i, f, next = 0, n = 0;
	uint64_t end;

	free(rd->wanted);
	/* Ranges ascend and are apart: no frame comes twice. */
	if ((rd->wanted = calloc(rd->frames.n, sizeof(*rd->wanted))) == NULL)
		return err_nomem(err);
	for (i = 0; i < rd->nranges; i++) {
		end = rd->ranges[i].pos + rd->ranges[i].len;
		f = repo_frames_find(&rd->frames, rd->ranges[i].pos);
		for (f = f < next ? next : f;
		     f < rd->frames.n && rd->frames.starts[f] < end; f++)
			if (!repo_frames_is_hole(&rd->frames, f))
				rd->wanted[n++] = (uint32_t)f;
		next = f;
	}
	rd->nwanted = n;
	return 0;
}

static size_t
largest_pack(const struct repo_manifest *m)
{
	size_t i, n = 0;

	for (i = 0; i < m->npacks; i++)
		if (m->packs[i].len > n)
			n = m->packs[i].len;
	return n;
}

static int
start(struct repo_reader *rd, struct err *err)
{
	int rc;

	if (rd->fetch == NULL &&
	    (rc = repo_fetch_new(rd->packs, largest_pack(rd->m),
		 rd->opts.memory, rd->opts.workers, &rd->fetch, err)) < 0)
		return rc;
	if ((rc = list_wanted(rd, err)) < 0 ||
	    (rc = repo_fetch_start(
		 rd->fetch, rd->frames.v, rd->wanted, rd->nwanted, err)) < 0)
		return rc;
	rd->reading = true;
	rd->range = 0;
	rd->done = 0;
	rd->at = rd->frames.n;
	return 0;
}

/* All was read: more may be wanted. */
static int
finish(struct repo_reader *rd, const uint8_t **p, size_t *n)
{
	rd->reading = false;
	rd->nranges = 0;
	*p = NULL;
	*n = 0;
	return 0;
}

/* Step on to the frame that holds ${pos}; the wanted ones come in turn. */
static void
step(struct repo_reader *rd, uint64_t pos)
{
	if (rd->at < rd->frames.n && pos < rd->frames.starts[rd->at + 1])
		return;
	rd->at = repo_frames_find(&rd->frames, pos);
	rd->frame = NULL;
	rd->lost = (struct err)ERR_INIT;
	if (repo_frames_is_hole(&rd->frames, rd->at))
		rd->lost = rd->frames.hole;
	else
		(void)repo_fetch_next(rd->fetch, &rd->frame, &rd->lost);
}

int
repo_reader_read(struct repo_reader *rd, uint64_t *pos, const uint8_t **p,
    size_t *n, struct err *err)
{
	const struct range *r;
	uint64_t at, end;
	size_t f;
	int rc;

	*n = 0;
	if (!rd->reading && rd->nranges > 0 && (rc = start(rd, err)) < 0)
		return rc;
	if (rd->range == rd->nranges || !rd->reading)
		return finish(rd, p, n);

	r = &rd->ranges[rd->range];
	at = r->pos + rd->done;
	step(rd, at);
	f = rd->at;
	end = r->pos + r->len;
	if (end > rd->frames.starts[f + 1])
		end = rd->frames.starts[f + 1];
	*pos = at;
	*n = (size_t)(end - at);
	rd->done += *n;
	if (rd->done == r->len) {
		rd->range++;
		rd->done = 0;
	}
	if ((rc = rd->lost.code) < 0) {
		*err = rd->lost;
		return rc;
	}
	*p = rd->frame + (at - rd->frames.starts[f]);
	return 0;
}

bool
repo_reader_is_loss(int rc)
{
	return repo_packs_is_loss(rc);
}
