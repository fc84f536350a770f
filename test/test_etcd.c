#include <fcntl.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/file.h"
#include "crypto/hash.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd/etcd_bucket_file.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_mvcc.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_watch.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "source/etcd/source_etcd_log.h"
#include "source/source_paged.h"
#include "test.h"
#include "test_etcd.h"

/* The buckets of an etcd beside "key", ascending, with a pair each. */
static const struct {
	const char *name, *key, *value;
	size_t nkey, nvalue;
} buckets[] = {
	{ "cluster", "clusterVersion", "3.6.0", 14, 5 },
	{ "lease", NULL, "\x08\x07\x10\x5a", 8, 4 }, /* For 90 s. */
	{ "members", "8e9e05c52164694d",
	    "{\"id\":10276657743932975437,\"peerURLs\":[\"http://a:2380\"]}",
	    16, 56 },
	{ "meta", "consistent_index", "\0\0\0\0\0\0\1\2", 16, 8 },
};
#define NBUCKETS (sizeof(buckets) / sizeof(buckets[0]))

/* The change of this key before, or NULL. */
static const struct test_etcd_change *
last(const struct test_etcd *t, const void *key, size_t n)
{
	size_t i;

	for (i = t->n; i-- > 0;)
		if (t->v[i].key.len == n && memcmp(t->v[i].key.p, key, n) == 0)
			return &t->v[i];
	return NULL;
}

static struct test_etcd_change *
begin(struct test_etcd *t, const void *key, size_t n)
{
	struct test_etcd_change *c = &t->v[t->n];
	struct err e = ERR_INIT;

	CHECK(t->n < TEST_ETCD_RECORDS);
	t->n++;
	c->r.main = ++t->revision;
	CHECK_OK(buf_add(&c->key, key, n, &e), &e);
	CHECK_OK(pb_add_bytes(&c->message, 1, key, n, &e), &e);
	return c;
}

static void
end(struct test_etcd_change *c)
{
	c->r.value = c->message.p;
	c->r.len = c->message.len;
}

void
test_etcd_put_bytes(struct test_etcd *t, const void *key, size_t nkey,
    const void *value, size_t nvalue, uint64_t lease)
{
	const struct test_etcd_change *before = last(t, key, nkey);
	struct test_etcd_change *c = begin(t, key, nkey);
	struct buf *m = &c->message;
	struct err e = ERR_INIT;

	c->create = c->r.main;
	c->version = 1;
	if (before != NULL && !before->r.tombstone) {
		c->create = before->create;
		c->version = before->version + 1;
	}
	CHECK_OK(pb_add_uint(m, 2, c->create, &e), &e);
	CHECK_OK(pb_add_uint(m, 3, c->r.main, &e), &e);
	CHECK_OK(pb_add_uint(m, 4, c->version, &e), &e);
	CHECK_OK(pb_add_bytes(m, 5, value, nvalue, &e), &e);
	CHECK_OK(pb_add_uint(m, 6, lease, &e), &e);
	end(c);
}

void
test_etcd_put(struct test_etcd *t, const char *key, const char *value)
{
	test_etcd_put_bytes(t, key, strlen(key), value, strlen(value), 0);
}

void
test_etcd_delete(struct test_etcd *t, const char *key)
{
	struct test_etcd_change *c = begin(t, key, strlen(key));

	c->r.tombstone = true;
	end(c);
}

static int
store(struct test_etcd *t, struct sink *s, const char *path, struct buf *b,
    struct err *err)
{
	char name[64];
	struct entry e = { .path = name, .type = ENTRY_FILE, .mode = 0600 };
	size_t at, room;
	uint8_t *p;
	int rc;

