#include "source_record.h"
#include "base/str.h"
#include "source/target.h"
#include "test.h"

#define LEND (1 << 20)

static struct record *
of(struct sink *s)
{
	return (struct record *)s;
}

static int
on_begin(struct sink *s, const char *path, uint64_t size, enum sink_hash hash,
    struct err *err)
{
	struct record *r = of(s);

	(void)size;
	r->hash = hash;
	CHECK(entry_path_ok(path));
	free(TAKE(r->begun_path));
	r->begun = true;
	r->data.len = 0;
	if (r->on_begin != NULL)
		r->on_begin(r->arg, path);
	return str_dup(path, &r->begun_path, err);
}

static int
on_space(struct sink *s, uint8_t **p, size_t *n, struct err *err)
{
	struct record *r = of(s);

	CHECK(r->begun);
	if (r->fail_after > 0 && r->total >= (uint64_t)r->fail_after)
		return err_set(err, HF_ENOSPC, "the sink is full");
	/* Exactly as much as is lent, so that ASan sees a byte too many. */
	if (r->lent == NULL && (r->lent = malloc(r->lend)) == NULL)
		return err_nomem(err);
	*p = r->lent;
	*n = r->lend;
	return 0;
}

static int
on_wrote(struct sink *s, size_t n, struct err *err)
{
	struct record *r = of(s);

	CHECK(r->begun && r->lent != NULL && n > 0 && n <= r->lend);
	r->total += n;
	return buf_add(&r->data, r->lent, n, err);
}

/* A copy that owns itself: what the codec gives back. */
static int
copy(const struct entry *e, struct entry *to, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct cur c;
	int rc;

	if ((rc = entry_encode(e, &b, err)) < 0)
		return rc;
	cur_init(&c, b.p, b.len);
	return entry_decode(&c, to, err);
}

