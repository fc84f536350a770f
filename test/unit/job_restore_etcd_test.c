#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/file.h"
#include "crypto/hash.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_bolt_writer.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_mvcc.h"
#include "etcd/etcd_pb.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_etcd_cluster.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_plan.h"
#include "job/job_restore_etcd.h"
#include "repo/repo.h"
#include "source/source.h"
#include "store/mem/store_mem.h"
#include "test.h"
#include "test_bolt_disk.h"
#include "test_bolt_read.h"
#include "test_repo.h"

static const struct job job = { .workers = 2 };

/*
 * The records of the database that is backed up: "a" to "d" by turns.  One
 * has a lease that is there, one has a lease that is gone.
 */
#define LEASE 0x3132333435363738ULL /* "12345678" */
#define LEASED 16
#define GONE 1
#define LOST 18
#define FIRST 2
#define LAST 41
#define COMPACTED 10

static const char *
at(const char *name)
{
	static char path[2][4096];
	static int k;

	k = !k;
	(void)snprintf(path[k], sizeof(path[k]), "%s/%s", test_dir(), name);
	return path[k];
}

/* What the bucket "cluster" says of a downgrade; NULL: there is none. */
static const char *downgrade;

static uint64_t
lease_of(uint64_t main)
{
	return main == LEASED ? LEASE : main == LOST ? GONE : 0;
}

static int
put_record(struct etcd_bolt_writer *w, uint64_t main, struct err *err)
{
	CLEANUP(freep_buf) struct buf kv = BUF_INIT;
	const struct etcd_record r = { .main = main,
		.tombstone = main % 8 == 7 };
	const char name = (char)('a' + main % 4);
	uint8_t key[ETCD_MVCC_KEY_MAX];
	size_t nkey = etcd_mvcc_key(&r, key);
	int rc;

	if ((rc = pb_add_bytes(&kv, 1, &name, 1, err)) < 0)
		return rc;
	if (!r.tombstone &&
	    ((rc = pb_add_uint(&kv, 2, main, err)) < 0 ||
		(rc = pb_add_uint(&kv, 3, main, err)) < 0 ||
		(rc = pb_add_uint(&kv, 4, 1, err)) < 0 ||
		(rc = pb_add_bytes(&kv, 5, "value", 5, err)) < 0 ||
		(rc = pb_add_uint(&kv, 6, lease_of(main), err)) < 0))
		return rc;
	return etcd_bolt_writer_put(w, key, nkey, kv.p, kv.len, err);
}

static int
put_pair(struct etcd_bolt_writer *w, const char *bucket, const char *key,
    const void *value, size_t n, struct err *err)
{
	int rc;

	rc = etcd_bolt_writer_bucket(w, bucket, strlen(bucket), 7, err);
	if (rc < 0)
		return rc;
	return etcd_bolt_writer_put(w, key, strlen(key), value, n, err);
}

static int
put_cluster(struct etcd_bolt_writer *w, struct err *err)
{
	int rc;

	if (downgrade == NULL)
		return 0;
	rc = put_pair(w, "cluster", "clusterVersion", "3.5.0", 5, err);
	if (rc < 0)
		return rc;
	return etcd_bolt_writer_put(
	    w, "downgrade", 9, downgrade, strlen(downgrade), err);
}

static int
fill(struct etcd_bolt_writer *w, struct err *err)
{
	const struct etcd_record c = { .main = COMPACTED };
	uint8_t compact[ETCD_MVCC_KEY_MAX];
	const size_t n = etcd_mvcc_key(&c, compact);
	uint64_t i;
	int rc;

	if ((rc = put_pair(w, "alarm", "NOSPACE", "", 0, err)) < 0 ||
	    (rc = put_pair(w, "auth", "authEnabled", "\1", 1, err)) < 0 ||
	    (rc = put_pair(w, "lease", "12345678", "lease", 5, err)) < 0 ||
	    (rc = put_pair(w, "members", "abc", "{}", 2, err)) < 0 ||
	    (rc = put_cluster(w, err)) < 0 ||
	    (rc = put_pair(w, "meta", "confState", "{}", 2, err)) < 0 ||
	    (rc = etcd_bolt_writer_put(
		 w, "finishedCompactRev", 18, compact, n, err)) < 0 ||
	    (rc = etcd_bolt_writer_put(
		 w, "scheduledCompactRev", 19, compact, n, err)) < 0 ||
	    (rc = etcd_bolt_writer_bucket(w, "key", 3, 0, err)) < 0)
		return rc;
	/* What compaction has left of revisions 2 to 10. */
	for (i = COMPACTED - 2; i <= LAST && rc == 0; i++)
		rc = put_record(w, i, err);
	return rc;
}

