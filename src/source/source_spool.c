#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/time.h"
#include "source/source_spill.h"
#include "source/source_spool.h"

/*
 * Order: what lies in memory is older than what lies in the file.  So a new
 * block may go to memory only while the file holds none.
 */
struct source_spool {
	size_t block, nblocks;
	unsigned patience;
	uint8_t *slab; /* nblocks in the queue, one filling, one draining. */

	/* The giver's alone. */
	uint8_t *fill;
	size_t fill_len;
	bool no_spill;
	struct err note;
	int64_t since, waited; /* ms: when it began, how long it has waited. */

	/* The taker's alone. */
	uint8_t *drain;
	size_t drain_pos, drain_len;

	struct source_spill *spill;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t filled, drained;
	uint8_t **unused; /* A stack: a used block is warm in the cache. */
	size_t nunused;
	struct queued {
		uint8_t *p;
		size_t len;
	} * queue; /* A ring of nblocks. */
	size_t head, nqueued;
	uint64_t spill_head, spill_tail; /* Blocks of the file. */
	size_t last_len;                 /* Of the block at spill_tail - 1. */
	bool ended, cancelled;
	struct err cause;
};

static int
make_memory(struct source_spool *s, struct err *err)
{
	size_t i, stride = s->block + SOURCE_SPILL_OVERHEAD;

	if (s->block == 0 || s->nblocks == 0 ||
	    s->nblocks > SIZE_MAX / stride - 2)
		return err_set(err, HF_EBUG, "a spool without room");
	if ((s->slab = malloc((s->nblocks + 2) * stride)) == NULL ||
	    (s->unused = calloc(s->nblocks, sizeof(*s->unused))) == NULL ||
	    (s->queue = calloc(s->nblocks, sizeof(*s->queue))) == NULL)
		return err_nomem(err);
	for (i = 0; i < s->nblocks; i++)
		s->unused[i] = s->slab + i * stride;
	s->nunused = s->nblocks;
	s->fill = s->slab + s->nblocks * stride;
	s->drain = s->slab + (s->nblocks + 1) * stride;
	return 0;
}

