#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "crypto/hash.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_bolt_writer.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "job/job_legacy_unpack.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_bolt_disk.h"

#define NAME "b-2026-11-20T10:00:00Z"

static const struct job job = { .workers = 2 };

struct rig {
	struct store *store;
	struct job_legacy where;
	struct repo_legacy_list list;
	char dir[300]; /* What is to be made. */
	struct job_legacy_unpack_opts opts;
};

static void
freep_rig(struct rig *r)
{
	repo_legacy_list_clear(&r->list);
	store_free(r->store);
}

/* One plain dump of these bytes and their digest. */
static void
start(struct rig *r, const struct buf *db)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_store) struct store *mem = NULL;
	uint8_t digest[SHA256_LEN];
	struct store_blob blob;
	struct err e = ERR_INIT;

	*r = (struct rig){ .where = { .prefix = "b" } };
	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(store_fault_new(mem, &r->store, &e), &e);
	(void)TAKE(mem);
	r->where.store = r->store;
	CHECK_OK(sha256_of(db->p, db->len, digest, &e), &e);
	CHECK_OK(buf_add(&b, db->p, db->len, &e), &e);
	CHECK_OK(buf_add(&b, digest, sizeof(digest), &e), &e);
	blob = (struct store_blob){ .p = b.p, .len = b.len };
	CHECK_OK(store_put(r->store, NAME ".dump", &blob, &e), &e);
	CHECK_OK(repo_legacy_list_load(r->store, "b", &r->list, &e), &e);
	(void)snprintf(r->dir, sizeof(r->dir), "%s/etcd", test_dir());
	r->opts.data_dir = r->dir;
}

static int
unpack(struct rig *r, struct err *e)
{
	struct job_legacy_report rep;

	return job_legacy_unpack(
	    &job, &r->where, &r->list.v[0], &r->opts, &rep, e);
}

/* Nothing is there, and nothing beside it. */
static void
check_nothing(void)
{
	DIR *d = opendir(test_dir());
	const struct dirent *e;
	int n = 0;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL)
		n += strcmp(e->d_name, ".") != 0 &&
		     strcmp(e->d_name, "..") != 0 &&
		     strcmp(e->d_name, "made.db") != 0;
	(void)closedir(d);
	CHECK(n == 0);
}

static void
put_pair(struct etcd_bolt_writer *w, const char *key, const char *value)
{
	struct err e = ERR_INIT;

	CHECK_OK(
	    etcd_bolt_writer_put(w, key, strlen(key), value, strlen(value), &e),
	    &e);
}

/* A database with these buckets, each with the pair k=v; but "cluster" says
 * that it is going from 3.6 to 3.5. */
static void
make_db(const char *const *buckets, struct buf *db)
{
	CLEANUP(freep_etcd_bolt_writer) struct etcd_bolt_writer *w = NULL;
	CLEANUP(freep_fd) int fd = -1;
	struct err e = ERR_INIT;
	char path[300];
	uint64_t size;

	(void)snprintf(path, sizeof(path), "%s/made.db", test_dir());
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	CHECK(fd >= 0);
	CHECK_OK(etcd_bolt_writer_new(fd, path, 4096, &w, &e), &e);
	for (; *buckets != NULL; buckets++) {
		CHECK_OK(etcd_bolt_writer_bucket(
			     w, *buckets, strlen(*buckets), 7, &e),
		    &e);
		if (strcmp(*buckets, "cluster") != 0) {
			put_pair(w, "k", "v");
			continue;
		}
		put_pair(w, "clusterVersion", "3.6.0");
		put_pair(w, "downgrade",
		    "{\"target-version\":\"3.5.0\",\"enabled\":true}");
	}
	CHECK_OK(etcd_bolt_writer_finish(w, &size, &e), &e);
	CHECK_OK(file_read(path, size, db, &e), &e);
}

static const char *const whole[] = { "alarm", "auth", "key", "lease", "members",
	"members_removed", "meta", NULL };

/* How many pairs ${name} has, and the first value. */
static int
pairs(const struct etcd_bolt *b, const char *name, char *first, size_t size)
{
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct err e = ERR_INIT;
	int n = 0;

	CHECK_OK(etcd_bolt_bucket(b, name, &c, &e), &e);
	first[0] = '\0';
	while (etcd_bolt_next(c, &item, &e) == 1)
		if (n++ == 0)
			(void)snprintf(first, size, "%.*s", (int)item.nvalue,
			    (const char *)item.value);
	CHECK(e.code == 0);
	return n;
}

