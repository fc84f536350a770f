#include "crypto/hash.h"
#include "repo/repo.h"
#include "repo/repo_pipe_thread.h"
#include "repo/repo_taken.h"
#include "store/store.h"

#define MS_PER_HOUR 3600000

/*
 * May worker ${i} take a frame?  Only if there are more than the idle workers
 * before it will take; those with a pack under construction come first, and
 * who would have to start one leaves a frame to them.  A small backup then
 * fills one pack, not one for each worker; when frames come faster than those
 * with a pack work them off, all get busy.
 */
static bool
may_take(const struct repo_pipe *p, unsigned i)
{
	uint64_t me = UINT64_C(1) << i, before = me - 1;

	if (p->packing & me)
		before &= p->packing;
	else
		before |= p->packing;
	before = (uint64_t)__builtin_popcountll(before & p->idle);
	if (p->packing != 0 && !(p->packing & me))
		before++;
	return p->ntodo > before;
}

/* Wait for a frame; NULL if there will be none. */
static struct repo_pipe_frame *
next_frame(struct pipe_worker *w)
{
	struct repo_pipe *p = w->pipe;
	struct repo_pipe_frame *f = NULL;

	pthread_mutex_lock(&p->lock);
	p->idle |= UINT64_C(1) << w->number;
	while (p->failure.code == 0 && !may_take(p, w->number) &&
	       !(p->no_more_frames && p->ntodo == 0))
		pthread_cond_wait(&p->frame_ready, &p->lock);
	p->idle &= ~(UINT64_C(1) << w->number);
	if (p->failure.code == 0 && (f = p->todo) != NULL) {
		p->packing |= UINT64_C(1) << w->number;
		p->ntodo--;
		if ((p->todo = f->next) == NULL)
			p->todo_end = &p->todo;
	}
	/* One idle worker fewer: the next may have become the one to take. */
	if (p->ntodo > 0)
		pthread_cond_broadcast(&p->frame_ready);
	pthread_mutex_unlock(&p->lock);
	return f;
}

/* Start a pack in a free buffer; waits for the uploaders to free one. */
static int
start_pack(struct pipe_worker *w, struct err *err)
{
	struct repo_pipe *p = w->pipe;
	struct pipe_pack *k;
	int64_t now;
	int rc;

	pthread_mutex_lock(&p->lock);
	while (p->failure.code == 0 && p->free_packs == NULL)
		pthread_cond_wait(&p->pack_freed, &p->lock);
	if ((rc = p->failure.code) < 0) {
		*err = p->failure;
	} else {
		k = p->free_packs;
		p->free_packs = k->next;
	}
	pthread_mutex_unlock(&p->lock);
	if (rc < 0)
		return rc;
	w->pack = k;
	if ((rc = store_now(repo_store(p->opts.repo), &now, err)) < 0)
		return err_wrap(err, "ask the store for the time");
	k->row.hour = (uint32_t)(now / MS_PER_HOUR);
	return repo_pack_start(w->builder, k->p, p->opts.plan.pack_size, err);
}

