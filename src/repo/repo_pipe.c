#include <assert.h>
#include <string.h>

#include "base/thread.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "repo/repo_pipe_thread.h"

void
repo_pipe_fail(struct repo_pipe *p, const struct err *err)
{
	pthread_mutex_lock(&p->lock);
	if (p->failure.code == 0)
		p->failure = *err;
	pthread_cond_broadcast(&p->frame_freed);
	pthread_cond_broadcast(&p->frame_ready);
	pthread_cond_broadcast(&p->all_sealed);
	pthread_cond_broadcast(&p->pack_freed);
	pthread_cond_broadcast(&p->pack_finished);
	pthread_mutex_unlock(&p->lock);
}

/* With the lock: return the first failure, if there was one. */
static int
failed(const struct repo_pipe *p, struct err *err)
{
	if (p->failure.code < 0)
		*err = p->failure;
	return p->failure.code;
}

static int
alloc_buffers(struct repo_pipe *p, struct err *err)
{
	const struct repo_writer_plan *plan = &p->opts.plan;
	unsigned i;

	p->frames = calloc(plan->frames, sizeof(*p->frames));
	p->packs = calloc(plan->packs, sizeof(*p->packs));
	p->workers = calloc(plan->workers, sizeof(*p->workers));
	p->uploaders = calloc(plan->uploaders, sizeof(*p->uploaders));
	if (p->frames == NULL || p->packs == NULL || p->workers == NULL ||
	    p->uploaders == NULL)
		return err_nomem(err);
	for (i = 0; i < plan->frames; i++) {
		if ((p->frames[i].p = malloc(REPO_FRAME_MAX)) == NULL)
			return err_nomem(err);
		p->frames[i].next = p->free_frames;
		p->free_frames = &p->frames[i];
	}
	for (i = 0; i < plan->packs; i++) {
		if ((p->packs[i].p = malloc(plan->pack_size)) == NULL)
			return err_nomem(err);
		p->packs[i].next = p->free_packs;
		p->free_packs = &p->packs[i];
	}
	return 0;
}

static int
start_threads(struct repo_pipe *p, struct err *err)
{
	const struct repo *repo = p->opts.repo;
	struct pipe_worker *w;
	int rc;

	for (; p->nworkers < p->opts.plan.workers; p->nworkers++) {
		w = &p->workers[p->nworkers];
		w->pipe = p;
		w->number = p->nworkers;
		if ((rc = repo_pack_new(repo_head(repo)->vault_id,
			 p->opts.key_id, p->opts.data_key, p->opts.level,
			 &w->builder, err)) < 0 ||
		    (rc = sha256_new(&w->sha, err)) < 0)
			return rc;
		if ((rc = thread_start(repo_pipe_worker, w, &w->thread, err)) <
		    0)
			return rc;
	}
	for (; p->nuploaders < p->opts.plan.uploaders; p->nuploaders++) {
		if ((rc = thread_start(repo_pipe_uploader, p,
			 &p->uploaders[p->nuploaders], err)) < 0)
			return rc;
	}
	return 0;
}

int
repo_pipe_new(
    const struct repo_pipe_opts *opts, struct repo_pipe **ret, struct err *err)
{
	CLEANUP(freep_repo_pipe) struct repo_pipe *p = NULL;
	int rc;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_nomem(err);
	p->opts = *opts;
	p->todo_end = &p->todo;
	p->finished_end = &p->finished;
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->frame_freed, NULL);
	pthread_cond_init(&p->frame_ready, NULL);
	pthread_cond_init(&p->all_sealed, NULL);
	pthread_cond_init(&p->pack_freed, NULL);
	pthread_cond_init(&p->pack_finished, NULL);
	if ((rc = alloc_buffers(p, err)) < 0 ||
	    (rc = start_threads(p, err)) < 0)
		return rc;
	*ret = TAKE(p);
	return 0;
}

static void
join_workers(struct repo_pipe *p)
{
	for (; p->nworkers > 0; p->nworkers--)
		pthread_join(p->workers[p->nworkers - 1].thread, NULL);
}

static void
join_uploaders(struct repo_pipe *p)
{
	for (; p->nuploaders > 0; p->nuploaders--)
		pthread_join(p->uploaders[p->nuploaders - 1], NULL);
}

static void
free_worker(struct pipe_worker *w)
{
	repo_pack_free(TAKE(w->builder));
	sha256_free(TAKE(w->sha));
}

static void
free_buffers(struct repo_pipe *p)
{
	const struct repo_writer_plan *plan = &p->opts.plan;
	unsigned i;

	for (i = 0; p->frames != NULL && i < plan->frames; i++) {
		if (p->frames[i].p != NULL) /* It held plaintext. */
			secret_wipe(p->frames[i].p, REPO_FRAME_MAX);
		free(p->frames[i].p);
	}
	for (i = 0; p->packs != NULL && i < plan->packs; i++)
		free(p->packs[i].p);
	for (i = 0; p->workers != NULL && i < plan->workers; i++)
		free_worker(&p->workers[i]);
	for (i = 0; i < PIPE_KINDS; i++)
		free(p->refs[i].v);
	free(p->rows);
	free(p->frames);
	free(p->packs);
	free(p->workers);
	free(p->uploaders);
}

