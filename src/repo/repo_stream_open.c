#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/err.h"
#include "base/file.h"
#include "base/parallel.h"
#include "crypto/secret.h"
#include "repo/repo_pack.h"
#include "repo/repo_stream.h"
#include "repo/repo_stream_header.h"
#include "repo/repo_stream_io.h"
#include "repo/repo_stream_pipe.h"

/*
 * So many frame numbers to either side are tried for a frame that does not
 * open.
 */
#define NEIGHBOURS 8

/* What one thread has for itself. */
struct opener {
	struct aead *aead;
	ZSTD_DCtx *zstd;
	uint8_t *squeezed; /* frame_max */
	size_t cap;
};

struct opening {
	const struct repo_stream_opts *opts;
	struct repo_stream_header header;
	struct repo_stream_in in;
	int out;
	uint64_t bytes;
	bool last; /* The final frame was read. */
};

static void
opener_free(void *p)
{
	struct opener *o = p;

	if (o == NULL)
		return;
	aead_free(o->aead);
	(void)ZSTD_freeDCtx(o->zstd);
	/* It held plaintext. */
	if (o->squeezed != NULL)
		secret_wipe(o->squeezed, o->cap);
	free(o->squeezed);
	free(o);
}

static int
opener_new(void *arg, void **ret, struct err *err)
{
	const struct opening *run = arg;
	struct opener *o;

	if ((*ret = o = calloc(1, sizeof(*o))) == NULL)
		return err_nomem(err);
	o->cap = run->header.frame_max;
	if ((o->squeezed = malloc(o->cap)) == NULL ||
	    (o->zstd = ZSTD_createDCtx()) == NULL)
		return err_nomem(err);
	return aead_new(run->header.object_key, run->header.oid, &o->aead, err);
}

/* Nothing may follow the final frame. */
static int
at_end(struct opening *run, struct err *err)
{
	const uint64_t off = run->in.pos;
	uint8_t one;
	size_t got;
	int rc;

	if ((rc = repo_stream_read(&run->in, &one, 1, &got, err)) < 0)
		return rc;
	if (got > 0)
		return err_set(err, HF_ECORRUPT,
		    "something follows the final frame, at byte %" PRIu64, off);
	return 0;
}

static int
cut_off(const struct opening *run, const struct repo_stream_slot *slot,
    size_t got, struct err *err)
{
	if (got == 0)
		(void)err_set(err, HF_ECORRUPT,
		    "the stream was cut off at byte %" PRIu64 ": after %" PRIu64
		    " frames the final one is missing",
		    run->in.pos, slot->i);
	else
		(void)err_set(err, HF_ECORRUPT,
		    "the stream was cut off at byte %" PRIu64
		    ": inside frame %" PRIu64 ", which begins at byte %" PRIu64,
		    run->in.pos, slot->i, slot->off);
	return err_hint(err, "what came before was good; fetch the stream "
			     "again to get the rest");
}

/* Check the lengths, which are used before the tag vouches for them. */
static int
check_frame_header(const struct opening *run,
    const struct repo_stream_slot *slot, struct err *err)
{
	const bool raw = slot->codec == REPO_RAW;

	if (slot->codec > REPO_ZSTD || slot->last > 1 ||
	    slot->plain > run->header.frame_max || slot->nin < AEAD_TAG_LEN ||
	    slot->nin > (size_t)slot->plain + AEAD_TAG_LEN ||
	    (raw && slot->nin != (size_t)slot->plain + AEAD_TAG_LEN))
		return err_set(err, HF_ECORRUPT,
		    "frame %" PRIu64 " is damaged: its header, at byte %" PRIu64
		    ", says what cannot be",
		    slot->i, slot->off);
	return 0;
}

static int
fill(void *arg, struct repo_stream_slot *slot, struct err *err)
{
	uint8_t head[STREAM_FRAME_HEADER_LEN];
	struct opening *run = arg;
	size_t got;
	int rc;

	if (run->last)
		return at_end(run, err);
	slot->off = run->in.pos;
	if ((rc = repo_stream_read(&run->in, head, sizeof(head), &got, err)) <
	    0)
		return rc;
	if (got < sizeof(head))
		return cut_off(run, slot, got, err);
	slot->nin = le32_get(head);
	slot->plain = le32_get(head + 4);
	slot->codec = head[8];
	slot->last = head[9];
	if ((rc = check_frame_header(run, slot, err)) < 0 ||
	    (rc = repo_stream_read(&run->in, slot->in, slot->nin, &got, err)) <
		0)
		return rc;
	if (got < slot->nin)
		return cut_off(run, slot, sizeof(head) + got, err);
	run->last = slot->last;
	return 1;
}