	if (t->spoil != NULL)
		t->spoil(t, path, b);
	(void)snprintf(name, sizeof(name), "%s", path);
	e.size = b->len;
	if ((rc = sink_begin(s, path, e.size, SINK_HASHES, err)) < 0)
		return rc;
	for (at = 0; at < b->len; at += room) {
		if ((rc = sink_space(s, &p, &room, err)) < 0)
			return rc;
		if (room > b->len - at)
			room = b->len - at;
		memcpy(p, b->p + at, room);
		if ((rc = sink_wrote(s, room, err)) < 0)
			return rc;
	}
	return sink_add(s, &e, err);
}

static int
folder(struct sink *s, const char *path, struct err *err)
{
	char name[64];
	struct entry e = { .path = name, .type = ENTRY_DIR, .mode = 0700 };

	(void)snprintf(name, sizeof(name), "%s", path);
	return sink_add(s, &e, err);
}

/* Give all buckets but "key" to ${sink}. */
static int
each_bucket(const struct test_etcd *t, const struct etcd_bucket_sink *sink,
    struct err *err)
{
	const struct etcd_record compacted = { .main = t->compact };
	uint8_t lease[8], revision[ETCD_MVCC_KEY_MAX];
	const void *key;
	size_t i, n;
	int rc = 0;

	be64_put(lease, t->lease);
	n = etcd_mvcc_key(&compacted, revision);
	for (i = 0; rc == 0 && i < NBUCKETS; i++) {
		key = buckets[i].key != NULL ? buckets[i].key
					     : (const void *)lease;
		rc = sink->bucket(sink->arg, (const uint8_t *)buckets[i].name,
		    strlen(buckets[i].name), 0, err);
		if (rc == 0 && (buckets[i].key != NULL || t->lease != 0))
			rc = sink->pair(sink->arg, key, buckets[i].nkey,
			    (const uint8_t *)buckets[i].value,
			    buckets[i].nvalue, err);
	}
	if (rc == 0 && t->compact > 0)
		rc =
		    sink->pair(sink->arg, (const uint8_t *)"finishedCompactRev",
			18, revision, n, err);
	if (rc == 0 && t->compact > 0)
		rc = sink->pair(sink->arg,
		    (const uint8_t *)"scheduledCompactRev", 19, revision, n,
		    err);
	return rc;
}

static int
put_bucket(
    void *arg, const uint8_t *name, size_t n, uint64_t seq, struct err *err)
{
	uint8_t head[ETCD_BUCKET_ITEM_HEAD];
	int rc;

	etcd_bucket_item_head(head, true, (uint32_t)n, seq, 0);
	rc = buf_add(arg, head, sizeof(head), err);
	return rc < 0 ? rc : buf_add(arg, name, n, err);
}

static int
put_pair(void *arg, const uint8_t *key, size_t nkey, const uint8_t *value,
    size_t nvalue, struct err *err)
{
	uint8_t head[ETCD_BUCKET_ITEM_HEAD];
	int rc;

	etcd_bucket_item_head(head, false, (uint32_t)nkey, 0, (uint32_t)nvalue);
	if ((rc = buf_add(arg, head, sizeof(head), err)) < 0 ||
	    (rc = buf_add(arg, key, nkey, err)) < 0)
		return rc;
	return buf_add(arg, value, nvalue, err);
}

static int
store_buckets(struct test_etcd *t, struct sink *s, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	const struct etcd_bucket_sink sink = { put_bucket, put_pair, &b };
	uint8_t magic[ETCD_MAGIC_LEN];
	int rc;

	etcd_bucket_file_head(magic);
	if ((rc = buf_add(&b, magic, sizeof(magic), err)) < 0 ||
	    (rc = each_bucket(t, &sink, err)) < 0)
		return rc;
	return store(t, s, "buckets", &b, err);
}

