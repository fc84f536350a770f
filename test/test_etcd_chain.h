#ifndef TEST_TEST_ETCD_CHAIN_H_
#define TEST_TEST_ETCD_CHAIN_H_

#include "job/job_etcd_chain.h"
#include "repo/repo.h"
#include "repo/repo_key_cache.h"
#include "test_etcd.h"

/* Opaque types. */
struct source_etcd_log;

/*
 * An etcd that was never there, in memory: a backup of it, and the logs that
 * continue it.
 */
struct test_etcd_chain {
	struct store *store;  /* It counts (test_crowd.h). */
	struct store *faulty; /* Behind it (store_fault.h). */
	struct repo *repo;
	struct repo_catalogue cat; /* The backup, and the logs. */
	struct test_etcd etcd;
	struct source_etcd_log *log;
	struct job_etcd_chain chain;
	struct repo_key_cache keys; /* The logs have one data key. */
	uint64_t compact;           /* Of the member that tells its hash. */
	int64_t ms;
	size_t done; /* Changes that are in a log. */
};

/**
 * test_etcd_chain_make(c):
 * Make it with a backup of three changes, the last at revision 4.
 */
void test_etcd_chain_make(struct test_etcd_chain *);
void test_etcd_chain_clear(struct test_etcd_chain *);

/**
 * test_etcd_chain_load(c):
 * Read the catalogue and the chain anew.
 */
void test_etcd_chain_load(struct test_etcd_chain *);

/**
 * test_etcd_chain_watch(c):
 * Let the log see what has happened to ${c->etcd}, a second later.
 */
void test_etcd_chain_watch(struct test_etcd_chain *);

/**
 * test_etcd_chain_commit(c, wrong):
 * Lay it down; ${wrong} is added to the hash that the member tells.
 */
void test_etcd_chain_commit(struct test_etcd_chain *, uint32_t);

/**
 * test_etcd_chain_live(c, wrong):
 * Live through six logs of three changes each, some after a compaction, up to
 * revision 22; the hash of log ${wrong}, if there is such, is not the
 * member's.
 */
void test_etcd_chain_live(struct test_etcd_chain *, int);

#endif /* !TEST_TEST_ETCD_CHAIN_H_ */
