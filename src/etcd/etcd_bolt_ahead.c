#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/thread.h"
#include "etcd/etcd_bolt_ahead.h"
#include "etcd/etcd_bolt_impl.h"

/*
 * Leaves are handed over in groups, so that the two threads seldom meet.  Of
 * four groups, one is being filled, one is ready, one is with the taker, and
 * one is to spare.
 */
#define GROUPS 4
#define GROUP_LEAVES 64
#define GROUP_BYTES ((size_t)128 * 1024)
#define ROOM_KEPT ((size_t)8192) /* Of a leaf; more is freed after use. */

struct group {
	struct bolt_page leaf[GROUP_LEAVES];
	size_t n, bytes;
};

struct etcd_bolt_ahead {
	struct group groups[GROUPS]; /* A ring. */
	struct etcd_bolt_cursor *cursor;
	pthread_t thread;
	bool started;

	/* The taker's alone. */
	struct group *taken;
	size_t head;          /* The group that is taken, or will be. */
	size_t leaf;          /* Of it, */
	unsigned int element; /* and of that, what comes next. */

	/* Under the lock. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	size_t nfull, bytes; /* Groups from head, the taken one among them. */
	bool ended, quit;
	struct err cause; /* Of the end. */
};

/* Fill a group: 1, or 0 if there are no more leaves. */
static int
fill(struct etcd_bolt_ahead *a, struct group *g, struct err *err)
{
	int rc = 1;

	for (g->n = g->bytes = 0; g->n < GROUP_LEAVES && g->bytes < GROUP_BYTES;
	     g->bytes += g->leaf[g->n++].len) {
		rc = bolt_cursor_leaf(a->cursor, &g->leaf[g->n], err);
		if (rc <= 0)
			break;
	}
	return rc;
}

/*
 * Wait for a free group; false if no more are wanted.  While a run of many
 * megabytes waits to be taken, nothing more is read.
 */
static bool
await_room(struct etcd_bolt_ahead *a)
{
	bool go;

	(void)pthread_mutex_lock(&a->lock);
	while (
	    (a->nfull == GROUPS || a->bytes > GROUPS * GROUP_BYTES) && !a->quit)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	go = !a->quit;
	(void)pthread_mutex_unlock(&a->lock);
	return go;
}

static void *
run(void *arg)
{
	struct etcd_bolt_ahead *a = arg;
	struct err err = ERR_INIT;
	size_t tail = 0;
	int rc = 1;

	for (; rc == 1 && await_room(a); tail = (tail + 1) % GROUPS) {
		rc = fill(a, &a->groups[tail], &err);
		(void)pthread_mutex_lock(&a->lock);
		/* What came before a damaged page is handed on all the same. */
		a->nfull++;
		a->bytes += a->groups[tail].bytes;
		a->ended = rc != 1;
		a->cause = err;
		(void)pthread_cond_signal(&a->changed);
		(void)pthread_mutex_unlock(&a->lock);
	}
	return NULL;
}

int
etcd_bolt_ahead_new(
    struct etcd_bolt_cursor *c, struct etcd_bolt_ahead **ret, struct err *err)
{
	CLEANUP(freep_etcd_bolt_ahead) struct etcd_bolt_ahead *a = NULL;
	int rc;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return err_nomem(err);
	a->cursor = c;
	/* On Linux these allocate nothing and cannot fail. */
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->changed, NULL);
	if ((rc = thread_start(run, a, &a->thread, err)) < 0)
		return rc;
	a->started = true;
	*ret = TAKE(a);
	return 0;
}

void
etcd_bolt_ahead_free(struct etcd_bolt_ahead *a)
{
	size_t i, k;

	if (a == NULL)
		return;
	if (a->started) {
		(void)pthread_mutex_lock(&a->lock);
		a->quit = true;
		(void)pthread_cond_signal(&a->changed);
		(void)pthread_mutex_unlock(&a->lock);
		(void)pthread_join(a->thread, NULL);
	}
	(void)pthread_cond_destroy(&a->changed);
	(void)pthread_mutex_destroy(&a->lock);
	for (i = 0; i < GROUPS; i++)
		for (k = 0; k < GROUP_LEAVES; k++)
			free(a->groups[i].leaf[k].room);
	free(a);
}

/* Wait for a group and take it: 1, or 0 at the end. */
static int
take(struct etcd_bolt_ahead *a, struct err *err)
{
	int rc = 1;

	(void)pthread_mutex_lock(&a->lock);
	while (a->nfull == 0 && !a->ended)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	if (a->nfull == 0) {
		rc = a->cause.code;
		if (rc < 0)
			*err = a->cause;
	}
	(void)pthread_mutex_unlock(&a->lock);
	if (rc != 1)
		return rc;
	a->taken = &a->groups[a->head];
	a->leaf = 0;
	a->element = 0;
	return 1;
}

static void
give_back(struct etcd_bolt_ahead *a)
{
	struct group *g = a->taken;
	size_t i;

	for (i = 0; i < g->n; i++)
		if (g->leaf[i].cap > ROOM_KEPT) {
			free(g->leaf[i].room);
			g->leaf[i] = (struct bolt_page){ 0 };
		}
	a->taken = NULL;
	a->head = (a->head + 1) % GROUPS;
	(void)pthread_mutex_lock(&a->lock);
	a->nfull--;
	a->bytes -= g->bytes;
	(void)pthread_cond_signal(&a->changed);
	(void)pthread_mutex_unlock(&a->lock);
}

int
etcd_bolt_ahead_next(
    struct etcd_bolt_ahead *a, struct etcd_bolt_item *item, struct err *err)
{
	const struct bolt_page *pg;
	int rc;

	for (;;) {
		if (a->taken == NULL && (rc = take(a, err)) <= 0)
			return rc;
		for (; a->leaf < a->taken->n; a->leaf++, a->element = 0) {
			pg = &a->taken->leaf[a->leaf];
			if (a->element == pg->count)
				continue;
			bolt_page_item(pg, a->element++, item);
			return 1;
		}
		give_back(a);
	}
}
