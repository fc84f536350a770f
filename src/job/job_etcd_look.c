#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_keys.h"
#include "etcd/etcd_mvcc.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_look.h"
#include "source/source_pages.h"

#define VALUES_MEMORY ((size_t)8 << 20) /* bytes; the rest lies in a file. */

struct slot {
	struct job_etcd_item item;
	/* Another key with the same hash, counted from 1; 0: none. */
	uint64_t next;
	bool gone; /* Its newest version is a deletion. */
};

struct job_etcd_look {
	struct job_etcd_look_opts opts;
	struct etcd_keys *keys; /* Number: its slot, counted from 1. */
	struct slot *slots;
	size_t n, cap;
	struct source_pages *values; /* NULL: not wanted. */
};

void
job_etcd_look_free(struct job_etcd_look *l)
{
	size_t i;

	if (l == NULL)
		return;
	for (i = 0; i < l->n; i++)
		free(l->slots[i].item.key);
	free(l->slots);
	etcd_keys_free(l->keys);
	source_pages_free(l->values);
	free(l);
}

static int
add_slot(struct job_etcd_look *l, const struct etcd_kv *kv, struct err *err)
{
	size_t cap = l->cap > 0 ? 2 * l->cap : 256;
	struct slot *grown;
	uint8_t *key;

	if (l->n == l->cap) {
		grown = reallocarray(l->slots, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		l->slots = grown;
		l->cap = cap;
	}
	if ((key = malloc(kv->nkey + 1)) == NULL)
		return err_nomem(err);
	memcpy(key, kv->key, kv->nkey);
	l->slots[l->n++] = (struct slot){
		.item = { .key = key, .nkey = kv->nkey },
	};
	return 0;
}

/* Find the slot of a key, or make one; keys with the same hash are chained. */
static int
find_slot(struct job_etcd_look *l, const struct etcd_kv *kv, struct slot **ret,
    struct err *err)
{
	uint64_t *first, i;
	struct slot *s;
	int rc;

	rc = etcd_keys_get(l->keys, kv->key, kv->nkey, &first, err);
	if (rc < 0)
		return rc;
	for (i = *first; i != 0; i = s->next) {
		s = &l->slots[i - 1];
		if (s->item.nkey == kv->nkey &&
		    memcmp(s->item.key, kv->key, kv->nkey) == 0)
			break;
	}
	if (i == 0) {
		if ((rc = add_slot(l, kv, err)) < 0)
			return rc;
		i = l->n;
		l->slots[i - 1].next = *first;
		*first = i;
	}
	*ret = &l->slots[i - 1];
	return 0;
}

static int
take_value(struct job_etcd_look *l, const struct etcd_kv *kv,
    struct job_etcd_item *item, struct err *err)
{
	int rc = 0;

	if (l->values != NULL && kv->nvalue > 0) {
		item->at = source_pages_size(l->values);
		rc = source_pages_put(l->values, kv->value, kv->nvalue, err);
	}
	if (rc == 0 && l->opts.compare)
		rc = sha256_of(kv->value, kv->nvalue, item->sha256, err);
	return rc;
}

static void
take_numbers(struct job_etcd_item *item, const struct etcd_kv *kv)
{
	item->create_revision = kv->create_revision;
	item->mod_revision = kv->mod_revision;
	item->version = kv->version;
	item->lease = kv->lease;
	item->size = kv->nvalue;
}

static int
take_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct job_etcd_look *l = arg;
	struct etcd_kv kv;
	struct slot *s;
	int rc;

	if ((rc = etcd_mvcc_record(r, &kv, err)) < 0)
		return rc;
	/* What --bump-revision leaves behind has no key. */
	if (kv.nkey == 0 || kv.nkey < l->opts.nprefix ||
	    (l->opts.nprefix > 0 &&
		memcmp(kv.key, l->opts.prefix, l->opts.nprefix) != 0))
		return 0;
	if ((rc = find_slot(l, &kv, &s, err)) < 0)
		return rc;
	if ((s->gone = r->tombstone))
		return 0;
	take_numbers(&s->item, &kv);
	return take_value(l, &kv, &s->item, err);
}

static int
compare_keys(const struct job_etcd_item *a, const struct job_etcd_item *b)
{
	size_t n = a->nkey < b->nkey ? a->nkey : b->nkey;
	int cmp = memcmp(a->key, b->key, n);

	if (cmp != 0)
		return cmp;
	return a->nkey < b->nkey ? -1 : a->nkey > b->nkey;
}

static int
compare_slots(const void *a, const void *b)
{
	return compare_keys(
	    &((const struct slot *)a)->item, &((const struct slot *)b)->item);
}

/* Drop what is deleted, and sort the rest. */
static void
settle(struct job_etcd_look *l)
{
	size_t i, kept = 0;

	for (i = 0; i < l->n; i++)
		if (l->slots[i].gone)
			free(l->slots[i].item.key);
		else
			l->slots[kept++] = l->slots[i];
	l->n = kept;
	if (kept > 0)
		qsort(l->slots, kept, sizeof(*l->slots), compare_slots);
	etcd_keys_free(TAKE(l->keys));
}

int
job_etcd_look_new(struct job_etcd_db *db, const struct job_etcd_look_opts *opts,
    struct job_etcd_look **ret, struct err *err)
{
	const struct source_pages_opts pages = { .memory = VALUES_MEMORY };
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *l = NULL;
	int rc;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return err_nomem(err);
	l->opts = *opts;
	if ((rc = etcd_keys_new(&l->keys, err)) < 0 ||
	    (opts->values &&
		(rc = source_pages_new(&pages, &l->values, err)) < 0) ||
	    (rc = job_etcd_db_records(
		 db, opts->revision, take_record, l, err)) < 0 ||
	    (opts->values && (rc = source_pages_end(l->values, err)) < 0))
		return rc;
	settle(l);
	*ret = TAKE(l);
	return 0;
}

const struct job_etcd_item *
job_etcd_look_at(const struct job_etcd_look *l, size_t i)
{
	return i < l->n ? &l->slots[i].item : NULL;
}

int
job_etcd_look_value(const struct job_etcd_look *l,
    const struct job_etcd_item *item, struct buf *to, struct err *err)
{
	int rc;

	to->len = 0;
	if (item->size == 0)
		return 0;
	if ((rc = buf_reserve(to, item->size, err)) < 0 ||
	    (rc = source_pages_read(
		 l->values, item->at, to->p, item->size, err)) < 0)
		return rc;
	to->len = item->size;
	return 0;
}

int
job_etcd_look_diff(const struct job_etcd_look *a, const struct job_etcd_look *b,
    job_etcd_diff_fn *fn, void *arg, struct err *err)
{
	const struct job_etcd_item *x, *y;
	size_t i = 0, j = 0;
	int cmp, rc = 0;

	while (rc == 0) {
		x = job_etcd_look_at(a, i);
		y = job_etcd_look_at(b, j);
		if (x == NULL && y == NULL)
			break;
		cmp = x == NULL ? 1 : y == NULL ? -1 : compare_keys(x, y);
		i += cmp <= 0;
		j += cmp >= 0;
		if (cmp != 0 || x->size != y->size ||
		    memcmp(x->sha256, y->sha256, SHA256_LEN) != 0)
			rc = fn(
			    arg, cmp <= 0 ? x : NULL, cmp >= 0 ? y : NULL, err);
	}
	return rc;
}
