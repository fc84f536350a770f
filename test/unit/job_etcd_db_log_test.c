#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "etcd/etcd_pb.h"
#include "job/job.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_db_log.h"
#include "job/job_etcd_recall.h"
#include "job/job_etcd_replay.h"
#include "job/job_restore_etcd.h"
#include "source/etcd/source_etcd_log.h"
#include "store/store.h"
#include "store/store_op.h"
#include "test.h"
#include "test_crowd.h"
#include "test_etcd_chain.h"
#include "test_repo.h"

static const struct job job = { .workers = 2 };

/*
 * Records that replay gave, and the revision of the last of them; and how many
 * packs of logs are to be asked for at once, 0: any.
 */
struct seen {
	uint64_t n, last;
	unsigned crowd;
	struct store *store;
};

static int
see(void *arg, const struct etcd_record *r, struct err *err)
{
	struct seen *seen = arg;

	(void)err;
	CHECK(r->main >= seen->last);
	/* The backup's own records come first, and no log is begun yet. */
	if (seen->n == 0 && seen->crowd > 0)
		test_crowd_expect(
		    seen->store, STORE_OP_GET, "/p/", seen->crowd);
	seen->n++;
	seen->last = r->main;
	return 0;
}

static int
replay_to(struct test_etcd_chain *m, const struct job_etcd_at *at,
    struct seen *seen, struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	int rc;

	seen->store = m->store;
	if ((rc = job_etcd_db_open_log(
		 &job, m->repo, &m->chain, at, NULL, &db, err)) < 0 ||
	    (rc = job_etcd_db_records(db, 0, see, seen, err)) < 0)
		return rc;
	CHECK(seen->last == job_etcd_db_facts(db)->revision || seen->n == 0);
	return 0;
}

/* How many records there are at that revision or time. */
static int
replay(struct test_etcd_chain *m, uint64_t revision, int64_t ms, uint64_t *ret,
    struct err *err)
{
	const struct job_etcd_at at = { .revision = revision, .time_ms = ms };
	struct seen seen = { 0 };
	int rc;

	rc = replay_to(m, &at, &seen, err);
	*ret = seen.n;
	return rc;
}

static uint64_t
records(struct test_etcd_chain *m, uint64_t revision, int64_t ms)
{
	struct err e = ERR_INIT;
	uint64_t n = 0;

	CHECK_OK(replay(m, revision, ms, &n, &e), &e);
	return n;
}

/* Two logs: revisions 5 and 6, and 7 to 9. */
static void
live(struct test_etcd_chain *m)
{
	test_etcd_put(&m->etcd, "c", "1");
	test_etcd_delete(&m->etcd, "a");
	test_etcd_chain_watch(m);
	test_etcd_chain_commit(m, 0);
	test_etcd_put(&m->etcd, "a", "3");
	test_etcd_chain_watch(m);
	test_etcd_put(&m->etcd, "a", "4");
	test_etcd_delete(&m->etcd, "c");
	test_etcd_chain_watch(m);
	test_etcd_chain_commit(m, 0);
	CHECK(m->chain.n == 2 && m->chain.last == 9);
}

TEST(db_log__has_every_revision_of_the_backup_and_its_logs)
{
	struct test_etcd_chain m;
	uint64_t revision;

	test_etcd_chain_make(&m);
	live(&m);
	for (revision = 2; revision <= 9; revision++)
		CHECK(records(&m, revision, 0) == revision - 1);
	CHECK(records(&m, 0, 0) == 8);
	test_etcd_chain_clear(&m);
}

TEST(db_log__says_what_there_is_if_the_revision_is_not)
{
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	live(&m);
	CHECK_FAIL(replay(&m, 10, 0, &n, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "revisions 1 to 9") != NULL);
	test_etcd_chain_clear(&m);
}

TEST(db_log__knows_what_was_there_at_a_time)
{
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	live(&m);
	CHECK(records(&m, 0, 1000500) == 3); /* Nothing had happened. */
	CHECK(records(&m, 0, 1001010) == 5);
	CHECK(records(&m, 0, 1001999) == 5);
	CHECK(records(&m, 0, 1002010) == 6);
	CHECK(records(&m, 0, 1003009) == 6);
	CHECK_FAIL(replay(&m, 0, 1003010, &n, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(replay(&m, 0, 999999, &n, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "1970-01-01T00:16:40Z") != NULL);
	test_etcd_chain_clear(&m);
}

TEST(db_log__with_another_hash_than_the_member_had_is_refused)
{
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 1);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, m.cat.backups[1].id) != NULL);
	/* What is before it is not affected. */
	CHECK(records(&m, 4, 0) == 3);
	test_etcd_chain_clear(&m);
}

