#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bolt_impl.h"

/* Databases of many gigabytes have five or six levels. */
#define DEPTH_MAX 32

struct etcd_bolt_cursor {
	const struct etcd_bolt *bolt;
	uint64_t root; /* 0: level 0 is a page in a bucket's value. */
	enum {
		NEW,
		ON,
		END
	} state;
	unsigned int depth; /* The leaf is level[depth]. */
	struct bolt_page level[DEPTH_MAX];
	int (*watch)(void *, uint64_t, uint64_t, struct err *);
	void *watch_arg;
};

/* The page lies in the bucket's value: copy it if that will not stay. */
static int
take_inline(
    struct etcd_bolt_cursor *c, const uint8_t *p, size_t n, struct err *err)
{
	struct bolt_page *pg = &c->level[0];
	int rc;

	if (c->bolt->file->base == NULL) {
		/* Never ask for 0 bytes: realloc may then free the room. */
		if ((rc = bolt_page_room(pg, n + 1, err)) < 0)
			return rc;
		memcpy(pg->room, p, n);
		p = pg->room;
	}
	return bolt_page_inline(p, n, pg, err);
}

static int
take_bucket(struct etcd_bolt_cursor *c, const struct etcd_bolt_item *bucket,
    struct err *err)
{
	if ((bucket->flags & ETCD_BOLT_BUCKET) == 0 ||
	    bucket->nvalue < BOLT_BUCKET)
		return err_set(err, HF_ECORRUPT,
		    "what should be a bucket is a value of %zu bytes",
		    bucket->nvalue);
	c->root = le64_get(bucket->value);
	if (c->root != 0)
		return 0;
	return take_inline(
	    c, bucket->value + BOLT_BUCKET, bucket->nvalue - BOLT_BUCKET, err);
}

int
etcd_bolt_cursor_new(const struct etcd_bolt *b,
    const struct etcd_bolt_item *bucket, struct etcd_bolt_cursor **ret,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	int rc;

	if ((c = calloc(1, sizeof(*c))) == NULL)
		return err_nomem(err);
	c->bolt = b;
	c->root = b->root;
	if (bucket != NULL && (rc = take_bucket(c, bucket, err)) < 0)
		return rc;
	*ret = TAKE(c);
	return 0;
}

void
etcd_bolt_cursor_free(struct etcd_bolt_cursor *c)
{
	int i;

	if (c == NULL)
		return;
	for (i = 0; i < DEPTH_MAX; i++)
		free(c->level[i].room);
	free(c);
}

int
etcd_bolt_bucket(const struct etcd_bolt *b, const char *name,
    struct etcd_bolt_cursor **ret, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *root = NULL;
	struct etcd_bolt_item item;
	size_t n = strlen(name);
	int rc;

	if ((rc = etcd_bolt_cursor_new(b, NULL, &root, err)) < 0 ||
	    (rc = etcd_bolt_seek(root, name, n, &item, err)) < 0)
		return rc;
	if (rc == 0 || item.nkey != n || memcmp(item.key, name, n) != 0)
		return err_set(
		    err, HF_ENOTFOUND, "there is no bucket '%s'", name);
	return etcd_bolt_cursor_new(b, &item, ret, err);
}

void
bolt_cursor_watch(struct etcd_bolt_cursor *c,
    int (*fn)(void *, uint64_t, uint64_t, struct err *), void *arg)
{
	c->watch = fn;
	c->watch_arg = arg;
}

static int
load(struct etcd_bolt_cursor *c, unsigned int depth, uint64_t id,
    const struct bolt_bounds *bounds, struct err *err)
{
	struct bolt_page *pg = &c->level[depth];
	int rc;

	if ((rc = bolt_page_load(c->bolt, id, bounds, pg, err)) < 0)
		return rc;
	c->depth = depth;
	if (c->watch == NULL)
		return 0;
	return c->watch(c->watch_arg, id, pg->len / c->bolt->page_size, err);
}

/* Its address stands for a key behind all others. */
static const struct bolt_key behind_all;

/* Return the last element not above ${key}, or the first of all. */
static unsigned int
find_child(const struct bolt_page *pg, const struct bolt_key *key)
{
	unsigned int lo = 0, hi = pg->count, mid;
	struct bolt_key k;

	if (key == &behind_all)
		return pg->count - 1;
	while (hi - lo > 1) {
		mid = lo + (hi - lo) / 2;
		k = bolt_page_key(pg, mid);
		if (bolt_key_cmp(&k, key) <= 0)
			lo = mid;
		else
			hi = mid;
	}
	return lo;
}

