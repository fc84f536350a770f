#include <pthread.h>
#include <sched.h>
#include <stdbool.h>

#include "base/err.h"
#include "base/parallel.h"
#include "base/thread.h"

#define THREADS_MAX 64

struct work {
	int (*fn)(void *, size_t, struct err *);
	void *arg;
	size_t n;
	pthread_mutex_t lock; /* What follows. */
	size_t next;
	int rc;
	struct err err;
};

/* Take the next index; false if there is none or somebody failed. */
static bool
take(struct work *w, size_t *i)
{
	bool more;

	(void)pthread_mutex_lock(&w->lock);
	more = w->rc == 0 && w->next < w->n;
	if (more)
		*i = w->next++;
	(void)pthread_mutex_unlock(&w->lock);
	return more;
}

static void *
run(void *arg)
{
	struct work *w = arg;
	struct err err = ERR_INIT;
	size_t i;
	int rc;

	while (take(w, &i)) {
		if ((rc = w->fn(w->arg, i, &err)) >= 0)
			continue;
		(void)pthread_mutex_lock(&w->lock);
		if (w->rc == 0) {
			w->rc = rc;
			w->err = err;
		}
		(void)pthread_mutex_unlock(&w->lock);
	}
	return NULL;
}

int
parallel_for(size_t n, unsigned threads,
    int (*fn)(void *, size_t, struct err *), void *arg, struct err *err)
{
	struct work w = { .fn = fn, .arg = arg, .n = n };
	pthread_t helper[THREADS_MAX];
	struct err ignore = ERR_INIT;
	unsigned i, started = 0;

	(void)pthread_mutex_init(&w.lock, NULL);
	if (threads > THREADS_MAX)
		threads = THREADS_MAX;
	for (i = 1; i < threads && i < n; i++)
		if (thread_start(run, &w, &helper[started], &ignore) == 0)
			started++;
	(void)run(&w);
	for (i = 0; i < started; i++)
		(void)pthread_join(helper[i], NULL);
	(void)pthread_mutex_destroy(&w.lock);
	if (w.rc < 0)
		*err = w.err;
	return w.rc;
}

unsigned
parallel_cpus(void)
{
	cpu_set_t set;
	int n;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	n = CPU_COUNT(&set);
	return n > 0 ? (unsigned)n : 1;
}
