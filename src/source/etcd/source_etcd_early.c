#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/thread.h"
#include "source/etcd/source_etcd_early.h"

struct source_etcd_early {
	const struct source_etcd *source;
	const struct source_etcd_member *member;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	bool running, over;
	struct etcd_hashkv hash;
	bool answered;
};

/* Wait until the snapshot takes long; false if it has ended before. */
static bool
takes_long(struct source_etcd_early *e)
{
	const long ms = e->source->long_ms;
	struct timespec t;
	bool over;
	int rc = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_sec++;
		t.tv_nsec -= 1000000000;
	}
	(void)pthread_mutex_lock(&e->lock);
	while (!e->over && rc == 0)
		rc = pthread_cond_timedwait(&e->changed, &e->lock, &t);
	over = e->over;
	(void)pthread_mutex_unlock(&e->lock);
	return !over;
}

/* Ask, and pass over a failure: there is another way to the hash. */
static void *
wait_and_ask(void *arg)
{
	CLEANUP(freep_etcd_client) struct etcd_client *client = NULL;
	struct source_etcd_early *e = arg;
	struct err ignore = ERR_INIT;
	enum etcd_revision gone;

	if (!takes_long(e) ||
	    source_etcd_connect(e->source, etcd_client_url(e->member->client),
		&client, &ignore) < 0)
		return NULL;
	e->answered = etcd_client_hashkv(client, e->member->status.revision,
			  &e->hash, &gone, &ignore) == 0;
	return NULL;
}

int
source_etcd_early_start(const struct source_etcd *s,
    const struct source_etcd_member *m, struct source_etcd_early **ret,
    struct err *err)
{
	CLEANUP(freep_source_etcd_early) struct source_etcd_early *e = NULL;
	pthread_condattr_t attr;
	int rc;

	if ((e = calloc(1, sizeof(*e))) == NULL)
		return err_nomem(err);
	e->source = s;
	e->member = m;
	(void)pthread_mutex_init(&e->lock, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&e->changed, &attr);
	(void)pthread_condattr_destroy(&attr);
	if ((rc = thread_start(wait_and_ask, e, &e->thread, err)) < 0)
		return rc;
	e->running = true;
	*ret = TAKE(e);
	return 0;
}

void
source_etcd_early_over(struct source_etcd_early *e)
{
	(void)pthread_mutex_lock(&e->lock);
	e->over = true;
	(void)pthread_cond_signal(&e->changed);
	(void)pthread_mutex_unlock(&e->lock);
}

bool
source_etcd_early_answer(struct source_etcd_early *e, struct etcd_hashkv *ret)
{
	if (e->running)
		(void)pthread_join(e->thread, NULL);
	e->running = false;
	if (e->answered)
		*ret = e->hash;
	return e->answered;
}

uint64_t
source_etcd_early_revision(const struct source_etcd_early *e)
{
	return e->member->status.revision;
}

void
source_etcd_early_free(struct source_etcd_early *e)
{
	struct etcd_hashkv ignore;

	if (e == NULL)
		return;
	source_etcd_early_over(e);
	(void)source_etcd_early_answer(e, &ignore);
	(void)pthread_cond_destroy(&e->changed);
	(void)pthread_mutex_destroy(&e->lock);
	free(e);
}
