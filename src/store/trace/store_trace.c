#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buf.h"
#include "base/err.h"
#include "store/store_shim.h"
#include "store/trace/store_trace.h"

#define LINE_MAX_LEN 512 /* bytes; a name has 255 at most */

struct store_trace {
	struct store_shim shim;
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
begin(struct store_trace *t, struct store_event *e, struct err *err)
{
	int rc = 0;

	(void)pthread_mutex_lock(&t->lock);
	/*
	 * Make room for this line, and for the end of each operation that has
	 * begun: what has been done must not fail because it cannot be told.
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
end(struct store_trace *t, struct store_event *e, int rc)
{
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
around(struct store_shim *s, struct store_call *c, struct err *err)
{
	struct store_trace *t = (struct store_trace *)s;
	const size_t before = c->out == NULL ? 0 : c->out->len;
	struct store_event e = { .op = c->op, .off = c->off, .len = c->len };
	int rc;

	e.name = c->name == NULL ? "" : c->name;
	if ((rc = begin(t, &e, err)) < 0)
		return rc;
	rc = store_call_do(c, err);
	if (c->out != NULL)
		e.len = c->out->len - before;
	return end(t, &e, rc);
}

static void
trace_free(struct store *s)
{
	struct store_trace *t = (struct store_trace *)s;

	store_free(t->shim.inner);
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
	(void)pthread_mutex_init(&t->lock, NULL);
	t->fn = fn;
	t->arg = arg;
	store_shim_init(&t->shim, inner, around, trace_free);
	*ret = &t->shim.base;
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