void
repo_pipe_free(struct repo_pipe *p)
{
	struct err stop = ERR_INIT;

	if (p == NULL)
		return;
	err_set(&stop, HF_EINTR, "given up");
	repo_pipe_fail(p, &stop);
	join_workers(p);
	join_uploaders(p);
	free_buffers(p);
	pthread_cond_destroy(&p->frame_freed);
	pthread_cond_destroy(&p->frame_ready);
	pthread_cond_destroy(&p->all_sealed);
	pthread_cond_destroy(&p->pack_freed);
	pthread_cond_destroy(&p->pack_finished);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

int
repo_pipe_frame(
    struct repo_pipe *p, struct repo_pipe_frame **ret, struct err *err)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	while (p->failure.code == 0 && p->free_frames == NULL)
		pthread_cond_wait(&p->frame_freed, &p->lock);
	if ((rc = failed(p, err)) == 0) {
		*ret = p->free_frames;
		p->free_frames = (*ret)->next;
		(*ret)->len = (*ret)->nfiles = 0;
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* With the lock: make room for one more place. */
static int
reserve_ref(struct pipe_refs *r, size_t *index, struct err *err)
{
	size_t cap = r->cap + r->cap / 2 + 64;
	struct repo_ref *v;

	if (r->n == r->cap) {
		if ((v = reallocarray(r->v, cap, sizeof(*v))) == NULL)
			return err_nomem(err);
		r->v = v;
		r->cap = cap;
	}
	*index = r->n++;
	return 0;
}

int
repo_pipe_submit(struct repo_pipe *p, struct repo_pipe_frame *f,
    enum repo_frame_kind kind, struct err *err)
{
	int rc;

	assert(f->len > 0 && kind < PIPE_KINDS &&
	       f->len <= (kind == REPO_FRAME_DATA ? REPO_FRAME_MAX
						  : REPO_PIPE_COPIED_MAX));
	f->kind = kind;
	f->next = NULL;
	pthread_mutex_lock(&p->lock);
	if ((rc = failed(p, err)) == 0 &&
	    (rc = reserve_ref(&p->refs[kind], &f->index, err)) == 0) {
		*p->todo_end = f;
		p->todo_end = &f->next;
		f->submitted = true;
		p->ntodo++;
		p->unsealed++;
		pthread_cond_broadcast(&p->frame_ready);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

/* With the lock: are the first ${n} frames of ${kind} sealed? */
static bool
is_sealed(const struct repo_pipe *p, enum repo_frame_kind kind, size_t n)
{
	const struct repo_pipe_frame *f;
	unsigned i;

	for (i = 0; i < p->opts.plan.frames; i++) {
		f = &p->frames[i];
		if (f->submitted && f->kind == kind && f->index < n)
			return false;
	}
	return true;
}

bool
repo_pipe_sealed(struct repo_pipe *p, enum repo_frame_kind kind, size_t n)
{
	bool yes;

	pthread_mutex_lock(&p->lock);
	yes = is_sealed(p, kind, n);
	pthread_mutex_unlock(&p->lock);
	return yes;
}

int
repo_pipe_wait(
    struct repo_pipe *p, enum repo_frame_kind kind, size_t n, struct err *err)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	while (p->failure.code == 0 && !is_sealed(p, kind, n))
		pthread_cond_wait(&p->frame_freed, &p->lock);
	rc = failed(p, err);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int
repo_pipe_number(struct repo_pipe *p, uint32_t *index, struct err *err)
{
	size_t cap = p->rows_cap + p->rows_cap / 2 + 16;
	struct repo_pack_row *rows;

	if (p->nrows == p->rows_cap) {
		rows = reallocarray(p->rows, cap, sizeof(*rows));
		if (rows == NULL)
			return err_nomem(err);
		p->rows = rows;
		p->rows_cap = cap;
	}
	*index = (uint32_t)p->nrows++;
	return 0;
}

int
repo_pipe_known(struct repo_pipe *p, const struct repo_pack_row *row,
    uint32_t *index, struct err *err)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	if ((rc = repo_pipe_number(p, index, err)) == 0)
		p->rows[*index] = *row;
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int
repo_pipe_again(
    struct repo_pipe *p, const struct repo_ref *ref, struct err *err)
{
	struct pipe_refs *r = &p->refs[REPO_FRAME_DATA];
	size_t index;
	int rc;

	pthread_mutex_lock(&p->lock);
	if ((rc = failed(p, err)) == 0 &&
	    (rc = reserve_ref(r, &index, err)) == 0)
		r->v[index] = *ref;
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int
repo_pipe_drain(struct repo_pipe *p, struct err *err)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	while (p->failure.code == 0 && p->unsealed > 0)
		pthread_cond_wait(&p->all_sealed, &p->lock);
	rc = failed(p, err);
	pthread_mutex_unlock(&p->lock);
	return rc;
}

const struct repo_ref *
repo_pipe_refs(const struct repo_pipe *p, enum repo_frame_kind kind, size_t *n)
{
	*n = p->refs[kind].n;
	return p->refs[kind].v;
}

int
repo_pipe_close(struct repo_pipe *p, struct repo_pack_row **rows, size_t *n,
    uint64_t *bytes, struct err *err)
{
	int rc;

	pthread_mutex_lock(&p->lock);
	p->no_more_frames = true;
	/* If there is one pack alone, a copy in it would be lost with it. */
	if (p->nrows == 1 && p->unsealed == 0) {
		p->copies = NULL;
		p->ncopies = 0;
	}
	pthread_cond_broadcast(&p->frame_ready);
	pthread_mutex_unlock(&p->lock);
	join_workers(p);

	/* All packs are finished; the uploaders may end once these are
	 * stored. */
	pthread_mutex_lock(&p->lock);
	p->no_more_packs = true;
	pthread_cond_broadcast(&p->pack_finished);
	pthread_mutex_unlock(&p->lock);
	join_uploaders(p);

	if ((rc = failed(p, err)) < 0)
		return rc;
	*rows = TAKE(p->rows);
	*n = p->nrows;
	*bytes = p->bytes;
	p->nrows = p->rows_cap = 0;
	return 0;
}
