#include <string.h>

#include "base/buf.h"
#include "job/job.h"
#include "job/job_verify.h"
#include "job/job_verify_log.h"
#include "store/fault/store_fault.h"
#include "store/store.h"
#include "store/store_op.h"
#include "test.h"
#include "test_crowd.h"
#include "test_etcd_chain.h"
#include "test_repo.h"

#define LOGS 12

/* What a verification of a backup and its logs tells, in turn. */
struct told {
	struct test_etcd_chain c;
	size_t memory;   /* 0: enough for all. */
	unsigned crowd;  /* Packs of logs to be asked for at once; 0: any. */
	struct buf text; /* For each a letter: good, bad, failed. */
	size_t n;
	int level; /* Of the last. */
};

/* A backup, and logs of a revision each; the hash of ${wrong} is not right. */
static void
make(struct told *t, int wrong)
{
	int i;

	*t = (struct told){ .text = BUF_INIT };
	test_etcd_chain_make(&t->c);
	for (i = 0; i < LOGS; i++) {
		test_etcd_put(&t->c.etcd, "c", "1");
		test_etcd_chain_watch(&t->c);
		test_etcd_chain_commit(&t->c, i == wrong);
	}
	CHECK(t->c.chain.n == LOGS);
}

static void
clear(struct told *t)
{
	buf_free(&t->text);
	test_etcd_chain_clear(&t->c);
}

static void
on_found(void *arg, const struct job_event *ev)
{
	struct told *t = arg;
	struct err e = ERR_INIT;

	if (ev->kind == JOB_FOUND)
		CHECK_OK(buf_printf(&t->text, &e, "!"), &e);
}

static char
letter(const struct job_verify_report *rep)
{
	if (rep == NULL)
		return 'f';
	return rep->bad > 0 ? 'b' : 'g';
}

static int
on_verified(void *arg, const struct repo_backup *b,
    const struct job_verify_report *rep, struct err *err)
{
	struct told *t = arg;
	struct err e = ERR_INIT;

	CHECK(b == &t->c.cat.backups[t->n++]);
	/* The backup itself comes first, alone. */
	if (t->n == 1 && t->crowd > 0)
		test_crowd_expect(t->c.store, STORE_OP_GET, "/p/", t->crowd);
	CHECK_OK(buf_printf(&t->text, &e, "%c", letter(rep)), &e);
	if (rep == NULL)
		return err->code;
	t->level = rep->level;
	return 0;
}

/* Verify all, and compare what is told. */
static int
verify(struct told *t, enum job_verify_level level, const char *text,
    struct err *err)
{
	CLEANUP(freep_job_verify_logs) struct job_verify_logs *logs = NULL;
	const struct job j = { .workers = 2,
		.on_event = on_found,
		.arg = t,
		.memory = t->memory };
	struct job_verify_opts opts = { .level = level };
	const struct repo_backup *v[1 + LOGS];
	struct err e = ERR_INIT;
	size_t i;
	int rc;

	for (i = 0; i < 1 + LOGS; i++)
		v[i] = &t->c.cat.backups[i];
	CHECK_OK(job_verify_logs_new(&t->c.cat, false, &logs, &e), &e);
	opts.logs = logs;
	t->n = t->text.len = 0;
	rc = job_verify_each(
	    &j, t->c.repo, v, 1 + LOGS, &opts, on_verified, t, err);
	CHECK_STR((const char *)t->text.p, text);
	return rc;
}

TEST(verify_each__looks_at_many_small_logs_at_once_and_tells_of_each_in_turn)
{
	CLEANUP(clear) struct told t;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct repo_pack_row row;
	struct err e = ERR_INIT;

	make(&t, -1);
	t.crowd = LOGS;
	CHECK_OK(verify(&t, VERIFY_BYTES, "ggggggggggggg", &e), &e);
	CHECK(test_crowd_most(t.c.store) == LOGS);

	row = test_pack(t.c.repo, t.c.chain.logs[6].backup, 0);
	repo_name_pack(name, row.hour, row.oid);
	test_object_put(t.c.store, repo_object(t.c.repo, name, object), "x", 1);
	(void)repo_object(t.c.repo, t.c.chain.logs[9].backup->name, object);
	CHECK_OK(store_fault_add(t.c.faulty,
		     &(struct store_fault){ .kind = STORE_FAULT_FAIL,
			 .ops = STORE_OP_GET,
			 .prefix = object,
			 .code = HF_EUNAVAIL },
		     &e),
	    &e);
	t.crowd = 1;
	CHECK_FAIL(
	    verify(&t, VERIFY_BYTES, "ggggggg!bggf", &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, t.c.chain.logs[9].backup->name) != NULL);
}

/* All at once, they share one replay, and one of them is told of. */
TEST(verify_each__replays_a_chain_once)
{
	CLEANUP(clear) struct told t;
	struct err e = ERR_INIT;

	make(&t, -1);
	CHECK_OK(verify(&t, VERIFY_CONTENT, "ggggggggggggg", &e), &e);
	CHECK(t.level == VERIFY_CONTENT);
	clear(&t);
	make(&t, 4);
	CHECK_OK(verify(&t, VERIFY_CONTENT, "ggggg!bggggggg", &e), &e);
	CHECK(t.level == VERIFY_OPENS);
}

/* One after the other, so that it does not depend on which of them is first. */
TEST(verify_each__looks_once_at_what_logs_have_in_common)
{
	CLEANUP(clear) struct told t;
	struct err e = ERR_INIT;

	make(&t, -1);
	t.memory = 2u << 20;
	test_crowd_expect(t.c.store, STORE_OP_LIST, "/p/", 1);
	CHECK_OK(verify(&t, VERIFY_PRESENT, "ggggggggggggg", &e), &e);
	CHECK(test_crowd_total(t.c.store) == 1);
	/* That of the backup, and that of the logs. */
	test_crowd_expect(t.c.store, STORE_OP_LIST, "/k/", 1);
	CHECK_OK(verify(&t, VERIFY_PRESENT, "ggggggggggggg", &e), &e);
	CHECK(test_crowd_total(t.c.store) == 2);
}

TEST(verify_each__tells_of_a_lost_key_with_every_log_that_needs_it)
{
	CLEANUP(clear) struct told t;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct err e = ERR_INIT;

	make(&t, -1);
	repo_name_wrapped(name, t.c.chain.logs[0].backup->m.keys[0],
	    test_key_fingerprint('1'));
	test_object_put(
	    t.c.store, repo_object(t.c.repo, name, object), NULL, 0);
	CHECK_OK(
	    verify(&t, VERIFY_PRESENT, "g!b!b!b!b!b!b!b!b!b!b!b!b", &e), &e);
}
