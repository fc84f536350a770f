#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_watch.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_db_log.h"
#include "repo/repo.h"
#include "source/etcd/source_etcd_log.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_etcd.h"
#include "test_repo.h"

static const struct job job = { .workers = 2 };

/* A backup in memory, and what happened since. */
struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_etcd etcd;
	struct source_etcd_log *log;
	struct job_etcd_chain chain;
	size_t done;      /* Changes that are stored. */
	uint64_t compact; /* Of the member that tells its hash. */
	int64_t ms;
	uint64_t seen; /* Records that replay gave. */
	uint64_t last; /* Revision of the last of them. */
};

static void
load(struct made *m)
{
	struct err e = ERR_INIT;

	job_etcd_chain_clear(&m->chain);
	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK_OK(
	    job_etcd_chain_find(&m->cat, &m->cat.backups[0], &m->chain, &e),
	    &e);
}

static void
make(struct made *m)
{
	static int made;
	struct err e = ERR_INIT;
	char host[16];

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", made++);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	test_etcd_init(&m->etcd);
	m->etcd.lease = 7;
	test_etcd_put(&m->etcd, "a", "1");
	test_etcd_put(&m->etcd, "b", "1");
	test_etcd_put(&m->etcd, "a", "2");
	CHECK_OK(test_etcd_backup(&m->etcd, m->repo, &e), &e);
	CHECK_OK(source_etcd_log_new(&m->log, &e), &e);
	m->ms = 1000000;
	m->done = m->etcd.n;
	source_etcd_log_begin(m->log, m->etcd.revision + 1, m->ms);
	load(m);
}

static void
clear(struct made *m)
{
	job_etcd_chain_clear(&m->chain);
	freep_source_etcd_log(&m->log);
	test_etcd_clear(&m->etcd);
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
}

/* Let the log see what has happened, a second later. */
static void
watch(struct made *m)
{
	m->ms += 1000;
	test_etcd_watch(&m->etcd, &m->done, m->log, m->ms);
}

static uint32_t
hash_now(const struct made *m)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *sum = NULL;
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(
	    etcd_hashkv_sum_new(m->etcd.revision, m->compact, &sum, &e), &e);
	for (i = 0; i < m->etcd.n; i++)
		CHECK_OK(etcd_hashkv_sum_add(sum, &m->etcd.v[i].r, &e), &e);
	return etcd_hashkv_sum_end(sum);
}

/* Lay it down; ${wrong} is added to the hash that the member tells. */
static void
commit(struct made *m, uint32_t wrong)
{
	struct job_backup_opts opts = { .source = "cp",
		.type = "etcd",
		.label = "etcd:test",
		.log_of = m->chain.base->m.sha256 };
	struct job_backup_report rep;
	struct err e = ERR_INIT;

	m->log->hashed = true;
	m->log->hash = hash_now(m) + wrong;
	m->log->hash_compact = m->compact;
	CHECK_OK(job_backup(&job, m->repo, &m->log->base, &opts, &rep, &e), &e);
	source_etcd_log_begin(m->log, m->log->last + 1, m->ms);
	load(m);
}

static int
see(void *arg, const struct etcd_record *r, struct err *err)
{
	struct made *m = arg;

	(void)err;
	CHECK(r->main >= m->last);
	m->seen++;
	m->last = r->main;
	return 0;
}

/* How many records there are at that revision or time. */
static int
replay(struct made *m, uint64_t revision, int64_t ms, uint64_t *ret,
    struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct job_etcd_at at = { .revision = revision, .time_ms = ms };
	int rc;

	m->seen = m->last = 0;
	if ((rc = job_etcd_db_open_log(
		 &job, m->repo, &m->chain, &at, &db, err)) < 0 ||
	    (rc = job_etcd_db_records(db, 0, see, m, err)) < 0)
		return rc;
	CHECK(m->last == job_etcd_db_facts(db)->revision || m->seen == 0);
	*ret = m->seen;
	return 0;
}

static uint64_t
records(struct made *m, uint64_t revision, int64_t ms)
{
	struct err e = ERR_INIT;
	uint64_t n = 0;

	CHECK_OK(replay(m, revision, ms, &n, &e), &e);
	return n;
}

