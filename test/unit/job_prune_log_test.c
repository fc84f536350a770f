#include <string.h>

#include "base/str.h"
#include "etcd/etcd_watch.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_db_log.h"
#include "job/job_prune.h"
#include "repo/repo.h"
#include "source/etcd/source_etcd_log.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_crowd.h"
#include "test_etcd.h"
#include "test_repo.h"

/* Pruning backups of an etcd, and the logs that continue them. */

static const struct job job = { .workers = 1 };

#define DAY (24 * 3600000ll)
#define T0 (1800000000ll * 1000) /* 2027-01-15 */

struct made {
	struct store *mem, *faulty, *store; /* Each before the last. */
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_etcd etcd;
	struct source_etcd_log *log;
	int64_t now;
};

static void
clear(struct made *m)
{
	repo_catalogue_clear(&m->cat);
	freep_source_etcd_log(&m->log);
	test_etcd_clear(&m->etcd);
	repo_free(m->repo);
	store_free(m->store);
}

static void
pass(struct made *m, int64_t ms)
{
	m->now += ms;
	store_mem_set_time(m->mem, m->now);
}

static void
load(struct made *m)
{
	struct err e = ERR_INIT;

	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK(m->cat.nfindings == 0 && !m->cat.unsure);
}

static void
make_empty(struct made *m)
{
	static int made;
	struct err e = ERR_INIT;
	char host[16];

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->mem, &e), &e);
	CHECK_OK(store_fault_new(m->mem, &m->faulty, &e), &e);
	CHECK_OK(test_crowd_new(m->faulty, &m->store, &e), &e);
	pass(m, T0);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", made++);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	test_etcd_init(&m->etcd);
	CHECK_OK(source_etcd_log_new(&m->log, &e), &e);
}

static void
back_up(struct made *m)
{
	struct err e = ERR_INIT;

	pass(m, DAY);
	test_etcd_put(&m->etcd, "key", "base");
	CHECK_OK(test_etcd_backup(&m->etcd, m->repo, &e), &e);
	load(m);
	source_etcd_log_begin(m->log, m->etcd.revision + 1, m->now);
}

/* A put, and a log of it, an hour later. */
static void
log_one(struct made *m, size_t base)
{
	struct job_backup_opts opts = { .source = "cp",
		.type = "etcd",
		.label = "etcd:test",
		.log_of = m->cat.backups[base].m.sha256 };
	struct job_backup_report rep;
	struct err e = ERR_INIT;
	size_t done = m->etcd.n;

	pass(m, DAY / 24);
	test_etcd_put(&m->etcd, "key", "log");
	test_etcd_watch(&m->etcd, &done, m->log, m->now);
	CHECK_OK(job_backup(&job, m->repo, &m->log->base, &opts, &rep, &e), &e);
	source_etcd_log_begin(m->log, m->log->last + 1, m->now);
	load(m);
}

#define OLD 0      /* The old backup; its logs are 1 and 2. */
#define NEW 3      /* The new one; its logs are 4 and 5. */
#define OLD_LAST 4 /* The newest revision of each. */
#define NEW_LAST 7
#define ALL 6

static void
make(struct made *m)
{
	make_empty(m);
	back_up(m);
	log_one(m, OLD);
	log_one(m, OLD);
	back_up(m);
	log_one(m, NEW);
	log_one(m, NEW);
	CHECK(m->cat.n == ALL && m->etcd.revision == NEW_LAST);
}

static int
prune(struct made *m, uint32_t last, struct job_prune_report *rep,
    struct err *err)
{
	const struct job_prune_opts opts = { .rule = { .last = last },
		.undo_ms = JOB_PRUNE_UNDO_MS };

	return job_prune(&job, m->repo, &opts, rep, err);
}

static int
count(void *arg, const struct etcd_record *r, struct err *err)
{
	uint64_t *n = arg;

	(void)r, (void)err;
	(*n)++;
	return 0;
}

/* How many records the backup and its logs have; all that they should. */
static uint64_t
replay(struct made *m, size_t base, uint64_t last)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct job_etcd_at newest = { 0 };
	struct err e = ERR_INIT;
	uint64_t n = 0;

	CHECK_OK(
	    job_etcd_chain_find(&m->cat, &m->cat.backups[base], &c, &e), &e);
	CHECK(c.last == last && c.n == 2 && c.beyond == 0);
	CHECK_OK(
	    job_etcd_db_open_log(&job, m->repo, &c, &newest, NULL, &db, &e),
	    &e);
	CHECK_OK(job_etcd_db_records(db, 0, count, &n, &e), &e);
	return n;
}

static size_t
packs(struct made *m)
{
	return test_count(m->store, "hf1/main/p/");
}