TEST(db_log__has_the_hash_that_the_member_had_at_the_end_of_each_log)
{
	uint64_t revision;
	struct test_etcd_chain m;

	test_etcd_chain_make(&m);
	test_etcd_chain_live(&m, -1);
	for (revision = 2; revision <= 22; revision++)
		CHECK(records(&m, revision, 0) == revision - 1);
	test_etcd_chain_clear(&m);
}

/* Log ${wrong} follows revision ${before}. */
static void
find_wrong(int wrong, uint64_t before)
{
	char words[128];
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	test_etcd_chain_live(&m, wrong);
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
	test_etcd_chain_clear(&m);
}

TEST(db_log__with_a_wrong_hash_in_any_log_is_refused_from_there_on)
{
	int wrong;

	for (wrong = 0; wrong < 6; wrong++)
		find_wrong(wrong, 4 + 3 * (uint64_t)wrong);
}

TEST(db_log__without_a_hash_is_as_good_as_the_next_one_that_has_one)
{
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	test_etcd_chain_live(&m, 3);
	m.chain.logs[2].hashed = false;
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "ends with revision 10: with the log") != NULL);
	test_etcd_chain_clear(&m);
}

/* Replay all the same, and say what is not proven: "from-to after proven". */
static const char *
unproven(struct test_etcd_chain *m, uint64_t revision)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct job_etcd_at at = { .revision = revision };
	struct job_etcd_unproven u;
	struct seen seen = { 0 };
	struct err e = ERR_INIT;
	static char text[80];

	CHECK_OK(
	    job_etcd_db_open_log(&job, m->repo, &m->chain, &at, &u, &db, &e),
	    &e);
	CHECK_OK(job_etcd_db_records(db, 0, see, &seen, &e), &e);
	if (revision > 0)
		CHECK(seen.n == revision - 1);
	(void)snprintf(text, sizeof(text),
	    "%" PRIu64 "-%" PRIu64 " after %" PRIu64, u.from, u.to, u.proven);
	return text;
}

TEST(db_log__with_a_wrong_hash_can_be_had_by_who_insists)
{
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	test_etcd_chain_live(&m, 2); /* 11 to 13 */
	CHECK_FAIL(replay(&m, 12, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.hint, "--revision 10") != NULL);
	CHECK(strstr(e.hint, "--allow-unproven") != NULL);
	CHECK_STR(unproven(&m, 10), "0-0 after 0");
	CHECK_STR(unproven(&m, 12), "11-12 after 10");
	CHECK_STR(unproven(&m, 13), "11-13 after 10");
	/* The next hash is right again: that state is proven. */
	CHECK_STR(unproven(&m, 16), "11-13 after 10");
	CHECK_STR(unproven(&m, 22), "11-13 after 10");
	/* Nobody ever proves what is behind the last that is wrong. */
	m.chain.logs[4].hash++;
	m.chain.logs[5].hashed = false;
	CHECK_STR(unproven(&m, 22), "11-22 after 10");
	CHECK_STR(unproven(&m, 18), "11-18 after 10");
	test_etcd_chain_clear(&m);
}

/* A hash is all that may be wrong. */
TEST(db_log__with_a_gap_cannot_be_had_by_who_insists)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	static const struct job_etcd_at at = { 0 };
	struct job_etcd_unproven u;
	struct seen seen = { 0 };
	struct test_etcd_chain m;
	struct err e = ERR_INIT;

	test_etcd_chain_make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_put(&m.etcd, "c", "2");
	m.done++; /* The first is not told. */
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 1);
	CHECK_OK(
	    job_etcd_db_open_log(&job, m.repo, &m.chain, &at, &u, &db, &e), &e);
	CHECK_FAIL(job_etcd_db_records(db, 0, see, &seen, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "there is a gap") != NULL);
	CHECK(strstr(e.hint, "--allow-unproven") == NULL);
	job_etcd_db_free(TAKE(db));
	test_etcd_chain_clear(&m);
}

/*
 * Somebody deletes everything, and history is compacted: of what is older, a
 * member hashes what it has not removed yet.  What comes later is proven.
 */
TEST(db_log__of_an_empty_etcd_has_a_hash_that_nobody_can_tell)
{
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	test_etcd_delete(&m.etcd, "a");
	test_etcd_delete(&m.etcd, "b");
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0); /* Not compacted: all records count. */
	m.compact = 5;
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_delete(&m.etcd, "c");
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 1);
	test_etcd_put(&m.etcd, "c", "2");
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0);
	CHECK(records(&m, 0, 0) == 8);
	m.chain.logs[2].hash++;
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "ends with revision 6: with the log") != NULL);
	test_etcd_chain_clear(&m);
}

TEST(db_log__that_leaves_out_a_revision_is_refused)
{
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_put(&m.etcd, "c", "2");
	test_etcd_put(&m.etcd, "c", "3");
	m.done++; /* The first is not told. */
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "there is a gap") != NULL);
	test_etcd_chain_clear(&m);
}

