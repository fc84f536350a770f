#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_kv.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_record.h"
#include "job/job_etcd_leases.h"

/* Lease: ID = 1, TTL = 2, RemainingTTL = 3. */
int
job_etcd_lease_read(
    const uint8_t *value, size_t n, struct etcd_lease_row *ret, struct err *err)
{
	struct etcd_lease_row row = { 0 };
	struct pb r;
	int k;

	pb_init(&r, value, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire == PB_VARINT && r.field == 1)
			row.id = r.val;
		else if (r.wire == PB_VARINT && r.field == 2)
			row.granted = r.val;
	}
	if (k < 0 || row.id == 0 || row.id > INT64_MAX)
		return err_set(
		    err, HF_ECORRUPT, "the backup has a lease that is none");
	*ret = row;
	return 0;
}

static int
take_old(
    struct job_etcd_leases *l, const uint8_t *value, size_t n, struct err *err)
{
	struct etcd_lease_row row;
	int rc;

	if ((rc = job_etcd_lease_read(value, n, &row, err)) < 0)
		return rc;
	return etcd_lease_file_add(&l->old, &row, err);
}

/* Return what a lease was granted for, from whichever list knows it. */
static uint64_t
granted(const struct job_etcd_leases *l, uint64_t id)
{
	const struct etcd_lease_file *const in[] = { l->known, l->next,
		&l->old };
	const struct etcd_lease_row *row;
	size_t i;

	for (i = 0; i < sizeof(in) / sizeof(in[0]); i++) {
		row = in[i] == NULL ? NULL : etcd_lease_file_find(in[i], id);
		if (row != NULL && row->granted > 0)
			return row->granted;
	}
	return JOB_LEASE_UNKNOWN_SECONDS;
}

static int
give(struct job_etcd_leases *l, uint64_t id, struct err *err)
{
	const struct etcd_lease_row row = { id, granted(l, id) };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t key[ETCD_LEASE_KEY_LEN];
	int rc;

	if ((rc = etcd_lease_pair(&row, key, &b, err)) < 0)
		return rc;
	return l->to->pair(l->to->arg, key, sizeof(key), b.p, b.len, err);
}

/* Merge both lists, which ascend; give what is in both only once. */
static int
give_all(struct job_etcd_leases *l, struct err *err)
{
	static const struct etcd_lease_file none = { 0 };
	const struct etcd_lease_file *a = l->known ? l->known : &l->old;
	const struct etcd_lease_file *b = l->next ? l->next : &none;
	size_t i = 0, k = 0;
	uint64_t id;
	int rc;

	while (i < a->n || k < b->n) {
		if (k == b->n || (i < a->n && a->v[i].id <= b->v[k].id))
			id = a->v[i].id;
		else
			id = b->v[k].id;
		i += i < a->n && a->v[i].id == id;
		k += k < b->n && b->v[k].id == id;
		if ((rc = give(l, id, err)) < 0)
			return rc;
	}
	return 0;
}

static int
leave(struct job_etcd_leases *l, struct err *err)
{
	if (!l->at_leases)
		return 0;
	l->at_leases = false;
	return give_all(l, err);
}

static int
on_bucket(void *arg, const uint8_t *name, size_t n, uint64_t sequence,
    struct err *err)
{
	struct job_etcd_leases *l = arg;
	int rc;

	if ((rc = leave(l, err)) < 0)
		return rc;
	l->at_leases = n == 5 && memcmp(name, "lease", 5) == 0;
	return l->to->bucket(l->to->arg, name, n, sequence, err);
}

static int
on_pair(void *arg, const uint8_t *key, size_t nkey, const uint8_t *value,
    size_t nvalue, struct err *err)
{
	struct job_etcd_leases *l = arg;

	if (l->at_leases)
		return take_old(l, value, nvalue, err);
	return l->to->pair(l->to->arg, key, nkey, value, nvalue, err);
}

struct etcd_bucket_sink
job_etcd_leases_sink(struct job_etcd_leases *l)
{
	return (struct etcd_bucket_sink){ on_bucket, on_pair, l };
}

int
job_etcd_leases_end(struct job_etcd_leases *l, struct err *err)
{
	return leave(l, err);
}

void
job_etcd_leases_clear(struct job_etcd_leases *l)
{
	etcd_lease_file_clear(&l->old);
}

int
job_etcd_leases_note(
    struct etcd_lease_file *had, const struct etcd_record *r, struct err *err)
{
	struct etcd_lease_row row = { 0 };
	struct etcd_kv kv;

	/* What makes no sense does not hash right, too. */
	if (r->tombstone || !etcd_kv_read(r->value, r->len, &kv) ||
	    kv.lease == 0 || kv.lease > INT64_MAX)
		return 0;
	row.id = kv.lease;
	return etcd_lease_file_add(had, &row, err);
}

int
job_etcd_leases_gone(const struct etcd_lease_file *had,
    const struct etcd_bucket *b, struct etcd_lease_file *gone, struct err *err)
{
	uint8_t key[ETCD_LEASE_KEY_LEN];
	size_t i;
	int rc;

	for (i = 0; i < had->n; i++) {
		be64_put(key, had->v[i].id);
		if (etcd_bucket_find(b, key, sizeof(key)) == NULL &&
		    (rc = etcd_lease_file_add(gone, &had->v[i], err)) < 0)
			return rc;
	}
	return 0;
}

int
job_etcd_leases_grant(const struct etcd_lease_file *gone,
    struct etcd_bucket *to, uint64_t *known, struct err *err)
{
	uint8_t key[ETCD_LEASE_KEY_LEN];
	struct etcd_lease_row row;
	size_t i;
	int rc;

	for (i = 0; i < gone->n; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		row = gone->v[i];
		*known += row.granted > 0;
		if (row.granted == 0)
			row.granted = JOB_LEASE_UNKNOWN_SECONDS;
		if ((rc = etcd_lease_pair(&row, key, &b, err)) < 0 ||
		    (rc = etcd_bucket_put(
			 to, key, sizeof(key), b.p, b.len, err)) < 0)
			return rc;
	}
	return 0;
}