/* Make room for an entry like ${e}, which counts once r->n does. */
static int
reserve(struct record *r, const struct entry *e, struct err *err)
{
	struct record_entry *grown;

	grown = reallocarray(r->v, r->n + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	r->v = grown;
	grown[r->n] = (struct record_entry){ 0 };
	return copy(e, &grown[r->n].e, err);
}

static int
on_add(struct sink *s, const struct entry *e, struct err *err)
{
	struct record *r = of(s);
	struct entry full = *e;
	int rc;

	if (e->type == ENTRY_FILE) {
		CHECK(r->begun);
		CHECK_STR(r->begun_path, e->path);
		CHECK(e->has_sha256 || r->hash == SINK_HASHES);
		full.data_len = r->data.len;
	}
	if ((rc = reserve(r, &full, err)) < 0)
		return rc;
	if (e->type == ENTRY_FILE) {
		r->v[r->n].data = r->data;
		r->v[r->n].memo = r->memo;
		r->data = (struct buf)BUF_INIT;
		r->memo = (struct buf)BUF_INIT;
		r->begun = false;
	}
	r->n++;
	return 0;
}

static int
on_recall(struct sink *s, struct sink_kept *ret, struct err *err)
{
	struct record *r = of(s);
	const struct record_entry *e;

	(void)err;
	while (r->base != NULL && r->recalled < r->base->n) {
		e = &r->base->v[r->recalled++];
		if (e->e.type != ENTRY_FILE)
			continue;
		*ret = (struct sink_kept){ .entry = &e->e,
			.memo = e->memo.p,
			.memo_len = e->memo.len,
			.began_ns = r->began_ns };
		return 1;
	}
	return 0;
}

static int
on_keep(struct sink *s, const char *path, const uint8_t *memo, size_t n,
    struct err *err)
{
	struct record *r = of(s);
	const struct record_entry *old;
	struct record_entry *new;
	struct entry e;
	int rc;

	CHECK(!r->begun && r->recalled > 0);
	old = &r->base->v[r->recalled - 1];
	e = old->e;
	e.path = (char *)(uintptr_t)path;
	if ((rc = reserve(r, &e, err)) < 0)
		return rc;
	new = &r->v[r->n];
	new->kept = true;
	if ((rc = buf_add(&new->data, old->data.p, old->data.len, err)) < 0 ||
	    (rc = buf_add(&new->memo, memo, n, err)) < 0) {
		entry_clear(&new->e);
		buf_free(&new->data);
		return rc;
	}
	r->n++;
	return 0;
}

static int
on_remember(struct sink *s, const uint8_t *memo, size_t n, struct err *err)
{
	struct record *r = of(s);

	r->memo.len = 0;
	return buf_add(&r->memo, memo, n, err);
}

static int
on_evidence(
    struct sink *s, const char *name, const char *value, struct err *err)
{
	struct record *r = of(s);
	struct record_evidence *grown, *e;

	CHECK(name[0] != '\0' && value[0] != '\0');
	grown = reallocarray(r->evidence, r->nevidence + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	r->evidence = grown;
	e = &grown[r->nevidence++];
	(void)snprintf(e->name, sizeof(e->name), "%s", name);
	(void)snprintf(e->value, sizeof(e->value), "%s", value);
	return 0;
}

static void
on_warn(struct sink *s, const char *path, const char *what)
{
	struct record *r = of(s);
	struct record_warning *grown, *w;

	grown = reallocarray(r->warnings, r->nwarnings + 1, sizeof(*grown));
	if (grown == NULL)
		return;
	r->warnings = grown;
	w = &grown[r->nwarnings++];
	(void)snprintf(w->path, sizeof(w->path), "%s", path);
	(void)snprintf(w->what, sizeof(w->what), "%s", what);
}

static int
on_check(struct sink *s, struct err *err)
{
	struct record *r = of(s);

	if (r->stop_after > 0 && ++r->checks >= r->stop_after)
		return err_set(err, HF_EINTR, "asked to stop");
	return 0;
}

static const struct sink_ops record_ops = {
	.begin = on_begin,
	.space = on_space,
	.wrote = on_wrote,
	.add = on_add,
	.evidence = on_evidence,
	.warn = on_warn,
	.check = on_check,
	.recall = on_recall,
	.keep = on_keep,
	.remember = on_remember,
};

void
record_init(struct record *r)
{
	*r = (struct record){ .sink = { .ops = &record_ops }, .lend = LEND };
}

void
record_clear(struct record *r)
{
	size_t i;

	for (i = 0; i < r->n; i++) {
		entry_clear(&r->v[i].e);
		buf_free(&r->v[i].data);
		buf_free(&r->v[i].memo);
	}
	free(r->v);
	free(r->warnings);
	free(r->evidence);
	free(r->begun_path);
	free(r->lent);
	buf_free(&r->data);
	buf_free(&r->memo);
	record_init(r);
}

const struct record_entry *
record_find(const struct record *r, const char *path)
{
	size_t i;

	for (i = 0; i < r->n; i++)
		if (strcmp(r->v[i].e.path, path) == 0)
			return &r->v[i];
	return NULL;
}

const char *
record_warned(const struct record *r, const char *path)
{
	size_t i;

	for (i = 0; i < r->nwarnings; i++)
		if (strcmp(r->warnings[i].path, path) == 0)
			return r->warnings[i].what;
	return NULL;
}

const char *
record_evidence(const struct record *r, const char *name)
{
	size_t i;

	for (i = 0; i < r->nevidence; i++)
		if (strcmp(r->evidence[i].name, name) == 0)
			return r->evidence[i].value;
	return NULL;
}

/* Write the data of ${re} around its holes. */
static int
replay_data(const struct record_entry *re, struct target *t, struct err *err)
{
	const uint8_t *p = re->data.p;
	size_t i;
	int rc;

	if (!re->e.sparse && re->data.len > 0)
		return target_write(t, 0, p, re->data.len, err);
	for (i = 0; i < re->e.nextents; i++) {
		const struct entry_extent *x = &re->e.extents[i];

		if ((rc = target_write(t, x->off, p, x->len, err)) < 0)
			return rc;
		p += x->len;
	}
	return 0;
}

int
record_replay(const struct record *r, struct target *t, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < r->n; i++) {
		if ((rc = target_begin(t, &r->v[i].e, err)) < 0 ||
		    (rc = replay_data(&r->v[i], t, err)) < 0 ||
		    (rc = target_end(t, &r->v[i].e, err)) < 0)
			return rc;
	}
	return 0;
}