/* Where the backups' bytes come from. */
struct etcd_source {
	struct source source;
	struct buf snapshot;
};

static void
make_snapshot(struct buf *to)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	CLEANUP(freep_fd) int fd = -1;
	const char *path = at("original");
	struct err e = ERR_INIT;
	uint64_t size;

	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_OK(etcd_bolt_writer_new(fd, path, 1024, &w, &e), &e);
	CHECK_OK(fill(w, &e), &e);
	CHECK_OK(etcd_bolt_writer_finish(w, &size, &e), &e);
	CHECK_OK(etcd_bolt_seal(fd, path, size, &e), &e);
	CHECK_OK(file_read(path, 1u << 20, to, &e), &e);
}

static int
read_snapshot(struct source *base, struct sink *s, struct err *err)
{
	struct etcd_source *src = (struct etcd_source *)base;
	char name[] = "snapshot.db";
	const struct entry e = { .path = name,
		.type = ENTRY_FILE,
		.mode = 0600,
		.size = src->snapshot.len };
	size_t at, n;
	uint8_t *p;
	int rc;

	if ((rc = sink_begin(s, name, e.size, SINK_HASHES, err)) < 0)
		return rc;
	for (at = 0; at < src->snapshot.len; at += n) {
		if ((rc = sink_space(s, &p, &n, err)) < 0)
			return rc;
		if (n > src->snapshot.len - at)
			n = src->snapshot.len - at;
		memcpy(p, src->snapshot.p + at, n);
		if ((rc = sink_wrote(s, n, err)) < 0)
			return rc;
	}
	if ((rc = sink_add(s, &e, err)) < 0)
		return rc;
	return sink_evidence(s, "etcd.version", "3.5.16", err);
}

/* A repository in memory with one backup of an etcd. */
struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	const struct repo_backup *newest;
	struct etcd_source src;
};

static void
clear(struct made *m)
{
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
	buf_free(&m->src.snapshot);
}

/* The newest backup is the one that counts. */
static void
back_up(struct made *m)
{
	static const struct job_backup_opts opts = {
		.source = "cp", .type = "etcd", .label = "test:cp"
	};
	struct job_backup_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_backup(&job, m->repo, &m->src.source, &opts, &rep, &e), &e);
	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK_OK(repo_catalogue_find(&m->cat, rep.id, &m->newest, &e), &e);
}

static void
make(struct made *m)
{
	static const struct source_ops ops = { .name = "etcd",
		.read = read_snapshot };
	struct err e = ERR_INIT;

	memset(m, 0, sizeof(*m));
	m->src.source.ops = &ops;
	make_snapshot(&m->src.snapshot);
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	CHECK_OK(test_repo_init(m->store, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, "host", "1", &m->repo, &e), &e);
	back_up(m);
}

static int
restore(struct made *m, const struct job_restore_etcd_opts *o,
    struct job_restore_etcd_report *rep, struct err *err)
{
	return job_restore_etcd(&job, m->repo, m->newest, o, rep, err);
}

/* Names of what a restore makes, or makes on its way. */
static int
names(void)
{
	DIR *dir = opendir(test_dir());
	const struct dirent *d;
	int n = 0;

	CHECK(dir != NULL);
	while ((d = readdir(dir)) != NULL)
		n += strncmp(d->d_name, "to", 2) == 0 ||
		     strncmp(d->d_name, "snap", 4) == 0;
	CHECK(closedir(dir) == 0);
	return n;
}

/* What a database has. */
struct db {
	struct test_bolt_disk *disk;
	struct etcd_bolt bolt;
};

static void
close_db(struct db *db)
{
	test_bolt_disk_free(db->disk);
}