TEST(prune__lets_logs_go_with_their_backup_and_keeps_those_of_others)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	size_t i, before;

	make(&m);
	before = packs(&m);
	CHECK_OK(prune(&m, 1, &rep, &e), &e);
	CHECK(rep.removed == 3 && rep.kept == 3);
	load(&m);
	for (i = 0; i < ALL; i++)
		CHECK(m.cat.backups[i].removed == (i < NEW));
	CHECK(replay(&m, NEW, NEW_LAST) == 6);

	/* And once nobody can bring them back, their packs. */
	pass(&m, 20 * DAY);
	CHECK_OK(prune(&m, 1, &rep, &e), &e);
	CHECK(rep.erased == 3 && rep.removed == 0 && rep.packs > 0);
	CHECK(packs(&m) < before);
	load(&m);
	CHECK(m.cat.n == 3 && replay(&m, 0, NEW_LAST) == 6);
}

TEST(prune__does_not_count_logs)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;

	make(&m);
	CHECK_OK(prune(&m, 2, &rep, &e), &e);
	CHECK(rep.removed == 0 && rep.kept == ALL);
	load(&m);
	CHECK(replay(&m, OLD, OLD_LAST) == 3);
	CHECK(replay(&m, NEW, NEW_LAST) == 6);
}

TEST(prune__undone_brings_the_logs_back)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;

	make(&m);
	CHECK_OK(prune(&m, 1, &rep, &e), &e);
	load(&m);
	CHECK_OK(job_prune_undo(m.repo, &m.cat, &m.cat.backups[OLD],
		     JOB_PRUNE_UNDO_MS, &e),
	    &e);
	load(&m);
	CHECK(replay(&m, OLD, OLD_LAST) == 3);
}

/*
 * Cut off at the nth change of the store; false: there are not so many.  What
 * stays is whole then and after the next run, and the rest goes.
 */
static bool
prune_cut(uint64_t nth)
{
	const struct store_fault cut = {
		.kind = STORE_FAULT_FAIL,
		.ops = STORE_OP_PUT | STORE_OP_DEL,
		.nth = nth,
		.code = HF_EUNAVAIL,
	};
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	size_t i, left = 0;
	int rc;

	make(&m);
	CHECK_OK(store_fault_add(m.faulty, &cut, &e), &e);
	rc = prune(&m, 1, &rep, &e);
	store_fault_clear(m.faulty);
	load(&m);
	CHECK(m.cat.n == ALL && replay(&m, NEW, NEW_LAST) == 6);
	for (i = 0; i < NEW; i++)
		left += !m.cat.backups[i].removed;
	CHECK(left == (rc == 0 ? 0 : 4 - nth));

	/* However late it is, nothing of the old one is left for good. */
	pass(&m, 20 * DAY);
	CHECK_OK(prune(&m, 1, &rep, &e), &e);
	load(&m);
	for (i = 0; i < m.cat.n; i++)
		CHECK(m.cat.backups[i].removed == (m.cat.n - i > 3));
	pass(&m, 20 * DAY);
	CHECK_OK(prune(&m, 1, &rep, &e), &e);
	load(&m);
	CHECK(m.cat.n == 3 && replay(&m, 0, NEW_LAST) == 6);
	return rc < 0;
}

TEST(prune__cut_off_anywhere_leaves_no_log_behind)
{
	uint64_t nth = 1;

	while (prune_cut(nth))
		nth++;
	CHECK(nth == 4);
}

#define LOGS 10

/* Far away, the time is that of asking for one after the other. */
TEST(prune__removes_and_erases_many_at_once_and_packs_after_manifests)
{
	const struct store_fault stuck = {
		.kind = STORE_FAULT_FAIL,
		.ops = STORE_OP_DEL,
		.prefix = "hf1/main/s/000000000005",
		.code = HF_EUNAVAIL,
	};
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char want[64];
	size_t i, before;

	make_empty(&m);
	back_up(&m);
	for (i = 0; i < LOGS; i++)
		log_one(&m, 0);
	back_up(&m);
	test_crowd_expect(m.store, STORE_OP_PUT, "/t/", 1 + LOGS);
	CHECK_OK(prune(&m, 1, &rep, &e), &e);
	CHECK(rep.removed == 1 + LOGS && rep.kept == 1);
	CHECK(test_crowd_most(m.store) == 1 + LOGS);

	pass(&m, 20 * DAY);
	before = packs(&m);
	(void)snprintf(want, sizeof(want), "erase the manifest of '%s'",
	    m.cat.backups[4].id);
	CHECK_OK(store_fault_add(m.faulty, &stuck, &e), &e);
	test_crowd_expect(m.store, STORE_OP_DEL, "/s/", 1 + LOGS);
	CHECK_FAIL(prune(&m, 1, &rep, &e), &e, HF_EUNAVAIL);
	CHECK(test_crowd_most(m.store) == 1 + LOGS);
	CHECK(strncmp(e.msg, want, strlen(want)) == 0);
	/* Packs wait until all manifests that name them are gone. */
	CHECK(packs(&m) == before);

	store_fault_clear(m.faulty);
	test_crowd_expect(m.store, STORE_OP_DEL, "/p/", 1 + LOGS);
	CHECK_OK(prune(&m, 1, &rep, &e), &e);
	CHECK(rep.erased == 1 && rep.packs == before - packs(&m));
	CHECK(test_crowd_most(m.store) >= 1 + LOGS);
	load(&m);
	CHECK(m.cat.n == 1);
}
