#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bolt_impl.h"
#include "etcd/etcd_bolt_pages.h"
#include "etcd/etcd_bolt_tree.h"
#include "etcd/etcd_bolt_writer.h"

/* An element of the bucket of buckets, which is written last. */
struct bucket {
	struct buf name;
	struct buf value;
};

struct etcd_bolt_writer {
	struct etcd_bolt_pages pages;
	struct etcd_bolt_tree tree; /* Of the open bucket. */
	struct bucket *buckets;     /* By name. */
	size_t nbuckets;
	struct bucket *open; /* Among them; NULL before the first. */
	struct buf last;     /* The highest key of the open one. */
};

static void
clear_bucket(struct bucket *b)
{
	buf_free(&b->name);
	buf_free(&b->value);
}

void
etcd_bolt_writer_free(struct etcd_bolt_writer *w)
{
	size_t i;

	if (w == NULL)
		return;
	etcd_bolt_tree_clear(&w->tree);
	etcd_bolt_pages_clear(&w->pages);
	for (i = 0; i < w->nbuckets; i++)
		clear_bucket(&w->buckets[i]);
	free(w->buckets);
	buf_free(&w->last);
	free(w);
}

int
etcd_bolt_writer_new(int fd, const char *path, size_t page_size,
    struct etcd_bolt_writer **ret, struct err *err)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	struct stat st;
	int rc;

	if (page_size < ETCD_BOLT_PAGE_MIN || page_size > ETCD_BOLT_PAGE_MAX ||
	    (page_size & (page_size - 1)) != 0)
		return err_set(err, HF_ECORRUPT,
		    "no database has pages of %zu bytes", page_size);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || st.st_size != 0)
		return err_set(
		    err, HF_EBUG, "'%s' is no file, or not empty", path);
	if ((w = calloc(1, sizeof(*w))) == NULL)
		return err_nomem(err);
	rc = etcd_bolt_pages_init(&w->pages, fd, path, page_size, err);
	if (rc < 0)
		return rc;
	etcd_bolt_tree_init(&w->tree, &w->pages);
	*ret = TAKE(w);
	return 0;
}

/* As bbolt orders keys and names. */
static int
compare(const struct buf *a, const uint8_t *p, size_t n)
{
	const size_t common = a->len < n ? a->len : n;
	int k = common == 0 ? 0 : memcmp(a->p, p, common);

	return k != 0 ? k : (a->len > n) - (a->len < n);
}

/* Complete the open bucket. */
static int
close_bucket(struct etcd_bolt_writer *w, struct err *err)
{
	struct bucket *b = w->open;
	uint64_t root;
	int rc;

	if (b == NULL)
		return 0;
	if (etcd_bolt_tree_is_small(&w->tree))
		return etcd_bolt_tree_end_inline(&w->tree, &b->value, err);
	if ((rc = etcd_bolt_tree_end(&w->tree, &root, err)) < 0)
		return rc;
	le64_put(b->value.p, root);
	return 0;
}

/* Find ${name}, or where it belongs among the others. */
static bool
find(
    const struct etcd_bolt_writer *w, const uint8_t *name, size_t n, size_t *at)
{
	size_t lo = 0, hi = w->nbuckets, mid;
	int k;

	while (lo < hi) {
		mid = lo + (hi - lo) / 2;
		k = compare(&w->buckets[mid].name, name, n);
		if (k == 0)
			return true;
		if (k < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*at = lo;
	return false;
}

static int
open_bucket(struct etcd_bolt_writer *w, size_t at, const uint8_t *name,
    size_t n, uint64_t sequence, struct err *err)
{
	struct bucket *b;
	int rc;

	b = reallocarray(w->buckets, w->nbuckets + 1, sizeof(*b));
	if (b == NULL)
		return err_nomem(err);
	w->buckets = b;
	b += at;
	memmove(b + 1, b, (w->nbuckets - at) * sizeof(*b));
	*b = (struct bucket){ BUF_INIT, BUF_INIT };
	w->nbuckets++;
	w->open = b;
	w->last.len = 0;
	if ((rc = buf_add(&b->name, name, n, err)) < 0 ||
	    (rc = buf_add_u64(&b->value, 0, err)) < 0)
		return rc;
	return buf_add_u64(&b->value, sequence, err);
}

int
etcd_bolt_writer_bucket(struct etcd_bolt_writer *w, const void *name, size_t n,
    uint64_t sequence, struct err *err)
{
	size_t at;
	int rc;

	if (n == 0 || n > BOLT_KEY_MAX)
		return err_set(err, HF_ECORRUPT,
		    "no database has a bucket with a name of %zu bytes", n);
	if (find(w, name, n, &at))
		return err_set(
		    err, HF_ECORRUPT, "two buckets with the same name");
	if ((rc = close_bucket(w, err)) < 0)
		return rc;
	return open_bucket(w, at, name, n, sequence, err);
}

int
etcd_bolt_writer_put(struct etcd_bolt_writer *w, const void *key, size_t nkey,
    const void *value, size_t nvalue, struct err *err)
{
	if (w->open == NULL)
		return err_set(err, HF_EBUG, "a record without a bucket");
	if (nkey == 0 || nkey > BOLT_KEY_MAX || nvalue > BOLT_VALUE_MAX)
		return err_set(err, HF_ECORRUPT,
		    "no database has a key of %zu bytes and a value of %zu",
		    nkey, nvalue);
	/* No key is empty, so there is none below the first. */
	if (compare(&w->last, key, nkey) >= 0)
		return err_set(
		    err, HF_ECORRUPT, "the keys of a bucket are out of order");
	w->last.len = 0;
	if (buf_add(&w->last, key, nkey, err) < 0)
		return err->code;
	return etcd_bolt_tree_add(&w->tree, 0, key, nkey, value, nvalue, err);
}

int
etcd_bolt_writer_finish(
    struct etcd_bolt_writer *w, uint64_t *size, struct err *err)
{
	const struct bucket *b;
	uint64_t root;
	int rc;

	if ((rc = close_bucket(w, err)) < 0)
		return rc;
	for (b = w->buckets; b < w->buckets + w->nbuckets; b++)
		if ((rc = etcd_bolt_tree_add(&w->tree, ETCD_BOLT_BUCKET,
			 b->name.p, b->name.len, b->value.p, b->value.len,
			 err)) < 0)
			return rc;
	if ((rc = etcd_bolt_tree_end(&w->tree, &root, err)) < 0)
		return rc;
	return etcd_bolt_pages_finish(&w->pages, root, size, err);
}
