#ifndef TEST_UNIT_REPO_STAND_H_
#define TEST_UNIT_REPO_STAND_H_

#include <pthread.h>

#include "base/buf.h"
#include "base/entry.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "repo/repo_pack.h"
#include "repo/repo_reader.h"
#include "repo/repo_writer.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"

/*
 * The few calls of repo.h that the data path makes, without keys, manifests
 * and local state; and a store that fails when it is told to.  To be included
 * by one file of a test program: it takes the place of repo.c.
 */
struct repo {
	struct store *store;
	struct repo_head head;
	uint8_t key_id[REPO_ID_LEN];
	struct secret *key; /* The data key, once there is one. */
};

struct store *
repo_store(const struct repo *r)
{
	return r->store;
}

const struct repo_head *
repo_head(const struct repo *r)
{
	return &r->head;
}

char *
repo_object(const struct repo *r, const char *name, char *out)
{
	(void)r;
	(void)snprintf(out, REPO_NAME_MAX + 64, "hf1/main/%s", name);
	return out;
}

int
repo_data_key_new(struct repo *r, uint8_t id[REPO_ID_LEN], struct secret **ret,
    struct err *err)
{
	struct secret *copy;
	int rc;

	secret_free(TAKE(r->key));
	if ((rc = secret_random(32, &copy, err)) < 0)
		return rc;
	rc = secret_copy(secret_p(copy), 32, &r->key, err);
	if (rc < 0) {
		secret_free(copy);
		return rc;
	}
	memset(r->key_id, 9, REPO_ID_LEN);
	memcpy(id, r->key_id, REPO_ID_LEN);
	*ret = copy;
	return 0;
}

int
repo_data_key(struct repo *r, const uint8_t id[REPO_ID_LEN],
    const struct secret **ret, struct err *err)
{
	if (r->key == NULL || memcmp(id, r->key_id, REPO_ID_LEN) != 0)
		return err_set(err, HF_EKEY, "no such data key");
	*ret = r->key;
	return 0;
}

/* A store in memory behind a gate. */
struct gate {
	struct store base;
	struct store *inner;
	pthread_mutex_t lock;
	unsigned puts, gets;
	unsigned fail_put; /* The number of the put that fails; 0: none. */
};

static bool
gate_passes(struct gate *g, unsigned *count, unsigned fails)
{
	bool passes;

	pthread_mutex_lock(&g->lock);
	passes = ++*count != fails;
	pthread_mutex_unlock(&g->lock);
	return passes;
}

static int
gate_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct gate *g = (struct gate *)s;

	if (!gate_passes(g, &g->puts, g->fail_put)) {
		err_set(err, HF_ENOSPC, "'%s': the store is full", name);
		return err_hint(err, "make room");
	}
	return store_put(g->inner, name, blob, err);
}

static int
gate_get(struct store *s, const char *name, uint64_t off, size_t len,
    size_t max, struct buf *out, struct err *err)
{
	struct gate *g = (struct gate *)s;

	(void)gate_passes(g, &g->gets, 0);
	return g->inner->ops->get(g->inner, name, off, len, max, out, err);
}

static int
gate_now(struct store *s, int64_t *ms, struct err *err)
{
	return store_now(((struct gate *)s)->inner, ms, err);
}

static const struct store_ops gate_ops = {
	.name = "gate",
	.put = gate_put,
	.get = gate_get,
	.now = gate_now,
};

/* A repository, one backup in it, and what its stream should be. */
struct stand {
	struct repo repo;
	struct gate gate;
	struct repo_manifest m;
	struct repo_private priv;
	struct buf stream;
	uint64_t told; /* By opts.stored. */
};

static inline void
stand_init(struct stand *s)
{
	struct err err = ERR_INIT;

	memset(s, 0, sizeof(*s));
	CHECK_OK(store_mem_new(&s->gate.inner, &err), &err);
	pthread_mutex_init(&s->gate.lock, NULL);
	s->gate.base.ops = &gate_ops;
	s->gate.base.power = STORE_READ | STORE_WRITE;
	s->repo.store = &s->gate.base;
	memset(s->repo.head.vault_id, 3, REPO_ID_LEN);
	memset(s->repo.head.repo_id, 4, REPO_ID_LEN);
}

