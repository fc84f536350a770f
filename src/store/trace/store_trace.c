#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "store/store.h"
#include "store/trace/store_trace.h"

#define LINE_MAX_LEN 512 /* bytes; a name has 255 at most */

struct store_trace {
	struct store base;
	struct store_ops ops; /* Ours, with the name and caps of ${inner}. */
	struct store *inner;
	store_trace_fn *fn;
	void *arg;
	pthread_mutex_t lock; /* Held while ${fn} runs; guards the text. */
	struct buf text;
	size_t begun; /* Operations that are not done. */
};

static void
keep(struct store_trace *t, const struct store_event *e)
{
	struct err ignored = ERR_INIT;

	/* There is room: begin() has seen to it. */
	if (!e->done)
		(void)buf_printf(&t->text, &ignored, "%s %s\n",
		    store_op_name(e->op), e->name);
	else
		(void)buf_printf(&t->text, &ignored, "%s %s %s\n",
		    store_op_name(e->op), e->name,
		    e->rc == 0 ? "ok" : err_class_of(e->rc)->word);
}

static void
tell(struct store_trace *t, const struct store_event *e)
{
	if (t->fn == NULL)
		keep(t, e);
	else
		t->fn(t->arg, e);
}

static int64_t
now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static int
begin(struct store *s, struct store_event *e, struct err *err)
{
	struct store_trace *t = (struct store_trace *)s;
	int rc = 0;

	(void)pthread_mutex_lock(&t->lock);
	/*
	 * Room for this line and for the end of each operation that has begun:
	 * what was done must not fail by the telling.
	 */
	if (t->fn == NULL)
		rc = buf_reserve(&t->text, (t->begun + 2) * LINE_MAX_LEN, err);
	if (rc == 0) {
		t->begun++;
		tell(t, e);
	}
	(void)pthread_mutex_unlock(&t->lock);
	e->us = now_us();
	return rc;
}

static int
end(struct store *s, struct store_event *e, int rc)
{
	struct store_trace *t = (struct store_trace *)s;

	e->us = now_us() - e->us;
	e->done = true;
	e->rc = rc;
	(void)pthread_mutex_lock(&t->lock);
	t->begun--;
	tell(t, e);
	(void)pthread_mutex_unlock(&t->lock);
	return rc;
}

static int
trace_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_PUT, .name = name };
	int rc;

	e.len = blob->len;
	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	return end(s, &e, inner->ops->put(inner, name, blob, err));
}

/* An upload in front of another: parts are told, and its finish as a put. */
struct upload {
	struct store_upload base;
	struct store_upload *inner;
	char *name;
};

static int
trace_part(
    struct store_upload *base, const uint8_t *p, size_t n, struct err *err)
{
	struct upload *u = (struct upload *)base;
	struct store_event e = { .op = STORE_OP_PART, .name = u->name };
	int rc;

	e.len = n;
	if ((rc = begin(base->store, &e, err)) < 0)
		return rc;
	return end(base->store, &e, u->inner->ops->part(u->inner, p, n, err));
}

static int
trace_finish(struct store_upload *base, struct err *err)
{
	struct upload *u = (struct upload *)base;
	struct store_event e = { .op = STORE_OP_PUT, .name = u->name };
	int rc;

	e.len = base->len;
	if ((rc = begin(base->store, &e, err)) < 0)
		return rc;
	return end(base->store, &e, u->inner->ops->finish(u->inner, err));
}

static void
trace_upload_free(struct store_upload *base)
{
	struct upload *u = (struct upload *)base;

	store_upload_free(u->inner);
	free(u->name);
	free(u);
}

static const struct store_upload_ops trace_upload_ops = {
	.part = trace_part,
	.finish = trace_finish,
	.free = trace_upload_free,
};

static int
trace_upload(struct store *s, const char *name, struct store_upload **ret,
    struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	CLEANUP(freep_store_upload) struct store_upload *base = NULL;
	struct upload *u;
	int rc;

	if ((u = calloc(1, sizeof(*u))) == NULL)
		return err_nomem(err);
	base = &u->base;
	base->ops = &trace_upload_ops;
	base->store = s;
	if ((rc = str_dup(name, &u->name, err)) < 0 ||
	    (rc = inner->ops->upload(inner, name, &u->inner, err)) < 0)
		return rc;
	*ret = TAKE(base);
	return 0;
}

static int
trace_get(struct store *s, const char *name, uint64_t off, size_t len,
    size_t max, struct buf *out, struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_GET, .name = name };
	const size_t before = out->len;
	int rc;

	e.off = off;
	e.len = len;
	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	rc = inner->ops->get(inner, name, off, len, max, out, err);
	e.len = out->len - before;
	return end(s, &e, rc);
}

static int
trace_head(
    struct store *s, const char *name, struct store_info *info, struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_HEAD, .name = name };
	int rc;

	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	return end(s, &e, inner->ops->head(inner, name, info, err));
}

static int
trace_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
    struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_LIST, .name = prefix };
	int rc;

	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	return end(s, &e, inner->ops->list(inner, prefix, fn, arg, err));
}

static int
trace_del(struct store *s, const char *name, struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_DEL, .name = name };
	int rc;

	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	return end(s, &e, inner->ops->del(inner, name, err));
}

static int
trace_replace(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_REPLACE, .name = name };
	int rc;

	e.len = blob->len;
	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	return end(s, &e, inner->ops->replace(inner, name, blob, err));
}

static int
trace_sweep(struct store *s, const char *prefix, int64_t before_ms, uint64_t *n,
    struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_SWEEP, .name = prefix };
	int rc;

	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	return end(s, &e, inner->ops->sweep(inner, prefix, before_ms, n, err));
}

static int
trace_now(struct store *s, int64_t *ms, struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_NOW, .name = "" };
	int rc;

	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	return end(s, &e, inner->ops->now(inner, ms, err));
}

static int
trace_probe(struct store *s, enum store_power power, struct err *err)
{
	struct store *inner = ((struct store_trace *)s)->inner;
	struct store_event e = { .op = STORE_OP_PROBE, .name = "" };
	int rc;

	if ((rc = begin(s, &e, err)) < 0)
		return rc;
	return end(s, &e, inner->ops->probe(inner, power, err));
}

static void
trace_free(struct store *s)
{
	struct store_trace *t = (struct store_trace *)s;

	store_free(t->inner);
	buf_free(&t->text);
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

int
store_trace_new(struct store *inner, store_trace_fn *fn, void *arg,
    struct store **ret, struct err *err)
{
	struct store_trace *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return err_nomem(err);
	t->base = *inner;
	t->base.ops = &t->ops;
	t->ops = (struct store_ops){
		.name = inner->ops->name,
		.caps = inner->ops->caps,
		.put = trace_put,
		.upload = trace_upload,
		.get = trace_get,
		.head = trace_head,
		.list = trace_list,
		.del = trace_del,
		.replace = trace_replace,
		.sweep = trace_sweep,
		.now = trace_now,
		.probe = trace_probe,
		.free = trace_free,
	};
	(void)pthread_mutex_init(&t->lock, NULL);
	t->inner = inner;
	t->fn = fn;
	t->arg = arg;
	*ret = &t->base;
	return 0;
}

char *
store_trace_text(struct store *s)
{
	struct store_trace *t = (struct store_trace *)s;
	char *text;

	(void)pthread_mutex_lock(&t->lock);
	if ((text = malloc(t->text.len + 1)) != NULL) {
		if (t->text.len > 0)
			memcpy(text, t->text.p, t->text.len);
		text[t->text.len] = '\0';
	}
	(void)pthread_mutex_unlock(&t->lock);
	return text;
}
