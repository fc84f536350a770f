#include <stdlib.h>

#include "base/err.h"
#include "etcd/etcd_clock.h"
#include "etcd/etcd_rows.h"

static const uint8_t magic[ETCD_ROWS_MAGIC_LEN] = { 'H', 'F', 'E', 'C', 1 };

void
etcd_clock_clear(struct etcd_clock *c)
{
	free(c->v);
	*c = (struct etcd_clock){ 0 };
}

static int
append(struct etcd_clock *c, const struct etcd_clock_row *row, struct err *err)
{
	size_t cap = c->cap > 0 ? 2 * c->cap : 64;
	struct etcd_clock_row *grown;

	if (c->n == c->cap) {
		grown = reallocarray(c->v, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		c->v = grown;
		c->cap = cap;
	}
	c->v[c->n++] = *row;
	return 0;
}

int
etcd_clock_add(
    struct etcd_clock *c, uint64_t revision, int64_t ms, struct err *err)
{
	struct etcd_clock_row row = { .revision = revision };

	row.ms = (ms / ETCD_CLOCK_TICK_MS + 1) * ETCD_CLOCK_TICK_MS;
	if (c->n > 0 && row.ms <= c->v[c->n - 1].ms) {
		c->v[c->n - 1].revision = revision;
		return 0;
	}
	return append(c, &row, err);
}

const struct etcd_clock_row *
etcd_clock_at(const struct etcd_clock *c, int64_t ms)
{
	size_t low = 0, high = c->n, mid;

	while (low < high) {
		mid = low + (high - low) / 2;
		if (c->v[mid].ms <= ms)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 ? &c->v[low - 1] : NULL;
}

int
etcd_clock_encode(const struct etcd_clock *c, struct buf *b, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = etcd_rows_begin(b, magic, err)) < 0)
		return rc;
	for (i = 0; i < c->n; i++)
		if ((rc = etcd_rows_add(
			 b, c->v[i].revision, (uint64_t)c->v[i].ms, err)) < 0)
			return rc;
	return 0;
}

static int
damaged(struct err *err)
{
	return err_set(err, HF_ECORRUPT, "it is no clock of an etcd log");
}

int
etcd_clock_decode(
    const uint8_t *p, size_t n, struct etcd_clock *ret, struct err *err)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock c = { 0 };
	struct etcd_clock_row row, last = { .ms = -1 };
	struct etcd_rows rows;
	uint64_t ms;
	int rc;

	etcd_rows_open(&rows, magic, p, n);
	while (etcd_rows_next(&rows, &row.revision, &ms)) {
		row.ms = (int64_t)ms;
		if (row.revision < last.revision || row.ms <= last.ms)
			return damaged(err);
		if ((rc = append(&c, &row, err)) < 0)
			return rc;
		last = row;
	}
	if (rows.bad)
		return damaged(err);
	*ret = c;
	c = (struct etcd_clock){ 0 };
	return 0;
}
