#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/fault/store_fault.h"
#include "store/store.h"

#define OPS 10 /* in enum store_op */

/* A fault and how many operations of its kind came so far. */
struct armed {
	struct store_fault fault;
	uint64_t seen;
};

struct store_fault_store {
	struct store base;
	struct store_ops ops; /* Ours, with the name and caps of ${inner}. */
	struct store *inner;
	pthread_mutex_t lock; /* Guards what follows. */
	struct armed *armed;
	size_t n;
	store_fault_fn *hook;
	void *hook_arg;
	int64_t ahead_ms;
	uint64_t count[OPS];
};

/* What happens to one operation: the sum of the faults that hit it. */
struct hit {
	bool cut, flip, drop, kill, kill_after;
	enum hf_code fail, lost; /* 0: no. */
	uint64_t bit, delay_ms;
	int64_t ahead_ms;
};

static struct store_fault_store *
lock(struct store *s)
{
	struct store_fault_store *f = (struct store_fault_store *)s;

	(void)pthread_mutex_lock(&f->lock);
	return f;
}

static void
unlock(struct store_fault_store **f)
{
	(void)pthread_mutex_unlock(&(*f)->lock);
}

static bool
hits(struct armed *a, enum store_op op, const char *name)
{
	const struct store_fault *f = &a->fault;
	uint64_t first = f->nth == 0 ? 1 : f->nth;

	if (!(f->ops & op))
		return false;
	if (f->prefix != NULL &&
	    (name == NULL || str_has_prefix(name, f->prefix) == NULL))
		return false;
	a->seen++;
	return a->seen >= first &&
	       (f->times == 0 || a->seen - first < f->times);
}

static void
add_to(struct hit *h, const struct store_fault *f)
{
	switch (f->kind) {
	case STORE_FAULT_FAIL:
		h->fail = f->code;
		break;
	case STORE_FAULT_LOST:
		h->lost = f->code;
		break;
	case STORE_FAULT_CUT:
		h->cut = true;
		break;
	case STORE_FAULT_FLIP:
		h->flip = true;
		h->bit = f->value;
		break;
	case STORE_FAULT_DROP:
		h->drop = true;
		break;
	case STORE_FAULT_DELAY:
		h->delay_ms += f->value;
		break;
	case STORE_FAULT_KILL:
		h->kill = true;
		break;
	case STORE_FAULT_KILL_AFTER:
		h->kill_after = true;
		break;
	}
}

static struct hit
judge(struct store *s, enum store_op op, const char *name)
{
	CLEANUP(unlock) struct store_fault_store *f = lock(s);
	struct hit h = { .ahead_ms = f->ahead_ms };
	size_t i;

	for (i = 0; i < OPS; i++)
		f->count[i] += op == 1U << i;
	for (i = 0; i < f->n; i++)
		if (hits(&f->armed[i], op, name))
			add_to(&h, &f->armed[i].fault);
	return h;
}

static int
on_purpose(
    enum store_op op, const char *name, enum hf_code code, struct err *err)
{
	return err_set(err, code, "%s '%s' failed on purpose",
	    store_op_name(op), name == NULL ? "" : name);
}

static int
call_hook(struct store *s, enum store_op op, const char *name, struct err *err)
{
	struct store_fault_store *f = lock(s);
	store_fault_fn *hook = f->hook;
	void *arg = f->hook_arg;

	unlock(&f);
	return hook == NULL ? 0 : hook(arg, op, name, err);
}

/* What happens before the operation; negative if it must not be done. */
static int
before(struct store *s, enum store_op op, const char *name, struct hit *h,
    struct err *err)
{
	struct timespec ts;
	int rc;

	/* First, so that it may still add a fault for this one. */
	if ((rc = call_hook(s, op, name, err)) < 0)
		return rc;
	*h = judge(s, op, name);
	if (h->delay_ms > 0) {
		ts.tv_sec = (time_t)(h->delay_ms / 1000);
		ts.tv_nsec = (long)(h->delay_ms % 1000) * 1000000;
		(void)nanosleep(&ts, NULL);
	}
	/* As by SIGKILL: nothing is flushed, no destructor runs. */
	if (h->kill)
		_exit(STORE_FAULT_KILLED);
	return h->fail == 0 ? 0 : on_purpose(op, name, h->fail, err);
}