static void
open_db(struct db *db, const char *path)
{
	struct err e = ERR_INIT;

	CHECK_OK(test_bolt_disk_open(path, &db->disk, &e), &e);
	CHECK_OK(
	    etcd_bolt_open(&db->bolt, test_bolt_disk_file(db->disk), &e), &e);
	CHECK_OK(etcd_bolt_check(&db->bolt, &e), &e);
}

static size_t
count(const struct db *db, const char *bucket)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct err e = ERR_INIT;
	size_t n = 0;

	CHECK_OK(etcd_bolt_bucket(&db->bolt, bucket, &c, &e), &e);
	while (etcd_bolt_next(c, &item, &e) == 1)
		n++;
	CHECK(e.code == 0);
	return n;
}

static bool
has_n(const struct db *db, const char *bucket, const void *key, size_t nkey,
    const void *value, size_t n)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_bolt_bucket(&db->bolt, bucket, &c, &e), &e);
	return etcd_bolt_seek(c, key, nkey, &item, &e) == 1 &&
	       item.nkey == nkey && memcmp(item.key, key, nkey) == 0 &&
	       item.nvalue == n && memcmp(item.value, value, n) == 0;
}

static bool
has(const struct db *db, const char *bucket, const char *key, const void *value,
    size_t n)
{
	return has_n(db, bucket, key, strlen(key), value, n);
}

/* The hash that a server on this database shows. */
static void
check_digest(const struct db *db, const struct job_etcd_digest *d)
{
	struct err e = ERR_INIT;
	uint32_t hash;

	CHECK_OK(test_bolt_hashkv(
		     &db->bolt, d->revision, d->compact_revision, &hash, &e),
	    &e);
	CHECK(hash == d->hash);
	CHECK(count(db, "key") == d->records);
}

#define DB "to/member/snap/db"

TEST(restore__makes_a_data_directory_of_new_members_and_old_keys)
{
	CLEANUP(clear) struct made m;
	CLEANUP(close_db) struct db db = { 0 };
	struct job_restore_etcd_opts o = { 0 };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	make(&m);
	o.to = at("to");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK(names() == 1);
	open_db(&db, at(DB));
	CHECK(rep.digest.revision == LAST);
	CHECK(rep.digest.compact_revision == COMPACTED);
	CHECK(rep.digest.records == LAST - COMPACTED + 3);
	check_digest(&db, &rep.digest);
	CHECK(count(&db, "members") == 1 && count(&db, "members_removed") == 0);
	CHECK(count(&db, "alarm") == 0);
	CHECK(has(&db, "meta", "consistent_index", "\0\0\0\0\0\0\0\1", 8));
	CHECK(!has(&db, "meta", "confState", "{}", 2));
	CHECK(has(&db, "lease", "12345678", "lease", 5));
	CHECK(has(&db, "auth", "authEnabled", "\1", 1));
	CHECK_STR(rep.name, "default");
	CHECK_STR(rep.version, "3.5.16");
	CHECK(rep.new_token && strlen(rep.token) > 32);
	CHECK(rep.member_id != 0 && rep.cluster_id != 0);
}

TEST(restore__raises_the_revision_and_marks_all_below_it)
{
	CLEANUP(clear) struct made m;
	CLEANUP(close_db) struct db db = { 0 };
	struct job_restore_etcd_opts o = { .bump = 1000 };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	make(&m);
	o.to = at("to");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	open_db(&db, at(DB));
	CHECK(rep.digest.revision == LAST + 1000);
	CHECK(rep.digest.compact_revision == LAST + 1000);
	CHECK(rep.digest.records == LAST - COMPACTED + 4);
	check_digest(&db, &rep.digest);
	CHECK(has(&db, "meta", "scheduledCompactRev",
	    "\0\0\0\0\0\0\4\21_\0\0\0\0\0\0\0\0", 17));
}

TEST(restore__leaves_out_what_is_newer_than_the_revision)
{
	CLEANUP(clear) struct made m;
	CLEANUP(close_db) struct db db = { 0 };
	struct job_restore_etcd_opts o = { .revision = 20 };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	make(&m);
	o.to = at("to");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	open_db(&db, at(DB));
	CHECK(rep.digest.revision == 20 && rep.digest.records == 13);
	check_digest(&db, &rep.digest);
	CHECK(has(&db, "lease", "12345678", "lease", 5));
}