/* Give the pack under construction to the uploaders. */
static int
finish_pack(struct pipe_worker *w, struct err *err)
{
	struct repo_pipe *p = w->pipe;
	struct pipe_pack *k = w->pack;
	int rc;

	if ((rc = repo_pack_finish(w->builder, &k->row, err)) < 0)
		return rc;
	w->pack = NULL;
	w->numbered = false;
	k->next = NULL;
	pthread_mutex_lock(&p->lock);
	p->rows[w->index] = k->row;
	*p->finished_end = k;
	p->finished_end = &k->next;
	pthread_cond_signal(&p->pack_finished);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

/* Note where a frame went, and free its buffer. */
static int
done_frame(struct pipe_worker *w, struct repo_pipe_frame *f,
    struct repo_ref *ref, struct err *err)
{
	struct repo_pipe *p = w->pipe;
	int rc = 0;

	pthread_mutex_lock(&p->lock);
	if (w->numbered || (rc = repo_pipe_number(p, &w->index, err)) == 0) {
		w->numbered = true;
		ref->pack = w->index;
		p->refs[f->kind].v[f->index] = *ref;
		f->submitted = false;
		f->next = p->free_frames;
		p->free_frames = f;
		pthread_cond_signal(&p->frame_freed);
		if (--p->unsealed == 0)
			pthread_cond_signal(&p->all_sealed);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int
repo_pipe_hash(struct repo_pipe_frame *f, struct sha256 *sha, struct err *err)
{
	const struct repo_pipe_file *file;
	int rc;

	for (; f->nfiles > 0; f->nfiles--) {
		file = &f->files[f->nfiles - 1];
		if ((rc = sha256_reset(sha, err)) < 0 ||
		    (rc = sha256_update(
			 sha, f->p + file->off, file->len, err)) < 0 ||
		    (rc = sha256_final(sha, file->sha256, err)) < 0)
			return rc;
	}
	return 0;
}

static int
seal_frame(struct pipe_worker *w, struct repo_pipe_frame *f, struct err *err)
{
	struct repo_ref ref = { 0 };
	int rc;

	if ((rc = repo_pipe_hash(f, w->sha, err)) < 0 ||
	    (w->pack == NULL && (rc = start_pack(w, err)) < 0))
		return rc;
	rc = repo_pack_add(w->builder, f->kind, f->p, f->len, &ref, err);
	if (rc == 1) {
		/* Full.  An empty pack has room for any frame. */
		if ((rc = finish_pack(w, err)) < 0 ||
		    (rc = start_pack(w, err)) < 0)
			return rc;
		rc =
		    repo_pack_add(w->builder, f->kind, f->p, f->len, &ref, err);
	}
	return rc < 0 ? rc : done_frame(w, f, &ref, err);
}

void *
repo_pipe_worker(void *arg)
{
	struct pipe_worker *w = arg;
	struct repo_pipe_frame *f;
	struct err err = ERR_INIT;
	int rc = 0;

	while (rc == 0 && (f = next_frame(w)) != NULL)
		rc = seal_frame(w, f, &err);
	/* After a failure elsewhere nobody takes the pack: no harm in it. */
	if (rc == 0 && w->numbered)
		rc = finish_pack(w, &err);
	if (rc < 0)
		repo_pipe_fail(w->pipe, &err);
	return NULL;
}

/* Wait for a pack to put; NULL if there will be none. */
static struct pipe_pack *
next_pack(struct repo_pipe *p)
{
	struct pipe_pack *k = NULL;

	pthread_mutex_lock(&p->lock);
	while (p->failure.code == 0 && p->finished == NULL && !p->no_more_packs)
		pthread_cond_wait(&p->pack_finished, &p->lock);
	if (p->failure.code == 0 && (k = p->finished) != NULL &&
	    (p->finished = k->next) == NULL)
		p->finished_end = &p->finished;
	pthread_mutex_unlock(&p->lock);
	return k;
}

static int
put_pack(struct repo_pipe *p, const struct pipe_pack *k, struct err *err)
{
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	const struct store_blob blob = {
		.p = k->p,
		.len = k->row.len,
		.sha256 = k->row.sha256,
	};
	struct err e = ERR_INIT;
	int rc;

	repo_name_pack(name, k->row.hour, k->row.oid);
	repo_object(p->opts.repo, name, object);
	rc = store_put(repo_store(p->opts.repo), object, &blob, &e);
	if (rc == -HF_EEXISTS &&
	    repo_taken_by_us(repo_store(p->opts.repo), object))
		rc = 0;
	if (rc < 0) {
		*err = e;
		return err_wrap(err, "store the pack '%s'", name);
	}
	if (p->opts.stored != NULL)
		p->opts.stored(p->opts.arg, blob.len);
	return 0;
}

void *
repo_pipe_uploader(void *arg)
{
	struct repo_pipe *p = arg;
	struct err err = ERR_INIT;
	struct pipe_pack *k;

	while ((k = next_pack(p)) != NULL) {
		if (put_pack(p, k, &err) < 0) {
			repo_pipe_fail(p, &err);
			break;
		}
		pthread_mutex_lock(&p->lock);
		p->bytes += k->row.len;
		k->next = p->free_packs;
		p->free_packs = k;
		pthread_cond_signal(&p->pack_freed);
		pthread_mutex_unlock(&p->lock);
	}
	return NULL;
}