static int
after(enum store_op op, const char *name, const struct hit *h, int rc,
    struct err *err)
{
	if (h->kill_after)
		_exit(STORE_FAULT_KILLED);
	if (rc == 0 && h->lost != 0)
		return on_purpose(op, name, h->lost, err);
	return rc;
}

static int
fault_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	struct hit h;
	int rc;

	if ((rc = before(s, STORE_OP_PUT, name, &h, err)) < 0)
		return rc;
	if (!h.drop)
		rc = inner->ops->put(inner, name, blob, err);
	return after(STORE_OP_PUT, name, &h, rc, err);
}

/* An upload in front of another: its finish counts as a put. */
struct upload {
	struct store_upload base;
	struct store_upload *inner;
	char *name;
};

static int
fault_part(
    struct store_upload *base, const uint8_t *p, size_t n, struct err *err)
{
	struct upload *u = (struct upload *)base;
	struct hit h;
	int rc;

	if ((rc = before(base->store, STORE_OP_PART, u->name, &h, err)) < 0)
		return rc;
	if (!h.drop)
		rc = u->inner->ops->part(u->inner, p, n, err);
	return after(STORE_OP_PART, u->name, &h, rc, err);
}

static int
fault_finish(struct store_upload *base, struct err *err)
{
	struct upload *u = (struct upload *)base;
	struct hit h;
	int rc;

	if ((rc = before(base->store, STORE_OP_PUT, u->name, &h, err)) < 0)
		return rc;
	if (!h.drop)
		rc = u->inner->ops->finish(u->inner, err);
	return after(STORE_OP_PUT, u->name, &h, rc, err);
}

static void
fault_upload_free(struct store_upload *base)
{
	struct upload *u = (struct upload *)base;

	store_upload_free(u->inner);
	free(u->name);
	free(u);
}

static const struct store_upload_ops fault_upload_ops = {
	.part = fault_part,
	.finish = fault_finish,
	.free = fault_upload_free,
};

static int
fault_upload(struct store *s, const char *name, struct store_upload **ret,
    struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	CLEANUP(freep_store_upload) struct store_upload *base = NULL;
	struct upload *u;
	int rc;

	if ((u = calloc(1, sizeof(*u))) == NULL)
		return err_nomem(err);
	base = &u->base;
	base->ops = &fault_upload_ops;
	base->store = s;
	if ((rc = str_dup(name, &u->name, err)) < 0 ||
	    (rc = inner->ops->upload(inner, name, &u->inner, err)) < 0)
		return rc;
	*ret = TAKE(base);
	return 0;
}

static void
damage(const struct hit *h, uint8_t *p, size_t *n)
{
	if (h->cut)
		*n /= 2;
	if (h->flip && *n > 0)
		p[h->bit / 8 % *n] ^= (uint8_t)(1 << h->bit % 8);
}

static int
fault_get(struct store *s, const char *name, uint64_t off, size_t len,
    size_t max, struct buf *out, struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	const size_t start = out->len;
	struct hit h;
	size_t n;
	int rc;

	if ((rc = before(s, STORE_OP_GET, name, &h, err)) < 0)
		return rc;
	if (h.drop)
		return on_purpose(STORE_OP_GET, name, HF_ENOTFOUND, err);
	rc = inner->ops->get(inner, name, off, len, max, out, err);
	if (rc == 0) {
		n = out->len - start;
		damage(&h, out->p + start, &n);
		out->len = start + n;
	}
	return after(STORE_OP_GET, name, &h, rc, err);
}

static int
fault_head(
    struct store *s, const char *name, struct store_info *info, struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	struct hit h;
	int rc;

	if ((rc = before(s, STORE_OP_HEAD, name, &h, err)) < 0)
		return rc;
	if (h.drop)
		return on_purpose(STORE_OP_HEAD, name, HF_ENOTFOUND, err);
	rc = inner->ops->head(inner, name, info, err);
	info->mtime_ms += h.ahead_ms;
	return after(STORE_OP_HEAD, name, &h, rc, err);
}

/* Stands between the other store's listing and the caller's function. */
struct listing {
	store_list_fn *fn;
	void *arg;
	int64_t ahead_ms;
};

static int
listed(void *arg, const struct store_info *info, struct err *err)
{
	const struct listing *l = arg;
	struct store_info i = *info;

	i.mtime_ms += l->ahead_ms;
	return l->fn(l->arg, &i, err);
}