TEST(restore__grants_again_what_keys_had_at_a_revision)
{
	CLEANUP(clear) struct made m;
	CLEANUP(close_db) struct db db = { 0 };
	struct job_restore_etcd_opts o = { .revision = LOST };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	make(&m);
	o.to = at("to");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK(rep.digest.leases_again == 1);
	CHECK(rep.digest.at == LOST && rep.digest.others_revision == LAST);
	CHECK(rep.users_revision == LAST);
	open_db(&db, at(DB));
	check_digest(&db, &rep.digest);
	CHECK(count(&db, "lease") == 2);
	/* ID 1, TTL 60. */
	CHECK(has_n(&db, "lease", "\0\0\0\0\0\0\0\1", 8, "\10\1\20\74", 4));
	CHECK(has(&db, "lease", "12345678", "lease", 5));

	/* Before it was granted, and as of the end, there is none of it. */
	o.to = at("to-2");
	o.revision = LOST - 1;
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK(rep.digest.leases_again == 0);
	o.to = at("to-3");
	o.revision = 0;
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK(rep.digest.leases_again == 0);
	CHECK(rep.digest.others_revision == rep.digest.at);
}

static const char off[] = "{\"target-version\":\"\",\"enabled\":false}";

TEST(restore__ends_a_downgrade_and_lets_the_older_start)
{
	CLEANUP(clear) struct made m;
	CLEANUP(close_db) struct db db = { 0 };
	struct job_restore_etcd_opts o = { .version = "3.4" };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	downgrade = "{\"target-version\":\"3.4.0\",\"enabled\":true}";
	make(&m);
	downgrade = NULL;
	o.to = at("to");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK_STR(rep.digest.downgrade.target, "3.4.0");
	CHECK(rep.digest.downgrade.oldest == 3004);
	open_db(&db, at(DB));
	check_digest(&db, &rep.digest);
	CHECK(has(&db, "cluster", "clusterVersion", "3.4.0", 5));
	CHECK(has(&db, "cluster", "downgrade", off, strlen(off)));

	o.version = "3.3";
	CHECK_FAIL(restore(&m, &o, &rep, &e), &e, HF_EUSAGE);
	CHECK(strstr(e.hint, "start an etcd 3.4 or newer") != NULL);
}

TEST(restore__leaves_a_downgrade_in_the_bytes_that_etcd_sent)
{
	CLEANUP(clear) struct made m;
	CLEANUP(close_db) struct db db = { 0 };
	CLEANUP(close_db) struct db raised = { 0 };
	struct job_restore_etcd_opts o = { 0 };
	struct job_restore_etcd_report rep;
	const char *on = "{\"target-version\":\"3.4.0\",\"enabled\":true}";
	struct err e = ERR_INIT;

	downgrade = on;
	make(&m);
	downgrade = NULL;
	o.snapshot = at("snap");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK(rep.downgrade_goes_on);
	open_db(&db, at("snap"));
	CHECK(has(&db, "cluster", "downgrade", on, strlen(on)));

	/* These are no longer those. */
	o.snapshot = at("snap2");
	o.bump = 10;
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK(!rep.downgrade_goes_on);
	open_db(&raised, at("snap2"));
	CHECK(has(&raised, "cluster", "downgrade", off, strlen(off)));
}

TEST(restore__keeps_what_the_cluster_was_without_a_downgrade)
{
	CLEANUP(clear) struct made m;
	CLEANUP(close_db) struct db db = { 0 };
	struct job_restore_etcd_opts o = { 0 };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	downgrade = off;
	make(&m);
	o.to = at("to");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK_STR(rep.digest.downgrade.target, "");
	open_db(&db, at(DB));
	CHECK(has(&db, "cluster", "clusterVersion", "3.5.0", 5));
	CHECK(has(&db, "cluster", "downgrade", off, strlen(off)));
	downgrade = NULL;
}

TEST(restore__names_the_revisions_that_there_are)
{
	CLEANUP(clear) struct made m;
	struct job_restore_etcd_opts o = { 0 };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	make(&m);
	o.to = at("to");
	o.revision = COMPACTED - 1;
	CHECK_FAIL(restore(&m, &o, &rep, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "10 to 41") != NULL);
	o.revision = LAST + 1;
	CHECK_FAIL(restore(&m, &o, &rep, &e), &e, HF_ENOTFOUND);
	CHECK(names() == 0);
}

