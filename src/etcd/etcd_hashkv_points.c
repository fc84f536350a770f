#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/crc32c.h"
#include "base/err.h"
#include "etcd/etcd_hashkv_impl.h"
#include "etcd/etcd_hashkv_points.h"
#include "etcd/etcd_hashkv_tree.h"
#include "etcd/etcd_keys.h"

/* What the table of keys says of a key's newest record. */
#define DELETED 0         /* Or there is none. */
#define LATE 1            /* It is behind all compact revisions. */
#define LEAF(i) ((i) + 2) /* It is this leaf of the tree. */

/* Bytes from the beginning on. */
struct run {
	uint32_t sum;
	uint64_t len;
};

/* What is known of a compact revision once all records up to it have come. */
struct bound {
	uint64_t compact;
	size_t end;      /* Leaves that are not newer. */
	struct run all;  /* Records that are not newer. */
	struct run bare; /* Of those, all that are no deletion just then. */
	bool met;        /* A record of just then has come. */
};

struct etcd_hashkv_points {
	struct etcd_keys *keys; /* NULL: nothing was ever compacted. */
	uint64_t kept;          /* Keys whose newest record is no deletion. */
	struct etcd_hashkv_tree tree;
	struct run all;
	struct bound *bounds; /* Ascending. */
	size_t nbounds, at;   /* The first that is not reached yet. */
};

static int
by_compact(const void *a, const void *b)
{
	const uint64_t x = ((const struct bound *)a)->compact;
	const uint64_t y = ((const struct bound *)b)->compact;

	return (x > y) - (x < y);
}

static int
set_bounds(struct etcd_hashkv_points *p, const uint64_t *compact, size_t n,
    struct err *err)
{
	size_t i;

	if ((p->bounds = calloc(n + 1, sizeof(*p->bounds))) == NULL)
		return err_nomem(err);
	for (i = 0; i < n; i++)
		p->bounds[i].compact = compact[i];
	qsort(p->bounds, n, sizeof(*p->bounds), by_compact);
	for (i = 0; i < n; i++)
		if (i == 0 || p->bounds[i].compact != p->bounds[i - 1].compact)
			p->bounds[p->nbounds++] = p->bounds[i];
	return 0;
}

int
etcd_hashkv_points_new(const uint64_t *compact, size_t n,
    struct etcd_hashkv_points **ret, struct err *err)
{
	CLEANUP(freep_etcd_hashkv_points) struct etcd_hashkv_points *p = NULL;
	int rc;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_nomem(err);
	if ((rc = set_bounds(p, compact, n, err)) < 0)
		return rc;
	if (n > 0 && p->bounds[p->nbounds - 1].compact > 0 &&
	    (rc = etcd_keys_new(&p->keys, err)) < 0)
		return rc;
	*ret = TAKE(p);
	return 0;
}

void
etcd_hashkv_points_free(struct etcd_hashkv_points *p)
{
	if (p == NULL)
		return;
	etcd_keys_free(p->keys);
	etcd_hashkv_tree_clear(&p->tree);
	free(p->bounds);
	free(p);
}

/* All records before ${revision} have come. */
static void
reach(struct etcd_hashkv_points *p, uint64_t revision)
{
	struct bound *b;

	for (; p->at < p->nbounds; p->at++) {
		b = &p->bounds[p->at];
		if (b->compact >= revision)
			break;
		b->end = p->tree.n;
		b->all = p->all;
		if (!b->met)
			b->bare = p->all;
	}
}

static void
move_leaf(void *arg, uint64_t *number)
{
	const struct etcd_hashkv_points *p = arg;

	if (*number >= LEAF(0))
		*number =
		    LEAF(etcd_hashkv_tree_moved(&p->tree, *number - LEAF(0)));
}

/* Forget the leaves that do not count any more. */
static void
pack(struct etcd_hashkv_points *p)
{
	size_t i;

	etcd_hashkv_tree_pack(&p->tree);
	for (i = 0; i < p->at; i++)
		p->bounds[i].end =
		    etcd_hashkv_tree_moved(&p->tree, p->bounds[i].end);
	etcd_keys_each(p->keys, move_leaf, p);
}