/* Two logs: revisions 5 and 6, and 7 to 9. */
static void
live(struct made *m)
{
	test_etcd_put(&m->etcd, "c", "1");
	test_etcd_delete(&m->etcd, "a");
	watch(m);
	commit(m, 0);
	test_etcd_put(&m->etcd, "a", "3");
	watch(m);
	test_etcd_put(&m->etcd, "a", "4");
	test_etcd_delete(&m->etcd, "c");
	watch(m);
	commit(m, 0);
	CHECK(m->chain.n == 2 && m->chain.last == 9);
}

TEST(db_log__has_every_revision_of_the_backup_and_its_logs)
{
	struct made m;
	uint64_t revision;

	make(&m);
	live(&m);
	for (revision = 2; revision <= 9; revision++)
		CHECK(records(&m, revision, 0) == revision - 1);
	CHECK(records(&m, 0, 0) == 8);
	clear(&m);
}

TEST(db_log__says_what_there_is_if_the_revision_is_not)
{
	struct made m;
	struct err e;
	uint64_t n;

	make(&m);
	live(&m);
	CHECK_FAIL(replay(&m, 10, 0, &n, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "revisions 0 to 9") != NULL);
	clear(&m);
}

TEST(db_log__knows_what_was_there_at_a_time)
{
	struct made m;
	struct err e;
	uint64_t n;

	make(&m);
	live(&m);
	CHECK(records(&m, 0, 1000500) == 3); /* Nothing had happened. */
	CHECK(records(&m, 0, 1001010) == 5);
	CHECK(records(&m, 0, 1001999) == 5);
	CHECK(records(&m, 0, 1002010) == 6);
	CHECK(records(&m, 0, 1003009) == 6);
	CHECK_FAIL(replay(&m, 0, 1003010, &n, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(replay(&m, 0, 999999, &n, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "1970-01-01T00:16:40Z") != NULL);
	clear(&m);
}

TEST(db_log__with_another_hash_than_the_member_had_is_refused)
{
	struct made m;
	struct err e;
	uint64_t n;

	make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	watch(&m);
	commit(&m, 1);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, m.cat.backups[1].id) != NULL);
	/* What is before it is not affected. */
	CHECK(records(&m, 4, 0) == 3);
	clear(&m);
}

/*
 * Six logs of three changes each, every other one after a compaction; the
 * hash of log ${wrong} is not the member's.
 */
static void
live_long(struct made *m, int wrong)
{
	static const uint64_t compact[] = { 0, 7, 7, 12, 16, 16 };
	int i;

	for (i = 0; i < 6; i++) {
		m->compact = compact[i];
		test_etcd_put(&m->etcd, i % 2 == 0 ? "a" : "b", "x");
		test_etcd_put(&m->etcd, "c", "y");
		if (i % 3 == 1)
			test_etcd_delete(&m->etcd, "a");
		else
			test_etcd_put(&m->etcd, "d", "z");
		watch(m);
		commit(m, i == wrong);
	}
	CHECK(m->chain.n == 6 && m->chain.last == 22);
}

TEST(db_log__has_the_hash_that_the_member_had_at_the_end_of_each_log)
{
	uint64_t revision;
	struct made m;

	make(&m);
	live_long(&m, -1);
	for (revision = 2; revision <= 22; revision++)
		CHECK(records(&m, revision, 0) == revision - 1);
	clear(&m);
}

/* Log ${wrong} follows revision ${before}. */
static void
find_wrong(int wrong, uint64_t before)
{
	char words[128];
	struct made m;
	struct err e;
	uint64_t n;

	make(&m);
	live_long(&m, wrong);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	(void)snprintf(words, sizeof(words),
	    "ends with revision %" PRIu64 ": with the log '%s' replayed: the "
	    "records at revision %" PRIu64 " have the HashKV",
	    before, m.cat.backups[wrong + 1].id, before + 3);
	if (strstr(e.msg, words) == NULL)
		CHECK_STR(e.msg, words);
	CHECK(strstr(e.hint, "--revision") != NULL);
	/* What is before it can be had; what it is to prove cannot. */
	CHECK(records(&m, before, 0) == before - 1);
	CHECK_FAIL(replay(&m, before + 1, 0, &n, &e), &e, HF_ECORRUPT);
	clear(&m);
}

TEST(db_log__with_a_wrong_hash_in_any_log_is_refused_from_there_on)
{
	int wrong;

	for (wrong = 0; wrong < 6; wrong++)
		find_wrong(wrong, 4 + 3 * (uint64_t)wrong);
}

