#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_downgrade.h"
#include "etcd/etcd_membership.h"
#include "job/job_legacy_db.h"
#include "source/source_scratch.h"

/* The place of a bucket's sequence in its value: bbolt's {root, sequence}. */
#define SEQUENCE_AT 8
#define BUCKET_MIN 16

struct rebuild {
	const struct etcd_membership *members;
	struct source_scratch *snapshot;
	struct etcd_bolt_file file;
	struct etcd_bolt bolt;
	struct etcd_bolt_writer *writer;
	bool has_meta, has_members, has_keys;
};

static int
read_at(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	const struct rebuild *u = arg;

	return source_scratch_read(u->snapshot, off, to, n, err);
}

static bool
is_called(const struct etcd_bolt_item *item, const char *name)
{
	return item->nkey == strlen(name) &&
	       memcmp(item->key, name, item->nkey) == 0;
}

static int
put_all(struct rebuild *u, const struct etcd_bucket *b, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < b->n; i++)
		if ((rc = etcd_bolt_writer_put(u->writer, b->v[i].key,
			 b->v[i].nkey, b->v[i].val, b->v[i].nval, err)) < 0)
			return rc;
	return 0;
}

/* Give each pair of a bucket to ${fn}. */
static int
each(struct rebuild *u, const struct etcd_bolt_item *bucket,
    int (*fn)(void *, const struct etcd_bolt_item *, struct err *), void *arg,
    struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	int k, rc;

	if ((rc = etcd_bolt_cursor_new(&u->bolt, bucket, &c, err)) < 0)
		return rc;
	while ((k = etcd_bolt_next(c, &item, err)) == 1) {
		if (item.flags != 0)
			return err_set(err, HF_ECORRUPT,
			    "the bucket '%.*s' holds something other than "
			    "keys",
			    (int)bucket->nkey, (const char *)bucket->key);
		if ((rc = fn(arg, &item, err)) < 0)
			return rc;
	}
	return k;
}

static int
copy_pair(void *arg, const struct etcd_bolt_item *item, struct err *err)
{
	struct rebuild *u = arg;

	return etcd_bolt_writer_put(
	    u->writer, item->key, item->nkey, item->value, item->nvalue, err);
}

static int
hold_pair(void *arg, const struct etcd_bolt_item *item, struct err *err)
{
	return etcd_bucket_put(
	    arg, item->key, item->nkey, item->value, item->nvalue, err);
}

/*
 * What the database says of raft and members is replaced by the new cluster's.
 */
static int
write_meta(
    struct rebuild *u, const struct etcd_bolt_item *bucket, struct err *err)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	int rc;

	if ((rc = each(u, bucket, hold_pair, &b, err)) < 0 ||
	    (rc = etcd_membership_fill_meta(u->members, &b, err)) < 0)
		return rc;
	return put_all(u, &b, err);
}

/* End a downgrade that was going on (etcd_downgrade.h). */
static int
write_cluster(
    struct rebuild *u, const struct etcd_bolt_item *bucket, struct err *err)
{
	static const struct etcd_bucket no_meta = ETCD_BUCKET_INIT;
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	struct etcd_downgrade d;
	int rc;

	if ((rc = each(u, bucket, hold_pair, &b, err)) < 0 ||
	    (rc = etcd_downgrade_read(&b, &no_meta, &d, err)) < 0 ||
	    (rc = etcd_downgrade_end(&d, &b, err)) < 0)
		return rc;
	return put_all(u, &b, err);
}

static int
write_members(struct rebuild *u, struct err *err)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	int rc;

	if ((rc = etcd_membership_fill_members(u->members, &b, err)) < 0)
		return rc;
	return put_all(u, &b, err);
}

static int
write_bucket(
    struct rebuild *u, const struct etcd_bolt_item *bucket, struct err *err)
{
	int rc;

	if (bucket->flags != ETCD_BOLT_BUCKET || bucket->nvalue < BUCKET_MIN)
		return err_set(err, HF_ECORRUPT,
		    "the database's root holds something other than buckets");
	rc = etcd_bolt_writer_bucket(u->writer, bucket->key, bucket->nkey,
	    le64_get(bucket->value + SEQUENCE_AT), err);
	if (rc < 0)
		return rc;
	if (is_called(bucket, "meta")) {
		u->has_meta = true;
		return write_meta(u, bucket, err);
	}
	if (is_called(bucket, "cluster"))
		return write_cluster(u, bucket, err);
	if (is_called(bucket, "members")) {
		u->has_members = true;
		return write_members(u, err);
	}
	/* Alarms, too, belong to members that are gone. */
	if (is_called(bucket, "members_removed") || is_called(bucket, "alarm"))
		return 0;
	u->has_keys = u->has_keys || is_called(bucket, "key");
	return each(u, bucket, copy_pair, u, err);
}

static int
write_buckets(struct rebuild *u, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *root = NULL;
	struct etcd_bolt_item bucket;
	int k, rc;

	if ((rc = etcd_bolt_cursor_new(&u->bolt, NULL, &root, err)) < 0)
		return rc;
	while ((k = etcd_bolt_next(root, &bucket, err)) == 1)
		if ((rc = write_bucket(u, &bucket, err)) < 0)
			return rc;
	if (k == 0 && !(u->has_meta && u->has_members && u->has_keys))
		return err_set(err, HF_ECORRUPT,
		    "the database lacks a bucket that each of etcd's has");
	return k;
}

int
job_legacy_db_write(
    const struct job_legacy_db *db, int fd, const char *name, struct err *err)
{
	struct rebuild u = {
		.members = db->members,
		.snapshot = db->snapshot,
		.file = { .read = read_at, .size = db->size },
	};
	uint64_t size;
	int rc;

	u.file.arg = &u;
	if ((rc = etcd_bolt_open(&u.bolt, &u.file, err)) < 0 ||
	    (rc = etcd_bolt_writer_new(
		 fd, name, u.bolt.page_size, &u.writer, err)) < 0)
		return rc;
	if ((rc = write_buckets(&u, err)) == 0)
		rc = etcd_bolt_writer_finish(u.writer, &size, err);
	etcd_bolt_writer_free(u.writer);
	return rc;
}
