#include <stdlib.h>

#include "base/huge.h"
#include "base/parallel.h"
#include "crypto/secret.h"
#include "repo/repo_fetch_thread.h"

/*
 * For W workers, in MiB:
 *
 *	W x 2	a worker's scratch: a frame decrypted, a frame by itself
 *	2W + 2	open frames: one with the caller, one that waits, two for
 *		each worker
 *	K x S	spans; S is the largest pack, or half of what there is
 *
 * With the default, 46 MiB, and packs of 8 MiB, two processors use 4 + 6,
 * and 4 spans of 8: 42 in all.  From a store that is near they use 6 spans of
 * 2: 22 in all.
 */
#define MIB (1u << 20)
#define MEMORY_DEFAULT (46u * MIB)
#define SPANS_WANTED (16u * MIB) /* Before workers are given up for them. */
#define SPAN_SIZE_MIN (MIB + (64u << 10)) /* One frame, and a header. */
#define SPANS_MAX 32
#define NEAR_SPAN_SIZE (2 * MIB)
#define NEAR_SPANS_MAX 6
#define FETCHERS_MAX 4
#define WORKERS_MAX 64

struct fetch_plan {
	unsigned workers, slots, spans, fetchers;
	size_t span_size;
};

static size_t
fixed_memory(unsigned w)
{
	return (w * 2 + w * 2 + 2) * (size_t)MIB;
}

/*
 * Where a request costs next to nothing, small ones are better: what is read
 * is opened while it is still in the processor's cache, and the first frame
 * is there soon.
 */
static void
make_small(struct fetch_plan *p, size_t rest)
{
	if (p->span_size <= NEAR_SPAN_SIZE)
		return;
	p->span_size = NEAR_SPAN_SIZE;
	p->spans = (unsigned)(rest / p->span_size);
	if (p->spans > NEAR_SPANS_MAX)
		p->spans = NEAR_SPANS_MAX;
}

static struct fetch_plan
make_plan(size_t largest, size_t memory, unsigned workers, bool near)
{
	struct fetch_plan p = { 0 };
	size_t rest;

	if (memory == 0)
		memory = MEMORY_DEFAULT;
	p.workers = workers > 0 ? workers : parallel_cpus();
	if (p.workers > WORKERS_MAX)
		p.workers = WORKERS_MAX;
	while (p.workers > 1 && memory < fixed_memory(p.workers) + SPANS_WANTED)
		p.workers--;
	p.slots = 2 * p.workers + 2;
	rest = fixed_memory(p.workers);
	rest = memory > rest + 2 * SPAN_SIZE_MIN ? memory - rest
						 : 2 * SPAN_SIZE_MIN;
	p.span_size = largest < rest / 2 ? largest : rest / 2;
	if (p.span_size < SPAN_SIZE_MIN)
		p.span_size = SPAN_SIZE_MIN;
	p.spans = (unsigned)(rest / p.span_size);
	if (p.spans > SPANS_MAX)
		p.spans = SPANS_MAX;
	if (near)
		make_small(&p, rest);
	p.fetchers = p.spans < FETCHERS_MAX ? p.spans : FETCHERS_MAX;
	return p;
}

static int
alloc_buffers(
    struct repo_fetch *f, const struct fetch_plan *plan, struct err *err)
{
	struct fetch_span *s;

