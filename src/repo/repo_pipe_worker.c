#include "base/thread.h"
#include "crypto/hash.h"
#include "repo/repo.h"
#include "repo/repo_pipe_thread.h"
#include "repo/repo_taken.h"
#include "store/store.h"

#define MS_PER_HOUR 3600000

/*
 * May worker ${i} take a frame?  Only if there are more frames than the idle
 * workers before it will take.  Workers that have a pack under construction
 * come before those that would have to start one, and leave the last frame to
 * them.  So a small backup fills one pack, not one for each worker; and when
 * frames come faster than the workers with a pack can seal them, the others
 * join in.
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

/* Has worker ${i} a pack under construction in which the copy ${f} may lie? */
static bool
has_place(
    const struct repo_pipe *p, unsigned i, const struct repo_pipe_frame *f)
{
	const struct pipe_worker *w = &p->workers[i];

	return (p->packing & UINT64_C(1) << i) != 0 &&
	       !(w->numbered && w->index == f->apart);
}

/* So many copies may wait for a place: those of the entries and the frame list
 * of a small backup.  They are dropped if the backup ends as one pack. */
#define COPIES_WAIT 2

/*
 * May worker ${i} take the copy ${f}?  If its pack may hold the copy, it takes
 * it at once.  If no worker's may, copies wait until a pack is full, too many
 * wait, or all frames are sealed; then any worker may start a pack for them.
 */
static bool
may_take_copy(
    const struct repo_pipe *p, unsigned i, const struct repo_pipe_frame *f)
{
	unsigned j;

	if (has_place(p, i, f))
		return true;
	if (p->ncopies <= COPIES_WAIT &&
	    !(p->no_more_frames && p->unsealed == 0))
		return false;
	for (j = 0; j < p->opts.plan.workers; j++)
		if (has_place(p, j, f))
			return false;
	return true;
}

/* Take the first waiting copy that worker ${i} may take, or NULL. */
static struct repo_pipe_frame *
take_copy(struct repo_pipe *p, unsigned i)
{
	struct repo_pipe_frame **at, *f;

	for (at = &p->copies; (f = *at) != NULL; at = &f->next) {
		if (!may_take_copy(p, i, f))
			continue;
		*at = f->next;
		p->ncopies--;
		return f;
	}
	return NULL;
}

/* Take the frame that has waited longest, or NULL if worker ${i} may not. */
static struct repo_pipe_frame *
take_todo(struct repo_pipe *p, unsigned i)
{
	struct repo_pipe_frame *f = p->todo;

	if (!may_take(p, i))
		return NULL;
	p->ntodo--;
	if ((p->todo = f->next) == NULL)
		p->todo_end = &p->todo;
	return f;
}

/* Wait for a frame; NULL if there will be none. */
static struct repo_pipe_frame *
next_frame(struct pipe_worker *w)
{
	struct repo_pipe *p = w->pipe;
	struct repo_pipe_frame *f = NULL;

	pthread_mutex_lock(&p->lock);
	p->idle |= UINT64_C(1) << w->number;
	while (p->failure.code == 0 && (f = take_copy(p, w->number)) == NULL &&
	       (f = take_todo(p, w->number)) == NULL &&
	       !(p->no_more_frames && p->unsealed == 0 && p->ncopies == 0))
		pthread_cond_wait(&p->frame_ready, &p->lock);
	p->idle &= ~(UINT64_C(1) << w->number);
	if (f != NULL)
		p->packing |= UINT64_C(1) << w->number;
	/* There is one idle worker fewer: it may be another one's turn now. */
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
	k->next = NULL;
	pthread_mutex_lock(&p->lock);
	w->numbered = false;
	p->rows[w->index] = k->row;
	*p->finished_end = k;
	p->finished_end = &k->next;
	pthread_cond_signal(&p->pack_finished);
	pthread_mutex_unlock(&p->lock);
	return 0;
}

/*
 * With the lock: the frame lies at ${ref} now; have it sealed a second time, as
 * a copy.
 */
static void
copy_frame(struct pipe_worker *w, struct repo_pipe_frame *f,
    const struct repo_ref *ref)
{
	struct repo_pipe *p = w->pipe;

	repo_pack_copy_tail(w->builder, f->kind, ref->frame, f->p + f->len);
	f->len += REPO_COPY_TAIL_LEN;
	f->kind = REPO_FRAME_COPY;
	f->apart = ref->pack;
	f->next = p->copies;
	p->copies = f;
	p->ncopies++;
}

static void
free_frame(struct repo_pipe *p, struct repo_pipe_frame *f)
{
	f->next = p->free_frames;
	p->free_frames = f;
}

/* With the lock: a frame that was submitted lies at ${ref}. */
static void
note_frame(struct pipe_worker *w, struct repo_pipe_frame *f,
    const struct repo_ref *ref)
{
	struct repo_pipe *p = w->pipe;

	p->refs[f->kind].v[f->index] = *ref;
	f->submitted = false;
	if (--p->unsealed == 0)
		pthread_cond_signal(&p->all_sealed);
	if (f->kind == REPO_FRAME_DATA)
		free_frame(p, f);
	else
		copy_frame(w, f, ref);
}

/* Note where a frame went, and free its buffer or have it copied. */
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
		if (f->kind == REPO_FRAME_COPY)
			free_frame(p, f);
		else
			note_frame(w, f, ref);
		pthread_cond_signal(&p->frame_freed);
		/* A waiting copy may have a place now, or all may be done. */
		if (p->ncopies > 0 || p->no_more_frames)
			pthread_cond_broadcast(&p->frame_ready);
	}
	pthread_mutex_unlock(&p->lock);
	return rc;
}

int
repo_pipe_hash(struct repo_pipe_frame *f, struct sha256 *sha, struct err *err)
{
	const struct repo_pipe_file *file;
	size_t i;
	int rc;

	/* In the order of their bytes: the processor reads ahead. */
	for (i = 0; i < f->nfiles; i++) {
		file = &f->files[i];
		if ((rc = sha256_reset(sha, err)) < 0 ||
		    (rc = sha256_update(
			 sha, f->p + file->off, file->len, err)) < 0 ||
		    (rc = sha256_final(sha, file->sha256, err)) < 0)
			return rc;
	}
	f->nfiles = 0;
	return 0;
}

static int
seal_frame(struct pipe_worker *w, struct repo_pipe_frame *f, struct err *err)
{
	struct repo_ref ref = { 0 };
	int rc;

	if (f->kind == REPO_FRAME_COPY && w->numbered && w->index == f->apart &&
	    (rc = finish_pack(w, err)) < 0)
		return rc;
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

	/* All workers depend on the one thread that fills frames. */
	thread_stand_back();
	while (rc == 0 && (f = next_frame(w)) != NULL)
		rc = seal_frame(w, f, &err);
	/*
	 * If another thread has failed, nobody takes the pack; it does no harm.
	 */
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
