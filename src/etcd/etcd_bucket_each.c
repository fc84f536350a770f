#include <string.h>

#include "base/err.h"
#include "etcd/etcd_bucket_file.h"

static int
give(const struct etcd_bolt *b, const struct etcd_bolt_item *bucket,
    const struct etcd_bucket_sink *sink, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	int rc;

	rc = sink->bucket(sink->arg, bucket->key, bucket->nkey,
	    etcd_bolt_sequence(bucket), err);
	if (rc < 0 || (rc = etcd_bolt_cursor_new(b, bucket, &c, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(c, &item, err)) == 1) {
		if (item.flags != 0)
			return err_set(err, HF_ECORRUPT,
			    "a bucket of etcd's has a bucket in it");
		rc = sink->pair(sink->arg, item.key, item.nkey, item.value,
		    item.nvalue, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

int
etcd_bucket_each(const struct etcd_bolt *b, const struct etcd_bucket_sink *sink,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *root = NULL;
	struct etcd_bolt_item bucket;
	int rc;

	if ((rc = etcd_bolt_cursor_new(b, NULL, &root, err)) < 0)
		return rc;
	while ((rc = etcd_bolt_next(root, &bucket, err)) == 1) {
		if (bucket.flags != ETCD_BOLT_BUCKET)
			return err_set(err, HF_ECORRUPT,
			    "the database of etcd has a key beside its "
			    "buckets");
		if (bucket.nkey == 3 && memcmp(bucket.key, "key", 3) == 0)
			continue;
		if ((rc = give(b, &bucket, sink, err)) < 0)
			return rc;
	}
	return rc;
}