	/* A plan without threads has none of some, and calloc of nothing may be
	 * NULL. */
	f->workers = calloc(plan->workers + 1, sizeof(*f->workers));
	f->fetchers = calloc(plan->fetchers + 1, sizeof(*f->fetchers));
	f->slots = calloc(plan->slots + 1, sizeof(*f->slots));
	f->spans = calloc(plan->spans + 1, sizeof(*f->spans));
	if (f->workers == NULL || f->fetchers == NULL || f->slots == NULL ||
	    f->spans == NULL)
		return err_nomem(err);
	/* Each begins a page: file_write_at likes that. */
	f->frames = huge_alloc((size_t)plan->slots * REPO_FRAME_MAX);
	if (f->frames == NULL)
		return err_nomem(err);
	for (; f->nslots < plan->slots; f->nslots++)
		f->slots[f->nslots].p =
		    f->frames + (size_t)f->nslots * REPO_FRAME_MAX;
	for (; f->nspans < plan->spans; f->nspans++) {
		s = &f->spans[f->nspans];
		if ((s->buf.p = huge_alloc(plan->span_size)) == NULL)
			return err_nomem(err);
		s->buf.cap = plan->span_size;
	}
	f->span_size = plan->span_size;
	return 0;
}

static int
start_threads(
    struct repo_fetch *f, const struct fetch_plan *plan, struct err *err)
{
	struct fetch_worker *w;
	int rc;

	if (plan->workers == 0)
		return repo_unpacker_new(&f->own.unpacker, err);
	for (; f->nworkers < plan->workers; f->nworkers++) {
		w = &f->workers[f->nworkers];
		w->fetch = f;
		if ((rc = repo_unpacker_new(&w->unpacker, err)) < 0)
			return rc;
		rc = pthread_create(&w->thread, NULL, repo_fetch_worker, w);
		if (rc != 0) {
			repo_unpacker_free(TAKE(w->unpacker));
			return err_errno(err, rc, "start a thread");
		}
	}
	for (; f->nfetchers < plan->fetchers; f->nfetchers++) {
		rc = pthread_create(
		    &f->fetchers[f->nfetchers], NULL, repo_fetch_fetcher, f);
		if (rc != 0)
			return err_errno(err, rc, "start a thread");
	}
	return 0;
}

int
repo_fetch_new(struct repo_packs *packs, size_t largest, size_t memory,
    unsigned workers, struct repo_fetch **ret, struct err *err)
{
	CLEANUP(freep_repo_fetch) struct repo_fetch *f = NULL;
	/* A small backup needs no threads: it is here with its first frame,
	 * and open before they have started. */
	const struct fetch_plan none = { .slots = 1 };
	const struct fetch_plan plan =
	    repo_packs_small(packs)
		? none
		: make_plan(largest, memory, workers, repo_packs_near(packs));
	int rc;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	f->packs = packs;
	f->single.state = SPAN_SPLIT;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->span_freed, NULL);
	pthread_cond_init(&f->slot_freed, NULL);
	pthread_cond_init(&f->work, NULL);
	pthread_cond_init(&f->frame_ready, NULL);
	if ((rc = alloc_buffers(f, &plan, err)) < 0 ||
	    (rc = start_threads(f, &plan, err)) < 0)
		return rc;
	*ret = TAKE(f);
	return 0;
}

static void
stop_threads(struct repo_fetch *f)
{
	pthread_mutex_lock(&f->lock);
	f->stop = true;
	pthread_cond_broadcast(&f->span_freed);
	pthread_cond_broadcast(&f->slot_freed);
	pthread_cond_broadcast(&f->work);
	pthread_mutex_unlock(&f->lock);
	for (; f->nfetchers > 0; f->nfetchers--)
		pthread_join(f->fetchers[f->nfetchers - 1], NULL);
	for (; f->nworkers > 0; f->nworkers--) {
		struct fetch_worker *w = &f->workers[f->nworkers - 1];

		pthread_join(w->thread, NULL);
		repo_unpacker_free(w->unpacker);
		buf_free(&w->sealed);
	}
}

