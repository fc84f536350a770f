#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "etcd/etcd_hashkv_points.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_watch.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_etcd_chain.h"
#include "job/job_restore_etcd.h"
#include "repo/repo.h"
#include "source/etcd/source_etcd_log.h"
#include "store/mem/store_mem.h"
#include "test.h"
#include "test_etcd.h"
#include "test_repo.h"

/*
 * bench_chain: what processor time the logs of an etcd take to be replayed, as
 * for a restore.  The first log puts all keys once, each further one some of
 * them; all have a HashKV, and the compact revision moves on every so many
 * logs.
 * The environment says how many: KEYS, VALUE (bytes), LOGS, EVENTS (in each
 * of them), COMPACT (logs for each compaction; 0: never).
 */
struct chain {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_etcd etcd;
	struct source_etcd_log *log;
	struct etcd_hashkv_points *points;
	struct job_etcd_chain chain;
	uint64_t keys, value, logs, events, compact;
	uint64_t revision, compacted, made;
	struct buf bytes; /* That do not compress well. */
};

static const struct job job = { .workers = 2 };

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s == NULL ? otherwise : strtoull(s, NULL, 10);
}

static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static uint32_t
chance(uint32_t n)
{
	static uint32_t x = 1;

	x = x * 1664525 + 1013904223;
	return (uint32_t)((uint64_t)x * n >> 32);
}

/* Of the log that begins at ${first}: when the member was compacted last. */
static uint64_t
compact_at(const struct chain *c, uint64_t log)
{
	if (c->compact == 0 || log < c->compact)
		return 0;
	return 1 + c->keys + (log / c->compact - 1) * c->compact * c->events;
}

static void
put(struct chain *c, uint64_t key, size_t nvalue)
{
	CLEANUP(freep_buf) struct buf kv = BUF_INIT;
	struct etcd_record r = { .main = ++c->revision };
	struct err e = ERR_INIT;
	char name[32];

	(void)snprintf(name, sizeof(name), "/registry/k/%010" PRIu64, key);
	CHECK_OK(pb_add_bytes(&kv, 1, name, strlen(name), &e), &e);
	CHECK_OK(pb_add_uint(&kv, 2, r.main, &e), &e);
	CHECK_OK(pb_add_uint(&kv, 3, r.main, &e), &e);
	CHECK_OK(pb_add_uint(&kv, 4, 1, &e), &e);
	CHECK_OK(pb_add_bytes(&kv, 5,
		     c->bytes.p + chance((uint32_t)(c->bytes.len - nvalue)),
		     nvalue, &e),
	    &e);
	r.value = kv.p;
	r.len = kv.len;
	const struct etcd_event ev = { .record = kv.p,
		.nrecord = kv.len,
		.kv = { .mod_revision = r.main } };

	CHECK_OK(source_etcd_log_add(c->log, &ev, &e), &e);
	CHECK_OK(etcd_hashkv_points_add(c->points, &r, &e), &e);
}

static void
commit(struct chain *c, uint64_t log)
{
	struct job_backup_opts opts = { .source = "cp",
		.type = "etcd",
		.label = "etcd:test",
		.log_of = c->cat.backups[0].m.sha256 };
	int64_t ms = 1000000 + 10000 * (int64_t)log;
	struct job_backup_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(source_etcd_log_complete(c->log, c->revision, ms, &e), &e);
	c->log->hashed = true;
	c->log->hash_compact = compact_at(c, log);
	c->log->hash =
	    etcd_hashkv_points_at(c->points, c->revision, c->log->hash_compact);
	CHECK_OK(job_backup(&job, c->repo, &c->log->base, &opts, &rep, &e), &e);
	source_etcd_log_begin(c->log, c->revision + 1, ms);
}

static void
load(struct chain *c)
{
	struct err e = ERR_INIT;

	job_etcd_chain_clear(&c->chain);
	repo_catalogue_clear(&c->cat);
	CHECK_OK(repo_catalogue_load(c->repo, &c->cat, &e), &e);
	CHECK_OK(
	    job_etcd_chain_find(&c->cat, &c->cat.backups[0], &c->chain, &e),
	    &e);
}

static void
make_base(struct chain *c)
{
	struct err e = ERR_INIT;
	uint64_t *compact;
	uint64_t i;

	CHECK_OK(store_mem_new(&c->store, &e), &e);
	CHECK_OK(test_repo_init(c->store, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(c->store, "host", "1", &c->repo, &e), &e);
	test_etcd_init(&c->etcd);
	CHECK_OK(test_etcd_backup(&c->etcd, c->repo, &e), &e);
	CHECK_OK(source_etcd_log_new(&c->log, &e), &e);
	c->revision = 1;
	source_etcd_log_begin(c->log, 2, 1000000);
	CHECK((compact = calloc(c->logs + 1, sizeof(*compact))) != NULL);
	for (i = 0; i <= c->logs; i++)
		compact[i] = compact_at(c, i);
	CHECK_OK(
	    etcd_hashkv_points_new(compact, c->logs + 1, &c->points, &e), &e);
	free(compact);
	load(c);
}

static void
make(struct chain *c)
{
	struct err e = ERR_INIT;
	uint64_t i, k;

	CHECK_OK(buf_reserve(&c->bytes, 1 << 20, &e), &e);
	for (c->bytes.len = 0; c->bytes.len < 1 << 20; c->bytes.len++)
		c->bytes.p[c->bytes.len] = (uint8_t)(' ' + chance(64));
	make_base(c);
	for (k = 0; k < c->keys; k++)
		put(c, k, c->value);
	commit(c, 0);
	for (i = 1; i <= c->logs; i++) {
		for (k = 0; k < c->events; k++)
			put(c, chance((uint32_t)c->keys), 300);
		commit(c, i);
	}
	load(c);
}

static double
restore(struct chain *c, uint64_t revision)
{
	const struct job_restore_etcd_opts opts = { .snapshot = "none",
		.chain = &c->chain,
		.revision = revision,
		.dry_run = true };
	struct job_restore_etcd_report rep;
	struct err e = ERR_INIT;
	double start = now();

	CHECK_OK(
	    job_restore_etcd(&job, c->repo, c->chain.base, &opts, &rep, &e),
	    &e);
	return now() - start;
}

static int
by_size(const void *a, const void *b)
{
	const double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
fastest(struct chain *c, uint64_t revision)
{
	double v[5];
	int i;

	for (i = 0; i < 5; i++)
		v[i] = restore(c, revision);
	qsort(v, 5, sizeof(v[0]), by_size);
	return v[0];
}

TEST(bench_chain)
{
	struct chain c = { .keys = number("KEYS", 90000),
		.value = number("VALUE", 2700),
		.logs = number("LOGS", 1000),
		.events = number("EVENTS", 263),
		.compact = number("COMPACT", 30) };
	double start = now(), first, all;
	struct rusage use;

	make(&c);
	printf("# made in %.1f s\n", now() - start);
	first = fastest(&c, 1 + c.keys);
	all = fastest(&c, 0);
	(void)getrusage(RUSAGE_SELF, &use);
	printf("# first log %.3f s, all %.3f s, logs behind it: %.3f million "
	       "events/s, %.3f ms a log\n",
	    first, all, (double)(c.logs * c.events) / (all - first) / 1e6,
	    (all - first) / (double)c.logs * 1e3);
}
