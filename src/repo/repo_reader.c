#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "repo/repo_fetch.h"
#include "repo/repo_packs.h"
#include "repo/repo_reader.h"

struct range {
	uint64_t pos, len;
};

struct repo_reader {
	const struct repo_manifest *m;
	struct repo_reader_opts opts;
	struct repo_packs *packs;
	struct repo_private priv;

	/* The frames of the stream, and where each begins in it. */
	struct repo_ref *frames;
	uint64_t *starts; /* nframes + 1: the last is the stream's length. */
	size_t nframes;

	/* What is wanted, and how much of it was read. */
	struct range *ranges;
	size_t nranges, ranges_cap;
	size_t range;     /* The one being read, */
	uint64_t done;    /* so far. */
	bool reading;     /* Nothing can be added until the end. */
	uint32_t *wanted; /* Frames, each once. */
	size_t nwanted;
	size_t next; /* In wanted: the one behind the frame at hand. */
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
	repo_packs_free(rd->packs);
	repo_private_clear(&rd->priv);
	free(rd->frames);
	free(rd->starts);
	free(rd->ranges);
	free(rd->wanted);
	free(rd);
}

/* Called with the ${n} bytes of each segment of a list, in order. */
typedef int segment_fn(void *, const uint8_t *p, size_t n, struct err *);

/* Fetch and open segments one by one: there is one for 50,000 frames, and
 * one for 5,000 entries or so. */
static int
each_segment(struct repo_reader *rd, enum repo_frame_kind kind,
    const struct repo_ref *segs, size_t n, segment_fn *fn, void *arg,
    struct err *err)
{
	CLEANUP(freep_repo_unpacker) struct repo_unpacker *u = NULL;
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	CLEANUP(freep_mem) uint8_t *p = NULL;
	size_t i;
	int rc;

	if ((rc = repo_unpacker_new(&u, err)) < 0)
		return rc;
	if ((p = malloc(REPO_FRAME_MAX)) == NULL)
		return err_nomem(err);
	for (i = 0; i < n && rc == 0; i++) {
		rc = repo_packs_frame(
		    rd->packs, u, kind, &segs[i], &sealed, p, err);
		if (rc == 0)
			rc = fn(arg, p, segs[i].plain, err);
	}
	secret_wipe(p, REPO_FRAME_MAX);
	return rc;
}

/* Take in a segment of the frame list. */
static int
add_frames(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct repo_reader *rd = arg;
	size_t more = n / REPO_REF_LEN;
	struct repo_ref *frames;
	struct cur c;
	int rc;

	if (n % REPO_REF_LEN != 0 || rd->nframes + more > UINT32_MAX - 1)
		return err_set(
		    err, HF_ECORRUPT, "a frame list has a wrong length");
	frames = reallocarray(rd->frames, rd->nframes + more, sizeof(*frames));
	if (frames == NULL)
		return err_nomem(err);
	rd->frames = frames;
	cur_init(&c, p, n);
	for (; more > 0; more--) {
		repo_ref_decode(&c, &frames[rd->nframes]);
		if ((rc = repo_packs_ref_check(
			 rd->packs, &frames[rd->nframes], err)) < 0)
			return rc;
		rd->nframes++;
	}
	return 0;
}

/* Read the frame list and find where in the stream each frame begins. */
static int
load_frames(struct repo_reader *rd, struct err *err)
{
	uint64_t pos = 0;
	size_t i;
	int rc;

	if ((rc = each_segment(rd, REPO_FRAME_LIST, rd->priv.frame_segs,
		 rd->priv.nframe_segs, add_frames, rd, err)) < 0)
		return err_wrap(err, "read the frame list");
	rd->starts = calloc(rd->nframes + 1, sizeof(*rd->starts));
	if (rd->starts == NULL)
		return err_nomem(err);
	for (i = 0; i < rd->nframes; i++) {
		rd->starts[i] = pos;
		pos += rd->frames[i].plain;
	}
	rd->starts[i] = pos;
	if (pos != rd->priv.stream_len)
		return err_set(err, HF_ECORRUPT,
		    "the frames hold %" PRIu64
		    " bytes, the stream has %" PRIu64,
		    pos, rd->priv.stream_len);
	return 0;
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
	if ((rc = open_private(rd, r, err)) < 0 ||
	    (rc = repo_packs_new(r, m, &rd->packs, err)) < 0 ||
	    (rc = load_frames(rd, err)) < 0)
		return rc;
	*ret = TAKE(rd);
	return 0;
}

struct entries_call {
	repo_entry_fn *fn;
	void *arg;
};

static int
each_entry(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	const struct entries_call *call = arg;
	struct cur c;
	int rc;

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

	return each_segment(rd, REPO_FRAME_ENTRIES, rd->priv.entry_segs,
	    rd->priv.nentry_segs, each_entry, &call, err);
}

int
repo_reader_want(
    struct repo_reader *rd, uint64_t pos, uint64_t len, struct err *err)
{
	const struct range *last;
	struct range *v;
	size_t cap;

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
		if ((v = reallocarray(rd->ranges, cap, sizeof(*v))) == NULL)
			return err_nomem(err);
		rd->ranges = v;
		rd->ranges_cap = cap;
	}
	rd->ranges[rd->nranges++] = (struct range){ pos, len };
	return 0;
}

/* Find the frame that holds the byte at ${pos} of the stream. */
static size_t
find_frame(const struct repo_reader *rd, uint64_t pos)
{
	size_t lo = 0, hi = rd->nframes, mid; /* starts[lo] <= pos < [hi] */

	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		if (rd->starts[mid] <= pos)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Turn the ranges into the frames that hold them, each once. */
static int
list_wanted(struct repo_reader *rd, struct err *err)
{
	size_t i, f, n = 0;
	uint64_t end;

	free(rd->wanted);
	/* Ranges ascend and are apart: no frame comes twice. */
	if ((rd->wanted = calloc(rd->nframes, sizeof(*rd->wanted))) == NULL)
		return err_nomem(err);
	for (i = 0; i < rd->nranges; i++) {
		end = rd->ranges[i].pos + rd->ranges[i].len;
		f = find_frame(rd, rd->ranges[i].pos);
		if (n > 0 && rd->wanted[n - 1] == f)
			f++;
		for (; f < rd->nframes && rd->starts[f] < end; f++)
			rd->wanted[n++] = (uint32_t)f;
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
		 rd->fetch, rd->frames, rd->wanted, rd->nwanted, err)) < 0)
		return rc;
	rd->reading = true;
	rd->range = rd->next = 0;
	rd->done = 0;
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
	if (rd->next > 0 && pos < rd->starts[rd->wanted[rd->next - 1] + 1])
		return;
	rd->next++;
	rd->frame = NULL;
	rd->lost = (struct err)ERR_INIT;
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
	f = rd->wanted[rd->next - 1];
	end = r->pos + r->len;
	if (end > rd->starts[f + 1])
		end = rd->starts[f + 1];
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
	*p = rd->frame + (at - rd->starts[f]);
	return 0;
}
