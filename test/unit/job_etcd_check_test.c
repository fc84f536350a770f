#include "job/job.h"
#include "job/job_etcd_check.h"
#include "job/job_etcd_db.h"
#include "repo/repo.h"
#include "source_etcd_members.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test_etcd.h"
#include "test_repo.h"

/* Members that were restored from a backup, or say so, beside it. */

static const struct job job = { .workers = 2 };
static const struct job_etcd_rebuild_opts all = { 0 };

static struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_etcd etcd;
	struct job_etcd_digest digest;
	struct job_etcd_check_report rep;
} made;

static struct job_etcd_digest
digest(uint64_t compact)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *d = NULL;
	struct job_etcd_digest ret;

	CHECK_OK(
	    job_etcd_db_open(&job, made.repo, &made.cat.backups[0], &d, &e),
	    &e);
	CHECK_OK(job_etcd_digest(d, &all, compact, &ret, &e), &e);
	return ret;
}

/*
 * Two members follow these scripts: as they were restored, by default.  The
 * first that answers is asked for alarms, too.
 */
static void
make(const char *a, const char *b)
{
	struct member *const members[] = { &one, &two };
	static int count;
	char host[16];
	size_t i;

	memset(&made, 0, sizeof(made));
	begin(&whole, a, b);
	CHECK_OK(store_mem_new(&made.store, &e), &e);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", count++);
	CHECK_OK(test_repo_init(made.store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(made.store, host, "1", &made.repo, &e), &e);
	test_etcd_init(&made.etcd);
	for (i = 0; i < 5; i++)
		test_etcd_put(&made.etcd, i % 2 ? "a" : "b", "value");
	CHECK_OK(test_etcd_backup(&made.etcd, made.repo, &e), &e);
	CHECK_OK(repo_catalogue_load(made.repo, &made.cat, &e), &e);
	made.digest = digest(0);
	for (i = 0; i < 2; i++) {
		members[i]->revision = members[i]->header =
		    made.digest.revision;
		members[i]->hash = made.digest.hash;
		members[i]->hash_compact = made.digest.compact_revision;
	}
}

static void
clear(void)
{
	job_etcd_check_clear(&made.rep);
	test_etcd_clear(&made.etcd);
	repo_catalogue_clear(&made.cat);
	repo_free(made.repo);
	store_free(made.store);
	finish();
}

static int
check(struct source *source, struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *backed = NULL;
	int rc;

	rc = job_etcd_db_open(
	    &job, made.repo, &made.cat.backups[0], &backed, err);
	if (rc < 0)
		return rc;
	return job_etcd_check(&job, backed, &all, source, &made.rep, err);
}

/* What comes of the two; ${code} and words of the cause, of the second. */
static void
find(enum job_etcd_verdict a, enum job_etcd_verdict b, enum hf_code code,
    const char *words)
{
	static const char *const none[] = { NULL };
	const struct job_etcd_checked *v;

	CHECK_OK(with(check, none), &e);
	CHECK(made.rep.n == 2 && made.rep.digest.hash == made.digest.hash);
	v = made.rep.members;
	CHECK(v[0].verdict == a && v[1].verdict == b);
	CHECK(v[1].cause.code == -(int)code);
	if (strstr(v[1].cause.msg, words) == NULL)
		test_fail(__FILE__, __LINE__, words, &v[1].cause);
}

TEST(check__finds_members_that_are_the_same)
{
	make("FAK", "LK");
	find(JOB_ETCD_SAME, JOB_ETCD_SAME, 0, "");
	CHECK_STR(made.rep.members[0].version, "3.5.1");
	CHECK(made.rep.members[0].hash == made.digest.hash);
	CHECK(strstr(made.rep.members[1].url, "http://127.0.0.1:") != NULL);
	clear();
}

TEST(check__tells_the_one_that_hashes_differently)
{
	make("FAK", "FK");
	two.hash ^= 1;
	find(JOB_ETCD_SAME, JOB_ETCD_DIFFERENT, 0, "");
	CHECK(made.rep.members[1].wanted == made.digest.hash);
	CHECK(made.rep.members[1].hash == two.hash);
	clear();
}

TEST(check__computes_what_one_must_show_that_was_compacted_since)
{
	const uint64_t compact = 3;

	make("FAK", "FK");
	one.revision = two.revision = made.digest.revision + 5;
	one.hash = two.hash = digest(compact).hash;
	one.hash_compact = two.hash_compact = compact;
	CHECK(one.hash != made.digest.hash);
	find(JOB_ETCD_SAME, JOB_ETCD_SAME, 0, "");
	clear();
	make("FAK", "FK");
	two.hash_compact = compact; /* With the hash of before. */
	find(JOB_ETCD_SAME, JOB_ETCD_DIFFERENT, 0, "");
	clear();
}

TEST(check__cannot_tell_of_one_that_is_compacted_beyond)
{
	make("FAK", "FC");
	two.revision = made.digest.revision + 5;
	find(JOB_ETCD_SAME, JOB_ETCD_COMPACTED, HF_ENOTFOUND, "compacted");
	clear();
}

TEST(check__tells_one_that_is_not_that_far)
{
	make("FAK", "FU");
	two.revision = made.digest.revision - 1;
	find(JOB_ETCD_SAME, JOB_ETCD_DIFFERENT, HF_ENOTFOUND, "future");
	CHECK(made.rep.members[1].revision == made.digest.revision - 1);
	clear();
}

TEST(check__goes_on_without_one_that_is_silent)
{
	make("FAK", "QQQQQQQQ");
	find(JOB_ETCD_SAME, JOB_ETCD_SILENT, HF_EUNAVAIL, "");
	clear();
	/* It dies between two questions. */
	make("FAK", "FQQQQQQQ");
	find(JOB_ETCD_SAME, JOB_ETCD_SILENT, HF_EUNAVAIL, "");
	clear();
	make("FAK", "FD");
	find(JOB_ETCD_SAME, JOB_ETCD_SILENT, HF_EDENIED, "permission denied");
	clear();
}

TEST(check__of_a_member_that_took_a_write_meanwhile_asks_by_number)
{
	/* It was at the revision, and is not when it hashes its newest. */
	make("FAKK", "FK");
	one.header = made.digest.revision + 1;
	find(JOB_ETCD_SAME, JOB_ETCD_SAME, 0, "");
	CHECK(atomic_load(&one.answered) == 4);
	CHECK(atomic_load(&two.answered) == 2);
	clear();
}

/* Who backs up is refused then; who asks whether it is the same is not. */
TEST(check__compares_while_the_alarm_CORRUPT_is_raised)
{
	make("FPK", "LK");
	two.hash ^= 1;
	find(JOB_ETCD_SAME, JOB_ETCD_DIFFERENT, 0, "");
	CHECK(made.rep.members[0].id == 1 && made.rep.members[1].id == 2);
	CHECK(made.rep.ncorrupt == 2);
	CHECK(made.rep.corrupt[0] == 1 && made.rep.corrupt[1] == 7);
	clear();
	make("FAK", "LK");
	find(JOB_ETCD_SAME, JOB_ETCD_SAME, 0, "");
	CHECK(made.rep.ncorrupt == 0);
	clear();
}

TEST(check__needs_an_etcd)
{
	static const struct source_ops ops = { .name = "tree" };
	struct source tree = { .ops = &ops };

	make("F", NULL);
	CHECK_FAIL(check(&tree, &e), &e, HF_EUSAGE);
	CHECK(strstr(e.msg, "'tree'") != NULL);
	clear();
}
