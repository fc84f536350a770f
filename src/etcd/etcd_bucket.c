#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "etcd/etcd_bucket.h"

static int
compare(const struct etcd_pair *p, const void *key, size_t nkey)
{
	size_t n = p->nkey < nkey ? p->nkey : nkey;
	int rc = n > 0 ? memcmp(p->key, key, n) : 0;

	return rc != 0 ? rc : (p->nkey > nkey) - (p->nkey < nkey);
}

/* Find where the key is, or where it belongs; is it there? */
static bool
find(const struct etcd_bucket *b, const void *key, size_t nkey, size_t *at)
{
	size_t lo = 0, hi = b->n, mid;
	int rc;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		rc = compare(&b->v[mid], key, nkey);
		if (rc == 0) {
			*at = mid;
			return true;
		}
		if (rc < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return false;
}

static uint8_t *
copy(const void *p, size_t n)
{
	uint8_t *q = malloc(n > 0 ? n : 1);

	if (q != NULL && n > 0)
		memcpy(q, p, n);
	return q;
}

static int
insert(struct etcd_bucket *b, size_t at, const struct etcd_pair *p)
{
	struct etcd_pair *v;
	size_t cap;

	if (b->n == b->cap) {
		cap = b->cap > 0 ? 2 * b->cap : 8;
		if ((v = reallocarray(b->v, cap, sizeof(*v))) == NULL)
			return -1;
		b->v = v;
		b->cap = cap;
	}
	memmove(b->v + at + 1, b->v + at, (b->n - at) * sizeof(*b->v));
	b->v[at] = *p;
	b->n++;
	return 0;
}

int
etcd_bucket_put(struct etcd_bucket *b, const void *key, size_t nkey,
    const void *val, size_t nval, struct err *err)
{
	CLEANUP(freep_mem) uint8_t *k = NULL, *v = copy(val, nval);
	size_t at;

	if (v == NULL)
		return err_nomem(err);
	if (find(b, key, nkey, &at)) {
		free(b->v[at].val);
		b->v[at].val = TAKE(v);
		b->v[at].nval = nval;
		return 0;
	}
	if ((k = copy(key, nkey)) == NULL ||
	    insert(b, at, &(struct etcd_pair){ k, v, nkey, nval }) < 0)
		return err_nomem(err);
	k = v = NULL;
	return 0;
}

const struct etcd_pair *
etcd_bucket_find(const struct etcd_bucket *b, const void *key, size_t nkey)
{
	size_t at;

	return find(b, key, nkey, &at) ? &b->v[at] : NULL;
}

void
etcd_bucket_clear(struct etcd_bucket *b)
{
	size_t i;

	for (i = 0; i < b->n; i++) {
		free(b->v[i].key);
		free(b->v[i].val);
	}
	free(b->v);
	*b = (struct etcd_bucket)ETCD_BUCKET_INIT;
}
