#include <inttypes.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/err.h"
#include "repo/repo.h"
#include "repo/repo_packs.h"
#include "store/store.h"

#define SMALL_MAX (1u << 20) /* Bytes, of all packs. */

struct open_pack {
	struct repo_opener_pack *opener; /* Header checked; or NULL. */
	unsigned users;
	bool missing;
	struct buf whole; /* Of a small backup: the pack; or empty. */
};

struct repo_packs {
	struct repo *repo;
	const struct repo_manifest *m;
	const struct secret **keys; /* The repository's. */
	bool small;
	pthread_mutex_t small_lock; /* Of the whole packs. */
	pthread_mutex_t lock;       /* Of the rest of: */
	struct open_pack *v;        /* One for each pack. */
};

void
repo_packs_free(struct repo_packs *ps)
{
	size_t i;

	if (ps == NULL)
		return;
	for (i = 0; ps->v != NULL && i < ps->m->npacks; i++) {
		repo_opener_pack_free(ps->v[i].opener);
		buf_free(&ps->v[i].whole);
	}
	pthread_mutex_destroy(&ps->small_lock);
	pthread_mutex_destroy(&ps->lock);
	free(ps->v);
	free(ps->keys);
	free(ps);
}

uint64_t
repo_packs_len(const struct repo_packs *ps)
{
	uint64_t len = 0; /* Of at most 2^32 packs of less than 4 GiB. */
	size_t i;

	for (i = 0; i < ps->m->npacks; i++)
		len += ps->m->packs[i].len;
	return len;
}

int
repo_packs_new(struct repo *r, const struct repo_manifest *m,
    struct repo_packs **ret, struct err *err)
{
	CLEANUP(freep_repo_packs) struct repo_packs *ps = NULL;
	size_t i;
	int rc;

	if ((ps = calloc(1, sizeof(*ps))) == NULL)
		return err_nomem(err);
	ps->repo = r;
	ps->m = m;
	ps->small = repo_packs_len(ps) <= SMALL_MAX;
	pthread_mutex_init(&ps->small_lock, NULL);
	pthread_mutex_init(&ps->lock, NULL);
	if ((ps->v = calloc(m->npacks + 1, sizeof(*ps->v))) == NULL ||
	    (ps->keys = calloc(m->nkeys + 1, sizeof(struct secret *))) == NULL)
		return err_nomem(err);
	for (i = 0; i < m->nkeys; i++)
		if ((rc = repo_data_key(r, m->keys[i], &ps->keys[i], err)) < 0)
			return rc;
	for (i = 0; i < m->npacks; i++)
		if (m->packs[i].key >= m->nkeys)
			return err_set(err, HF_ECORRUPT,
			    "the manifest names a key that it does not have");
	*ret = TAKE(ps);
	return 0;
}

bool
repo_packs_small(const struct repo_packs *ps)
{
	return ps->small;
}

bool
repo_packs_near(const struct repo_packs *ps)
{
	return (repo_store(ps->repo)->ops->caps & STORE_CAP_NEAR) != 0;
}

static void
object_name(const struct repo_packs *ps, uint32_t i, char *name)
{
	const struct repo_pack_row *row = &ps->m->packs[i];

	repo_name_pack(name, row->hour, row->oid);
}

int
repo_packs_wrap(const struct repo_packs *ps, uint32_t i, struct err *err)
{
	char name[REPO_NAME_MAX];

	object_name(ps, i, name);
	return err_wrap(err, "pack '%s'", name);
}

int
repo_packs_ref_check(
    const struct repo_packs *ps, const struct repo_ref *ref, struct err *err)
{
	if (ref->pack >= ps->m->npacks)
		return err_set(err, HF_ECORRUPT,
		    "a frame is said to lie in pack %" PRIu32
		    ", and the manifest lists %zu",
		    ref->pack, ps->m->npacks);
	if (!repo_pack_ref_ok(ref, ps->m->packs[ref->pack].len)) {
		err_set(err, HF_ECORRUPT,
		    "frame %" PRIu32 ": its place or length is impossible",
		    ref->frame);
		return repo_packs_wrap(ps, ref->pack, err);
	}
	return 0;
}

