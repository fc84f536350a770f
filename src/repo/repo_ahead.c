#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "repo/repo.h"
#include "repo/repo_ahead.h"
#include "repo/repo_packs.h"
#include "store/store.h"

/* The place for a backup that is here, or cannot be had. */
struct slot {
	bool ready;
	struct repo_brought *brought;
	uint64_t bytes; /* That it holds. */
	struct err err;
};

struct repo_ahead {
	struct repo *repo;
	const struct repo_backup *const *v;
	size_t n;
	uint64_t memory;
	pthread_t *threads;
	unsigned nthreads;
	unsigned nslots; /* 0: nothing is brought ahead. */

	pthread_mutex_t lock;   /* Everything below. */
	pthread_cond_t changed; /* There is room for more, or one is here. */
	bool stop;
	size_t begun; /* All before it were begun. */
	size_t given; /* All before it were taken. */
	uint64_t used;
	struct slot *slots; /* Backup i has slot i % nslots. */
};

int
repo_bring(struct repo *r, const struct repo_backup *b,
    struct repo_brought **ret, struct err *err)
{
	CLEANUP(freep_repo_brought) struct repo_brought *x = NULL;
	int rc;

	if ((x = calloc(1, sizeof(*x))) == NULL)
		return err_nomem(err);
	if ((rc = repo_manifest_load(r, b, &x->m, err)) < 0)
		return rc;
	*ret = TAKE(x);
	return 0;
}

void
repo_brought_free(struct repo_brought *x)
{
	if (x == NULL)
		return;
	repo_packs_free(x->packs);
	repo_manifest_clear(&x->m);
	free(x);
}

/*
 * With the lock: wait until backup ${i} may hold ${bytes} more.  The one that
 * is due always may, or those behind it, which have the memory, would wait
 * for it for ever.
 */
static bool
take_memory(struct repo_ahead *a, size_t i, uint64_t bytes)
{
	while (!a->stop && i != a->given &&
	       (a->used > a->memory || bytes > a->memory - a->used))
		(void)pthread_cond_wait(&a->changed, &a->lock);
	a->slots[i % a->nslots].bytes += bytes;
	a->used += bytes;
	return !a->stop;
}

/*
 * Bring the packs as well.  What goes wrong is no matter here: the reader asks
 * for them once more, and tells it of the backup that it is reading.
 */
static void
bring_packs(struct repo_ahead *a, size_t i, struct repo_brought *x)
{
	struct err ignored = ERR_INIT;
	bool go;

	if (repo_packs_new(a->repo, &x->m, &x->packs, &ignored) < 0 ||
	    !repo_packs_small(x->packs))
		return;
	(void)pthread_mutex_lock(&a->lock);
	go = take_memory(a, i, repo_packs_len(x->packs));
	(void)pthread_mutex_unlock(&a->lock);
	if (go)
		repo_packs_prefetch(x->packs);
}

/* With the lock: the next one to begin; ${a->n} to end. */
static size_t
next(struct repo_ahead *a)
{
	while (!a->stop && a->begun < a->n && a->begun - a->given >= a->nslots)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	return a->stop || a->begun == a->n ? a->n : a->begun++;
}

/* With the lock, which is let go of meanwhile. */
static void
bring(struct repo_ahead *a, size_t i)
{
	struct slot *slot = &a->slots[i % a->nslots];
	struct repo_brought *x = NULL;
	struct err e = ERR_INIT;

	/* Its bytes, and what is made of them. */
	if (take_memory(a, i, 2 * a->v[i]->manifest_len)) {
		(void)pthread_mutex_unlock(&a->lock);
		if (repo_bring(a->repo, a->v[i], &x, &e) == 0)
			bring_packs(a, i, x);
		(void)pthread_mutex_lock(&a->lock);
	}
	slot->brought = x;
	slot->err = e;
	slot->ready = true;
	(void)pthread_cond_broadcast(&a->changed);
}

static void *
work(void *arg)
{
	struct repo_ahead *a = arg;
	size_t i;

	(void)pthread_mutex_lock(&a->lock);
	while ((i = next(a)) < a->n)
		bring(a, i);
	(void)pthread_mutex_unlock(&a->lock);
	return NULL;
}

/* One thread is enough for all of it; none is not. */
static int
start_threads(struct repo_ahead *a, struct err *err)
{
	int rc = 0;

	while (rc == 0 && a->nthreads < a->nslots) {
		rc = pthread_create(&a->threads[a->nthreads], NULL, work, a);
		a->nthreads += rc == 0;
	}
	return a->nthreads == 0 && a->nslots > 0
		   ? err_errno(err, rc, "start a thread")
		   : 0;
}

int
repo_ahead_new(struct repo *r, const struct repo_backup *const *v, size_t n,
    size_t memory, struct repo_ahead **ret, struct err *err)
{
	CLEANUP(freep_repo_ahead) struct repo_ahead *a = NULL;
	int rc;

	if ((a = calloc(1, sizeof(*a))) == NULL)
		return err_nomem(err);
	a->repo = r;
	a->v = v;
	a->n = n;
	a->memory = memory;
	(void)pthread_mutex_init(&a->lock, NULL);
	(void)pthread_cond_init(&a->changed, NULL);
	if (n > 1 && !(repo_store(r)->ops->caps & STORE_CAP_NEAR))
		a->nslots = repo_threads(r) < n ? repo_threads(r) : (unsigned)n;
	a->slots = calloc(a->nslots + 1, sizeof(*a->slots));
	a->threads = calloc(a->nslots + 1, sizeof(*a->threads));
	if (a->slots == NULL || a->threads == NULL)
		return err_nomem(err);
	if ((rc = start_threads(a, err)) < 0)
		return rc;
	*ret = TAKE(a);
	return 0;
}

void
repo_ahead_free(struct repo_ahead *a)
{
	unsigned i;

	if (a == NULL)
		return;
	(void)pthread_mutex_lock(&a->lock);
	a->stop = true;
	(void)pthread_cond_broadcast(&a->changed);
	(void)pthread_mutex_unlock(&a->lock);
	for (i = 0; i < a->nthreads; i++)
		(void)pthread_join(a->threads[i], NULL);
	for (i = 0; a->slots != NULL && i < a->nslots; i++)
		repo_brought_free(a->slots[i].brought);
	free(a->slots);
	free(a->threads);
	(void)pthread_cond_destroy(&a->changed);
	(void)pthread_mutex_destroy(&a->lock);
	free(a);
}

int
repo_ahead_take(
    struct repo_ahead *a, struct repo_brought **ret, struct err *err)
{
	struct slot got;

	if (a->given == a->n)
		return err_set(err, HF_EBUG, "no more backups are wanted");
	if (a->nslots == 0)
		return repo_bring(a->repo, a->v[a->given++], ret, err);
	(void)pthread_mutex_lock(&a->lock);
	while (!a->slots[a->given % a->nslots].ready)
		(void)pthread_cond_wait(&a->changed, &a->lock);
	got = a->slots[a->given % a->nslots];
	a->slots[a->given % a->nslots] = (struct slot){ 0 };
	a->used -= got.bytes;
	a->given++;
	(void)pthread_cond_broadcast(&a->changed);
	(void)pthread_mutex_unlock(&a->lock);
	if (got.brought == NULL) {
		*err = got.err;
		return err->code;
	}
	*ret = got.brought;
	return 0;
}