static int
fault_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
    struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	struct listing l = { .fn = fn, .arg = arg };
	struct hit h;
	int rc;

	if ((rc = before(s, STORE_OP_LIST, prefix, &h, err)) < 0)
		return rc;
	l.ahead_ms = h.ahead_ms;
	rc = inner->ops->list(inner, prefix, listed, &l, err);
	return after(STORE_OP_LIST, prefix, &h, rc, err);
}

static int
fault_del(struct store *s, const char *name, struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	struct hit h;
	int rc;

	if ((rc = before(s, STORE_OP_DEL, name, &h, err)) < 0)
		return rc;
	if (!h.drop)
		rc = inner->ops->del(inner, name, err);
	return after(STORE_OP_DEL, name, &h, rc, err);
}

static int
fault_replace(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	struct hit h;
	int rc;

	if ((rc = before(s, STORE_OP_REPLACE, name, &h, err)) < 0)
		return rc;
	if (!h.drop)
		rc = inner->ops->replace(inner, name, blob, err);
	return after(STORE_OP_REPLACE, name, &h, rc, err);
}

static int
fault_sweep(struct store *s, const char *prefix, int64_t before_ms, uint64_t *n,
    struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	struct hit h;
	int rc;

	if ((rc = before(s, STORE_OP_SWEEP, prefix, &h, err)) < 0)
		return rc;
	if (!h.drop)
		rc = inner->ops->sweep(inner, prefix, before_ms, n, err);
	return after(STORE_OP_SWEEP, prefix, &h, rc, err);
}

static int
fault_now(struct store *s, int64_t *ms, struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	struct hit h;
	int rc;

	if ((rc = before(s, STORE_OP_NOW, NULL, &h, err)) < 0)
		return rc;
	if ((rc = inner->ops->now(inner, ms, err)) == 0)
		*ms += h.ahead_ms;
	return after(STORE_OP_NOW, NULL, &h, rc, err);
}

static int
fault_probe(struct store *s, enum store_power power, struct err *err)
{
	struct store *inner = ((struct store_fault_store *)s)->inner;
	struct hit h;
	int rc;

	if ((rc = before(s, STORE_OP_PROBE, NULL, &h, err)) < 0)
		return rc;
	rc = inner->ops->probe(inner, power, err);
	return after(STORE_OP_PROBE, NULL, &h, rc, err);
}

static void
fault_free(struct store *s)
{
	struct store_fault_store *f = (struct store_fault_store *)s;

	store_free(f->inner);
	(void)pthread_mutex_destroy(&f->lock);
	free(f->armed);
	free(f);
}

int
store_fault_new(struct store *inner, struct store **ret, struct err *err)
{
	struct store_fault_store *f;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	f->base = *inner;
	f->base.ops = &f->ops;
	f->ops = (struct store_ops){
		.name = inner->ops->name,
		.caps = inner->ops->caps,
		.put = fault_put,
		.upload = fault_upload,
		.get = fault_get,
		.head = fault_head,
		.list = fault_list,
		.del = fault_del,
		.replace = fault_replace,
		.sweep = fault_sweep,
		.now = fault_now,
		.probe = fault_probe,
		.free = fault_free,
	};
	(void)pthread_mutex_init(&f->lock, NULL);
	f->inner = inner;
	*ret = &f->base;
	return 0;
}

int
store_fault_add(
    struct store *s, const struct store_fault *fault, struct err *err)
{
	CLEANUP(unlock) struct store_fault_store *f = lock(s);
	struct armed *grown;

	grown = reallocarray(f->armed, f->n + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	f->armed = grown;
	f->armed[f->n++] = (struct armed){ .fault = *fault };
	return 0;
}

void
store_fault_clear(struct store *s)
{
	CLEANUP(unlock) struct store_fault_store *f = lock(s);

	f->n = 0;
}

void
store_fault_hook(struct store *s, store_fault_fn *fn, void *arg)
{
	CLEANUP(unlock) struct store_fault_store *f = lock(s);

	f->hook = fn;
	f->hook_arg = arg;
}

void
store_fault_clock(struct store *s, int64_t ms)
{
	CLEANUP(unlock) struct store_fault_store *f = lock(s);

	f->ahead_ms = ms;
}

uint64_t
store_fault_count(struct store *s, unsigned ops)
{
	CLEANUP(unlock) struct store_fault_store *f = lock(s);
	uint64_t sum = 0;
	unsigned i;

	for (i = 0; i < OPS; i++)
		if (ops & 1U << i)
			sum += f->count[i];
	return sum;
}