TEST(db_log__that_ends_early_is_refused)
{
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	test_etcd_chain_make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_put(&m.etcd, "c", "2");
	m.etcd.n--;
	test_etcd_chain_watch(&m);
	m.etcd.n++;
	test_etcd_chain_commit(&m, 0);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "should end with 6") != NULL);
	test_etcd_chain_clear(&m);
}

TEST(db_log__behind_a_gap_is_not_reached)
{
	struct test_etcd_chain m;
	struct err e = ERR_INIT;
	uint64_t n;

	test_etcd_chain_make(&m);
	live(&m);
	CHECK_OK(test_tombstone(m.repo, m.chain.logs[0].backup, &e), &e);
	test_etcd_chain_load(&m);
	CHECK(m.chain.n == 0 && m.chain.beyond == 7);
	CHECK_FAIL(replay(&m, 8, 0, &n, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "revision 5 is missing") != NULL);
	test_etcd_chain_clear(&m);
}

#define LOGS 12

/* As many logs, of a revision each. */
static void
live_long(struct test_etcd_chain *m)
{
	int i;

	test_etcd_chain_make(m);
	for (i = 0; i < LOGS; i++) {
		test_etcd_put(&m->etcd, "c", "1");
		test_etcd_chain_watch(m);
		test_etcd_chain_commit(m, 0);
	}
	CHECK(m->chain.n == LOGS);
}

/* Far away, the time is that of asking for one log after the other. */
TEST(db_log__asks_for_many_small_logs_at_once_and_replays_them_in_order)
{
	struct job_etcd_at at = { 0 };
	struct seen seen = { .crowd = LOGS };
	struct test_etcd_chain m;
	struct err e = ERR_INIT;

	live_long(&m);
	CHECK_OK(replay_to(&m, &at, &seen, &e), &e);
	CHECK(seen.n == 3 + LOGS);
	CHECK(test_crowd_most(m.store) == LOGS);
	CHECK(test_crowd_total(m.store) == LOGS); /* Each once. */
	/* Those behind the revision are not asked for. */
	at.revision = 8;
	seen = (struct seen){ .crowd = 4 };
	CHECK_OK(replay_to(&m, &at, &seen, &e), &e);
	CHECK(seen.n == 7 && test_crowd_total(m.store) == 4);
	test_etcd_chain_clear(&m);
}

TEST(db_log__that_cannot_be_had_is_named_when_its_turn_has_come)
{
	struct repo_pack_row row;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64], want[64];
	const struct repo_backup *b;
	struct test_etcd_chain m;
	struct err e;
	uint64_t n;

	live_long(&m);
	b = m.chain.logs[6].backup;
	row = test_pack(m.repo, b, 0);
	repo_name_pack(name, row.hour, row.oid);
	test_object_put(m.store, repo_object(m.repo, name, object), NULL, 0);
	(void)snprintf(want, sizeof(want), "log '%s': ", b->id);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, want) != NULL);
	CHECK(strstr(e.msg, "it is missing from the store") != NULL);
	CHECK(strstr(e.msg, name) != NULL && n == 3 + 6);

	/* Of an earlier one, the manifest. */
	b = m.chain.logs[3].backup;
	test_object_put(m.store, repo_object(m.repo, b->name, object), NULL, 0);
	(void)snprintf(want, sizeof(want), "log '%s': manifest '", b->id);
	CHECK_FAIL(replay(&m, 0, 0, &n, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.msg, want) != NULL);
	CHECK(strstr(e.msg, b->name) != NULL && n == 3 + 3);
	CHECK(records(&m, 7, 0) == 6);
	test_etcd_chain_clear(&m);
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
has_leases(struct test_etcd_chain *m, uint64_t revision, const char *want)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct job_etcd_at at = { .revision = revision };
	struct leases l = { .text = BUF_INIT };
	const struct etcd_bucket_sink sink = { on_bucket, on_pair, &l };
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_etcd_db_open_log(&job, m->repo, &m->chain, &at, NULL, &db, &e),
	    &e);
	CHECK_OK(job_etcd_db_buckets(db, &sink, &e), &e);
	CHECK_STR(l.text.p == NULL ? "" : (char *)l.text.p, want);
	buf_free(&l.text);
}

static void
list_lease(struct test_etcd_chain *m, uint64_t id, uint64_t granted)
{
	const struct etcd_lease_row row = { .id = id, .granted = granted };
	struct err e = ERR_INIT;

	m->log->has_leases = true;
	CHECK_OK(etcd_lease_file_add(&m->log->leases, &row, &e), &e);
}