static int
set_missing(struct repo_packs *ps, uint32_t i, struct err *err)
{
	pthread_mutex_lock(&ps->lock);
	ps->v[i].missing = true;
	pthread_mutex_unlock(&ps->lock);
	err_set(err, HF_ECORRUPT, "it is missing from the store");
	return repo_packs_wrap(ps, i, err);
}

bool
repo_packs_missing(struct repo_packs *ps, uint32_t i)
{
	bool missing;

	pthread_mutex_lock(&ps->lock);
	missing = ps->v[i].missing;
	pthread_mutex_unlock(&ps->lock);
	return missing;
}

static int
get_range(struct repo_packs *ps, uint32_t i, uint64_t off, size_t len,
    struct buf *out, struct err *err)
{
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	int rc;

	if (repo_packs_missing(ps, i))
		return set_missing(ps, i, err);
	object_name(ps, i, name);
	repo_object(ps->repo, name, object);
	rc = store_get_range(repo_store(ps->repo), object, off, len, out, err);
	if (rc == -HF_ENOTFOUND)
		return set_missing(ps, i, err);
	return rc < 0 ? repo_packs_wrap(ps, i, err) : 0;
}

static int
fetch_whole(struct repo_packs *ps, uint32_t i, struct err *err)
{
	struct buf *whole = &ps->v[i].whole;
	int rc = 0;

	pthread_mutex_lock(&ps->small_lock);
	if (whole->len == 0 &&
	    (rc = get_range(ps, i, 0, ps->m->packs[i].len, whole, err)) < 0)
		whole->len = 0;
	pthread_mutex_unlock(&ps->small_lock);
	return rc;
}

void
repo_packs_prefetch(struct repo_packs *ps)
{
	struct err ignored = ERR_INIT;
	uint32_t i;

	for (i = 0; ps->small && i < ps->m->npacks; i++)
		(void)fetch_whole(ps, i, &ignored);
}

int
repo_packs_get(struct repo_packs *ps, uint32_t i, uint64_t off, size_t len,
    struct buf *out, struct err *err)
{
	const uint64_t all = ps->m->packs[i].len;
	struct err e = ERR_INIT;
	int rc;

	if (!ps->small || off > all || len > all - off)
		return get_range(ps, i, off, len, out, err);
	if ((rc = fetch_whole(ps, i, &e)) == 0)
		return buf_add(out, ps->v[i].whole.p + off, len, err);
	/*
	 * The pack is cut off, most likely: what comes before the cut can be
	 * had.
	 */
	if (rc == -HF_ECORRUPT && !repo_packs_missing(ps, i))
		return get_range(ps, i, off, len, out, err);
	*err = e;
	return rc;
}

/* Make an opener and check the header, wherever that comes from. */
static int
make_opener(struct repo_packs *ps, uint32_t i, const uint8_t *header,
    struct repo_opener_pack **ret, struct err *err)
{
	CLEANUP(freep_repo_opener_pack) struct repo_opener_pack *o = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	const struct repo_pack_row *row = &ps->m->packs[i];
	int rc;

	if (header == NULL) {
		rc = repo_packs_get(ps, i, 0, REPO_PACK_HEADER_LEN, &b, err);
		if (rc < 0)
			return rc;
		header = b.p;
	}
	if ((rc = repo_pack_opener_new(ps->keys[row->key], ps->m->vault_id,
		 ps->m->keys[row->key], row->oid, &o, err)) < 0 ||
	    (rc = repo_pack_header_check(
		 o, header, REPO_PACK_HEADER_LEN, err)) < 0)
		return repo_packs_wrap(ps, i, err);
	*ret = TAKE(o);
	return 0;
}

/* With the lock. */
static const struct repo_opener_pack *
use(struct open_pack *v)
{
	if (v->opener != NULL)
		v->users++;
	return v->opener;
}

