#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "repo/repo_writer_impl.h"

void
repo_writer_free(struct repo_writer *w)
{
	if (w == NULL)
		return;
	repo_pipe_free(w->pipe); /* Its threads use the data key. */
	secret_free(w->own_key);
	sha256_free(w->sha);
	buf_free(&w->record);
	buf_free(&w->full.notes);
	buf_free(&w->filling.notes);
	buf_free(&w->memo);
	free(w->keys);
	free(w->packs);
	free(w);
}

/*
 * Make a data key, or use the one that the caller keeps.  It is stored,
 * wrapped, before the first byte is sealed under it: a crash never leaves packs
 * that nobody can open.
 */
static int
get_key(struct repo_writer *w, const struct repo_writer_opts *opts,
    struct repo_pipe_opts *po, struct err *err)
{
	struct repo_key_cache *c = opts->keys;
	int rc;

	if ((w->keys = calloc(1, sizeof(*w->keys))) == NULL)
		return err_nomem(err);
	w->nkeys = 1;
	if (c == NULL) {
		rc =
		    repo_data_key_new(w->repo, w->keys[0].id, &w->own_key, err);
		w->data_key = w->own_key;
		w->keys[0].made_ms = opts->start_ms;
	} else if ((rc = repo_key_cache_renew(
			c, w->repo, opts->start_ms, err)) == 0) {
		memcpy(w->keys[0].id, c->id, REPO_ID_LEN);
		w->data_key = c->key;
		w->keys[0].made_ms = c->made_ms;
	}
	memcpy(po->key_id, w->keys[0].id, REPO_ID_LEN);
	po->data_key = w->data_key;
	return rc;
}

int
repo_writer_new(struct repo *repo, const struct repo_writer_opts *opts,
    struct repo_writer **ret, struct err *err)
{
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	struct repo_pipe_opts po = {
		.repo = repo,
		.level = opts->level != 0 ? opts->level : 1,
		.stored = opts->stored,
		.arg = opts->arg,
	};
	int rc;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_nomem(err);
	w->repo = repo;
	if ((rc = sha256_new(&w->sha, err)) < 0 ||
	    (rc = get_key(w, opts, &po, err)) < 0)
		return rc;
	po.plan = repo_writer_plan_make(opts->memory, opts->workers, po.level);
	if ((rc = repo_pipe_new(&po, &w->pipe, err)) < 0)
		return rc;
	*ret = TAKE(w);
	return 0;
}

/*
 * Hash what has come since the last time.  The hash lags behind until the frame
 * is full or the file ends, because a worker may then do it instead.
 */
static int
hash_frame(struct repo_writer *w, struct err *err)
{
	size_t from = w->hashed;
	int rc;

	if (!w->hashing && (rc = sha256_reset(w->sha, err)) < 0)
		return rc;
	w->hashing = true;
	if (w->frame == NULL || w->frame->len == from)
		return 0;
	w->hashed = w->frame->len;
	return sha256_update(
	    w->sha, w->frame->p + from, w->frame->len - from, err);
}

int
repo_writer_flush(struct repo_writer *w, struct err *err)
{
	int rc;

	if (w->frame == NULL || w->frame->len == 0)
		return 0;
	if (w->in_file && w->hash && (rc = hash_frame(w, err)) < 0)
		return rc;
	w->hashed = 0;
	w->nframes++;
	if ((rc = repo_pipe_submit(
		 w->pipe, TAKE(w->frame), REPO_FRAME_DATA, err)) < 0)
		return rc;
	return repo_writer_segment_ready(w, err);
}

int
repo_writer_begin(
    struct repo_writer *w, uint64_t size, bool hash, struct err *err)
{
	int rc;

	/* A large file lies in frames of its own: restored alone, it needs
	 * nobody else's bytes.  Small ones share frames. */
	if (size >= REPO_FRAME_MAX && (rc = repo_writer_flush(w, err)) < 0)
		return rc;
	w->in_file = true;
	w->hashing = false;
	w->hash = hash;
	w->file_pos = w->pos;
	w->hashed = w->frame == NULL ? 0 : w->frame->len;
	return 0;
}