/* Return the first element not below ${key}, or the count. */
static unsigned int
find_item(const struct bolt_page *pg, const struct bolt_key *key)
{
	unsigned int lo = 0, hi = pg->count, mid;
	struct bolt_key k;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		k = bolt_page_key(pg, mid);
		if (bolt_key_cmp(&k, key) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

/* From the page at c->depth go down to a leaf: towards ${key}, or leftmost. */
static int
descend(struct etcd_bolt_cursor *c, const struct bolt_key *key, struct err *err)
{
	const struct bolt_page *pg;
	struct bolt_bounds bounds;
	int rc;

	for (pg = &c->level[c->depth]; !pg->leaf; pg = &c->level[c->depth]) {
		if (c->depth + 1 == DEPTH_MAX)
			return err_set(err, HF_ECORRUPT,
			    "the tree is deeper than %d pages", DEPTH_MAX);
		bounds.lo = bolt_page_key(pg, pg->at);
		bounds.hi = pg->at + 1 < pg->count
				? bolt_page_key(pg, pg->at + 1)
				: pg->bounds.hi;
		rc = load(
		    c, c->depth + 1, bolt_page_child(pg, pg->at), &bounds, err);
		if (rc < 0)
			return rc;
		if (key != NULL && !c->level[c->depth].leaf)
			c->level[c->depth].at =
			    find_child(&c->level[c->depth], key);
	}
	return 0;
}

/* Begin at the root. */
static int
start(struct etcd_bolt_cursor *c, const struct bolt_key *key, struct err *err)
{
	static const struct bolt_bounds none;
	struct bolt_page *pg = &c->level[0];
	int rc;

	c->state = END;
	c->depth = 0;
	if (c->root != 0 && (rc = load(c, 0, c->root, &none, err)) < 0)
		return rc;
	pg->at = key != NULL && !pg->leaf ? find_child(pg, key) : 0;
	return descend(c, key, err);
}

/* Go to the next leaf: 1, or 0 behind the last. */
static int
next_leaf(struct etcd_bolt_cursor *c, struct err *err)
{
	struct bolt_page *pg;
	int rc;

	for (; c->depth > 0; c->depth--) {
		pg = &c->level[c->depth - 1];
		if (pg->at + 1 == pg->count)
			continue;
		pg->at++;
		c->depth--;
		rc = descend(c, NULL, err);
		return rc < 0 ? rc : 1;
	}
	return 0;
}

/* Give the item at the cursor, or the next one if this page has ended. */
static int
give(struct etcd_bolt_cursor *c, struct etcd_bolt_item *item, struct err *err)
{
	const struct bolt_page *pg = &c->level[c->depth];
	int rc;

	c->state = END;
	if (pg->at == pg->count) {
		/* The next leaf is not empty: only a root may be. */
		if ((rc = next_leaf(c, err)) <= 0)
			return rc;
		pg = &c->level[c->depth];
	}
	bolt_page_item(pg, pg->at, item);
	c->state = ON;
	return 1;
}

int
etcd_bolt_first(
    struct etcd_bolt_cursor *c, struct etcd_bolt_item *item, struct err *err)
{
	int rc;

	if ((rc = start(c, NULL, err)) < 0)
		return rc;
	return give(c, item, err);
}

int
etcd_bolt_next(
    struct etcd_bolt_cursor *c, struct etcd_bolt_item *item, struct err *err)
{
	if (c->state == NEW)
		return etcd_bolt_first(c, item, err);
	if (c->state == END)
		return 0;
	c->level[c->depth].at++;
	return give(c, item, err);
}

int
etcd_bolt_seek(struct etcd_bolt_cursor *c, const void *key, size_t n,
    struct etcd_bolt_item *item, struct err *err)
{
	struct bolt_key k = { key, n };
	struct bolt_page *pg;
	int rc;

	if ((rc = start(c, &k, err)) < 0)
		return rc;
	pg = &c->level[c->depth];
	pg->at = find_item(pg, &k);
	return give(c, item, err);
}

int
etcd_bolt_last(
    struct etcd_bolt_cursor *c, struct etcd_bolt_item *item, struct err *err)
{
	struct bolt_page *pg;
	int rc;

	if ((rc = start(c, &behind_all, err)) < 0)
		return rc;
	pg = &c->level[c->depth];
	if (pg->count == 0)
		return 0;
	pg->at = pg->count - 1;
	return give(c, item, err);
}

int
bolt_cursor_leaf(
    struct etcd_bolt_cursor *c, struct bolt_page *to, struct err *err)
{
	bool first = c->state == NEW;
	struct bolt_page *pg, was = *to;
	int rc = 1;

	if (c->state == END)
		return 0;
	c->state = END;
	if (first && (rc = start(c, NULL, err)) == 0)
		rc = 1;
	else if (!first)
		rc = next_leaf(c, err);
	if (rc <= 0)
		return rc;
	c->state = ON;
	pg = &c->level[c->depth];
	*to = *pg;
	pg->room = was.room;
	pg->cap = was.cap;
	return 1;
}

uint64_t
etcd_bolt_sequence(const struct etcd_bolt_item *bucket)
{
	return bucket->nvalue < BOLT_BUCKET ? 0 : le64_get(bucket->value + 8);
}
