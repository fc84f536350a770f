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
#include "store/store_shim.h"

#define OPS 10 /* in enum store_op */

/* A fault and how many operations of its kind came so far. */
struct armed {
	struct store_fault fault;
	uint64_t seen;
};

struct store_fault_store {
	struct store_shim shim;
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
judge(struct store *s, const struct store_call *c)
{
	CLEANUP(unlock) struct store_fault_store *f = lock(s);
	struct hit h = { .ahead_ms = f->ahead_ms };
	size_t i;

	for (i = 0; i < OPS; i++)
		f->count[i] += c->op == 1U << i;
	for (i = 0; i < f->n; i++)
		if (hits(&f->armed[i], c->op, c->name))
			add_to(&h, &f->armed[i].fault);
	return h;
}

static int
on_purpose(const struct store_call *c, enum hf_code code, struct err *err)
{
	return err_set(err, code, "%s '%s' failed on purpose",
	    store_op_name(c->op), c->name == NULL ? "" : c->name);
}

static int
call_hook(struct store *s, const struct store_call *c, struct err *err)
{
	struct store_fault_store *f = lock(s);
	store_fault_fn *hook = f->hook;
	void *arg = f->hook_arg;

	unlock(&f);
	return hook == NULL ? 0 : hook(arg, c->op, c->name, err);
}

/* Do what is to happen before the operation; a negative result forbids it. */
static int
before(const struct store_call *c, const struct hit *h, struct err *err)
{
	struct timespec ts;

	if (h->delay_ms > 0) {
		ts.tv_sec = (time_t)(h->delay_ms / 1000);
		ts.tv_nsec = (long)(h->delay_ms % 1000) * 1000000;
		(void)nanosleep(&ts, NULL);
	}
	/* As by SIGKILL: nothing is flushed, no destructor runs. */
	if (h->kill)
		_exit(STORE_FAULT_KILLED);
	return h->fail == 0 ? 0 : on_purpose(c, h->fail, err);
}

static int
after(const struct store_call *c, const struct hit *h, int rc, struct err *err)
{
	if (h->kill_after)
		_exit(STORE_FAULT_KILLED);
	if (rc == 0 && h->lost != 0)
		return on_purpose(c, h->lost, err);
	return rc;
}

/*
 * Do not do it: tell a writer that it was done, and a reader that the object is
 * gone.
 */
static int
dropped(const struct store_call *c, struct err *err)
{
	if (c->op & (STORE_OP_GET | STORE_OP_HEAD))
		return on_purpose(c, HF_ENOTFOUND, err);
	return 0;
}

static int
damaged_get(const struct store_call *c, const struct hit *h, struct err *err)
{
	const size_t start = c->out->len;
	size_t n;
	int rc;

	if ((rc = store_call_do(c, err)) < 0)
		return rc;
	n = c->out->len - start;
	if (h->cut)
		n /= 2;
	if (h->flip && n > 0)
		c->out->p[start + h->bit / 8 % n] ^= (uint8_t)(1 << h->bit % 8);
	c->out->len = start + n;
	return 0;
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

/* Do it with a clock that is ahead. */
static int
ahead(struct store_call *c, const struct hit *h, struct err *err)
{
	struct listing l = { c->fn, c->arg, h->ahead_ms };
	int rc;

	if (c->op == STORE_OP_LIST) {
		c->fn = listed;
		c->arg = &l;
	}
	rc = store_call_do(c, err);
	if (rc == 0 && c->op == STORE_OP_HEAD)
		c->info->mtime_ms += h->ahead_ms;
	if (rc == 0 && c->op == STORE_OP_NOW)
		*c->ms += h->ahead_ms;
	return rc;
}

static int
around(struct store_shim *s, struct store_call *c, struct err *err)
{
	struct hit h;
	int rc;

	/*
	 * The hook comes first, so that it may still add a fault for this
	 * operation.
	 */
	if ((rc = call_hook(&s->base, c, err)) < 0)
		return rc;
	h = judge(&s->base, c);
	if ((rc = before(c, &h, err)) < 0)
		return rc;
	if (h.drop)
		rc = dropped(c, err);
	else if (c->op == STORE_OP_GET)
		rc = damaged_get(c, &h, err);
	else
		rc = ahead(c, &h, err);
	return after(c, &h, rc, err);
}

static void
fault_free(struct store *s)
{
	struct store_fault_store *f = (struct store_fault_store *)s;

	store_free(f->shim.inner);
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
	(void)pthread_mutex_init(&f->lock, NULL);
	store_shim_init(&f->shim, inner, around, fault_free);
	*ret = &f->shim.base;
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