/* Open the frame as number ${i} into ${to}. */
static int
unseal(const struct opening *run, struct opener *o,
    const struct repo_stream_slot *slot, uint64_t i, uint8_t *to,
    struct err *err)
{
	uint8_t aad[STREAM_AAD_LEN];

	repo_stream_aad(
	    aad, run->header.oid, i, slot->plain, slot->codec, slot->last);
	return aead_open(
	    o->aead, i, aad, sizeof(aad), slot->in, slot->nin, to, err);
}

/*
 * Say why the frame did not open: if it does under the number of a neighbour,
 * somebody has moved, repeated or left out frames.
 */
static int
explain(const struct opening *run, struct opener *o,
    struct repo_stream_slot *slot, struct err *err)
{
	uint64_t i = slot->i < NEIGHBOURS ? 0 : slot->i - NEIGHBOURS;
	struct err none = ERR_INIT;

	for (; i <= slot->i + NEIGHBOURS; i++)
		if (i != slot->i &&
		    unseal(run, o, slot, i, slot->out, &none) == 0)
			return err_set(err, HF_ECORRUPT,
			    "where frame %" PRIu64 " belongs, at byte %" PRIu64
			    ", is frame %" PRIu64
			    ": frames were moved, repeated or left out",
			    slot->i, slot->off, i);
	return err_set(err, HF_ECORRUPT,
	    "frame %" PRIu64 " is damaged, somewhere in the %zu bytes at "
	    "byte %" PRIu64,
	    slot->i, STREAM_FRAME_HEADER_LEN + slot->nin, slot->off);
}

static int
expand(struct opener *o, struct repo_stream_slot *slot, struct err *err)
{
	size_t z;

	z = ZSTD_decompressDCtx(o->zstd, slot->out, slot->plain, o->squeezed,
	    slot->nin - AEAD_TAG_LEN);
	if (ZSTD_getErrorCode(z) == ZSTD_error_memory_allocation)
		return err_nomem(err);
	/* The tag was right, so whoever made the frame made it wrong. */
	if (ZSTD_isError(z) || z != slot->plain)
		return err_set(err, HF_ECORRUPT,
		    "frame %" PRIu64 ", at byte %" PRIu64
		    ", does not decompress to its %u bytes",
		    slot->i, slot->off, slot->plain);
	return 0;
}

static int
work(void *arg, void *worker, struct repo_stream_slot *slot, struct err *err)
{
	const struct opening *run = arg;
	const bool raw = slot->codec == REPO_RAW;
	struct opener *o = worker;
	int rc;

	rc = unseal(run, o, slot, slot->i, raw ? slot->out : o->squeezed, err);
	if (rc == -HF_ECORRUPT)
		return explain(run, o, slot, err);
	if (rc < 0)
		return rc;
	slot->nout = slot->plain;
	return raw ? 0 : expand(o, slot, err);
}

static int
drain(void *arg, struct repo_stream_slot *slot, struct err *err)
{
	struct opening *run = arg;
	int rc;

	if ((rc = file_write_full(run->out, slot->out, slot->nout, err)) < 0)
		return rc;
	run->bytes += slot->nout;
	if (run->opts->progress != NULL)
		run->opts->progress(run->opts->progress_arg, run->bytes);
	return 0;
}

static void
opening_clear(struct opening *run)
{
	repo_stream_header_clear(&run->header);
}

int
repo_stream_open(int in, int out, const struct repo_stream_opts *opts,
    uint64_t *bytes, struct err *err)
{
	CLEANUP(opening_clear)
	struct opening run = {
		.opts = opts,
		.in = { .fd = in, .cancel = opts->cancel },
		.out = out,
	};
	struct repo_stream_pipe pipe = {
		.arg = &run,
		.worker_new = opener_new,
		.worker_free = opener_free,
		.fill = fill,
		.work = work,
		.drain = drain,
	};
	int rc;

	if ((rc = repo_stream_header_read(&run.in, opts, &run.header, err)) < 0)
		return err_wrap(err, "open a sealed stream");
	pipe.in_cap = run.header.frame_max + AEAD_TAG_LEN;
	pipe.out_cap = run.header.frame_max;
	run.in.stopped = &pipe.stopped;
	if ((rc = repo_stream_pipe_run(&pipe, parallel_cpus(), err)) < 0)
		return err_wrap(err, "open a sealed stream");
	*bytes = run.bytes;
	return 0;
}
