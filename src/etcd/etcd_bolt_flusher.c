#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/huge.h"
#include "base/thread.h"
#include "etcd/etcd_bolt_flusher.h"

#define PIECES 3

/* A buffer, and what of it is to be written where. */
struct piece {
	uint8_t *p;
	size_t n;
	uint64_t off;
};

struct etcd_bolt_flusher {
	int fd;
	pthread_t thread;
	bool started;

	/* A ring: the caller fills ${put}, those from ${written} to it are
	 * the thread's.  So the thread has the next one at hand when it is
	 * done with one. */
	struct piece ring[PIECES];

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool quit;
	size_t put, written;
	struct err cause; /* Of the first write that failed. */
};

/* Write the next piece, outside the lock. */
static void
write_one(struct etcd_bolt_flusher *f, uint64_t *behind)
{
	const struct piece *w = &f->ring[f->written % PIECES];
	struct err e = ERR_INIT;

	/* What comes behind a gap is of no use to anybody. */
	if (f->cause.code != 0)
		return;
	(void)pthread_mutex_unlock(&f->lock);
	if (file_write_at(f->fd, w->p, w->n, w->off, &e) == 0)
		file_write_behind(f->fd, behind, w->off + w->n);
	(void)pthread_mutex_lock(&f->lock);
	f->cause = e;
}

static void *
run(void *arg)
{
	struct etcd_bolt_flusher *f = arg;
	uint64_t behind = 0;

	(void)pthread_mutex_lock(&f->lock);
	while (!f->quit) {
		if (f->written < f->put) {
			write_one(f, &behind);
			f->written++;
			(void)pthread_cond_broadcast(&f->changed);
		} else {
			(void)pthread_cond_wait(&f->changed, &f->lock);
		}
	}
	(void)pthread_mutex_unlock(&f->lock);
	return NULL;
}

int
etcd_bolt_flusher_new(
    int fd, size_t size, struct etcd_bolt_flusher **ret, struct err *err)
{
	CLEANUP(freep_etcd_bolt_flusher) struct etcd_bolt_flusher *f = NULL;
	int i, rc;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	f->fd = fd;
	/* On Linux these allocate nothing and cannot fail. */
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->changed, NULL);
	for (i = 0; i < PIECES; i++)
		if ((f->ring[i].p = huge_alloc(size)) == NULL)
			return err_nomem(err);
	if ((rc = thread_start(run, f, &f->thread, err)) < 0)
		return rc;
	f->started = true;
	*ret = TAKE(f);
	return 0;
}

void
etcd_bolt_flusher_free(struct etcd_bolt_flusher *f)
{
	int i;

	if (f == NULL)
		return;
	if (f->started) {
		(void)pthread_mutex_lock(&f->lock);
		f->quit = true;
		(void)pthread_cond_broadcast(&f->changed);
		(void)pthread_mutex_unlock(&f->lock);
		(void)pthread_join(f->thread, NULL);
	}
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->changed);
	for (i = 0; i < PIECES; i++)
		free(f->ring[i].p);
	free(f);
}

uint8_t *
etcd_bolt_flusher_buf(struct etcd_bolt_flusher *f)
{
	return f->ring[f->put % PIECES].p;
}

/* With the lock: until no more than ${most} pieces are left to be written. */
static int
settle(struct etcd_bolt_flusher *f, size_t most, struct err *err)
{
	while (f->put - f->written > most)
		(void)pthread_cond_wait(&f->changed, &f->lock);
	if (f->cause.code == 0)
		return 0;
	*err = f->cause;
	return err->code;
}

int
etcd_bolt_flusher_put(
    struct etcd_bolt_flusher *f, size_t n, uint64_t off, struct err *err)
{
	struct piece *mine = &f->ring[f->put % PIECES];
	int rc;

	mine->n = n;
	mine->off = off;
	(void)pthread_mutex_lock(&f->lock);
	f->put++;
	(void)pthread_cond_broadcast(&f->changed);
	rc = settle(f, PIECES - 1, err);
	(void)pthread_mutex_unlock(&f->lock);
	return rc;
}

int
etcd_bolt_flusher_drain(struct etcd_bolt_flusher *f, struct err *err)
{
	int rc;

	(void)pthread_mutex_lock(&f->lock);
	rc = settle(f, 0, err);
	(void)pthread_mutex_unlock(&f->lock);
	return rc;
}