int
source_spool_new(const struct source_spool_opts *o, struct source_spool **ret,
    struct err *err)
{
	CLEANUP(freep_source_spool) struct source_spool *s = NULL;
	pthread_condattr_t attr;
	int rc;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return err_nomem(err);
	s->block = o->block;
	s->nblocks = o->nblocks;
	s->patience = o->patience;
	s->since = time_mono_ms();
	/* On Linux these allocate nothing and cannot fail. */
	(void)pthread_mutex_init(&s->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->filled, &attr);
	(void)pthread_cond_init(&s->drained, &attr);
	(void)pthread_condattr_destroy(&attr);
	if ((rc = make_memory(s, err)) < 0 ||
	    (rc = source_spill_new(o->block, o->dir, &s->spill, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

void
source_spool_free(struct source_spool *s)
{
	if (s == NULL)
		return;
	source_spill_free(s->spill);
	(void)pthread_cond_destroy(&s->filled);
	(void)pthread_cond_destroy(&s->drained);
	(void)pthread_mutex_destroy(&s->lock);
	free(s->queue);
	free(s->unused);
	free(s->slab);
	free(s);
}

/*
 * With the lock: move the block in fill to memory, if it may go there, and get
 * another one for fill.
 */
static bool
to_memory(struct source_spool *s)
{
	struct queued *q;

	if (s->spill_head != s->spill_tail || s->nunused == 0)
		return false;
	q = &s->queue[(s->head + s->nqueued++) % s->nblocks];
	*q = (struct queued){ s->fill, s->fill_len };
	s->fill = s->unused[--s->nunused];
	return true;
}

/* Write the block in fill to the file; that spoils its bytes. */
static bool
to_spill(struct source_spool *s)
{
	/* Only the giver moves the tail, so it may look without the lock. */
	if (source_spill_write(
		s->spill, s->spill_tail, s->fill, s->fill_len, &s->note) < 0) {
		s->no_spill = true;
		return false;
	}
	(void)pthread_mutex_lock(&s->lock);
	s->spill_tail++;
	s->last_len = s->fill_len;
	(void)pthread_mutex_unlock(&s->lock);
	return true;
}

/* Wait; return false once ${ms} milliseconds are over. */
static bool
wait_for(struct source_spool *s, pthread_cond_t *cond, int64_t ms)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += (long)(ms % 1000) * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	return pthread_cond_timedwait(cond, &s->lock, &t) == 0;
}

/*
 * With the lock: wait for memory, if that helps and as long as patience lasts.
 */
static bool
wait_memory(struct source_spool *s)
{
	int64_t now = time_mono_ms();
	int64_t left = (now - s->since) * s->patience / 100 - s->waited;

	if (s->no_spill) {
		(void)pthread_cond_wait(&s->drained, &s->lock);
		return true;
	}
	if (s->spill_head != s->spill_tail || left <= 0)
		return false;
	(void)wait_for(s, &s->drained, left);
	s->waited += time_mono_ms() - now;
	return true;
}

/* Hand on the block in fill, one way or the other. */
static int
flush(struct source_spool *s, struct err *err)
{
	bool gone, done;

	(void)pthread_mutex_lock(&s->lock);
	while (
	    !(gone = s->cancelled) && !(done = to_memory(s)) && wait_memory(s))
		;
	(void)pthread_mutex_unlock(&s->lock);
	if (gone)
		return err_set(err, HF_EINTR, "nobody wants the rest");
	/*
	 * The file may have no room: then wait for memory; the bytes are whole.
	 */
	if (!done && !to_spill(s))
		return flush(s, err);
	s->fill_len = 0;
	(void)pthread_cond_signal(&s->filled);
	return 0;
}

int
source_spool_put(
    struct source_spool *s, const uint8_t *p, size_t n, struct err *err)
{
	size_t k;
	int rc;

	for (; n > 0; p += k, n -= k) {
		k = s->block - s->fill_len;
		if (k > n)
			k = n;
		memcpy(s->fill + s->fill_len, p, k);
		s->fill_len += k;
		if (s->fill_len == s->block && (rc = flush(s, err)) < 0)
			return rc;
	}
	return 0;
}

void
source_spool_end(struct source_spool *s, const struct err *cause)
{
	struct err ignore = ERR_INIT;

	/* If the taker has gone, the last block is not missed. */
	if (cause == NULL && s->fill_len > 0)
		(void)flush(s, &ignore);
	(void)pthread_mutex_lock(&s->lock);
	if (cause != NULL)
		s->cause = *cause;
	s->ended = true;
	(void)pthread_cond_signal(&s->filled);
	(void)pthread_mutex_unlock(&s->lock);
}

/* With the lock: is there something to take, or nothing to wait for? */
static bool
ready(const struct source_spool *s)
{
	return s->nqueued > 0 || s->spill_head != s->spill_tail || s->ended;
}

static void
wait_ready(struct source_spool *s, int ms)
{
	while (!ready(s) && wait_for(s, &s->filled, ms))
		;
}

/* With the lock: exchange the empty drain for the oldest block in memory. */
static void
from_memory(struct source_spool *s)
{
	struct queued q = s->queue[s->head];

	s->head = (s->head + 1) % s->nblocks;
	s->nqueued--;
	s->unused[s->nunused++] = s->drain;
	s->drain = q.p;
	s->drain_len = q.len;
}

/* Read the file's oldest block into drain. */
static int
from_spill(struct source_spool *s, size_t len, struct err *err)
{
	int rc;

	if ((rc = source_spill_read(
		 s->spill, s->spill_head, s->drain, len, err)) < 0)
		return rc;
	s->drain_len = len;
	/* Only now may the giver use memory again: see "Order" above. */
	(void)pthread_mutex_lock(&s->lock);
	s->spill_head++;
	(void)pthread_mutex_unlock(&s->lock);
	return 0;
}

/* Get a block to drain: 0 with or without one, 1 at the end. */
static int
next_block(struct source_spool *s, int ms, struct err *err)
{
	enum {
		NOTHING,
		MEMORY,
		SPILL,
		END,
		FAILED
	} what = NOTHING;
	size_t len = s->block;
	int rc = 0;

	s->drain_pos = s->drain_len = 0;
	(void)pthread_mutex_lock(&s->lock);
	wait_ready(s, ms);
	if (s->cause.code != 0) {
		what = FAILED;
	} else if (s->nqueued > 0) {
		from_memory(s);
		what = MEMORY;
	} else if (s->spill_head != s->spill_tail) {
		if (s->spill_head == s->spill_tail - 1)
			len = s->last_len;
		what = SPILL;
	} else if (s->ended) {
		what = END;
	}
	(void)pthread_mutex_unlock(&s->lock);
	if (what == FAILED) {
		*err = s->cause;
		return err->code;
	}
	if (what == SPILL)
		rc = from_spill(s, len, err);
	if (rc == 0 && (what == MEMORY || what == SPILL))
		(void)pthread_cond_signal(&s->drained);
	return what == END ? 1 : rc;
}

int
source_spool_get(struct source_spool *s, uint8_t *p, size_t n, int ms,
    size_t *got, struct err *err)
{
	size_t k;
	int rc;

	*got = 0;
	if (s->drain_pos == s->drain_len && (rc = next_block(s, ms, err)) != 0)
		return rc;
	k = s->drain_len - s->drain_pos;
	if (k > n)
		k = n;
	memcpy(p, s->drain + s->drain_pos, k);
	s->drain_pos += k;
	*got = k;
	return 0;
}

void
source_spool_cancel(struct source_spool *s)
{
	(void)pthread_mutex_lock(&s->lock);
	s->cancelled = true;
	(void)pthread_cond_signal(&s->drained);
	(void)pthread_mutex_unlock(&s->lock);
}

bool
source_spool_cancelled(struct source_spool *s)
{
	bool r;

	(void)pthread_mutex_lock(&s->lock);
	r = s->cancelled;
	(void)pthread_mutex_unlock(&s->lock);
	return r;
}

const char *
source_spool_note(const struct source_spool *s)
{
	return s->no_spill ? s->note.msg : NULL;
}
