#include <stdlib.h>

#include "base/err.h"
#include "store/store_shim.h"

int
store_call_do(const struct store_call *c, struct err *err)
{
	const struct store_ops *ops = c->inner->ops;

	switch (c->op) {
	case STORE_OP_PUT:
		if (c->upload != NULL)
			return c->upload->ops->finish(c->upload, err);
		return ops->put(c->inner, c->name, c->blob, err);
	case STORE_OP_PART:
		return c->upload->ops->part(c->upload, c->p, c->len, err);
	case STORE_OP_REPLACE:
		return ops->replace(c->inner, c->name, c->blob, err);
	case STORE_OP_GET:
		return ops->get(
		    c->inner, c->name, c->off, c->len, c->max, c->out, err);
	case STORE_OP_HEAD:
		return ops->head(c->inner, c->name, c->info, err);
	case STORE_OP_LIST:
		return ops->list(c->inner, c->name, c->fn, c->arg, err);
	case STORE_OP_DEL:
		return ops->del(c->inner, c->name, err);
	case STORE_OP_SWEEP:
		return ops->sweep(c->inner, c->name, c->before_ms, c->n, err);
	case STORE_OP_NOW:
		return ops->now(c->inner, c->ms, err);
	case STORE_OP_PROBE:
		return ops->probe(c->inner, c->power, err);
	default:
		return err_set(err, HF_EBUG, "operation %d", (int)c->op);
	}
}

static int
around(struct store *st, struct store_call *c, struct err *err)
{
	struct store_shim *s = (struct store_shim *)st;

	c->inner = s->inner;
	return s->around(s, c, err);
}

static int
shim_put(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct store_call c = { .op = STORE_OP_PUT, .name = name };

	c.blob = blob;
	c.len = blob->len;
	return around(s, &c, err);
}

static int
shim_replace(struct store *s, const char *name, const struct store_blob *blob,
    struct err *err)
{
	struct store_call c = { .op = STORE_OP_REPLACE, .name = name };

	c.blob = blob;
	c.len = blob->len;
	return around(s, &c, err);
}

static int
shim_get(struct store *s, const char *name, uint64_t off, size_t len,
    size_t max, struct buf *out, struct err *err)
{
	struct store_call c = { .op = STORE_OP_GET, .name = name };

	c.off = off;
	c.len = len;
	c.max = max;
	c.out = out;
	return around(s, &c, err);
}

static int
shim_head(
    struct store *s, const char *name, struct store_info *info, struct err *err)
{
	struct store_call c = { .op = STORE_OP_HEAD, .name = name };

	c.info = info;
	return around(s, &c, err);
}

static int
shim_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
    struct err *err)
{
	struct store_call c = { .op = STORE_OP_LIST, .name = prefix };

	c.fn = fn;
	c.arg = arg;
	return around(s, &c, err);
}

static int
shim_del(struct store *s, const char *name, struct err *err)
{
	struct store_call c = { .op = STORE_OP_DEL, .name = name };

	return around(s, &c, err);
}

static int
shim_sweep(struct store *s, const char *prefix, int64_t before_ms, uint64_t *n,
    struct err *err)
{
	struct store_call c = { .op = STORE_OP_SWEEP, .name = prefix };

	c.before_ms = before_ms;
	c.n = n;
	return around(s, &c, err);
}

static int
shim_now(struct store *s, int64_t *ms, struct err *err)
{
	struct store_call c = { .op = STORE_OP_NOW, .ms = ms };

	return around(s, &c, err);
}

static int
shim_probe(struct store *s, enum store_power power, struct err *err)
{
	struct store_call c = { .op = STORE_OP_PROBE, .power = power };

	return around(s, &c, err);
}

struct upload {
	struct store_upload base;
	struct store_upload *inner;
};

static int
shim_part(
    struct store_upload *base, const uint8_t *p, size_t n, struct err *err)
{
	struct upload *u = (struct upload *)base;
	struct store_call c = { .op = STORE_OP_PART, .name = base->name };

	c.upload = u->inner;
	c.p = p;
	c.len = n;
	return around(base->store, &c, err);
}

static int
shim_finish(struct store_upload *base, struct err *err)
{
	struct upload *u = (struct upload *)base;
	struct store_call c = { .op = STORE_OP_PUT, .name = base->name };

	c.upload = u->inner;
	c.len = base->len;
	return around(base->store, &c, err);
}

static void
shim_upload_close(struct store_upload *base)
{
	store_upload_free(((struct upload *)base)->inner);
}

static const struct store_upload_ops shim_upload_ops = {
	.part = shim_part,
	.finish = shim_finish,
	.close = shim_upload_close,
};

static int
shim_upload(struct store *s, const char *name, struct store_upload **ret,
    struct err *err)
{
	struct store *inner = ((struct store_shim *)s)->inner;
	CLEANUP(freep_store_upload) struct store_upload *base = NULL;
	struct upload *u;
	int rc;

	if ((u = calloc(1, sizeof(*u))) == NULL)
		return err_nomem(err);
	base = &u->base;
	if ((rc = store_upload_init(base, &shim_upload_ops, s, name, err)) <
		0 ||
	    (rc = inner->ops->upload(inner, name, &u->inner, err)) < 0)
		return rc;
	*ret = TAKE(base);
	return 0;
}

void
store_shim_init(struct store_shim *s, struct store *inner,
    int (*fn)(struct store_shim *, struct store_call *, struct err *),
    void (*release)(struct store *))
{
	s->base = *inner;
	s->base.ops = &s->ops;
	s->ops = (struct store_ops){
		.name = inner->ops->name,
		.caps = inner->ops->caps,
		.put = shim_put,
		.upload = shim_upload,
		.get = shim_get,
		.head = shim_head,
		.list = shim_list,
		.del = shim_del,
		.replace = shim_replace,
		.sweep = shim_sweep,
		.now = shim_now,
		.probe = shim_probe,
		.free = release,
	};
	s->inner = inner;
	s->around = fn;
}
