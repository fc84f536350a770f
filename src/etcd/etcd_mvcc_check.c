#include "base/err.h"
#include "etcd/etcd_audit.h"
#include "etcd/etcd_mvcc.h"

static int
check_records(const struct etcd_bolt *b, struct etcd_audit *a, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct etcd_record r;
	struct etcd_kv kv;
	int rc;

	if ((rc = etcd_bolt_bucket(b, "key", &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1)
		if ((rc = etcd_mvcc_read(&item, &r, &kv, err)) < 0 ||
		    (rc = etcd_audit_record(a, &r, err)) < 0)
			return rc;
	return rc;
}

int
etcd_mvcc_check(const struct etcd_bolt *b, struct err *err)
{
	CLEANUP(freep_etcd_audit) struct etcd_audit *a = NULL;
	struct etcd_bucket_sink sink;
	int rc;

	if ((rc = etcd_audit_new(&a, err)) < 0)
		return rc;
	sink = etcd_audit_buckets(a);
	if ((rc = etcd_bucket_each(b, &sink, err)) < 0 ||
	    (rc = check_records(b, a, err)) < 0)
		return rc;
	return etcd_audit_end(a, err);
}
