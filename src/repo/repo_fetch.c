#include <stdlib.h>

#include "base/file.h"
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
 * and 4 spans of 8: 42 in all.
 */
#define MIB (1u << 20)
#define MEMORY_DEFAULT (46u * MIB)
#define SPANS_WANTED (16u * MIB) /* Before workers are given up for them. */
#define SPAN_SIZE_MIN (MIB + (64u << 10)) /* One frame, and a header. */
#define SPANS_MAX 32
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

static struct fetch_plan
make_plan(size_t largest, size_t memory, unsigned workers)
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
	p.fetchers = p.spans < FETCHERS_MAX ? p.spans : FETCHERS_MAX;
	return p;
}

static int
alloc_buffers(
    struct repo_fetch *f, const struct fetch_plan *plan, struct err *err)
{
	struct fetch_span *s;

	f->workers = calloc(plan->workers, sizeof(*f->workers));
	f->fetchers = calloc(plan->fetchers, sizeof(*f->fetchers));
	f->slots = calloc(plan->slots, sizeof(*f->slots));
	f->spans = calloc(plan->spans, sizeof(*f->spans));
	if (f->workers == NULL || f->fetchers == NULL || f->slots == NULL ||
	    f->spans == NULL)
		return err_nomem(err);
	for (; f->nslots < plan->slots; f->nslots++) {
		/* A page's multiple: file_write_at likes that. */
		f->slots[f->nslots].p =
		    aligned_alloc(FILE_PAGE, REPO_FRAME_MAX);
		if (f->slots[f->nslots].p == NULL)
			return err_nomem(err);
	}
	for (; f->nspans < plan->spans; f->nspans++) {
		s = &f->spans[f->nspans];
		if ((s->buf.p = malloc(plan->span_size)) == NULL)
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
	struct fetch_plan plan = make_plan(largest, memory, workers);
	int rc;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	f->packs = packs;
	f->single.state = SPAN_SPLIT;
	pthread_mutex_init(&f->lock, NULL);
	pthread_cond_init(&f->span_freed, NULL);
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
	for (i = 0; i < f->nspans; i++)
		buf_free(&f->spans[i].buf);
	for (i = 0; i < f->nslots; i++) {
		secret_wipe(f->slots[i].p, REPO_FRAME_MAX);
		free(f->slots[i].p);
	}
	free(f->jobs);
	free(f->slots);
	free(f->spans);
	free(f->workers);
	free(f->fetchers);
	pthread_cond_destroy(&f->span_freed);
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
	pthread_cond_broadcast(&f->work);
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
		pthread_cond_broadcast(&f->work);
	}
	pthread_mutex_unlock(&f->lock);
	return rc;
}

int
repo_fetch_next(struct repo_fetch *f, const uint8_t **p, struct err *err)
{
	struct fetch_slot *slot;
	int rc;

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