/* The segment of up to TEST_ETCD_SEGMENT records from ${i} on. */
static int
store_segment(struct test_etcd *t, struct sink *s, size_t i,
    struct etcd_index *x, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_index_segment seg = { .main = t->v[i].r.main };
	uint8_t head[ETCD_RECORD_HEAD];
	char path[ETCD_INDEX_PATH_LEN];
	int rc;

	etcd_segment_head(head);
	rc = buf_add(&b, head, ETCD_MAGIC_LEN, err);
	for (; rc == 0 && i < t->n && seg.records < TEST_ETCD_SEGMENT; i++) {
		const struct etcd_record *r = &t->v[i].r;

		etcd_record_head(r, head);
		if ((rc = buf_add(&b, head, sizeof(head), err)) == 0)
			rc = buf_add(&b, r->value, r->len, err);
		seg.records++;
		seg.last_main = r->main;
		x->bytes += r->len;
	}
	seg.alive = seg.records;
	x->records += seg.records;
	if (rc < 0 || (rc = etcd_index_add(x, &seg, err)) < 0)
		return rc;
	return store(t, s, etcd_index_path(seg.main, 0, path), &b, err);
}

static int
hash(const struct test_etcd *t, uint32_t *ret, struct err *err)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *sum = NULL;
	size_t i;
	int rc;

	rc = etcd_hashkv_sum_new(t->revision, t->compact, &sum, err);
	for (i = 0; rc == 0 && i < t->n; i++)
		rc = etcd_hashkv_sum_add(sum, &t->v[i].r, err);
	if (rc == 0)
		*ret = etcd_hashkv_sum_end(sum);
	return rc;
}

static int
read_records(struct test_etcd *t, struct sink *s, struct err *err)
{
	CLEANUP(freep_etcd_index)
	struct etcd_index x = {
		.page_size = TEST_ETCD_PAGE,
		.revision = t->revision,
		.compact_revision = t->compact,
		.hash_compact = t->compact,
	};
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	size_t i;
	int rc;

	if ((rc = folder(s, ".", err)) < 0 ||
	    (rc = store_buckets(t, s, err)) < 0 ||
	    (rc = folder(s, "records", err)) < 0 ||
	    (rc = hash(t, &x.hash, err)) < 0)
		return rc;
	for (i = 0; i < t->n; i += TEST_ETCD_SEGMENT)
		if ((rc = store_segment(t, s, i, &x, err)) < 0)
			return rc;
	if (t->spoil_index != NULL)
		t->spoil_index(t, &x);
	if ((rc = etcd_index_encode(&x, &b, err)) < 0)
		return rc;
	return store(t, s, "segments", &b, err);
}

static int
db_bucket(
    void *arg, const uint8_t *name, size_t n, uint64_t seq, struct err *err)
{
	return etcd_bolt_writer_bucket(arg, name, n, seq, err);
}

static int
db_pair(void *arg, const uint8_t *key, size_t nkey, const uint8_t *value,
    size_t nvalue, struct err *err)
{
	return etcd_bolt_writer_put(arg, key, nkey, value, nvalue, err);
}

static int
write_db(const struct test_etcd *t, int fd, struct err *err)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	struct etcd_bucket_sink sink = { db_bucket, db_pair, NULL };
	uint8_t key[ETCD_MVCC_KEY_MAX];
	uint64_t size;
	size_t i, n;
	int rc;

	if ((rc = etcd_bolt_writer_new(fd, "db", TEST_ETCD_PAGE, &w, err)) <
		0 ||
	    (rc = etcd_bolt_writer_bucket(w, "key", 3, 0, err)) < 0)
		return rc;
	for (i = 0; rc == 0 && i < t->n; i++) {
		n = etcd_mvcc_key(&t->v[i].r, key);
		rc = etcd_bolt_writer_put(
		    w, key, n, t->v[i].r.value, t->v[i].r.len, err);
	}
	sink.arg = w;
	if (rc < 0 || (rc = each_bucket(t, &sink, err)) < 0)
		return rc;
	return etcd_bolt_writer_finish(w, &size, err);
}