int
repo_writer_space(
    struct repo_writer *w, uint8_t **p, size_t *n, struct err *err)
{
	int rc;

	if (w->frame == NULL) {
		if ((rc = repo_pipe_frame(w->pipe, &w->frame, err)) < 0)
			return rc;
		w->frame_pos = w->pos;
	}
	*p = w->frame->p + w->frame->len;
	*n = REPO_FRAME_MAX - w->frame->len;
	return 0;
}

int
repo_writer_wrote(struct repo_writer *w, size_t n, struct err *err)
{
	if (!w->in_file || w->frame == NULL ||
	    n > REPO_FRAME_MAX - w->frame->len)
		return err_set(err, HF_EBUG,
		    "%zu bytes were written where none were lent", n);
	w->frame->len += n;
	w->pos += n;
	w->sharing = false;
	return w->frame->len == REPO_FRAME_MAX ? repo_writer_flush(w, err) : 0;
}

int
repo_writer_entry(
    struct repo_writer *w, const struct entry *e, size_t n, struct err *err)
{
	struct repo_pipe_frame *f = w->frame;
	uint8_t *end;
	int rc;

	w->record.len = 0;
	if ((rc = entry_encode(e, &w->record, err)) < 0)
		return rc;
	if (w->record.len > REPO_PIPE_COPIED_MAX)
		return err_set(err, HF_ESOURCE,
		    "'%s' has too many extents or attributes: they take %zu "
		    "bytes of at most %u",
		    e->path, w->record.len, REPO_PIPE_COPIED_MAX);
	if ((rc = repo_writer_record(w, REPO_FRAME_ENTRIES, &end, err)) < 0)
		return rc;
	w->entries++;
	w->plain += e->data_len;
	if (n > 0) {
		w->filling.needs = w->nframes + 1;
		f->files[f->nfiles++] = (struct repo_pipe_file){
			.off = (uint32_t)(f->len - n),
			.len = (uint32_t)n,
			.sha256 = end - ENTRY_SHA256_FROM_END,
		};
	}
	return e->type == ENTRY_FILE ? repo_writer_note(w, err) : 0;
}

/* Are all bytes of the file in the frame at hand, which has room for it? */
static bool
is_whole(const struct repo_writer *w)
{
	return w->frame != NULL && w->file_pos >= w->frame_pos &&
	       w->file_pos < w->pos && w->frame->nfiles < REPO_PIPE_FILES;
}

/*
 * Complete the hash of a file; or leave it to the worker that gets the frame,
 * and set ${*n} to the file's length.
 */
static int
hash_of(struct repo_writer *w, bool in_file, struct entry *e, size_t *n,
    struct err *err)
{
	int rc;

	if (e->has_sha256)
		return 0;
	if (in_file && !w->hash)
		return err_set(err, HF_EBUG, "a hash was promised, and is not");
	if (in_file && is_whole(w))
		*n = (size_t)e->data_len;
	else if ((rc = in_file ? hash_frame(w, err)
			       : sha256_reset(w->sha, err)) < 0 ||
		 (rc = sha256_final(w->sha, e->sha256, err)) < 0)
		return rc;
	e->has_sha256 = true;
	return 0;
}

int
repo_writer_add(
    struct repo_writer *w, const struct entry *entry, struct err *err)
{
	struct entry e = *entry; /* What it points to stays the caller's. */
	bool in_file = w->in_file;
	size_t n = 0;
	int rc;

	w->in_file = false;
	e.data_pos = e.data_len = 0;
	if (e.type == ENTRY_FILE) {
		e.data_pos = in_file ? w->file_pos : w->pos;
		e.data_len = w->pos - e.data_pos;
		if ((rc = hash_of(w, in_file, &e, &n, err)) < 0)
			return rc;
	}
	if ((rc = repo_writer_entry(w, &e, n, err)) < 0)
		return err_wrap(err, "add '%s'", e.path);
	return 0;
}

