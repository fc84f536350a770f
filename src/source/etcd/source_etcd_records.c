#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_bolt_ahead.h"
#include "etcd/etcd_bucket_file.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_keys.h"
#include "source/etcd/source_etcd_out.h"
#include "source/etcd/source_etcd_records.h"
#include "source/etcd/source_etcd_segments.h"
#include "source/source_pages.h"

#define MIB ((uint64_t)1 << 20)
#define CHECK_EVERY 1024 /* Records: how soon a wish to stop is heard. */

/*
 * Say that the database is damaged, which lies with the server: so is one that
 * lacks a bucket that every etcd has.
 */
static int
damaged(struct err *err)
{
	if (err->code != -HF_ECORRUPT && err->code != -HF_ENOTFOUND)
		return err->code;
	(void)err_wrap(err, "the database that etcd sent is damaged");
	(void)err_hint(err, "read from another member, and replace this one");
	err->code = -HF_ESOURCE;
	return err->code;
}

/* Does the database hold what this program knows, and nothing else? */
static int
look_for_unknown(struct source_etcd_db *db, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *root = NULL;
	struct etcd_bolt_item item;
	int rc;

	rc = etcd_bolt_cursor_new(&db->bolt, NULL, &root, err);
	if (rc < 0)
		return rc;
	while ((rc = etcd_bolt_next(root, &item, err)) == 1) {
		if (item.flags == ETCD_BOLT_BUCKET &&
		    etcd_mvcc_bucket_known(item.key, item.nkey))
			continue;
		(void)snprintf(db->unknown, sizeof(db->unknown),
		    "the database has a %s that is not known here: '%.*s'",
		    item.flags == ETCD_BOLT_BUCKET ? "bucket" : "top key",
		    item.nkey < 64 ? (int)item.nkey : 64,
		    (const char *)item.key);
		return 0;
	}
	return rc;
}

static int
open_db(struct source_etcd_db *db, struct err *err)
{
	int rc;

	if ((rc = etcd_bolt_open(&db->bolt, &db->file, err)) < 0 ||
	    (rc = etcd_meta_read(&db->bolt, &db->meta, err)) < 0)
		return rc;
	db->compact = etcd_meta_compact_revision(&db->meta);
	if ((rc = look_for_unknown(db, err)) < 0)
		return rc;
	if (db->unknown[0] != '\0')
		return 0;
	return etcd_mvcc_revision(&db->bolt, db->compact, &db->revision, err);
}

int
source_etcd_db_open(struct source_pages *pages, size_t digest,
    struct source_etcd_db *db, struct err *err)
{
	*db = (struct source_etcd_db){
		.meta = ETCD_META_INIT,
		.file = { .size = source_pages_size(pages) - digest,
		    .read = source_pages_read,
		    .arg = pages },
	};
	return open_db(db, err) < 0 ? damaged(err) : 0;
}

void
source_etcd_db_clear(struct source_etcd_db *db)
{
	etcd_meta_clear(&db->meta);
}

/* The file of buckets. */
struct buckets {
	const struct source_etcd_db *db;
	struct source_etcd_out *o;
	bool meta;     /* It is the bucket "meta" whose pairs come. */
	bool finished; /* Its "finishedCompactRev" is written. */
};

static const char finished_key[] = "finishedCompactRev";

static bool
is(const uint8_t *p, size_t n, const char *text)
{
	return n == strlen(text) && memcmp(p, text, n) == 0;
}

static int
write_bucket(
    void *arg, const uint8_t *name, size_t n, uint64_t seq, struct err *err)
{
	uint8_t head[ETCD_BUCKET_ITEM_HEAD];
	struct buckets *b = arg;
	int rc;

	b->meta = is(name, n, "meta");
	etcd_bucket_item_head(head, true, (uint32_t)n, seq, 0);
	if ((rc = source_etcd_out_write(b->o, head, sizeof(head), err)) < 0)
		return rc;
	return source_etcd_out_write(b->o, name, n, err);
}

/*
 * How far the log of this one cluster has been applied: it goes on even when
 * nothing changes, and no restore can use it.
 */
static bool
counts_the_log(const struct buckets *b, const uint8_t *key, size_t n)
{
	return b->meta &&
	       (is(key, n, "consistent_index") || is(key, n, "term"));
}