TEST(db_log__keeps_the_leases_that_there_were)
{
	struct test_etcd_chain m;

	test_etcd_chain_make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	test_etcd_put(&m.etcd, "c", "2");
	list_lease(&m, 8, 30);
	list_lease(&m, 9, 0); /* It came and went. */
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0);
	test_etcd_put(&m.etcd, "c", "3");
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0);
	test_etcd_put(&m.etcd, "c", "4");
	test_etcd_put(&m.etcd, "c", "5");
	list_lease(&m, 5, 100);
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0);
	/* The backup's own is 7; an unknown one does not stay for long. */
	CHECK(m.chain.last == 9);
	has_leases(&m, 5, "7:90 8:30 9:60 ");
	has_leases(&m, 6, "5:100 8:30 9:60 ");
	has_leases(&m, 7, "5:100 8:30 9:60 ");
	has_leases(&m, 9, "5:100 ");
	test_etcd_chain_clear(&m);
}

/* What older backups than the newest know of four leases, at ${revision}. */
static void
recalls(struct test_etcd_chain *m, uint64_t revision, const char *want)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file gone = { 0 };
	CLEANUP(freep_buf) struct buf text = BUF_INIT;
	const struct job_etcd_recall opts = {
		.job = &job,
		.repo = m->repo,
		.cat = &m->cat,
		.backup = &m->cat.backups[m->cat.n - 1],
		.revision = revision,
	};
	struct etcd_lease_row row = { 0 };
	struct err e = ERR_INIT;
	size_t i;

	for (row.id = 6; row.id <= 9; row.id++)
		CHECK_OK(etcd_lease_file_add(&gone, &row, &e), &e);
	CHECK_OK(job_etcd_recall(&opts, &gone, &e), &e);
	CHECK(gone.n == 4);
	for (i = 0; i < gone.n; i++)
		CHECK_OK(buf_printf(&text, &e, "%" PRIu64 ":%" PRIu64 " ",
			     gone.v[i].id, gone.v[i].granted),
		    &e);
	CHECK_STR((char *)text.p, want);
}

TEST(recall__asks_older_backups_and_their_logs)
{
	struct test_etcd_chain m;
	struct err e = ERR_INIT;

	test_etcd_chain_make(&m);
	test_etcd_put(&m.etcd, "c", "1");
	list_lease(&m, 8, 30);
	list_lease(&m, 9, 0); /* It came and went. */
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0);
	test_etcd_put(&m.etcd, "c", "2");
	list_lease(&m, 8, 30);
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0);
	test_etcd_put(&m.etcd, "c", "3");
	list_lease(&m, 5, 10);
	test_etcd_chain_watch(&m);
	test_etcd_chain_commit(&m, 0);
	m.etcd.lease = 0;
	CHECK_OK(test_etcd_backup(&m.etcd, m.repo, &e), &e);
	test_etcd_chain_load(&m);
	recalls(&m, 4, "6:0 7:90 8:30 9:0 ");
	recalls(&m, 6, "6:0 7:90 8:30 9:0 ");
	recalls(&m, 7, "6:0 7:90 8:0 9:0 ");
	/* A log that is damaged knows nothing. */
	test_object_put(m.store,
	    repo_object(m.repo, m.chain.logs[0].backup->name,
		(char[REPO_NAME_MAX + 64]){ 0 }),
	    NULL, 0);
	recalls(&m, 4, "6:0 7:90 8:0 9:0 ");
	test_etcd_chain_clear(&m);
}

/* What a restore says of itself, which writes nothing. */
static void
report(struct test_etcd_chain *m, uint64_t revision, bool unproven,
    struct job_restore_etcd_report *rep)
{
	const struct job_restore_etcd_opts opts = {
		.to = "never",
		.chain = &m->chain,
		.cat = &m->cat,
		.revision = revision,
		.allow_unproven = unproven,
		.dry_run = true,
	};
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_restore_etcd(&job, m->repo, m->chain.base, &opts, rep, &e), &e);
}

TEST(restore__of_logs_says_what_is_not_proven_and_whose_users_it_has)
{
	struct job_restore_etcd_report rep;
	struct test_etcd_chain m;

	test_etcd_chain_make(&m);
	test_etcd_chain_live(&m, 2);
	report(&m, 10, true, &rep);
	CHECK(rep.unproven.from == 0);
	report(&m, 12, true, &rep);
	CHECK(rep.unproven.from == 11 && rep.unproven.to == 12);
	CHECK(rep.unproven.proven == 10 && rep.digest.at == 12);
	/* Nobody says which etcd it was: it may be one that does not tell. */
	CHECK(rep.users_revision == 4 && rep.users_why != NULL);
	report(&m, 4, false, &rep);
	CHECK(rep.users_revision == 4 && rep.users_why == NULL);
	test_etcd_chain_clear(&m);
}