TEST(restore__makes_a_snapshot_of_the_members_that_were)
{
	CLEANUP(clear) struct made m;
	CLEANUP(close_db) struct db db = { 0 };
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct job_restore_etcd_opts o = { 0 };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	make(&m);
	o.snapshot = at("snap");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK_OK(file_read(at("snap"), 1u << 20, &got, &e), &e);
	CHECK(got.len == m.src.snapshot.len);
	CHECK(memcmp(got.p, m.src.snapshot.p, got.len) == 0);
	open_db(&db, at("snap"));
	check_digest(&db, &rep.digest);
	CHECK(has(&db, "members", "abc", "{}", 2));
	CHECK(has(&db, "alarm", "NOSPACE", "", 0));

	CHECK_FAIL(restore(&m, &o, &rep, &e), &e, HF_EEXISTS);
	o.overwrite = true;
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK(names() == 1);
}

/* A page that nobody needs comes back, too, and the digest is compared. */
TEST(restore__gives_the_bytes_of_a_snapshot_that_ends_with_their_digest)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct job_restore_etcd_opts o = { 0 };
	struct job_restore_etcd_report rep;
	struct buf *b = &m.src.snapshot;
	uint8_t page[1024], sum[SHA256_LEN];
	struct err e = ERR_INIT;

	make(&m);
	o.snapshot = at("snap");
	memset(page, 'x', sizeof(page));
	b->len -= SHA256_LEN;
	CHECK_OK(buf_add(b, page, sizeof(page), &e), &e);
	CHECK_OK(sha256_of(b->p, b->len, sum, &e), &e);
	CHECK_OK(buf_add(b, sum, sizeof(sum), &e), &e);
	back_up(&m);
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK_OK(file_read(at("snap"), 1u << 20, &got, &e), &e);
	CHECK(got.len == b->len && memcmp(got.p, b->p, got.len) == 0);
	CHECK(rep.digest.size == b->len - SHA256_LEN);
	CHECK(unlink(at("snap")) == 0);

	b->p[b->len - 1] ^= 1;
	back_up(&m);
	CHECK_FAIL(restore(&m, &o, &rep, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "does not end with the SHA-256") != NULL);
	CHECK(names() == 0);
}

TEST(restore__writes_nothing_in_a_dry_run)
{
	CLEANUP(clear) struct made m;
	struct job_restore_etcd_opts o = { .dry_run = true };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	make(&m);
	o.to = at("to");
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
	CHECK(rep.digest.records == LAST - COMPACTED + 3);
	CHECK(rep.digest.revision == LAST && names() == 0);
}

TEST(restore__refuses_a_place_that_is_taken)
{
	CLEANUP(clear) struct made m;
	struct job_restore_etcd_opts o = { 0 };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;

	make(&m);
	o.to = at("to");
	CHECK(mkdir(o.to, 0700) == 0 && mkdir(at("to/x"), 0700) == 0);
	CHECK_FAIL(restore(&m, &o, &rep, &e), &e, HF_EEXISTS);
	CHECK(names() == 1 && rmdir(at("to/x")) == 0);
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
}

TEST(restore__refuses_an_older_etcd_unless_forced)
{
	static const struct {
		const char *version;
		int code;
	} v[] = { { "3.4", HF_EUSAGE }, { "3.4.99", HF_EUSAGE },
		{ "2.9", HF_EUSAGE }, { "3.5", 0 }, { "3.5.1", 0 },
		{ "3.10", 0 }, { "4.0", 0 }, { "3", HF_EUSAGE },
		{ "3.5x", HF_EUSAGE }, { "", HF_EUSAGE }, { "3.", HF_EUSAGE },
		{ "-3.5", HF_EUSAGE }, { "v3.5", HF_EUSAGE } };
	CLEANUP(clear) struct made m;
	struct job_restore_etcd_opts o = { .dry_run = true };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;
	size_t i;

	make(&m);
	o.to = at("to");
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		o.version = v[i].version;
		if (v[i].code == 0)
			CHECK_OK(restore(&m, &o, &rep, &e), &e);
		else
			CHECK_FAIL(restore(&m, &o, &rep, &e), &e, v[i].code);
	}
	o.version = "3.4";
	o.force_version = true;
	CHECK_OK(restore(&m, &o, &rep, &e), &e);
}