static int
put_pair(struct buckets *b, const void *key, size_t nkey, const void *value,
    size_t nvalue, struct err *err)
{
	uint8_t head[ETCD_BUCKET_ITEM_HEAD];
	int rc;

	etcd_bucket_item_head(head, false, (uint32_t)nkey, 0, (uint32_t)nvalue);
	if ((rc = source_etcd_out_write(b->o, head, sizeof(head), err)) < 0 ||
	    (rc = source_etcd_out_write(b->o, key, nkey, err)) < 0)
		return rc;
	return source_etcd_out_write(b->o, value, nvalue, err);
}

/*
 * Where a compaction was scheduled its records are left out, and so it is
 * finished here, however far each member has got.  In its place by name.
 */
static int
write_finished(struct buckets *b, struct err *err)
{
	const struct etcd_record r = { .main = b->db->compact };
	uint8_t rev[ETCD_MVCC_KEY_MAX];
	size_t n = etcd_mvcc_key(&r, rev);

	b->finished = true;
	return put_pair(b, finished_key, strlen(finished_key), rev, n, err);
}

static int
write_pair(void *arg, const uint8_t *key, size_t nkey, const uint8_t *value,
    size_t nvalue, struct err *err)
{
	struct buckets *b = arg;
	size_t n = strlen(finished_key);
	int order, rc;

	if (counts_the_log(b, key, nkey))
		return 0;
	if (b->meta && !b->finished && b->db->compact > 0) {
		order = memcmp(key, finished_key, nkey < n ? nkey : n);
		if ((order > 0 || (order == 0 && nkey >= n)) &&
		    (rc = write_finished(b, err)) < 0)
			return rc;
		if (is(key, nkey, finished_key))
			return 0;
	}
	return put_pair(b, key, nkey, value, nvalue, err);
}

static int
write_buckets(
    struct source_etcd_db *db, struct source_etcd_out *o, struct err *err)
{
	struct buckets b = { .db = db, .o = o };
	const struct etcd_bucket_sink sink = { write_bucket, write_pair, &b };
	uint8_t magic[ETCD_MAGIC_LEN];
	int rc;

	etcd_bucket_file_head(magic);
	if ((rc = source_etcd_out_begin(o, "buckets", MIB, err)) < 0 ||
	    (rc = source_etcd_out_write(o, magic, sizeof(magic), err)) < 0 ||
	    (rc = etcd_bucket_each(&db->bolt, &sink, err)) < 0)
		return rc;
	return source_etcd_out_end(o, "buckets", err);
}

/* Step to the next record: 1, or 0 at the end. */
static int
next_record(struct etcd_bolt_ahead *a, struct etcd_record *r,
    struct etcd_kv *kv, struct err *err)
{
	struct etcd_bolt_item item;
	int rc;

	if ((rc = etcd_bolt_ahead_next(a, &item, err)) <= 0)
		return rc;
	if ((rc = etcd_mvcc_read(&item, r, kv, err)) < 0)
		return rc;
	return 1;
}

/*
 * A server that is compacting has not yet removed all that it will have
 * removed when it is done, and what is left differs from member to member.
 * So such records are left out.  For each key: the ordinal of its newest
 * record up to the compact revision, counted from 1.
 */
static int
find_living(struct source_etcd_db *db, struct etcd_keys **ret, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	CLEANUP(freep_etcd_bolt_ahead) struct etcd_bolt_ahead *a = NULL;
	CLEANUP(freep_etcd_keys) struct etcd_keys *keys = NULL;
	uint64_t ordinal = 0, *newest;
	struct etcd_record r;
	struct etcd_kv kv;
	int rc;

	if (db->meta.scheduled_compact <= db->meta.finished_compact)
		return 0;
	if ((rc = etcd_keys_new(&keys, err)) < 0 ||
	    (rc = etcd_bolt_bucket(&db->bolt, "key", &c, err)) < 0 ||
	    (rc = etcd_bolt_ahead_new(c, &a, err)) < 0)
		return rc;
	while (
	    (rc = next_record(a, &r, &kv, err)) == 1 && r.main <= db->compact) {
		rc = etcd_keys_get(keys, kv.key, kv.nkey, &newest, err);
		if (rc < 0)
			return rc;
		*newest = ++ordinal;
	}
	if (rc < 0)
		return rc;
	*ret = TAKE(keys);
	return 0;
}

/* Is record number ${ordinal} one that stays: 1, or 0? */
static int
is_living(struct etcd_keys *keys, uint64_t compact, uint64_t ordinal,
    const struct etcd_record *r, const struct etcd_kv *kv, struct err *err)
{
	uint64_t *newest;
	int rc;

	if (keys == NULL || r->main > compact)
		return 1;
	if (r->tombstone && r->main < compact)
		return 0;
	if ((rc = etcd_keys_get(keys, kv->key, kv->nkey, &newest, err)) < 0)
		return rc;
	return *newest == ordinal;
}

