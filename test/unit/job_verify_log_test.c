#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "job/job.h"
#include "job/job_verify.h"
#include "job/job_verify_log.h"
#include "store/store.h"
#include "test.h"
#include "test_etcd_chain.h"
#include "test_repo.h"

#define LOGS 6 /* Of test_etcd_chain_live(). */

/* What a verification of a backup and its logs came to. */
struct seen {
	uint64_t bad[1 + LOGS];
	int level[1 + LOGS];
	char found[1024]; /* The last. */
};

static void
listen(void *arg, const struct job_event *ev)
{
	struct seen *seen = arg;

	if (ev->kind == JOB_FOUND)
		(void)snprintf(
		    seen->found, sizeof(seen->found), "%s", ev->text);
}

static void
verify_one(struct test_etcd_chain *c, struct job_verify_logs *logs, size_t i,
    struct seen *seen)
{
	const struct job j = { .workers = 2, .on_event = listen, .arg = seen };
	const struct job_verify_opts opts = { .level = VERIFY_CONTENT,
		.logs = logs };
	struct job_verify_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_verify(&j, c->repo, &c->cat.backups[i], &opts, &rep, &e), &e);
	seen->bad[i] = rep.bad;
	seen->level[i] = rep.level;
}

/* Verify from the ${from}th on: 0 is the backup. */
static struct seen
verify(struct test_etcd_chain *c, size_t from)
{
	CLEANUP(freep_job_verify_logs) struct job_verify_logs *logs = NULL;
	struct seen seen = { 0 };
	struct err e = ERR_INIT;
	size_t i;

	CHECK(c->cat.n <= 1 + LOGS);
	CHECK_OK(
	    job_verify_logs_new(&c->cat, from + 1 == c->cat.n, &logs, &e), &e);
	for (i = from; i < c->cat.n; i++)
		verify_one(c, logs, i, &seen);
	return seen;
}

/* Remove what backup ${i} has stored. */
static void
remove_packs(struct test_etcd_chain *c, size_t i)
{
	const struct repo_backup *b = &c->cat.backups[i];
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct repo_pack_row row;
	size_t k;

	CHECK(b->m.npacks > 0);
	for (k = 0; k < b->m.npacks; k++) {
		row = test_pack(c->repo, b, k);
		repo_name_pack(name, row.hour, row.oid);
		test_object_put(
		    c->store, repo_object(c->repo, name, object), NULL, 0);
	}
}

TEST(verify_log__finds_nothing_in_a_good_chain)
{
	CLEANUP(test_etcd_chain_clear) struct test_etcd_chain c;
	struct seen seen;
	size_t i;

	test_etcd_chain_make(&c);
	test_etcd_chain_live(&c, -1);
	seen = verify(&c, 0);
	for (i = 0; i <= LOGS; i++)
		CHECK(seen.bad[i] == 0 && seen.level[i] == VERIFY_CONTENT);
}

TEST(verify_log__finds_the_first_log_that_has_another_hash)
{
	CLEANUP(test_etcd_chain_clear) struct test_etcd_chain c;
	struct seen seen;
	char words[128];
	size_t i;

	test_etcd_chain_make(&c);
	test_etcd_chain_live(&c, 3);
	seen = verify(&c, 0);
	for (i = 0; i <= LOGS; i++) {
		CHECK(seen.bad[i] == (i == 4));
		CHECK(
		    seen.level[i] == (i <= 4 ? VERIFY_CONTENT : VERIFY_OPENS));
	}
	(void)snprintf(words, sizeof(words),
	    "ends with revision 13: with the log '%s' replayed: the records at "
	    "revision 16 have the HashKV",
	    c.cat.backups[4].id);
	if (strstr(seen.found, words) == NULL)
		CHECK_STR(seen.found, words);
}

TEST(verify_log__says_of_a_single_log_that_an_earlier_one_is_wrong)
{
	CLEANUP(test_etcd_chain_clear) struct test_etcd_chain c;
	struct seen seen;

	test_etcd_chain_make(&c);
	test_etcd_chain_live(&c, 3);
	seen = verify(&c, LOGS);
	CHECK(seen.bad[LOGS] == 1);
	CHECK(strstr(seen.found, c.cat.backups[4].id) != NULL);
}

TEST(verify_log__finds_a_log_whose_data_is_gone)
{
	CLEANUP(test_etcd_chain_clear) struct test_etcd_chain c;
	struct seen seen;
	size_t i;

	test_etcd_chain_make(&c);
	test_etcd_chain_live(&c, -1);
	remove_packs(&c, 3);
	seen = verify(&c, 0);
	for (i = 0; i <= LOGS; i++) {
		CHECK((seen.bad[i] > 0) == (i == 3));
		CHECK(i <= 3 || seen.level[i] == VERIFY_OPENS);
	}
}

TEST(verify_log__that_no_chain_needs_is_not_replayed)
{
	CLEANUP(test_etcd_chain_clear) struct test_etcd_chain c;
	struct err e = ERR_INIT;
	struct seen seen;

	test_etcd_chain_make(&c);
	test_etcd_chain_live(&c, -1);
	CHECK_OK(test_tombstone(c.repo, c.chain.logs[4].backup, &e), &e);
	test_etcd_chain_load(&c);
	seen = verify(&c, 0);
	/* It is behind a gap; without its backup, it has nothing to continue. */
	CHECK(seen.bad[LOGS] == 0 && seen.level[LOGS] == VERIFY_OPENS);
	CHECK(seen.level[4] == VERIFY_CONTENT);
	CHECK_OK(test_tombstone(c.repo, c.chain.base, &e), &e);
	test_etcd_chain_load(&c);
	seen = verify(&c, 1);
	CHECK(seen.bad[1] == 0 && seen.level[1] == VERIFY_OPENS);
}