TEST(unpack__keeps_what_is_there_and_makes_the_members_anew)
{
	CLEANUP(freep_buf) struct buf db = BUF_INIT;
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_test_bolt_disk) struct test_bolt_disk *disk = NULL;
	struct etcd_bolt b;
	struct err e = ERR_INIT;
	char path[400], first[200];

	make_db(whole, &db);
	start(&r, &db);
	CHECK_OK(unpack(&r, &e), &e);
	(void)snprintf(path, sizeof(path), "%s/member/snap/db", r.dir);
	CHECK_OK(test_bolt_disk_open(path, &disk, &e), &e);
	CHECK_OK(etcd_bolt_open(&b, test_bolt_disk_file(disk), &e), &e);
	CHECK_OK(etcd_bolt_check(&b, &e), &e);
	CHECK(pairs(&b, "key", first, sizeof(first)) == 1);
	CHECK_STR(first, "v");
	CHECK(pairs(&b, "lease", first, sizeof(first)) == 1);
	CHECK(pairs(&b, "members_removed", first, sizeof(first)) == 0);
	CHECK(pairs(&b, "alarm", first, sizeof(first)) == 0);
	CHECK(pairs(&b, "members", first, sizeof(first)) == 1);
	CHECK(strstr(first, "http://localhost:2380") != NULL);
	/* consistent_index, term and confState beside what was there. */
	CHECK(pairs(&b, "meta", first, sizeof(first)) == 4);
	/* It is there now, and stays. */
	CHECK_FAIL(unpack(&r, &e), &e, HF_EEXISTS);
}

/* Else an etcd 3.5 that is not of the target version dies from it. */
TEST(unpack__ends_a_downgrade_that_was_going_on)
{
	static const char *const going[] = { "cluster", "key", "members",
		"meta", NULL };
	CLEANUP(freep_buf) struct buf db = BUF_INIT;
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_test_bolt_disk) struct test_bolt_disk *disk = NULL;
	CLEANUP(freep_etcd_bolt_cursor) struct etcd_bolt_cursor *c = NULL;
	struct etcd_bolt_item item;
	struct etcd_bolt b;
	struct err e = ERR_INIT;
	char path[400], got[200] = "";

	make_db(going, &db);
	start(&r, &db);
	CHECK_OK(unpack(&r, &e), &e);
	(void)snprintf(path, sizeof(path), "%s/member/snap/db", r.dir);
	CHECK_OK(test_bolt_disk_open(path, &disk, &e), &e);
	CHECK_OK(etcd_bolt_open(&b, test_bolt_disk_file(disk), &e), &e);
	CHECK_OK(etcd_bolt_bucket(&b, "cluster", &c, &e), &e);
	while (etcd_bolt_next(c, &item, &e) == 1)
		(void)snprintf(got + strlen(got), sizeof(got) - strlen(got),
		    "%.*s=%.*s\n", (int)item.nkey, (const char *)item.key,
		    (int)item.nvalue, (const char *)item.value);
	CHECK(e.code == 0);
	CHECK_STR(got,
	    "clusterVersion=3.5.0\n"
	    "downgrade={\"target-version\":\"\",\"enabled\":false}\n");
}

TEST(unpack__of_a_database_that_is_none_leaves_nothing)
{
	static const char *const lacks[] = { "auth", "key", "members", NULL };
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < 4; i++) {
		CLEANUP(freep_buf) struct buf db = BUF_INIT;
		CLEANUP(freep_rig) struct rig r;

		make_db(i == 0 ? lacks : whole, &db);
		/* Its digest is right each time: somebody meant it. */
		if (i == 1) /* No meta page. */
			memset(db.p + 24, 0xff, 8192 - 24);
		else if (i == 2) /* Too short for what the meta pages say. */
			db.len = 8192;
		else if (i == 3) /* No page behind them. */
			memset(db.p + 8192, 0xff, db.len - 8192);
		start(&r, &db);
		CHECK_FAIL(unpack(&r, &e), &e, HF_ECORRUPT);
		check_nothing();
	}
}

TEST(unpack__checks_words_and_place_before_it_fetches)
{
	CLEANUP(freep_buf) struct buf db = BUF_INIT;
	CLEANUP(freep_rig) struct rig r;
	struct err e = ERR_INIT;
	char path[400];

	make_db(whole, &db);
	start(&r, &db);
	r.opts.name = "nobody";
	CHECK_FAIL(unpack(&r, &e), &e, HF_EUSAGE);
	check_nothing();
	r.opts.name = NULL;
	(void)snprintf(path, sizeof(path), "%s/none/etcd", test_dir());
	r.opts.data_dir = path;
	CHECK_FAIL(unpack(&r, &e), &e, HF_ENOTFOUND);
	CHECK(store_fault_count(r.store, STORE_OP_GET) == 0);
}

TEST(unpack__by_a_program_that_is_missing_or_fails_says_so)
{
	CLEANUP(freep_buf) struct buf db = BUF_INIT;
	CLEANUP(freep_rig) struct rig r;
	struct err e = ERR_INIT;

	make_db(whole, &db);
	start(&r, &db);
	r.opts.etcdutl = "/no/etcdutl";
	CHECK_FAIL(unpack(&r, &e), &e, HF_ENOTFOUND);
	r.opts.etcdutl = "false";
	CHECK_FAIL(unpack(&r, &e), &e, HF_EIO);
	check_nothing();
	r.opts.etcdutl = "true";
	CHECK_OK(unpack(&r, &e), &e);
}

TEST(unpack__survives_running_out_of_memory)
{
	CLEANUP(freep_buf) struct buf db = BUF_INIT;
	CLEANUP(freep_rig) struct rig r;
	struct err e = ERR_INIT;
	bool failed;
	int rc;

	make_db(whole, &db);
	start(&r, &db);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = unpack(&r, &e);
		failed = test_malloc_failed();
		test_malloc_fail(0);
		CHECK(rc == 0 || (failed && rc == -HF_ENOMEM));
		if (rc == 0)
			break;
		check_nothing();
	}
}
