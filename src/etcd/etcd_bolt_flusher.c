#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/huge.h"
#include "base/thread.h"
#include "etcd/etcd_bolt_flusher.h"

#define THREADS_MAX 2
#define PIECES_MAX (2 * THREADS_MAX + 1)

/* A buffer, and what of it is to be written where. */
struct piece {
	uint8_t *p;
	size_t n;
	uint64_t off;
	bool done; /* Under the lock. */
};

struct etcd_bolt_flusher {
	int fd;
	pthread_t threads[THREADS_MAX];
	unsigned nthreads;
	bool direct;
	uint64_t reserved; /* So long the file has been made ahead. */

	/* A ring: the caller fills ${put}, those from ${written} to it are the
	 * threads'.  So each has the next one at hand when it is done with
	 * one. */
	struct piece ring[PIECES_MAX];
	unsigned npieces;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool quit;
	size_t put, taken, written;
	struct err cause; /* Of the first write that failed. */
};

static struct piece *
piece_at(struct etcd_bolt_flusher *f, size_t i)
{
	return &f->ring[i % f->npieces];
}

/* Write a piece, outside the lock. */
static void
write_piece(struct etcd_bolt_flusher *f, struct piece *w, uint64_t *behind)
{
	struct err e = ERR_INIT;

	/* What comes behind a gap is of no use to anybody. */
	if (f->cause.code == 0) {
		(void)pthread_mutex_unlock(&f->lock);
		if (file_write_at(f->fd, w->p, w->n, w->off, &e) == 0 &&
		    !f->direct)
			file_write_behind(f->fd, behind, w->off + w->n);
		(void)pthread_mutex_lock(&f->lock);
		if (f->cause.code == 0)
			f->cause = e;
	}
	w->done = true;
}

/* With the lock: the caller gets its pieces back in turn. */
static void
give_back(struct etcd_bolt_flusher *f)
{
	while (f->written < f->taken && piece_at(f, f->written)->done)
		piece_at(f, f->written++)->done = false;
	(void)pthread_cond_broadcast(&f->changed);
}

static void *
run(void *arg)
{
	struct etcd_bolt_flusher *f = arg;
	uint64_t behind = 0;

	(void)pthread_mutex_lock(&f->lock);
	while (!f->quit) {
		if (f->taken < f->put) {
			write_piece(f, piece_at(f, f->taken++), &behind);
			give_back(f);
		} else {
			(void)pthread_cond_wait(&f->changed, &f->lock);
		}
	}
	(void)pthread_mutex_unlock(&f->lock);
	return NULL;
}

/*
 * A disk is idle between two writes, so let there be two under way.  In memory,
 * and where writes go to the page cache, one waits for the other.
 */
static int
start(struct etcd_bolt_flusher *f, struct err *err)
{
	const unsigned n = f->direct ? THREADS_MAX : 1;
	int rc;

	for (; f->nthreads < n; f->nthreads++)
		if ((rc = thread_start(run, f, &f->threads[f->nthreads], err)) <
		    0)
			return rc;
	return 0;
}

int
etcd_bolt_flusher_new(
    int fd, size_t size, struct etcd_bolt_flusher **ret, struct err *err)
{
	CLEANUP(freep_etcd_bolt_flusher) struct etcd_bolt_flusher *f = NULL;
	unsigned i;
	int rc;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	f->fd = fd;
	/* On Linux these allocate nothing and cannot fail. */
	(void)pthread_mutex_init(&f->lock, NULL);
	(void)pthread_cond_init(&f->changed, NULL);
	f->direct = file_direct(fd, true);
	f->npieces = f->direct ? PIECES_MAX : 3;
	for (i = 0; i < f->npieces; i++)
		if ((f->ring[i].p = huge_alloc(size)) == NULL)
			return err_nomem(err);
	if ((rc = start(f, err)) < 0)
		return rc;
	*ret = TAKE(f);
	return 0;
}

void
etcd_bolt_flusher_free(struct etcd_bolt_flusher *f)
{
	unsigned i;

	if (f == NULL)
		return;
	(void)pthread_mutex_lock(&f->lock);
	f->quit = true;
	(void)pthread_cond_broadcast(&f->changed);
	(void)pthread_mutex_unlock(&f->lock);
	for (i = 0; i < f->nthreads; i++)
		(void)pthread_join(f->threads[i], NULL);
	(void)pthread_mutex_destroy(&f->lock);
	(void)pthread_cond_destroy(&f->changed);
	for (i = 0; i < f->npieces; i++)
		free(f->ring[i].p);
	free(f);
}

uint8_t *
etcd_bolt_flusher_buf(struct etcd_bolt_flusher *f)
{
	return piece_at(f, f->put)->p;
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
	struct piece *mine = piece_at(f, f->put);
	int rc;

	mine->n = n;
	mine->off = off;
	/* Two cannot make the file longer at once. */
	if (f->direct)
		file_reserve(f->fd, &f->reserved, off + n);
	(void)pthread_mutex_lock(&f->lock);
	f->put++;
	(void)pthread_cond_broadcast(&f->changed);
	rc = settle(f, f->npieces - 1, err);
	(void)pthread_mutex_unlock(&f->lock);
	return rc;
}

int
etcd_bolt_flusher_drain(
    struct etcd_bolt_flusher *f, uint64_t size, struct err *err)
{
	int rc;

	(void)pthread_mutex_lock(&f->lock);
	rc = settle(f, 0, err);
	(void)pthread_mutex_unlock(&f->lock);
	if (rc < 0 || !f->direct)
		return rc;
	(void)file_direct(f->fd, false);
	if (ftruncate(f->fd, (off_t)size) < 0)
		return err_errno(err, errno, "cannot set the length");
	return 0;
}
