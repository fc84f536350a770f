#include <pthread.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/thread.h"
#include "crypto/secret.h"
#include "repo/repo_stream_pipe.h"

#define MEMORY_MAX (64u << 20) /* bytes, of all slots together */
#define THREADS_MAX 16

/*
 * A ring.  Slots from drained to taken are at work or done, those from taken
 * to filled wait for a worker, the others are empty.
 */
struct ring {
	struct repo_stream_pipe *p;
	struct repo_stream_slot *slots;
	size_t n;
	struct hand {
		struct ring *ring;
		void *worker;
		pthread_t thread;
	} hands[THREADS_MAX];
	unsigned nhands;

	pthread_mutex_t lock; /* What follows, and done of the slots. */
	pthread_cond_t filled_one, done_one, drained_one;
	uint64_t filled, taken, drained;
	bool over; /* Nothing more will be filled. */
	bool stop; /* Nothing more is wanted. */
};

/* One of the two held plaintext. */
static void
free_wiped(uint8_t *p, size_t n)
{
	if (p != NULL)
		secret_wipe(p, n);
	free(p);
}

static void
ring_free(struct ring *r)
{
	size_t i;

	for (i = 0; r->slots != NULL && i < r->n; i++) {
		free_wiped(r->slots[i].in, r->p->in_cap);
		free_wiped(r->slots[i].out, r->p->out_cap);
	}
	free(r->slots);
	for (i = 0; i < THREADS_MAX; i++)
		r->p->worker_free(r->hands[i].worker);
	(void)pthread_mutex_destroy(&r->lock);
	(void)pthread_cond_destroy(&r->filled_one);
	(void)pthread_cond_destroy(&r->done_one);
	(void)pthread_cond_destroy(&r->drained_one);
}

static int
make_hands(struct ring *r, unsigned n, struct err *err)
{
	int rc;

	for (; r->nhands < n && r->nhands < THREADS_MAX; r->nhands++) {
		r->hands[r->nhands].ring = r;
		if ((rc = r->p->worker_new(
			 r->p->arg, &r->hands[r->nhands].worker, err)) < 0)
			return rc;
	}
	return 0;
}

static int
make_slots(struct ring *r, struct err *err)
{
	const struct repo_stream_pipe *p = r->p;
	const size_t each = p->in_cap + p->out_cap;
	size_t i;

	/*
	 * One slot is filled and one is drained beside those that are worked
	 * on.
	 */
	r->n = r->nhands + 2;
	if (r->n > MEMORY_MAX / each)
		r->n = MEMORY_MAX / each;
	if (r->n < 2)
		r->n = 2;
	if ((r->slots = calloc(r->n, sizeof(*r->slots))) == NULL)
		return err_nomem(err);
	for (i = 0; i < r->n; i++)
		if ((r->slots[i].in = malloc(p->in_cap)) == NULL ||
		    (r->slots[i].out = malloc(p->out_cap)) == NULL)
			return err_nomem(err);
	return 0;
}

static struct repo_stream_slot *
slot_of(struct ring *r, uint64_t i)
{
	return &r->slots[i % r->n];
}

/* Wait for an empty slot; NULL if none is wanted any more. */
static struct repo_stream_slot *
next_empty(struct ring *r)
{
	struct repo_stream_slot *s;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stop && r->filled - r->drained == r->n)
		(void)pthread_cond_wait(&r->drained_one, &r->lock);
	s = r->stop ? NULL : slot_of(r, r->filled);
	if (s != NULL) {
		s->i = r->filled;
		s->done = false;
		s->err = (struct err)ERR_INIT;
	}
	(void)pthread_mutex_unlock(&r->lock);
	return s;
}

/* The first stage.  An error takes its place in the order, as a frame does. */
static void
fill_all(struct ring *r)
{
	struct repo_stream_slot *s;
	bool more = true;

	while (more && (s = next_empty(r)) != NULL) {
		s->rc = r->p->fill(r->p->arg, s, &s->err);
		more = s->rc > 0;
		(void)pthread_mutex_lock(&r->lock);
		if (s->rc != 0)
			r->filled++;
		if (!more)
			r->over = true;
		(void)pthread_cond_signal(&r->filled_one);
		if (!more) {
			(void)pthread_cond_broadcast(&r->filled_one);
			(void)pthread_cond_signal(&r->done_one);
		}
		(void)pthread_mutex_unlock(&r->lock);
	}
}