static inline void
stand_clear(struct stand *s)
{
	repo_manifest_clear(&s->m);
	repo_private_clear(&s->priv);
	secret_free(s->repo.key);
	store_free(s->gate.inner);
	buf_free(&s->stream);
}

static inline void
stand_stored(void *arg, uint64_t bytes)
{
	struct stand *s = arg;

	__atomic_add_fetch(&s->told, bytes, __ATOMIC_RELAXED);
}

/* Bytes that compress about 3:1, or not at all. */
static inline void
stand_fill(uint8_t *p, size_t n, uint64_t seed, bool compressible)
{
	uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
	size_t i;

	for (i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = compressible ? "0123"[x & 3] : (uint8_t)(x >> 24);
	}
}

/* Write a file of ${n} bytes, in pieces of at most ${piece}. */
static inline int
stand_file(struct stand *s, struct repo_writer *w, const char *path, size_t n,
    size_t piece, bool compressible, struct err *err)
{
	CLEANUP(freep_mem) char *name = strdup(path);
	struct entry e = { .path = name, .type = ENTRY_FILE, .size = n };
	uint8_t *p;
	size_t left = n, m;
	int rc;

	if ((rc = repo_writer_begin(w, n, true, err)) < 0)
		return rc;
	for (; left > 0; left -= m) {
		if ((rc = repo_writer_space(w, &p, &m, err)) < 0)
			return rc;
		if (m > left)
			m = left;
		if (m > piece)
			m = piece;
		stand_fill(p, m, s->stream.len + left, compressible);
		CHECK_OK(buf_add(&s->stream, p, m, err), err);
		if ((rc = repo_writer_wrote(w, m, err)) < 0)
			return rc;
	}
	return repo_writer_add(w, &e, err);
}

static inline struct repo_writer *
stand_writer(struct stand *s, size_t memory, unsigned workers)
{
	struct repo_writer_opts opts = {
		.memory = memory,
		.workers = workers,
		.stored = stand_stored,
		.arg = s,
	};
	struct repo_writer *w = NULL;
	struct err err = ERR_INIT;

	CHECK_OK(repo_writer_new(&s->repo, &opts, &w, &err), &err);
	return w;
}

static inline void
stand_finish(struct stand *s, struct repo_writer *w)
{
	struct err err = ERR_INIT;

	CHECK_OK(repo_writer_finish(w, &s->m, &s->priv, &err), &err);
}

static inline struct repo_reader *
stand_reader(struct stand *s, size_t memory, unsigned workers)
{
	struct repo_reader_opts opts = { memory, workers };
	struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;

	CHECK_OK(repo_reader_new(&s->repo, &s->m, &opts, &rd, &err), &err);
	return rd;
}

/*
 * Read all that is wanted and compare it; ${*lost} counts the bytes that
 * could not be had and ${err} is the last reason.
 */
static inline uint64_t
stand_read(
    struct stand *s, struct repo_reader *rd, uint64_t *lost, struct err *err)
{
	uint64_t pos, got = 0;
	const uint8_t *p;
	size_t n;
	int rc;

	for (;;) {
		rc = repo_reader_read(rd, &pos, &p, &n, err);
		if (n == 0) {
			CHECK_OK(rc, err);
			return got;
		}
		CHECK(pos + n <= s->stream.len);
		if (rc == 0)
			CHECK(memcmp(p, s->stream.p + pos, n) == 0);
		else
			*lost += n;
		got += n;
	}
}

/* The name of pack ${i} in the store. */
static inline const char *
stand_pack(const struct stand *s, size_t i)
{
	static char object[REPO_NAME_MAX + 64];
	char name[REPO_NAME_MAX];

	repo_name_pack(name, s->m.packs[i].hour, s->m.packs[i].oid);
	return repo_object(&s->repo, name, object);
}

/* Put ${b} in the place of the object ${name}. */
static inline void
stand_replace(struct stand *s, const char *name, const struct buf *b)
{
	const struct store_blob blob = { .p = b->p, .len = b->len };
	struct store *in = s->gate.inner;
	struct err err = ERR_INIT;

	CHECK_OK(in->ops->del(in, name, &err), &err);
	CHECK_OK(store_put(in, name, &blob, &err), &err);
}

#endif /* !TEST_UNIT_REPO_STAND_H_ */
