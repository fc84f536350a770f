#include "test_bolt_read.h"
#include "base/err.h"
#include "etcd/etcd_audit.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_mvcc.h"

/* One that etcd would hash, whatever its message says of itself. */
static int
read_key(
    const struct etcd_bolt_item *item, struct etcd_record *r, struct err *err)
{
	*r = (struct etcd_record){ .value = item->value, .len = item->nvalue };
	if (etcd_mvcc_key_read(item->key, item->nkey, r))
		return 0;
	return err_set(err, HF_ECORRUPT,
	    "the bucket 'key' has an element that is no revision");
}

/* One that is right in itself. */
static int
read_whole(
    const struct etcd_bolt_item *item, struct etcd_record *r, struct err *err)
{
	struct etcd_kv kv;

	return etcd_mvcc_read(item, r, &kv, err);
}

typedef int read_fn(
    const struct etcd_bolt_item *, struct etcd_record *, struct err *);

/* Give ${fn} all records of a database. */
static int
each(const struct etcd_bolt *b, read_fn *read, etcd_record_fn *fn, void *arg,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct etcd_record r;
	int rc;

	if ((rc = etcd_bolt_bucket(b, "key", &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1)
		if ((rc = read(&item, &r, err)) < 0 ||
		    (rc = fn(arg, &r, err)) < 0)
			return rc;
	return rc;
}

static int
add_to_sum(void *arg, const struct etcd_record *r, struct err *err)
{
	return etcd_hashkv_sum_add(arg, r, err);
}

int
test_bolt_hashkv(const struct etcd_bolt *b, uint64_t revision,
    uint64_t compact_revision, uint32_t *ret, struct err *err)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *s = NULL;
	int rc;

	rc = etcd_hashkv_sum_new(revision, compact_revision, &s, err);
	if (rc < 0 || (rc = each(b, read_key, add_to_sum, s, err)) < 0)
		return rc;
	*ret = etcd_hashkv_sum_end(s);
	return 0;
}

int
test_bolt_audit(const struct etcd_bolt *b, struct err *err)
{
	CLEANUP(freep_etcd_audit) struct etcd_audit *a = NULL;
	struct etcd_bucket_sink sink;
	int rc;

	if ((rc = etcd_audit_new(&a, err)) < 0)
		return rc;
	sink = etcd_audit_buckets(a);
	if ((rc = etcd_bucket_each(b, &sink, err)) < 0 ||
	    (rc = each(b, read_whole, etcd_audit_record, a, err)) < 0)
		return rc;
	return etcd_audit_end(a, err);
}