/* Hand all living records on. */
static int
each_living(
    struct source_etcd_db *db, etcd_record_fn *fn, void *arg, struct err *err)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	CLEANUP(freep_etcd_bolt_ahead) struct etcd_bolt_ahead *a = NULL;
	CLEANUP(freep_etcd_keys) struct etcd_keys *keys = NULL;
	uint64_t ordinal = 0;
	struct etcd_record r;
	struct etcd_kv kv;
	int rc;

	if ((rc = find_living(db, &keys, err)) < 0 ||
	    (rc = etcd_bolt_bucket(&db->bolt, "key", &c, err)) < 0 ||
	    (rc = etcd_bolt_ahead_new(c, &a, err)) < 0)
		return rc;
	while ((rc = next_record(a, &r, &kv, err)) == 1) {
		rc = is_living(keys, db->compact, ++ordinal, &r, &kv, err);
		if (rc == 1)
			rc = fn(arg, &r, err);
		if (rc < 0)
			return rc;
	}
	return rc;
}

/* Where a record goes. */
struct writing {
	struct sink *sink;
	struct etcd_hashkv_sum *sum;
	struct source_etcd_segments *segments;
	uint64_t count;
};

static int
write_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct writing *w = arg;
	int rc;

	if (++w->count % CHECK_EVERY == 0 &&
	    (rc = sink_check(w->sink, err)) < 0)
		return rc;
	if ((rc = etcd_hashkv_sum_add(w->sum, r, err)) < 0)
		return rc;
	return source_etcd_segments_take(w->segments, r, err);
}

static int
write_segments(struct source_etcd_db *db, struct source_etcd_out *o,
    struct etcd_index *x, struct err *err)
{
	CLEANUP(freep_source_etcd_segments)
	struct source_etcd_segments *segments = NULL;
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *sum = NULL;
	struct writing w = { .sink = o->sink };
	int rc;

	rc = etcd_hashkv_sum_new(db->revision, db->compact, &sum, err);
	if (rc < 0 || (rc = source_etcd_segments_new(o, &segments, err)) < 0)
		return rc;
	w.sum = sum;
	w.segments = segments;
	if ((rc = each_living(db, write_record, &w, err)) < 0 ||
	    (rc = source_etcd_segments_end(segments, x, err)) < 0)
		return rc;
	x->hash = etcd_hashkv_sum_end(sum);
	return 0;
}

int
source_etcd_db_write(struct source_etcd_db *db, struct sink *sink,
    int64_t time_ns, struct etcd_index *x, struct err *err)
{
	struct source_etcd_out o = { .sink = sink, .time_ns = time_ns };
	int rc;

	*x = (struct etcd_index){
		.page_size = db->bolt.page_size,
		.revision = db->revision,
		.compact_revision = db->compact,
		.hash_compact = db->compact,
	};
	if ((rc = source_etcd_out_folder(&o, ".", err)) < 0 ||
	    (rc = write_buckets(db, &o, err)) < 0 ||
	    (rc = source_etcd_out_folder(&o, "records", err)) < 0 ||
	    (rc = write_segments(db, &o, x, err)) < 0)
		return damaged(err);
	return 0;
}

int
source_etcd_db_write_index(const struct etcd_index *x, struct sink *sink,
    int64_t time_ns, struct err *err)
{
	struct source_etcd_out o = { .sink = sink, .time_ns = time_ns };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = etcd_index_encode(x, &b, err)) < 0 ||
	    (rc = source_etcd_out_begin(&o, "segments", b.len, err)) < 0 ||
	    (rc = source_etcd_out_write(&o, b.p, b.len, err)) < 0)
		return rc;
	return source_etcd_out_end(&o, "segments", err);
}

static int
add_to_sum(void *arg, const struct etcd_record *r, struct err *err)
{
	return etcd_hashkv_sum_add(arg, r, err);
}

int
source_etcd_db_hash(struct source_etcd_db *db, uint64_t revision,
    uint64_t compact, uint32_t *ret, struct err *err)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *sum = NULL;
	int rc;

	rc = etcd_hashkv_sum_new(revision, compact, &sum, err);
	if (rc < 0 || (rc = each_living(db, add_to_sum, sum, err)) < 0)
		return damaged(err);
	*ret = etcd_hashkv_sum_end(sum);
	return 0;
}
