#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/thread.h"
#include "etcd/etcd_bolt_flusher.h"

#define ALIGN 4096 /* So that writes may go past the page cache. */

struct etcd_bolt_flusher {
	int fd;
	uint8_t *buf[2];
	int filling; /* The caller's; the other may be under way. */

	pthread_t thread;
	bool started;

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool busy, quit;
	size_t n;
	uint64_t off;
	struct err cause; /* Of the first write that failed. */
};

/* Write what the caller has put, outside the lock. */
static void
write_one(struct etcd_bolt_flusher *f, uint64_t *behind)
{
	const uint8_t *p = f->buf[1 - f->filling];
	uint64_t off = f->off;
	struct err e = ERR_INIT;
	size_t n = f->n;

	(void)pthread_mutex_unlock(&f->lock);
	if (file_write_at(f->fd, p, n, off, &e) == 0)
		file_write_behind(f->fd, behind, off + n);
	(void)pthread_mutex_lock(&f->lock);
	if (e.code != 0)
		f->cause = e;
}

static void *
run(void *arg)
{
	struct etcd_bolt_flusher *f = arg;
	uint64_t behind = 0;

	(void)pthread_mutex_lock(&f->lock);
	while (!f->quit) {
		if (f->busy) {
			write_one(f, &behind);
			f->busy = false;
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
	for (i = 0; i < 2; i++)
		if (posix_memalign((void **)&f->buf[i], ALIGN, size) != 0) {
			f->buf[i] = NULL;
			return err_nomem(err);
		}
	if ((rc = thread_start(run, f, &f->thread, err)) < 0)
		return rc;
	f->started = true;
	*ret = TAKE(f);
	return 0;
}

void
etcd_bolt_flusher_free(struct etcd_bolt_flusher *f)
{
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
	free(f->buf[0]);
	free(f->buf[1]);
	free(f);
}

uint8_t *
etcd_bolt_flusher_buf(struct etcd_bolt_flusher *f)
{
	return f->buf[f->filling];
}

/* With the lock: until the thread has nothing to do. */
static int
settle(struct etcd_bolt_flusher *f, struct err *err)
{
	while (f->busy)
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
	int rc;

	(void)pthread_mutex_lock(&f->lock);
	if ((rc = settle(f, err)) == 0) {
		f->n = n;
		f->off = off;
		f->filling = 1 - f->filling;
		f->busy = true;
		(void)pthread_cond_broadcast(&f->changed);
	}
	(void)pthread_mutex_unlock(&f->lock);
	return rc;
}

int
etcd_bolt_flusher_drain(struct etcd_bolt_flusher *f, struct err *err)
{
	int rc;

	(void)pthread_mutex_lock(&f->lock);
	rc = settle(f, err);
	(void)pthread_mutex_unlock(&f->lock);
	return rc;
}
