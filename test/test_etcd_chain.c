#include <stdio.h>
#include <string.h>

#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_watch.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "source/etcd/source_etcd_log.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_crowd.h"
#include "test_etcd_chain.h"
#include "test_repo.h"

static const struct job job = { .workers = 2 };

void
test_etcd_chain_load(struct test_etcd_chain *c)
{
	struct err e = ERR_INIT;

	job_etcd_chain_clear(&c->chain);
	repo_catalogue_clear(&c->cat);
	CHECK_OK(repo_catalogue_load(c->repo, &c->cat, &e), &e);
	CHECK_OK(
	    job_etcd_chain_find(&c->cat, &c->cat.backups[0], &c->chain, &e),
	    &e);
}

void
test_etcd_chain_make(struct test_etcd_chain *c)
{
	static int made;
	struct store *mem = NULL;
	struct err e = ERR_INIT;
	char host[16];

	memset(c, 0, sizeof(*c));
	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(store_fault_new(mem, &c->faulty, &e), &e);
	CHECK_OK(test_crowd_new(c->faulty, &c->store, &e), &e);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", made++);
	CHECK_OK(test_repo_init(c->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(c->store, host, "1", &c->repo, &e), &e);
	test_etcd_init(&c->etcd);
	c->etcd.lease = 7;
	test_etcd_put(&c->etcd, "a", "1");
	test_etcd_put(&c->etcd, "b", "1");
	test_etcd_put(&c->etcd, "a", "2");
	CHECK_OK(test_etcd_backup(&c->etcd, c->repo, &e), &e);
	CHECK_OK(source_etcd_log_new(&c->log, &e), &e);
	c->ms = 1000000;
	c->done = c->etcd.n;
	source_etcd_log_begin(c->log, c->etcd.revision + 1, c->ms);
	test_etcd_chain_load(c);
}

void
test_etcd_chain_clear(struct test_etcd_chain *c)
{
	repo_key_cache_clear(&c->keys);
	job_etcd_chain_clear(&c->chain);
	freep_source_etcd_log(&c->log);
	test_etcd_clear(&c->etcd);
	repo_catalogue_clear(&c->cat);
	repo_free(c->repo);
	store_free(c->store);
}

void
test_etcd_chain_watch(struct test_etcd_chain *c)
{
	struct err e = ERR_INIT;

	for (; c->done < c->etcd.n; c->done++) {
		const struct etcd_record *r = &c->etcd.v[c->done].r;
		const struct etcd_event ev = { .deleted = r->tombstone,
			.sub = r->sub,
			.record = r->value,
			.nrecord = r->len,
			.kv = { .mod_revision = r->main } };

		CHECK_OK(source_etcd_log_add(c->log, &ev, &e), &e);
	}
	c->ms += 1000;
	CHECK_OK(
	    source_etcd_log_complete(c->log, c->etcd.revision, c->ms, &e), &e);
}

static uint32_t
hash_now(const struct test_etcd_chain *c)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *sum = NULL;
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(
	    etcd_hashkv_sum_new(c->etcd.revision, c->compact, &sum, &e), &e);
	for (i = 0; i < c->etcd.n; i++)
		CHECK_OK(etcd_hashkv_sum_add(sum, &c->etcd.v[i].r, &e), &e);
	return etcd_hashkv_sum_end(sum);
}

void
test_etcd_chain_commit(struct test_etcd_chain *c, uint32_t wrong)
{
	struct job_backup_opts opts = { .source = "cp",
		.type = "etcd",
		.label = "etcd:test",
		.log_of = c->chain.base->m.sha256,
		.keys = &c->keys };
	struct job_backup_report rep;
	struct err e = ERR_INIT;

	c->log->hashed = true;
	c->log->hash = hash_now(c) + wrong;
	c->log->hash_compact = c->compact;
	CHECK_OK(job_backup(&job, c->repo, &c->log->base, &opts, &rep, &e), &e);
	source_etcd_log_begin(c->log, c->log->last + 1, c->ms);
	test_etcd_chain_load(c);
}

void
test_etcd_chain_live(struct test_etcd_chain *c, int wrong)
{
	static const uint64_t compact[] = { 0, 7, 7, 12, 16, 16 };
	int i;

	for (i = 0; i < 6; i++) {
		c->compact = compact[i];
		test_etcd_put(&c->etcd, i % 2 == 0 ? "a" : "b", "x");
		test_etcd_put(&c->etcd, "c", "y");
		if (i % 3 == 1)
			test_etcd_delete(&c->etcd, "a");
		else
			test_etcd_put(&c->etcd, "d", "z");
		test_etcd_chain_watch(c);
		test_etcd_chain_commit(c, i == wrong);
	}
	CHECK(c->chain.n == 6 && c->chain.last == 22);
}