/* Wait for a slot to work on; NULL if there will be none. */
static struct repo_stream_slot *
next_filled(struct ring *r)
{
	struct repo_stream_slot *s = NULL;

	(void)pthread_mutex_lock(&r->lock);
	while (!r->stop && !r->over && r->taken == r->filled)
		(void)pthread_cond_wait(&r->filled_one, &r->lock);
	if (!r->stop && r->taken < r->filled)
		s = slot_of(r, r->taken++);
	(void)pthread_mutex_unlock(&r->lock);
	return s;
}

static void *
work_all(void *arg)
{
	const struct hand *h = arg;
	struct ring *r = h->ring;
	struct repo_stream_slot *s;

	while ((s = next_filled(r)) != NULL) {
		if (s->rc >= 0)
			s->rc = r->p->work(r->p->arg, h->worker, s, &s->err);
		(void)pthread_mutex_lock(&r->lock);
		s->done = true;
		(void)pthread_cond_signal(&r->done_one);
		(void)pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

/* Wait for the next slot in order; NULL after the last. */
static struct repo_stream_slot *
next_done(struct ring *r)
{
	struct repo_stream_slot *s = NULL;

	(void)pthread_mutex_lock(&r->lock);
	for (;;) {
		if (r->drained < r->filled && slot_of(r, r->drained)->done)
			s = slot_of(r, r->drained);
		if (s != NULL || r->stop ||
		    (r->over && r->drained == r->filled))
			break;
		(void)pthread_cond_wait(&r->done_one, &r->lock);
	}
	(void)pthread_mutex_unlock(&r->lock);
	return s;
}

static void
stop(struct ring *r)
{
	atomic_store(&r->p->stopped, true);
	(void)pthread_mutex_lock(&r->lock);
	r->stop = true;
	(void)pthread_cond_broadcast(&r->filled_one);
	(void)pthread_cond_broadcast(&r->drained_one);
	(void)pthread_cond_broadcast(&r->done_one);
	(void)pthread_mutex_unlock(&r->lock);
}

/*
 * The last stage.  A slot that has failed stays the next one to drain: its
 * error is found there.
 */
static void *
drain_all(void *arg)
{
	struct ring *r = arg;
	struct repo_stream_slot *s;

	while ((s = next_done(r)) != NULL) {
		if (s->rc >= 0)
			s->rc = r->p->drain(r->p->arg, s, &s->err);
		if (s->rc < 0) {
			stop(r);
			break;
		}
		(void)pthread_mutex_lock(&r->lock);
		r->drained++;
		(void)pthread_cond_signal(&r->drained_one);
		(void)pthread_mutex_unlock(&r->lock);
	}
	return NULL;
}

static int
result(struct ring *r, struct err *err)
{
	const struct repo_stream_slot *s = slot_of(r, r->drained);

	if (!r->stop)
		return 0;
	*err = s->err;
	return s->rc;
}

/* Run the stages, the caller being the first. */
static int
run(struct ring *r, struct err *err)
{
	struct err none = ERR_INIT;
	pthread_t drainer;
	unsigned started, i;
	int rc;

	if ((rc = thread_start(drain_all, r, &drainer, err)) < 0)
		return rc;
	for (started = 0; started < r->nhands; started++)
		if (thread_start(work_all, &r->hands[started],
			&r->hands[started].thread, &none) < 0)
			break;
	/* Fewer threads do the work, too, as long as there is one. */
	if (started > 0)
		fill_all(r);
	else
		stop(r);
	for (i = 0; i < started; i++)
		(void)pthread_join(r->hands[i].thread, NULL);
	(void)pthread_join(drainer, NULL);
	if (started > 0)
		return result(r, err);
	*err = none;
	return err->code;
}

int
repo_stream_pipe_run(
    struct repo_stream_pipe *p, unsigned threads, struct err *err)
{
	CLEANUP(ring_free) struct ring r = { .p = p };
	int rc;

	(void)pthread_mutex_init(&r.lock, NULL);
	(void)pthread_cond_init(&r.filled_one, NULL);
	(void)pthread_cond_init(&r.done_one, NULL);
	(void)pthread_cond_init(&r.drained_one, NULL);
	atomic_store(&p->stopped, false);
	if ((rc = make_hands(&r, threads, err)) < 0 ||
	    (rc = make_slots(&r, err)) < 0)
		return rc;
	return run(&r, err);
}
