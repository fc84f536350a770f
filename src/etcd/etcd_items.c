#include <string.h>

#include "base/err.h"
#include "etcd/etcd_items.h"

/* Return the whole length of the item whose head is at ${p}. */
static int
measure(
    struct etcd_items *it, const uint8_t *p, uint64_t *total, struct err *err)
{
	uint64_t body;
	int rc;

	if ((rc = it->measure(it->arg, p, &body, err)) < 0)
		return rc;
	if (body > SIZE_MAX / 2)
		return err_set(
		    err, HF_ECORRUPT, "an item has an impossible length");
	*total = it->head + body;
	return 0;
}

static int
hand_on(struct etcd_items *it, const uint8_t *p, size_t n, struct err *err)
{
	return it->item(it->arg, p, p + it->head, n - it->head, err);
}

/* Move bytes to the part until it has ${want}; false if too few have come. */
static int
top_up(struct etcd_items *it, uint64_t want, const uint8_t **p, size_t *n,
    struct err *err)
{
	uint64_t lack = want - it->part.len;
	size_t k = *n < lack ? *n : (size_t)lack;
	int rc;

	if ((rc = buf_add(&it->part, *p, k, err)) < 0)
		return rc;
	*p += k;
	*n -= k;
	return it->part.len == want;
}

/* Go on with the item that was begun in an earlier piece. */
static int
finish_part(
    struct etcd_items *it, const uint8_t **p, size_t *n, struct err *err)
{
	uint64_t total;
	int rc;

	if (it->part.len < it->head &&
	    (rc = top_up(it, it->head, p, n, err)) <= 0)
		return rc;
	if ((rc = measure(it, it->part.p, &total, err)) < 0 ||
	    (rc = top_up(it, total, p, n, err)) <= 0)
		return rc;
	rc = hand_on(it, it->part.p, it->part.len, err);
	it->part.len = 0;
	return rc;
}

static int
no_magic(const struct etcd_items *it, struct err *err)
{
	return err_set(err, HF_ECORRUPT, "it is no %s", it->what);
}

/* Compare what has come of the magic bytes. */
static int
take_magic(struct etcd_items *it, const uint8_t **p, size_t *n, struct err *err)
{
	size_t k = ETCD_MAGIC_LEN - it->nmagic;

	if (k > *n)
		k = *n;
	if (memcmp(it->magic + it->nmagic, *p, k) != 0)
		return no_magic(it, err);
	it->nmagic += k;
	*p += k;
	*n -= k;
	return 0;
}

int
etcd_items_feed(
    struct etcd_items *it, const uint8_t *p, size_t n, struct err *err)
{
	uint64_t total;
	int rc;

	if (it->nmagic < ETCD_MAGIC_LEN &&
	    (rc = take_magic(it, &p, &n, err)) < 0)
		return rc;
	if (it->part.len > 0 && (rc = finish_part(it, &p, &n, err)) < 0)
		return rc;
	while (n >= it->head) {
		if ((rc = measure(it, p, &total, err)) < 0)
			return rc;
		if (n < total)
			break;
		if ((rc = hand_on(it, p, (size_t)total, err)) < 0)
			return rc;
		p += total;
		n -= (size_t)total;
	}
	return n > 0 ? buf_add(&it->part, p, n, err) : 0;
}

int
etcd_items_end(const struct etcd_items *it, struct err *err)
{
	if (it->nmagic < ETCD_MAGIC_LEN)
		return no_magic(it, err);
	if (it->part.len == 0)
		return 0;
	return err_set(err, HF_ECORRUPT, "it ends within an item");
}