TEST(restore__leaves_nothing_of_a_damaged_backup)
{
	CLEANUP(clear) struct made m;
	struct job_restore_etcd_opts o = { 0 };
	struct job_restore_etcd_report rep;
	CLEANUP(freep_buf) struct buf pack = BUF_INIT;
	char name[REPO_NAME_MAX + 64];
	struct err e = ERR_INIT;

	make(&m);
	(void)snprintf(
	    name, sizeof(name), "%s", test_first(m.store, "hf1/main/p/"));
	CHECK_OK(store_get(m.store, name, 1u << 20, &pack, &e), &e);
	pack.p[pack.len / 2] ^= 1;
	test_object_put(m.store, name, pack.p, pack.len);
	o.to = at("to");
	CHECK_FAIL(restore(&m, &o, &rep, &e), &e, HF_ECORRUPT);
	o.snapshot = at("snap");
	CHECK_FAIL(restore(&m, &o, &rep, &e), &e, HF_ECORRUPT);
	CHECK(names() == 0);
}

TEST(restore__survives_running_out_of_memory_anywhere)
{
	CLEANUP(clear) struct made m;
	struct job_restore_etcd_opts o = { .bump = 5 };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;
	int rc = 0;

	make(&m);
	o.to = at("to");
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = restore(&m, &o, &rep, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && names() == 0);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
}

TEST(plan__promises_what_every_restore_then_shows)
{
	static const struct job_etcd_rebuild_opts v[] = { { 0 }, { .bump = 7 },
		{ .revision = 20 }, { .revision = 20, .bump = 1000 } };
	const struct etcd_membership_opts words = {
		.initial_cluster = "n=http://a:1,m=http://b:2",
	};
	CLEANUP(clear) struct made m;
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;
	size_t i;

	make(&m);
	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		CLEANUP(job_etcd_plan_clear) struct job_etcd_plan p = { 0 };
		CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
		struct job_restore_etcd_opts o = { .revision = v[i].revision,
			.bump = v[i].bump,
			.dry_run = true };

		o.to = at("to");
		CHECK_OK(
		    job_etcd_db_open(&job, m.repo, &m.cat.backups[0], &db, &e),
		    &e);
		CHECK_OK(job_etcd_plan(db, &words, &v[i], &p, &e), &e);
		CHECK(p.cluster->new_token && p.cluster->membership->n == 2);
		CHECK_OK(restore(&m, &o, &rep, &e), &e);
		CHECK(p.digest.revision == rep.digest.revision);
		CHECK(p.digest.compact_revision == rep.digest.compact_revision);
		CHECK(p.digest.hash == rep.digest.hash);
	}
}

TEST(plan__needs_the_members)
{
	struct etcd_membership_opts words = { .name = "n" };
	const struct job_etcd_rebuild_opts opts = { 0 };
	CLEANUP(job_etcd_plan_clear) struct job_etcd_plan p = { 0 };
	CLEANUP(clear) struct made m;
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	struct err e = ERR_INIT;

	make(&m);
	CHECK_OK(
	    job_etcd_db_open(&job, m.repo, &m.cat.backups[0], &db, &e), &e);
	CHECK_FAIL(job_etcd_plan(db, &words, &opts, &p, &e), &e, HF_EUSAGE);
	words.initial_cluster = "a,m=http://b:2";
	CHECK_FAIL(job_etcd_plan(db, &words, &opts, &p, &e), &e, HF_EUSAGE);
	CHECK(strstr(e.msg, "'a' is no NAME=URL") != NULL);
	words.initial_cluster = ",a=http://a:1,m=http://b:2";
	CHECK_OK(job_etcd_plan(db, &words, &opts, &p, &e), &e);
	CHECK(p.cluster->new_token && p.cluster->membership->n == 2);
}

