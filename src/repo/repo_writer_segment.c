#include <string.h>

#include "crypto/hash.h"
#include "repo/repo_writer_impl.h"

/* So much may be noted of the files of a segment, and one memo more. */
#define NOTES_MAX (256u << 10)

/* Note the file whose entry ends the segment, for the next backup. */
int
repo_writer_note(struct repo_writer *w, struct err *err)
{
	struct repo_writer_segment *s = &w->filling;
	size_t n = w->record.len;
	int rc;

	if (w->remember != NULL &&
	    ((rc = buf_add_u32(&s->notes, (uint32_t)(s->frame->len - n), err)) <
		    0 ||
		(rc = buf_add_u32(&s->notes, (uint32_t)n, err)) < 0 ||
		(rc = buf_add_bytes(&s->notes, w->memo.p, w->memo.len, err)) <
		    0))
		return rc;
	w->memo.len = 0;
	return 0;
}

/*
 * Remember the files of the segment.  That only makes the next backup faster:
 * if it fails, this one does not.
 */
static void
remember(struct repo_writer *w, const struct repo_writer_segment *s)
{
	const uint8_t *entry, *memo;
	struct cur c;
	size_t len, n;

	cur_init(&c, s->notes.p, s->notes.len);
	while (c.left > 0 && w->forgot.code == 0) {
		entry = s->frame->p + cur_u32(&c);
		len = cur_u32(&c);
		memo = cur_bytes(&c, &n);
		(void)repo_base_writer_add(
		    w->remember, entry, len, memo, n, &w->forgot);
	}
}

/* Send the full segment, which is whole, on its way. */
static int
submit(struct repo_writer *w, enum repo_frame_kind kind, struct err *err)
{
	struct repo_writer_segment *s = &w->full;

	remember(w, s);
	s->notes.len = 0;
	return repo_pipe_submit(w->pipe, TAKE(s->frame), kind, err);
}

int
repo_writer_segment_ready(struct repo_writer *w, struct err *err)
{
	const struct repo_writer_segment *s = &w->full;

	if (s->frame == NULL || s->needs > w->nframes ||
	    !repo_pipe_sealed(w->pipe, REPO_FRAME_DATA, s->needs))
		return 0;
	return submit(w, REPO_FRAME_ENTRIES, err);
}

static int
submit_full(struct repo_writer *w, enum repo_frame_kind kind, struct err *err)
{
	size_t needs = w->full.needs;
	int rc;

	if (w->full.frame == NULL)
		return 0;
	if (needs > w->nframes) {
		/*
		 * Almost only entries came, so the frame at hand is not full
		 * yet.
		 */
		if ((rc = repo_pipe_hash(w->frame, w->sha, err)) < 0)
			return rc;
		needs = w->nframes;
	}
	if ((rc = repo_pipe_wait(w->pipe, REPO_FRAME_DATA, needs, err)) < 0)
		return rc;
	return submit(w, kind, err);
}

/* The segment gets no more; it waits while another is filled. */
static int
turn(struct repo_writer *w, enum repo_frame_kind kind, struct err *err)
{
	struct repo_writer_segment old;
	int rc;

	if ((rc = submit_full(w, kind, err)) < 0)
		return rc;
	old = w->full;
	w->full = w->filling;
	w->filling = old; /* It is empty. */
	w->filling.needs = 0;
	return 0;
}

int
repo_writer_record(struct repo_writer *w, enum repo_frame_kind kind,
    uint8_t **end, struct err *err)
{
	struct repo_writer_segment *s = &w->filling;
	size_t n = w->record.len;
	int rc;

	if (s->frame != NULL &&
	    (n > REPO_PIPE_COPIED_MAX - s->frame->len ||
		s->notes.len > NOTES_MAX) &&
	    (rc = turn(w, kind, err)) < 0)
		return rc;
	if (s->frame == NULL &&
	    (rc = repo_pipe_frame(w->pipe, &s->frame, err)) < 0)
		return rc;
	memcpy(s->frame->p + s->frame->len, w->record.p, n);
	s->frame->len += n;
	*end = s->frame->p + s->frame->len;
	return 0;
}

int
repo_writer_segment_end(
    struct repo_writer *w, enum repo_frame_kind kind, struct err *err)
{
	int rc;

	if ((rc = turn(w, kind, err)) < 0)
		return rc;
	return submit_full(w, kind, err);
}