TEST(db_log__without_a_hash_is_as_good_as_the_next_one_that_has_one)
{
	struct made m;
	struct err e;
	uint64_t n;

	make(&m);
	live_long(&m, 3);
	m.chain.logs[2].hashed = false;
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "ends with revision 10: with the log") != NULL);
	clear(&m);
}

TEST(db_log__that_leaves_out_a_revision_is_refused)
{
	struct made m;
	struct err e;
	uint64_t n;

	make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_put(&m.etcd, "c", "2");
	test_etcd_put(&m.etcd, "c", "3");
	m.done++; /* The first is not told. */
	watch(&m);
	commit(&m, 0);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "there is a gap") != NULL);
	clear(&m);
}

TEST(db_log__that_ends_early_is_refused)
{
	struct made m;
	struct err e;
	uint64_t n;

	make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_put(&m.etcd, "c", "2");
	m.etcd.n--;
	watch(&m);
	m.etcd.n++;
	commit(&m, 0);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "should end with 6") != NULL);
	clear(&m);
}

TEST(db_log__behind_a_gap_is_not_reached)
{
	struct made m;
	struct err e = ERR_INIT;
	uint64_t n;

	make(&m);
	live(&m);
	CHECK_OK(test_tombstone(m.repo, m.chain.logs[0].backup, &e), &e);
	load(&m);
	CHECK(m.chain.n == 0 && m.chain.beyond == 7);
	CHECK_FAIL(replay(&m, 8, 0, &n, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "revision 5 is missing") != NULL);
	clear(&m);
}

/* The leases of a restore, "id:seconds ". */
struct leases {
	char bucket[16];
	struct buf text;
};

static int
on_bucket(
    void *arg, const uint8_t *name, size_t n, uint64_t seq, struct err *err)
{
	struct leases *l = arg;

	(void)seq;
	(void)err;
	(void)snprintf(
	    l->bucket, sizeof(l->bucket), "%.*s", (int)n, (const char *)name);
	return 0;
}

static int
on_pair(void *arg, const uint8_t *key, size_t nkey, const uint8_t *value,
    size_t nvalue, struct err *err)
{
	struct leases *l = arg;
	uint64_t ttl = 0;
	struct pb r;

	if (strcmp(l->bucket, "lease") != 0)
		return 0;
	CHECK(nkey == 8);
	pb_init(&r, value, nvalue);
	while (pb_next(&r) == 1)
		if (r.field == 2)
			ttl = r.val;
	return buf_printf(&l->text, err, "%u:%" PRIu64 " ", key[7], ttl);
}

static void
has_leases(struct made *m, uint64_t revision, const char *want)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct job_etcd_at at = { .revision = revision };
	struct leases l = { .text = BUF_INIT };
	const struct etcd_bucket_sink sink = { on_bucket, on_pair, &l };
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_etcd_db_open_log(&job, m->repo, &m->chain, &at, &db, &e), &e);
	CHECK_OK(job_etcd_db_buckets(db, &sink, &e), &e);
	CHECK_STR(l.text.p == NULL ? "" : (char *)l.text.p, want);
	buf_free(&l.text);
}

static void
list_lease(struct made *m, uint64_t id, uint64_t granted)
{
	const struct etcd_lease_row row = { .id = id, .granted = granted };
	struct err e = ERR_INIT;

	m->log->has_leases = true;
	CHECK_OK(etcd_lease_file_add(&m->log->leases, &row, &e), &e);
}

TEST(db_log__keeps_the_leases_that_there_were)
{
	struct made m;

	make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_put(&m.etcd, "c", "2");
	list_lease(&m, 8, 30);
	list_lease(&m, 9, 0); /* It came and went. */
	watch(&m);
	commit(&m, 0);
	test_etcd_put(&m.etcd, "c", "3");
	watch(&m);
	commit(&m, 0);
	test_etcd_put(&m.etcd, "c", "4");
	test_etcd_put(&m.etcd, "c", "5");
	list_lease(&m, 5, 100);
	watch(&m);
	commit(&m, 0);
	/* The backup's own is 7; an unknown one does not stay for long. */
	CHECK(m.chain.last == 9);
	has_leases(&m, 5, "7:60 8:30 9:60 ");
	has_leases(&m, 6, "5:100 8:30 9:60 ");
	has_leases(&m, 7, "5:100 8:30 9:60 ");
	has_leases(&m, 9, "5:100 ");
	clear(&m);
}