int
repo_packs_open(struct repo_packs *ps, uint32_t i, const uint8_t *header,
    const struct repo_opener_pack **ret, struct err *err)
{
	CLEANUP(freep_repo_opener_pack) struct repo_opener_pack *o = NULL;
	const struct repo_opener_pack *open;
	int rc;

	pthread_mutex_lock(&ps->lock);
	open = use(&ps->v[i]);
	pthread_mutex_unlock(&ps->lock);
	if (open == NULL) {
		/* This is done without the lock, because the store may be slow.
		 * If another thread was faster, its opener is used. */
		if ((rc = make_opener(ps, i, header, &o, err)) < 0)
			return rc;
		pthread_mutex_lock(&ps->lock);
		if (ps->v[i].opener == NULL)
			ps->v[i].opener = TAKE(o);
		open = use(&ps->v[i]);
		pthread_mutex_unlock(&ps->lock);
	}
	*ret = open;
	return 0;
}

void
repo_packs_close(struct repo_packs *ps, uint32_t i)
{
	struct open_pack *v = &ps->v[i];

	/* Locked memory is scarce: no key is kept for later. */
	pthread_mutex_lock(&ps->lock);
	if (--v->users == 0)
		repo_opener_pack_free(TAKE(v->opener));
	pthread_mutex_unlock(&ps->lock);
}

int
repo_packs_frame(struct repo_packs *ps, struct repo_unpacker *u,
    enum repo_frame_kind kind, const struct repo_ref *ref, struct buf *sealed,
    uint8_t *out, struct err *err)
{
	const struct repo_opener_pack *o;
	int rc;

	if ((rc = repo_packs_ref_check(ps, ref, err)) < 0 ||
	    (rc = repo_packs_open(ps, ref->pack, NULL, &o, err)) < 0)
		return rc;
	sealed->len = 0;
	rc = repo_packs_get(ps, ref->pack, ref->off, ref->len, sealed, err);
	if (rc == 0 &&
	    (rc = repo_pack_frame(o, u, kind, ref, sealed->p, out, err)) < 0)
		(void)repo_packs_wrap(ps, ref->pack, err);
	repo_packs_close(ps, ref->pack);
	return rc;
}

/* Fetch the table of pack ${i}, still sealed, and its place. */
static int
fetch_table(struct repo_packs *ps, uint32_t i, struct buf *sealed,
    struct repo_ref *table, struct err *err)
{
	const uint32_t len = ps->m->packs[i].len;
	int rc;

	if (len < REPO_PACK_HEADER_LEN + REPO_PACK_TRAILER_LEN)
		return err_set(err, HF_ECORRUPT,
		    "%" PRIu32 " bytes are too few for a pack", len);
	sealed->len = 0;
	if ((rc = repo_packs_get(ps, i, len - REPO_PACK_TRAILER_LEN,
		 REPO_PACK_TRAILER_LEN, sealed, err)) < 0 ||
	    (rc = repo_pack_trailer(sealed->p, len, table, err)) < 0)
		return rc;
	sealed->len = 0;
	return repo_packs_get(ps, i, table->off, table->len, sealed, err);
}

int
repo_packs_table(struct repo_packs *ps, struct repo_unpacker *u, uint32_t i,
    struct buf *sealed, struct repo_ref **refs, uint8_t **kinds, size_t *n,
    struct err *err)
{
	const struct repo_opener_pack *o;
	struct repo_ref table = { .pack = i };
	int rc;

	if ((rc = repo_packs_open(ps, i, NULL, &o, err)) < 0)
		return rc;
	if ((rc = fetch_table(ps, i, sealed, &table, err)) == 0)
		rc = repo_pack_table(
		    o, u, &table, sealed->p, refs, kinds, n, err);
	repo_packs_close(ps, i);
	return rc;
}

bool
repo_packs_is_loss(int rc)
{
	return rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND || rc == -HF_EKEY;
}
