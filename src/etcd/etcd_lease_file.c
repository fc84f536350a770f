#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_lease_file.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_rows.h"

static const uint8_t magic[ETCD_ROWS_MAGIC_LEN] = { 'H', 'F', 'E', 'L', 1 };

void
etcd_lease_file_clear(struct etcd_lease_file *f)
{
	free(f->v);
	*f = (struct etcd_lease_file){ 0 };
}

/* Return where the lease is, or where it belongs. */
static size_t
place_of(const struct etcd_lease_file *f, uint64_t id)
{
	size_t low = 0, high = f->n, mid;

	/* They mostly come in order. */
	if (high > 0 && f->v[high - 1].id < id)
		return high;
	while (low < high) {
		mid = low + (high - low) / 2;
		if (f->v[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

struct etcd_lease_row *
etcd_lease_file_find(const struct etcd_lease_file *f, uint64_t id)
{
	size_t i = place_of(f, id);

	return i < f->n && f->v[i].id == id ? &f->v[i] : NULL;
}

int
etcd_lease_file_add(struct etcd_lease_file *f, const struct etcd_lease_row *row,
    struct err *err)
{
	size_t i = place_of(f, row->id), cap = f->cap > 0 ? 2 * f->cap : 64;
	struct etcd_lease_row *grown;

	if (i < f->n && f->v[i].id == row->id) {
		f->v[i].granted = row->granted;
		return 0;
	}
	if (f->n == f->cap) {
		grown = reallocarray(f->v, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		f->v = grown;
		f->cap = cap;
	}
	memmove(f->v + i + 1, f->v + i, (f->n - i) * sizeof(*f->v));
	f->v[i] = *row;
	f->n++;
	return 0;
}

/* Lease: ID = 1, TTL = 2, RemainingTTL = 3. */
int
etcd_lease_pair(const struct etcd_lease_row *row,
    uint8_t key[ETCD_LEASE_KEY_LEN], struct buf *value, struct err *err)
{
	int rc;

	be64_put(key, row->id);
	if ((rc = pb_add_uint(value, 1, row->id, err)) < 0)
		return rc;
	return pb_add_uint(value, 2, row->granted, err);
}

int
etcd_lease_file_encode(
    const struct etcd_lease_file *f, struct buf *b, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = etcd_rows_begin(b, magic, err)) < 0)
		return rc;
	for (i = 0; i < f->n; i++)
		if ((rc = etcd_rows_add(b, f->v[i].id, f->v[i].granted, err)) <
		    0)
			return rc;
	return 0;
}

static int
damaged(struct err *err)
{
	return err_set(err, HF_ECORRUPT, "it is no list of leases");
}

int
etcd_lease_file_decode(
    const uint8_t *p, size_t n, struct etcd_lease_file *ret, struct err *err)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file f = { 0 };
	struct etcd_lease_row row;
	struct etcd_rows rows;
	uint64_t last = 0;
	int rc;

	etcd_rows_open(&rows, magic, p, n);
	while (etcd_rows_next(&rows, &row.id, &row.granted)) {
		if (row.id <= last)
			return damaged(err);
		if ((rc = etcd_lease_file_add(&f, &row, err)) < 0)
			return rc;
		last = row.id;
	}
	if (rows.bad)
		return damaged(err);
	*ret = f;
	f = (struct etcd_lease_file){ 0 };
	return 0;
}
