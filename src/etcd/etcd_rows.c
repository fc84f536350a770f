#include <string.h>

#include "base/err.h"
#include "etcd/etcd_rows.h"

#define ROW_LEN 16

int
etcd_rows_begin(
    struct buf *b, const uint8_t magic[ETCD_ROWS_MAGIC_LEN], struct err *err)
{
	return buf_add(b, magic, ETCD_ROWS_MAGIC_LEN, err);
}

int
etcd_rows_add(struct buf *b, uint64_t first, uint64_t second, struct err *err)
{
	int rc;

	if ((rc = buf_add_u64(b, first, err)) < 0)
		return rc;
	return buf_add_u64(b, second, err);
}

void
etcd_rows_open(struct etcd_rows *r, const uint8_t magic[ETCD_ROWS_MAGIC_LEN],
    const uint8_t *p, size_t n)
{
	*r = (struct etcd_rows){ .bad = true };
	if (n < ETCD_ROWS_MAGIC_LEN ||
	    memcmp(p, magic, ETCD_ROWS_MAGIC_LEN) != 0 ||
	    (n - ETCD_ROWS_MAGIC_LEN) % ROW_LEN != 0)
		return;
	r->p = p + ETCD_ROWS_MAGIC_LEN;
	r->n = n - ETCD_ROWS_MAGIC_LEN;
	r->bad = false;
}

bool
etcd_rows_next(struct etcd_rows *r, uint64_t *first, uint64_t *second)
{
	if (r->bad || r->n == 0)
		return false;
	*first = le64_get(r->p);
	*second = le64_get(r->p + 8);
	if (*first > INT64_MAX || *second > INT64_MAX) {
		r->bad = true;
		return false;
	}
	r->p += ROW_LEN;
	r->n -= ROW_LEN;
	return true;
}