/* Store the list of the stream's frames, whose places are all known by now. */
static int
submit_frame_list(struct repo_writer *w, struct err *err)
{
	const struct repo_ref *refs;
	uint8_t *end;
	size_t i, n;
	int rc;

	refs = repo_pipe_refs(w->pipe, REPO_FRAME_DATA, &n);
	for (i = 0; i < n; i++) {
		w->record.len = 0;
		if ((rc = repo_ref_encode(&refs[i], &w->record, err)) < 0 ||
		    (rc = repo_writer_record(w, REPO_FRAME_LIST, &end, err)) <
			0)
			return rc;
	}
	return repo_writer_segment_end(w, REPO_FRAME_LIST, err);
}

/* Copy the places of all frames of ${kind}. */
static int
copy_refs(struct repo_writer *w, enum repo_frame_kind kind,
    struct repo_ref **ret, size_t *nret, struct err *err)
{
	const struct repo_ref *refs;
	struct repo_ref *copy;
	size_t n;

	refs = repo_pipe_refs(w->pipe, kind, &n);
	if ((copy = calloc(n + 1, sizeof(*copy))) == NULL)
		return err_nomem(err);
	if (n > 0)
		memcpy(copy, refs, n * sizeof(*copy));
	free(*ret);
	*ret = copy;
	*nret = n;
	return 0;
}

/* Fill in what the manifest says of this backup, and seal its private part. */
static int
complete(struct repo_writer *w, struct repo_manifest *m,
    struct repo_private *priv, struct err *err)
{
	const struct repo_head *head = repo_head(w->repo);
	int rc;

	if (m->kind != REPO_LOG) { /* Whose base the caller has named. */
		m->kind = w->kept ? REPO_INCREMENT : REPO_FULL;
		memset(m->base, 0, sizeof(m->base));
		if (w->kept)
			memcpy(m->base, w->base->tail.sha256, SHA256_LEN);
	}
	memcpy(m->repo_id, head->repo_id, REPO_ID_LEN);
	memcpy(m->vault_id, head->vault_id, REPO_ID_LEN);
	priv->stream_len = w->pos;
	m->plain_bytes = w->plain;
	m->entries = w->entries;
	free(m->keys);
	m->nkeys = 0;
	if ((m->keys = calloc(w->nkeys, sizeof(*m->keys))) == NULL)
		return err_nomem(err);
	for (; m->nkeys < w->nkeys; m->nkeys++)
		memcpy(m->keys[m->nkeys], w->keys[m->nkeys].id, REPO_ID_LEN);
	if ((rc = copy_refs(w, REPO_FRAME_ENTRIES, &priv->entry_segs,
		 &priv->nentry_segs, err)) < 0 ||
	    (rc = copy_refs(w, REPO_FRAME_LIST, &priv->frame_segs,
		 &priv->nframe_segs, err)) < 0)
		return rc;
	return repo_private_seal(priv, w->data_key, 0, m, err);
}

int
repo_writer_finish(struct repo_writer *w, struct repo_manifest *m,
    struct repo_private *priv, struct err *err)
{
	int rc;

	w->in_file = false;
	if ((rc = repo_writer_flush(w, err)) < 0 ||
	    (rc = repo_writer_segment_end(w, REPO_FRAME_ENTRIES, err)) < 0 ||
	    (rc = repo_pipe_drain(w->pipe, err)) < 0 ||
	    (rc = submit_frame_list(w, err)) < 0 ||
	    (rc = repo_pipe_drain(w->pipe, err)) < 0)
		return rc;
	free(m->packs);
	m->packs = NULL;
	m->npacks = 0;
	if ((rc = repo_pipe_close(
		 w->pipe, &m->packs, &m->npacks, &m->stored_bytes, err)) < 0)
		return rc;
	return complete(w, m, priv, err);
}