TEST(plan__has_each_member_listen_where_etcd_can)
{
	static const struct {
		const char *cluster, *listen;
	} v[] = {
		{ "a=http://10.0.0.1:1", "http://10.0.0.1:1" },
		{ "a=https://[2001:db8::1]:1", "https://[2001:db8::1]:1" },
		{ "a=http://localhost:1", "http://localhost:1" },
		{ "a=https://n1.example.org:2380", "https://0.0.0.0:2380" },
		{ "a=http://10.0.0.256:1", "http://0.0.0.0:1" },
		{ "a=http://b:1,a=http://c:1,a=http://d:12",
		    "http://0.0.0.0:1,http://0.0.0.0:12" },
		{ "a=http://b:12,a=http://c:1,a=http://1.2.3.4:1",
		    "http://1.2.3.4:1,http://0.0.0.0:12,http://0.0.0.0:1" },
	};
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		const struct etcd_membership_opts words = {
			.name = "a",
			.initial_cluster = v[i].cluster,
		};
		CLEANUP(freep_job_etcd_cluster)
		struct job_etcd_cluster *c = NULL;
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		CHECK_OK(job_etcd_cluster_new(&words, true, &c, &e), &e);
		CHECK_OK(job_etcd_listen_urls(c->membership->self, &b, &e), &e);
		CHECK_STR((char *)b.p, v[i].listen);
	}
}

/* What the operator leaves out. */
static struct job_etcd_cluster *
cluster(const struct etcd_membership_opts *words, bool made)
{
	struct job_etcd_cluster *c = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(job_etcd_cluster_new(words, made, &c, &e), &e);
	return c;
}

TEST(cluster__is_completed_from_what_is_known)
{
	static const struct {
		struct etcd_membership_opts words;
		const char *name, *initial_cluster, *urls;
	} v[] = {
		{ { 0 }, "default", "default=http://localhost:2380",
		    "http://localhost:2380" },
		{ { .name = "n" }, "n", "n=http://localhost:2380",
		    "http://localhost:2380" },
		{ { .name = "n",
		      .initial_advertise_peer_urls = "http://a:1,http://b:2" },
		    "n", "n=http://a:1,n=http://b:2", "http://a:1,http://b:2" },
		{ { .name = "n",
		      .initial_cluster =
			  "n=http://a:1,m=http://b:2,n=http://c:3",
		      .initial_cluster_token = "t" },
		    "n", "n=http://a:1,m=http://b:2,n=http://c:3",
		    "http://a:1,http://c:3" },
	};
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		CLEANUP(freep_job_etcd_cluster)
		struct job_etcd_cluster *c = cluster(&v[i].words, false);

		CHECK_STR(c->name, v[i].name);
		CHECK_STR(c->initial_cluster, v[i].initial_cluster);
		CHECK_STR(c->urls, v[i].urls);
		CHECK(
		    c->new_token == (v[i].words.initial_cluster_token == NULL));
	}
}

TEST(cluster__of_several_members_needs_one_token_for_all)
{
	const struct etcd_membership_opts words = { .name = "n",
		.initial_cluster = "n=http://a:1,m=http://b:2" };
	CLEANUP(freep_job_etcd_cluster) struct job_etcd_cluster *c = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(job_etcd_cluster_new(&words, false, &c, &e), &e, HF_EUSAGE);
	CHECK(strstr(e.hint, "--initial-cluster-token etcd-cluster-") != NULL);
	c = cluster(&words, true);
	CHECK(c->new_token && c->membership->n == 2);
}

TEST(cluster__refuses_what_does_not_fit_together)
{
	static const struct etcd_membership_opts bad[] = {
		{ .initial_cluster = "n=http://a:1" },
		{ .name = "x", .initial_cluster = "n=http://a:1" },
		{ .name = "n",
		    .initial_cluster = "n=http://a:1",
		    .initial_advertise_peer_urls = "http://b:1" },
		{ .name = "" },
		{ .initial_cluster = "" },
		{ .initial_advertise_peer_urls = "" },
		{ .initial_cluster_token = "" },
		{ .initial_cluster = "default" },
		{ .initial_cluster = "default=" },
	};
	struct job_etcd_cluster *c = NULL;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_FAIL(job_etcd_cluster_new(&bad[i], false, &c, &e), &e,
		    HF_EUSAGE);
	CHECK(c == NULL);
}
