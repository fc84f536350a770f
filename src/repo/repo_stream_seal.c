#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/parallel.h"
#include "crypto/secret.h"
#include "repo/repo_squeeze.h"
#include "repo/repo_stream.h"
#include "repo/repo_stream_header.h"
#include "repo/repo_stream_io.h"
#include "repo/repo_stream_pipe.h"

#if STREAM_FRAME_MAX > REPO_FRAME_MAX
#error "a frame is larger than what repo_squeeze() takes"
#endif

/* What one thread has for itself. */
struct sealer {
	struct aead *aead;
	struct repo_squeezer *squeezer;
	uint8_t *opened; /* STREAM_FRAME_MAX */
};

struct seal {
	const struct repo_stream_opts *opts;
	struct repo_stream_header header;
	struct repo_stream_in in;
	int out;
	uint64_t bytes;
	bool over;
};

static void
sealer_free(void *p)
{
	struct sealer *s = p;

	if (s == NULL)
		return;
	aead_free(s->aead);
	repo_squeezer_free(s->squeezer);
	if (s->opened != NULL) /* It held plaintext. */
		secret_wipe(s->opened, STREAM_FRAME_MAX);
	free(s->opened);
	free(s);
}

static int
sealer_new(void *arg, void **ret, struct err *err)
{
	const struct seal *run = arg;
	struct sealer *s;
	int rc;

	if ((*ret = s = calloc(1, sizeof(*s))) == NULL ||
	    (s->opened = malloc(STREAM_FRAME_MAX)) == NULL)
		return err_nomem(err);
	if ((rc = repo_squeezer_new(run->opts->level, &s->squeezer, err)) < 0)
		return rc;
	return aead_new(run->header.object_key, run->header.oid, &s->aead, err);
}

/* A frame that is not full is the last one, be it empty. */
static int
fill(void *arg, struct repo_stream_slot *slot, struct err *err)
{
	struct seal *run = arg;
	int rc;

	if (run->over)
		return 0;
	if ((rc = repo_stream_read(
		 &run->in, slot->in, STREAM_FRAME_MAX, &slot->nin, err)) < 0)
		return rc;
	slot->plain = (uint32_t)slot->nin;
	slot->last = run->over = slot->nin < STREAM_FRAME_MAX;
	return 1;
}

/* Compress the frame; the last one may be empty. */
static int
squeeze(struct sealer *s, struct repo_stream_slot *slot, const uint8_t **ret,
    size_t *n, struct err *err)
{
	enum repo_codec codec = REPO_RAW;
	int rc = 0;

	*ret = slot->in;
	*n = slot->nin;
	if (slot->nin > 0)
		rc = repo_squeeze(
		    s->squeezer, slot->in, slot->nin, ret, n, &codec, err);
	slot->codec = (uint8_t)codec;
	return rc;
}

/* Seal the frame, and open it again: that catches bad memory. */
static int
work(void *arg, void *worker, struct repo_stream_slot *slot, struct err *err)
{
	const struct seal *run = arg;
	struct sealer *s = worker;
	uint8_t aad[STREAM_AAD_LEN], *to = slot->out + STREAM_FRAME_HEADER_LEN;
	const uint8_t *bytes;
	size_t n;
	int rc;

	if ((rc = squeeze(s, slot, &bytes, &n, err)) < 0)
		return rc;
	le32_put(slot->out, (uint32_t)(n + AEAD_TAG_LEN));
	le32_put(slot->out + 4, slot->plain);
	slot->out[8] = slot->codec;
	slot->out[9] = slot->last;
	repo_stream_aad(aad, run->header.oid, slot->i, slot->plain, slot->codec,
	    slot->last);
	if ((rc = aead_seal(
		 s->aead, slot->i, aad, sizeof(aad), bytes, n, to, err)) < 0)
		return rc;
	slot->nout = STREAM_FRAME_HEADER_LEN + n + AEAD_TAG_LEN;
	if (aead_open(s->aead, slot->i, aad, sizeof(aad), to, n + AEAD_TAG_LEN,
		s->opened, err) < 0 ||
	    memcmp(s->opened, bytes, n) != 0) {
		(void)err_set(err, HF_ECORRUPT,
		    "a frame just sealed does not open again: this computer's "
		    "memory or processor makes errors");
		return err_hint(err, "test this computer's memory before you "
				     "trust anything it writes");
	}
	return 0;
}

static int
drain(void *arg, struct repo_stream_slot *slot, struct err *err)
{
	struct seal *run = arg;
	int rc;

	if ((rc = file_write_full(run->out, slot->out, slot->nout, err)) < 0)
		return rc;
	run->bytes += slot->plain;
	if (run->opts->progress != NULL)
		run->opts->progress(run->opts->progress_arg, run->bytes);
	return 0;
}

static void
seal_clear(struct seal *run)
{
	repo_stream_header_clear(&run->header);
}

int
repo_stream_seal(int in, int out, const struct repo_stream_opts *opts,
    uint64_t *bytes, struct err *err)
{
	CLEANUP(seal_clear)
	struct seal run = {
		.opts = opts,
		.in = { .fd = in, .cancel = opts->cancel },
		.out = out,
	};
	struct repo_stream_pipe pipe = {
		.in_cap = STREAM_FRAME_MAX,
		.out_cap =
		    STREAM_FRAME_HEADER_LEN + STREAM_FRAME_MAX + AEAD_TAG_LEN,
		.arg = &run,
		.worker_new = sealer_new,
		.worker_free = sealer_free,
		.fill = fill,
		.work = work,
		.drain = drain,
	};
	int rc;

	run.in.stopped = &pipe.stopped;
	if ((rc = repo_stream_header_make(opts, &run.header, err)) < 0 ||
	    (rc = file_write_full(
		 out, run.header.bytes.p, run.header.bytes.len, err)) < 0 ||
	    (rc = repo_stream_pipe_run(&pipe, parallel_cpus(), err)) < 0)
		return err_wrap(err, "seal a stream");
	*bytes = run.bytes;
	return 0;
}
