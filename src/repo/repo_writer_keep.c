#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "repo/repo_writer_impl.h"

#define NO_NUMBER UINT32_MAX

int
repo_writer_base(struct repo_writer *w, struct repo_base *base,
    struct repo_base_writer *remember, struct err *err)
{
	struct repo_base_key *keys;
	size_t i, n = base != NULL ? base->tail.npacks : 0;
	uint32_t *packs;

	keys = reallocarray(
	    w->keys, 1 + (base != NULL ? base->tail.nkeys : 0), sizeof(*keys));
	if (keys == NULL)
		return err_nomem(err);
	w->keys = keys;
	if ((packs = calloc(n + 1, sizeof(*packs))) == NULL)
		return err_nomem(err);
	for (i = 0; i < n; i++)
		packs[i] = NO_NUMBER;
	free(w->packs);
	w->packs = packs;
	w->base = base;
	w->remember = remember;
	return 0;
}

int
repo_writer_remember(
    struct repo_writer *w, const uint8_t *memo, size_t n, struct err *err)
{
	w->memo.len = 0;
	return n == 0 ? 0 : buf_add(&w->memo, memo, n, err);
}

/* Return this backup's number for a data key of the base. */
static uint16_t
key_number(struct repo_writer *w, const struct repo_base_key *key)
{
	size_t i;

	for (i = 0; i < w->nkeys; i++)
		if (memcmp(w->keys[i].id, key->id, REPO_ID_LEN) == 0)
			return (uint16_t)i;
	w->keys[w->nkeys++] = *key;
	return (uint16_t)i;
}

/* Give this backup's number for a pack of the base. */
static int
pack_number(
    struct repo_writer *w, uint32_t pack, uint32_t *ret, struct err *err)
{
	struct repo_pack_row row = w->base->tail.packs[pack];
	int rc;

	if (w->packs[pack] == NO_NUMBER) {
		row.key = key_number(w, &w->base->tail.keys[row.key]);
		rc = repo_pipe_known(w->pipe, &row, &w->packs[pack], err);
		if (rc < 0)
			return rc;
	}
	*ret = w->packs[pack];
	return 0;
}

/* Make frame ${i} of the base the next frame of the stream. */
static int
name_frame(struct repo_writer *w, size_t i, struct err *err)
{
	struct repo_ref ref = w->base->tail.frames[i];
	int rc;

	if ((rc = pack_number(w, ref.pack, &ref.pack, err)) < 0 ||
	    (rc = repo_pipe_again(w->pipe, &ref, err)) < 0)
		return rc;
	w->nframes++;
	w->last = i;
	w->last_pos = w->pos;
	w->pos += ref.plain;
	w->sharing = w->kept = true;
	return 0;
}

/*
 * Find a place in the stream for the data of a file of the base.  Only whole
 * frames can be named, with the bytes of other files in them.  If the data
 * begins in the frame with which the stream ends, that is not named again.
 */
static int
place(struct repo_writer *w, struct entry *e, struct err *err)
{
	size_t first, n, i;
	uint64_t off;
	int rc;

	if (!repo_base_frames(w->base, e->data_pos, e->data_len, &first, &n))
		return err_set(err, HF_EBUG,
		    "what is to be kept is not in the last backup");
	off = e->data_pos - w->base->starts[first];
	/* A frame that is partly filled comes before it in the stream. */
	if ((rc = repo_writer_flush(w, err)) < 0)
		return rc;
	i = first;
	if (w->sharing && w->last == first)
		i++;
	else if ((rc = name_frame(w, i++, err)) < 0)
		return rc;
	e->data_pos = w->last_pos + off;
	for (; i < first + n; i++)
		if ((rc = name_frame(w, i, err)) < 0)
			return rc;
	return 0;
}

int
repo_writer_keep(struct repo_writer *w, const char *path, struct err *err)
{
	struct entry e;
	int rc;

	if (w->base == NULL || w->base->entry.path == NULL)
		return err_set(err, HF_EBUG, "nothing was recalled");
	e = w->base->entry; /* What it points to stays the base's. */
	e.path = (char *)(uintptr_t)path;
	w->in_file = false;
	if (e.data_len == 0)
		e.data_pos = w->pos;
	else if ((rc = place(w, &e, err)) < 0)
		return err_wrap(err, "keep '%s'", path);
	if ((rc = repo_writer_entry(w, &e, 0, err)) < 0)
		return err_wrap(err, "keep '%s'", path);
	return 0;
}

int
repo_writer_commit_base(
    struct repo_writer *w, const struct repo_manifest *m, struct err *err)
{
	const struct repo_ref *frames;
	size_t n;

	if (w->remember == NULL)
		return 0;
	if (w->forgot.code < 0) {
		*err = w->forgot;
		return err->code;
	}
	frames = repo_pipe_refs(w->pipe, REPO_FRAME_DATA, &n);
	return repo_base_writer_commit(w->remember, m, w->keys, frames, n, err);
}
