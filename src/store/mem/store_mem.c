#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
#include "store/mem/store_mem.h"
#include "store/store.h"

/*
 * The reference driver: the smallest code that keeps every promise in
 * store.h.  Unit tests use it in place of a cloud, and the contract tests
 * prove the real drivers against the same list of promises.
 */

struct object {
	char *name;
	uint8_t *p;
	size_t len;
	int64_t mtime_ms;
};

struct store_mem {
	struct store base;
	pthread_mutex_t lock;    /* Guards everything below. */
	struct object **objects; /* Ascending by name. */
	size_t n;
	int64_t time_ms; /* 0: the host's clock. */
};

static void
object_free(struct object *o)
{
	if (o == NULL)
		return;
	free(o->name);
	free(o->p);
	free(o);
}
CLEANUP_DEFINE(object);

static struct store_mem *
lock(struct store *s)
{
	struct store_mem *m = (struct store_mem *)s;

	(void)pthread_mutex_lock(&m->lock);
	return m;
}

static void
unlock(struct store_mem **m)
{
	(void)pthread_mutex_unlock(&(*m)->lock);
}

/* Return the index of the first object whose name is not below ${name}. */
static size_t
position(const struct store_mem *m, const char *name)
{
	size_t lo = 0, hi = m->n, mid;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		if (strcmp(m->objects[mid]->name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct object *
find(const struct store_mem *m, const char *name)
{
	size_t i = position(m, name);

	if (i == m->n || strcmp(m->objects[i]->name, name) != 0)
		return NULL;
	return m->objects[i];
}

static int
no_object(const char *name, struct err *err)
{
	return err_set(err, HF_ENOTFOUND, "no object '%s'", name);
}

static int64_t
clock_ms(const struct store_mem *m)
{
	return m->time_ms != 0 ? m->time_ms : time_now_ms();
}

static int
object_new(const char *name, const struct store_blob *blob, struct object **ret,
    struct err *err)
{
	CLEANUP(freep_object) struct object *o = NULL;
	int rc;

	if ((o = calloc(1, sizeof(*o))) == NULL ||
	    (o->p = malloc(blob->len + 1)) == NULL)
		return err_nomem(err);
	if ((rc = str_dup(name, &o->name, err)) < 0)
		return rc;
	if (blob->len > 0)
		memcpy(o->p, blob->p, blob->len);
	o->len = blob->len;
	*ret = TAKE(o);
	return 0;
}

/* Store an object; with ${replace}, in place of one that is there. */
static int
insert(struct store *s, const char *name, const struct store_blob *blob,
    bool replace, struct err *err)
{
	CLEANUP(freep_object) struct object *o = NULL;
	CLEANUP(unlock) struct store_mem *m = lock(s);
	size_t at = position(m, name);
	struct object **grown;
	int rc;

	if (!replace && find(m, name) != NULL)
		return err_set(err, HF_EEXISTS, "'%s' exists", name);
	if ((rc = object_new(name, blob, &o, err)) < 0)
		return rc;
	o->mtime_ms = clock_ms(m);
	if (find(m, name) != NULL) {
		object_free(m->objects[at]);
		m->objects[at] = TAKE(o);
		return 0;
	}
	grown = reallocarray(m->objects, m->n + 1, sizeof(struct object *));
	if (grown == NULL)
		return err_nomem(err);
	m->objects = grown;

	/* Nothing can fail from here on: publish the object. */
	memmove(
	    grown + at + 1, grown + at, (m->n - at) * sizeof(struct object *));
	grown[at] = TAKE(o);
	m->n++;
	return 0;
}

static int
mem_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	return insert(s, name, blob, false, err);
}

static int
mem_replace(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	return insert(s, name, blob, true, err);
}

static int
mem_get(struct store *s, const char *name, uint64_t off, size_t len, size_t max,
    struct buf *out, struct err *err)
{
	CLEANUP(unlock) struct store_mem *m = lock(s);
	const struct object *o = find(m, name);

	if (o == NULL)
		return no_object(name, err);
	if (off > o->len || len > o->len - off)
		return err_set(err, HF_ECORRUPT, "'%s' ends after %zu bytes",
		    name, o->len);
	if (len == 0)
		len = o->len - (size_t)off;
	if (len > max)
		return err_set(err, HF_ECORRUPT, "'%s' has more than %zu bytes",
		    name, max);
	return buf_add(out, o->p + off, len, err);
}

static int
mem_head(
    struct store *s, const char *name, struct store_info *info, struct err *err)
{
	CLEANUP(unlock) struct store_mem *m = lock(s);
	const struct object *o = find(m, name);

	if (o == NULL)
		return no_object(name, err);
	*info = (struct store_info){ .len = o->len, .mtime_ms = o->mtime_ms };
	return 0;
}

/* Parts gathered in memory, put as one object. */
struct upload {
	struct store_upload base;
	struct buf bytes;
};

static int
mem_part(struct store_upload *base, const uint8_t *p, size_t n, struct err *err)
{
	return buf_add(&((struct upload *)base)->bytes, p, n, err);
}

static int
mem_finish(struct store_upload *base, struct err *err)
{
	const struct upload *u = (struct upload *)base;
	const struct store_blob blob = { .p = u->bytes.p, .len = u->bytes.len };

	return mem_put(base->store, base->name, &blob, err);
}

static void
mem_upload_close(struct store_upload *base)
{
	buf_free(&((struct upload *)base)->bytes);
}

static const struct store_upload_ops mem_upload_ops = {
	.part = mem_part,
	.finish = mem_finish,
	.close = mem_upload_close,
};

static int
mem_upload(struct store *s, const char *name, struct store_upload **ret,
    struct err *err)
{
	CLEANUP(freep_store_upload) struct store_upload *base = NULL;
	struct err free_yet = ERR_INIT;
	struct store_info info;
	struct upload *u;
	int rc;

	if (mem_head(s, name, &info, &free_yet) == 0)
		return err_set(err, HF_EEXISTS, "'%s' exists", name);
	if ((u = calloc(1, sizeof(*u))) == NULL)
		return err_nomem(err);
	base = &u->base;
	if ((rc = store_upload_init(base, &mem_upload_ops, s, name, err)) < 0)
		return rc;
	*ret = TAKE(base);
	return 0;
}

/*
 * Copy the name and facts of the first object not below ${name}; return
 * false if there is none.
 */
static bool
next(struct store *s, char name[256], struct store_info *info)
{
	CLEANUP(unlock) struct store_mem *m = lock(s);
	size_t i = position(m, name);
	const struct object *o;

	if (i == m->n)
		return false;
	o = m->objects[i];
	(void)snprintf(name, 256, "%s", o->name);
	*info = (struct store_info){
		.name = name, .len = o->len, .mtime_ms = o->mtime_ms
	};
	return true;
}

static int
mem_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
    struct err *err)
{
	/* A name and the byte that makes it the next possible one. */
	char name[256 + 1];
	struct store_info info;
	size_t len;
	int rc;

	/* The lock is released between two objects: ${fn} may use the store. */
	(void)snprintf(name, sizeof(name), "%s", prefix);
	while (next(s, name, &info)) {
		if (str_has_prefix(name, prefix) == NULL)
			break;
		if ((rc = fn(arg, &info, err)) < 0)
			return rc;
		len = strlen(name);
		name[len] = '\1';
		name[len + 1] = '\0';
	}
	return 0;
}

static int
mem_del(struct store *s, const char *name, struct err *err)
{
	CLEANUP(unlock) struct store_mem *m = lock(s);
	size_t at = position(m, name);

	(void)err;
	if (find(m, name) == NULL)
		return 0;
	object_free(m->objects[at]);
	m->n--;
	memmove(m->objects + at, m->objects + at + 1,
	    (m->n - at) * sizeof(struct object *));
	return 0;
}

static int
mem_sweep(struct store *s, const char *prefix, int64_t before_ms, uint64_t *n,
    struct err *err)
{
	/*
	 * Parts are lost with the process that had them: there are none to
	 * sweep.
	 */
	(void)s, (void)prefix, (void)before_ms, (void)n, (void)err;
	return 0;
}

static int
mem_now(struct store *s, int64_t *ms, struct err *err)
{
	CLEANUP(unlock) struct store_mem *m = lock(s);

	(void)err;
	*ms = clock_ms(m);
	return 0;
}

static int
mem_probe(struct store *s, enum store_power power, struct err *err)
{
	(void)s, (void)power, (void)err;
	return 0;
}

static void
mem_free(struct store *s)
{
	struct store_mem *m = (struct store_mem *)s;
	size_t i;

	for (i = 0; i < m->n; i++)
		object_free(m->objects[i]);
	free(m->objects);
	(void)pthread_mutex_destroy(&m->lock);
	free(m);
}

static const struct store_ops store_mem_ops = {
	.name = "mem",
	.put = mem_put,
	.upload = mem_upload,
	.get = mem_get,
	.head = mem_head,
	.list = mem_list,
	.del = mem_del,
	.replace = mem_replace,
	.sweep = mem_sweep,
	.now = mem_now,
	.probe = mem_probe,
	.free = mem_free,
};

int
store_mem_new(struct store **ret, struct err *err)
{
	struct store_mem *m;

	if ((m = calloc(1, sizeof(*m))) == NULL)
		return err_nomem(err);
	(void)pthread_mutex_init(&m->lock, NULL);
	m->base.ops = &store_mem_ops;
	m->base.power = STORE_READ | STORE_WRITE;
	(void)snprintf(m->base.place, sizeof(m->base.place), "mem:");
	*ret = &m->base;
	return 0;
}

void
store_mem_set_time(struct store *s, int64_t ms)
{
	CLEANUP(unlock) struct store_mem *m = lock(s);

	m->time_ms = ms;
}