void
repo_fetch_free(struct repo_fetch *f)
{
	unsigned i;

	if (f == NULL)
		return;
	stop_threads(f);
	repo_unpacker_free(f->own.unpacker);
	buf_free(&f->own.sealed);
	for (i = 0; i < f->nspans; i++)
		buf_free(&f->spans[i].buf);
	for (i = 0; i < f->nslots; i++)
		secret_wipe(f->slots[i].p, f->slots[i].used);
	free(f->frames);
	free(f->jobs);
	free(f->slots);
	free(f->spans);
	free(f->workers);
	free(f->fetchers);
	pthread_cond_destroy(&f->span_freed);
	pthread_cond_destroy(&f->slot_freed);
	pthread_cond_destroy(&f->work);
	pthread_cond_destroy(&f->frame_ready);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

/* Chain the jobs of each pack, from behind. */
static int
chain(struct fetch_job *jobs, size_t n, struct err *err)
{
	CLEANUP(freep_mem) uint32_t *last = NULL;
	uint32_t npacks = 0;
	size_t i;

	for (i = 0; i < n; i++)
		if (jobs[i].ref->pack >= npacks)
			npacks = jobs[i].ref->pack + 1;
	if ((last = calloc(npacks + 1u, sizeof(*last))) == NULL)
		return err_nomem(err);
	for (i = 0; i < npacks; i++)
		last[i] = JOB_NONE;
	for (i = n; i-- > 0;) {
		jobs[i].next = last[jobs[i].ref->pack];
		last[jobs[i].ref->pack] = (uint32_t)i;
	}
	return 0;
}

/* With the lock: the caller is done with the frame that it has. */
static void
take_back(struct repo_fetch *f)
{
	if (!f->lent)
		return;
	f->slots[f->given % f->nslots].ready = false;
	f->given++;
	f->lent = false;
	pthread_cond_signal(&f->slot_freed);
}

int
repo_fetch_start(struct repo_fetch *f, const struct repo_ref *refs,
    const uint32_t *frames, size_t n, struct err *err)
{
	CLEANUP(freep_mem) struct fetch_job *jobs = NULL;
	size_t i;
	int rc;

	if ((jobs = calloc(n + 1, sizeof(*jobs))) == NULL)
		return err_nomem(err);
	for (i = 0; i < n; i++)
		jobs[i].ref = &refs[frames[i]];
	if ((rc = chain(jobs, n, err)) < 0)
		return rc;
	pthread_mutex_lock(&f->lock);
	take_back(f);
	if (f->given < f->njobs) {
		rc = err_set(err, HF_EBUG, "frames are still under way");
	} else {
		free(f->jobs);
		f->jobs = TAKE(jobs);
		f->njobs = (uint32_t)n;
		f->planned = f->begun = f->given = 0;
		pthread_cond_broadcast(&f->span_freed);
		pthread_cond_broadcast(&f->slot_freed);
	}
	pthread_mutex_unlock(&f->lock);
	return rc;
}

/* Without threads: fetch and open the frame now. */
static int
open_next(struct repo_fetch *f, const uint8_t **p, struct err *err)
{
	struct fetch_slot *slot = &f->slots[0];
	const struct repo_ref *ref;

	if (f->given == f->njobs)
		return err_set(err, HF_EBUG, "no more frames are wanted");
	ref = f->jobs[f->given++].ref;
	if (ref->plain > slot->used)
		slot->used = ref->plain;
	*p = slot->p;
	return repo_packs_frame(f->packs, f->own.unpacker, REPO_FRAME_DATA, ref,
	    &f->own.sealed, slot->p, err);
}

int
repo_fetch_next(struct repo_fetch *f, const uint8_t **p, struct err *err)
{
	struct fetch_slot *slot;
	int rc;

	if (f->nworkers == 0)
		return open_next(f, p, err);
	pthread_mutex_lock(&f->lock);
	take_back(f);
	f->lent = f->given < f->njobs;
	if (!f->lent) {
		pthread_mutex_unlock(&f->lock);
		return err_set(err, HF_EBUG, "no more frames are wanted");
	}
	slot = &f->slots[f->given % f->nslots];
	while (!slot->ready)
		pthread_cond_wait(&f->frame_ready, &f->lock);
	pthread_mutex_unlock(&f->lock);
	if ((rc = slot->err.code) < 0)
		*err = slot->err;
	else
		*p = slot->p;
	return rc;
}
