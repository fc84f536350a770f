#include "repo/repo_fetch_thread.h"
#include "base/err.h"
#include "base/thread.h"

/* Bytes that are fetched in vain rather than by a request of their own. */
#define GAP_MAX (2u << 20)

/* With the lock: return a span that is free, or NULL. */
static struct fetch_span *
free_span(struct repo_fetch *f)
{
	unsigned i;

	for (i = 0; i < f->nspans; i++)
		if (f->spans[i].state == SPAN_FREE)
			return &f->spans[i];
	return NULL;
}

/* Is there a job without a span?  Then it is the one at ${f->planned}. */
static bool
more_to_plan(struct repo_fetch *f)
{
	while (f->planned < f->njobs && f->jobs[f->planned].span != NULL)
		f->planned++;
	return f->planned < f->njobs;
}

/*
 * Plan the span that begins with the first job that has none: with it come
 * the later jobs of the same pack, in turn, as long as all of them together
 * fit into the buffer and none is far from the others.
 */
static void
plan_span(struct repo_fetch *f, struct fetch_span *s)
{
	const struct repo_ref *ref = f->jobs[f->planned].ref;
	uint64_t from = ref->off, to = ref->off, lo, hi;
	uint32_t j;

	/* A span that may well begin with the header does. */
	if (from == REPO_PACK_HEADER_LEN)
		from = to = 0;
	s->pack = ref->pack;
	s->jobs = 0;
	for (j = f->planned; j != JOB_NONE; j = f->jobs[j].next) {
		ref = f->jobs[j].ref;
		lo = ref->off < from ? ref->off : from;
		hi = (uint64_t)ref->off + ref->len;
		hi = hi > to ? hi : to;
		if (hi - lo > f->span_size || ref->off > to + GAP_MAX)
			break;
		from = lo;
		to = hi;
		f->jobs[j].span = s;
		s->jobs++;
	}
	s->off = from;
	s->len = (size_t)(to - from);
	s->buf.len = 0;
	s->opener = NULL;
	s->state = SPAN_FETCHING;
}

/* Fetch a span, without the lock; return what it has become. */
static enum span_state
fetch_span(struct repo_fetch *f, struct fetch_span *s)
{
	int rc;

	s->err = (struct err)ERR_INIT;
	rc =
	    repo_packs_get(f->packs, s->pack, s->off, s->len, &s->buf, &s->err);
	/* Cut off, most likely: what comes before the cut can be had. */
	if (rc == -HF_ECORRUPT && !repo_packs_missing(f->packs, s->pack))
		return SPAN_SPLIT;
	if (rc < 0)
		return SPAN_LOST;
	rc = repo_packs_open(f->packs, s->pack, s->off == 0 ? s->buf.p : NULL,
	    &s->opener, &s->err);
	return rc < 0 ? SPAN_LOST : SPAN_HERE;
}

void *
repo_fetch_fetcher(void *arg)
{
	struct repo_fetch *f = arg;
	struct fetch_span *s = NULL;
	enum span_state state;

	pthread_mutex_lock(&f->lock);
	for (;;) {
		while (!f->stop &&
		       (!more_to_plan(f) || (s = free_span(f)) == NULL))
			pthread_cond_wait(&f->span_freed, &f->lock);
		if (f->stop)
			break;
		plan_span(f, s);
		pthread_mutex_unlock(&f->lock);
		state = fetch_span(f, s);
		pthread_mutex_lock(&f->lock);
		s->state = state;
		pthread_cond_broadcast(&f->work);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* With the lock: wait for the next job to take; JOB_NONE if there is none. */
static uint32_t
take_job(struct repo_fetch *f)
{
	while (!f->stop &&
	       (f->begun == f->njobs || f->begun - f->given >= f->nslots))
		pthread_cond_wait(&f->slot_freed, &f->lock);
	return f->stop ? JOB_NONE : f->begun++;
}

/* With the lock: are all frames open that are due before job ${j}? */
static bool
is_due(const struct repo_fetch *f, uint32_t j)
{
	uint32_t i;

	for (i = f->given; i < j; i++)
		if (!f->slots[i % f->nslots].ready)
			return false;
	return true;
}

/*
 * With the lock: wait for the span of job ${j}; NULL to stop.  If all spans
 * are taken by frames that are due later, waiting would be for ever.
 */
static struct fetch_span *
wait_span(struct repo_fetch *f, uint32_t j)
{
	struct fetch_job *job = &f->jobs[j];

	while (!f->stop) {
		if (job->span != NULL && job->span->state != SPAN_FETCHING)
			return job->span;
		if (job->span == NULL && is_due(f, j) && free_span(f) == NULL)
			return job->span = &f->single;
		pthread_cond_wait(&f->work, &f->lock);
	}
	return NULL;
}

/* Open the frame of a job, without the lock. */
static void
open_job(struct fetch_worker *w, const struct repo_ref *ref,
    const struct fetch_span *s, struct fetch_slot *slot)
{
	struct repo_packs *packs = w->fetch->packs;
	int rc;

	slot->err = (struct err)ERR_INIT;
	if (ref->plain > slot->used)
		slot->used = ref->plain;
	if (s->state == SPAN_SPLIT) {
		(void)repo_packs_frame(packs, w->unpacker, REPO_FRAME_DATA, ref,
		    &w->sealed, slot->p, &slot->err);
		return;
	}
	if (s->state == SPAN_LOST) {
		slot->err = s->err;
		return;
	}
	rc = repo_pack_frame(s->opener, w->unpacker, REPO_FRAME_DATA, ref,
	    s->buf.p + (ref->off - s->off), slot->p, &slot->err);
	if (rc < 0)
		(void)repo_packs_wrap(packs, ref->pack, &slot->err);
}

/* With the lock: one job of the span is done. */
static void
leave_span(struct repo_fetch *f, struct fetch_span *s)
{
	if (s == &f->single || --s->jobs > 0)
		return;
	if (s->opener != NULL)
		repo_packs_close(f->packs, s->pack);
	s->state = SPAN_FREE;
	pthread_cond_signal(&f->span_freed);
}

void *
repo_fetch_worker(void *arg)
{
	struct fetch_worker *w = arg;
	struct repo_fetch *f = w->fetch;
	struct fetch_slot *slot;
	struct fetch_span *s;
	uint32_t j;

	/* All workers depend on the one thread that takes frames. */
	thread_stand_back();
	pthread_mutex_lock(&f->lock);
	while ((j = take_job(f)) != JOB_NONE && (s = wait_span(f, j)) != NULL) {
		slot = &f->slots[j % f->nslots];
		pthread_mutex_unlock(&f->lock);
		open_job(w, f->jobs[j].ref, s, slot);
		pthread_mutex_lock(&f->lock);
		leave_span(f, s);
		slot->ready = true;
		pthread_cond_signal(&f->frame_ready);
		/* Another job may be the one that is due now. */
		pthread_cond_broadcast(&f->work);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}