static int
make_room(struct etcd_hashkv_points *p, struct err *err)
{
	if (p->tree.n < p->tree.cap)
		return 0;
	if (p->tree.kept >= p->tree.cap / 4 * 3)
		return etcd_hashkv_tree_grow(&p->tree, err);
	pack(p);
	return 0;
}

static void
append(struct run *to, const struct etcd_hashkv_sums *s, size_t len)
{
	to->sum = crc32c_times(to->sum, s->factor) ^ s->sum;
	to->len += len;
}

/* The next compact revision is this record's or a later one. */
static int
take_early(struct etcd_hashkv_points *p, const struct etcd_record *r,
    uint64_t *newest, struct err *err)
{
	struct bound *b = &p->bounds[p->at];
	struct etcd_hashkv_sums s;
	size_t len;
	int rc;

	s.sum = etcd_hashkv_record(0, r, &len);
	s.factor = crc32c_factor(len);
	if (r->main == b->compact && !b->met) {
		b->met = true;
		b->bare = p->all;
	}
	/* Older servers drop it when they compact, newer ones do not. */
	if (r->main == b->compact && !r->tombstone)
		append(&b->bare, &s, len);
	append(&p->all, &s, len);
	if (r->tombstone)
		return 0;
	if ((rc = make_room(p, err)) == 0)
		*newest = LEAF(etcd_hashkv_tree_add(&p->tree, &s));
	return rc;
}

static void
take_late(
    struct etcd_hashkv_points *p, const struct etcd_record *r, uint64_t *newest)
{
	size_t len;

	p->all.sum = etcd_hashkv_record(p->all.sum, r, &len);
	p->all.len += len;
	if (newest != NULL && !r->tombstone)
		*newest = LATE;
}

int
etcd_hashkv_points_add(
    struct etcd_hashkv_points *p, const struct etcd_record *r, struct err *err)
{
	uint64_t *newest;
	struct etcd_kv kv;
	int rc;

	if (p->keys == NULL) {
		reach(p, 1);
		take_late(p, r, NULL);
		return 0;
	}
	if ((rc = etcd_hashkv_kv(r, &kv, err)) < 0 ||
	    (rc = etcd_keys_get(p->keys, kv.key, kv.nkey, &newest, err)) < 0)
		return rc;
	reach(p, r->main);
	if (*newest >= LEAF(0))
		etcd_hashkv_tree_take_out(&p->tree, *newest - LEAF(0));
	p->kept -= *newest != DELETED;
	p->kept += !r->tombstone;
	*newest = DELETED;
	if (p->at < p->nbounds)
		return take_early(p, r, newest, err);
	take_late(p, r, newest);
	return 0;
}

/* What counts up to the compact revision. */
static struct etcd_hashkv_sums
old(struct etcd_hashkv_points *p, const struct bound *b)
{
	if (p->kept > 0)
		return etcd_hashkv_tree_first(&p->tree, b->end);
	return (
	    struct etcd_hashkv_sums){ b->bare.sum, crc32c_factor(b->bare.len) };
}

uint32_t
etcd_hashkv_points_at(
    struct etcd_hashkv_points *p, uint64_t revision, uint64_t compact)
{
	const struct bound key = { .compact = compact };
	const struct bound *b;
	struct etcd_hashkv_sums s;
	uint32_t hash = crc32c(0, "key", 3);

	reach(p, revision + 1);
	b = bsearch(&key, p->bounds, p->nbounds, sizeof(*b), by_compact);
	assert(b != NULL && b < p->bounds + p->at);
	s = old(p, b);
	hash = crc32c_times(hash, s.factor) ^ s.sum;
	/* Of what came in all, that is what was before it. */
	hash ^= b->all.sum;
	return crc32c_times(hash, crc32c_factor(p->all.len - b->all.len)) ^
	       p->all.sum;
}

bool
etcd_hashkv_points_empty(const struct etcd_hashkv_points *p)
{
	return p->keys != NULL && p->kept == 0;
}