/* The digest is over what was spoiled: it is not what gives it away. */
static void
seal(struct test_etcd *t, struct buf *b)
{
	void (*spoil)(struct test_etcd *, const char *, struct buf *) =
	    t->spoil;
	uint8_t sum[SHA256_LEN];
	struct err e = ERR_INIT;

	if (spoil != NULL)
		spoil(t, "snapshot.db", b);
	CHECK_OK(sha256_of(b->p, b->len, sum, &e), &e);
	sum[SHA256_LEN - 1] ^= t->other_digest;
	CHECK_OK(buf_add(b, sum, sizeof(sum), &e), &e);
	t->spoil = NULL;
}

static int
read_bytes(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	const struct buf *b = arg;

	(void)err;
	CHECK(off <= b->len && n <= b->len - off);
	memcpy(to, b->p + off, n);
	return 0;
}

static int
store_pages(struct sink *s, struct buf *b, struct err *err)
{
	char path[] = "snapshot.db";
	struct entry e = { .path = path,
		.type = ENTRY_FILE,
		.mode = 0600,
		.size = b->len,
		.has_sha256 = true };
	const struct source_paged_file f = { &e, TEST_ETCD_PAGE, read_bytes,
		b };
	int rc;

	rc = sha256_of(b->p, b->len, e.sha256, err);
	return rc < 0 ? rc : source_paged_write(&f, s, err);
}

static int
read_snapshot(struct test_etcd *t, struct sink *s, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_fd) int fd = -1;
	char path[300];
	int rc;

	(void)snprintf(path, sizeof(path), "%s/db", test_dir());
	(void)unlink(path);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	if ((rc = write_db(t, fd, err)) < 0 ||
	    (rc = file_read(path, 8u << 20, &b, err)) < 0)
		return rc;
	seal(t, &b);
	if (t->paged)
		return store_pages(s, &b, err);
	return store(t, s, "snapshot.db", &b, err);
}

static int
tell(struct sink *s, const char *name, uint64_t value, struct err *err)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	return sink_evidence(s, name, text, err);
}

static int
read_all(struct source *src, struct sink *s, struct err *err)
{
	struct test_etcd *t = (struct test_etcd *)src;
	int rc;

	if (t->snapshot)
		return read_snapshot(t, s, err);
	if ((rc = tell(s, "etcd.revision", t->revision, err)) < 0 ||
	    (rc = tell(s, "etcd.compact_revision", t->compact, err)) < 0 ||
	    (t->version != NULL &&
		(rc = sink_evidence(s, "etcd.version", t->version, err)) < 0))
		return rc;
	return read_records(t, s, err);
}

static const struct source_ops ops = {
	.name = "etcd",
	.read = read_all,
};

void
test_etcd_init(struct test_etcd *t)
{
	*t = (struct test_etcd){ .source = { .ops = &ops }, .revision = 1 };
}

void
test_etcd_clear(struct test_etcd *t)
{
	size_t i;

	for (i = 0; i < t->n; i++) {
		buf_free(&t->v[i].key);
		buf_free(&t->v[i].message);
	}
}

void
test_etcd_watch(const struct test_etcd *t, size_t *done,
    struct source_etcd_log *log, int64_t ms)
{
	struct err e = ERR_INIT;

	for (; *done < t->n; ++*done) {
		const struct etcd_record *r = &t->v[*done].r;
		const struct etcd_event ev = { .deleted = r->tombstone,
			.sub = r->sub,
			.record = r->value,
			.nrecord = r->len,
			.kv = { .mod_revision = r->main } };

		CHECK_OK(source_etcd_log_add(log, &ev, &e), &e);
	}
	CHECK_OK(source_etcd_log_complete(log, t->revision, ms, &e), &e);
}

int
test_etcd_backup(struct test_etcd *t, struct repo *r, struct err *err)
{
	static const struct job j = { .workers = 2 };
	static const struct job_backup_opts opts = {
		.source = "cp", .type = "etcd", .label = "etcd:test"
	};
	struct job_backup_report rep;

	return job_backup(&j, r, &t->source, &opts, &rep, err);
}
