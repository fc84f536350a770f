#include <sys/wait.h>
#include <unistd.h>

#include "base/params.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_key.h"
#include "job/job_prune.h"
#include "job/job_verify.h"
#include "key/key.h"
#include "repo/repo.h"
#include "store/fault/store_fault.h"
#include "store/fs/store_fs.h"
#include "store/store.h"
#include "test.h"
#include "test_job.h"
#include "test_repo.h"

/*
 * A process of its own does the work on a repository in a folder and is
 * killed at its nth write to the store, before that write or right behind
 * it, for every n until it gets through.  Each time what it left is looked
 * at, and the work is simply done again.
 */

static const struct job job = { .workers = 2 };

/* Work that is killed; ${s} is where. */
typedef int work_fn(struct store *, struct err *);

static void
open_store(struct store **ret)
{
	static const struct store_driver *const drivers[] = { &store_fs_driver,
		NULL };
	CLEANUP(freep_params) struct params *p = NULL;
	struct err e = ERR_INIT;
	struct store *inner;
	char url[200];

	(void)snprintf(url, sizeof(url), "file:%s/store", test_dir());
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_set(p, "url", url, &e), &e);
	CHECK_OK(
	    store_open(drivers, p, STORE_READ | STORE_WRITE, &inner, &e), &e);
	CHECK_OK(store_fault_new(inner, ret, &e), &e);
}

static void
run_shell(const char *fmt)
{
	char command[600];

	(void)snprintf(command, sizeof(command), fmt, test_dir());
	CHECK(system(command) == 0);
}

/* Keep what is there now, and come back to it before each round. */
static void
keep(void)
{
	run_shell("cd %s && mkdir kept && cp -a store state-host kept/");
}

static void
come_back(void)
{
	run_shell("cd %s && rm -rf store state-host && cp -a kept/. .");
}

static int
in_child(work_fn *work, enum store_fault_kind kind, uint64_t n)
{
	struct store_fault kill = {
		.kind = kind,
		.ops = STORE_OP_WRITES,
		.nth = n,
		.times = 1,
	};
	struct err e = ERR_INIT;
	struct store *s;
	int status;
	pid_t pid;

	(void)test_dir(); /* The child's is ours. */
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		open_store(&s);
		if ((n > 0 && store_fault_add(s, &kill, &e) < 0) ||
		    work(s, &e) < 0) {
			printf("# %s\n", e.msg);
			(void)fflush(stdout);
			_exit(1);
		}
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/*
 * Nothing is wrong with the repository, and each backup in it opens to the
 * bottom with the keys ${keys}.  Return how many there are.
 */
static size_t
check_whole(const char *keys)
{
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_repo) struct repo *r = NULL;
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	const struct job_verify_opts opts = { .level = VERIFY_CONTENT };
	struct job_verify_report rep;
	struct err e = ERR_INIT;
	size_t i, n = 0;

	open_store(&s);
	CHECK_OK(test_repo_open(s, "host", keys, &r, &e), &e);
	CHECK_OK(repo_catalogue_load(r, &cat, &e), &e);
	for (i = 0; i < cat.nfindings; i++)
		printf("# '%s': %s\n", cat.findings[i].object,
		    cat.findings[i].what);
	CHECK(cat.nfindings == 0 && !cat.unsure);
	for (i = 0; i < cat.n; i++) {
		/* A removed one, too: it can be brought back. */
		CHECK_OK(
		    job_verify(&job, r, &cat.backups[i], &opts, &rep, &e), &e);
		CHECK(rep.bad == 0);
		n += !cat.backups[i].removed;
	}
	return n;
}

/*
 * Kill ${work} everywhere.  Whatever it left must be whole, with ${least} to
 * ${most} backups; done again, with ${most} if ${more}, else ${least}.
 */
static void
kill_everywhere(
    work_fn *work, const char *keys, size_t least, size_t most, bool more)
{
	static const enum store_fault_kind kinds[] = { STORE_FAULT_KILL,
		STORE_FAULT_KILL_AFTER };
	size_t i, left, rounds = 0;
	uint64_t n;
	int rc;

	keep();
	for (i = 0; i < 2; i++) {
		for (n = 1;; n++) {
			come_back();
			if ((rc = in_child(work, kinds[i], n)) == 0)
				break; /* It has fewer writes than that. */
			CHECK(rc == STORE_FAULT_KILLED);
			rounds++;
			left = check_whole(keys);
			CHECK(left >= least && left <= most);
			CHECK(in_child(work, STORE_FAULT_KILL, 0) == 0);
			left = check_whole(keys);
			CHECK(more ? left >= most : left == least);
		}
	}
	printf("# killed %zu times\n", rounds);
	CHECK(rounds >= 4);
}

/* How many packs there are, in whatever folder. */
static size_t
count_packs(void)
{
	CLEANUP(freep_store) struct store *s = NULL;

	open_store(&s);
	return test_count(s, "hf1/main/p/");
}

static int
open_repo(struct store *s, const char *keys, struct repo **ret, struct err *err)
{
	return test_repo_open(s, "host", keys, ret, err);
}

static int
do_init(struct store *s, struct err *err)
{
	int rc = test_repo_init(s, "host", "1", err);

	return rc == -HF_EEXISTS ? 0 : rc; /* Killed behind the last write. */
}

static int
do_backup(struct store *s, struct err *err)
{
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct test_source src;
	char id[17];
	int rc;

	test_source_init(&src);
	if ((rc = open_repo(s, "1", &r, err)) < 0)
		return rc;
	return test_backup(r, &src, id, err);
}

/* A backup that must be of the kind ${kind}. */
static int
back_up_as(struct store *s, enum repo_kind kind, struct err *err)
{
	CLEANUP(freep_repo) struct repo *r = NULL;
	static const struct job_backup_opts opts = {
		.source = "src", .type = "tree", .label = "test:src"
	};
	struct job_backup_report rep;
	struct test_source src;
	int rc;

	test_source_init(&src);
	src.keep = true;
	if ((rc = open_repo(s, "1", &r, err)) < 0 ||
	    (rc = job_backup(&job, r, &src.source, &opts, &rep, err)) < 0)
		return rc;
	return rep.kind == kind ? 0 : err_set(err, HF_EBUG, "another kind");
}

static int
do_first(struct store *s, struct err *err)
{
	return back_up_as(s, REPO_FULL, err);
}

static int
do_increment(struct store *s, struct err *err)
{
	return back_up_as(s, REPO_INCREMENT, err);
}

static int
do_prune(struct store *s, struct err *err)
{
	CLEANUP(freep_repo) struct repo *r = NULL;
	const struct job_prune_opts opts = { .rule = { .last = 1 },
		.undo_ms = JOB_PRUNE_UNDO_MS };
	struct job_prune_report rep;
	int rc;

	if ((rc = open_repo(s, "1", &r, err)) < 0)
		return rc;
	return job_prune(&job, r, &opts, &rep, err);
}

/* A month later. */
static int
do_prune_later(struct store *s, struct err *err)
{
	store_fault_clock(s, 30 * 24 * INT64_C(3600000));
	return do_prune(s, err);
}

static int
do_rotate(struct store *s, struct err *err)
{
	CLEANUP(freep_repo) struct repo *r = NULL;
	CLEANUP(freep_key) struct key *second = NULL;
	uint64_t done;
	int rc;

	if ((rc = open_repo(s, "1", &r, err)) < 0 ||
	    (rc = test_key_open('2', &second, err)) < 0)
		return rc;
	return repo_rewrap(r, second, &done, err);
}

static int
do_retire(struct store *s, struct err *err)
{
	CLEANUP(freep_repo) struct repo *r = NULL;
	CLEANUP(freep_key) struct key *first = NULL;
	uint64_t done;
	int rc;

	if ((rc = open_repo(s, "2", &r, err)) < 0 ||
	    (rc = test_key_open('1', &first, err)) < 0)
		return rc;
	rc = job_key_remove(&job, r, first->fingerprint, &done, err);
	return rc == -HF_ENOTFOUND ? 0 : rc; /* It is gone already. */
}

static void
make(int backups)
{
	CHECK(in_child(do_init, STORE_FAULT_KILL, 0) == 0);
	while (backups-- > 0)
		CHECK(in_child(do_backup, STORE_FAULT_KILL, 0) == 0);
}

TEST(init__killed_anywhere_can_be_run_again)
{
	static const enum store_fault_kind kinds[] = { STORE_FAULT_KILL,
		STORE_FAULT_KILL_AFTER };
	size_t i, rounds = 0;
	uint64_t n;
	int rc;

	for (i = 0; i < 2; i++) {
		for (n = 1;; n++) {
			run_shell("rm -rf %s/*");
			if ((rc = in_child(do_init, kinds[i], n)) == 0)
				break;
			CHECK(rc == STORE_FAULT_KILLED);
			rounds++;
			CHECK(in_child(do_init, STORE_FAULT_KILL, 0) == 0);
			CHECK(in_child(do_backup, STORE_FAULT_KILL, 0) == 0);
			CHECK(check_whole("1") == 1);
		}
	}
	CHECK(rounds >= 4);
}

TEST(backup__killed_anywhere_is_complete_or_absent)
{
	make(1);
	kill_everywhere(do_backup, "1", 1, 2, true);
}

/* The next one builds on the last that was noted, which may be older. */
TEST(increment__killed_anywhere_is_complete_or_absent)
{
	make(0);
	CHECK(in_child(do_first, STORE_FAULT_KILL, 0) == 0);
	CHECK(in_child(do_increment, STORE_FAULT_KILL, 0) == 0);
	kill_everywhere(do_increment, "1", 2, 3, true);
}

/* A month later only the newest, an increment, is left of them. */
TEST(prune__killed_anywhere_while_it_erases_a_base_leaves_the_increment)
{
	size_t before;
	int i;

	make(0);
	CHECK(in_child(do_first, STORE_FAULT_KILL, 0) == 0);
	for (i = 0; i < 3; i++)
		CHECK(in_child(do_increment, STORE_FAULT_KILL, 0) == 0);
	before = count_packs();
	CHECK(in_child(do_prune, STORE_FAULT_KILL, 0) == 0);
	run_shell("find %s/store -type f -exec touch -d '-60 days' {} +");
	kill_everywhere(do_prune_later, "1", 1, 1, false);
	CHECK(count_packs() < before);
}

TEST(prune__killed_anywhere_while_it_removes_loses_nothing_that_stays)
{
	make(3);
	kill_everywhere(do_prune, "1", 1, 3, false);
}

TEST(prune__killed_anywhere_while_it_erases_loses_nothing_that_stays)
{
	size_t before;

	make(3);
	before = count_packs();
	CHECK(in_child(do_prune, STORE_FAULT_KILL, 0) == 0);
	/* The clock that is ahead stamps what it lists, too. */
	run_shell("find %s/store -type f -exec touch -d '-60 days' {} +");
	kill_everywhere(do_prune_later, "1", 1, 1, false);
	CHECK(count_packs() < before);
}

TEST(rotate__killed_anywhere_leaves_every_backup_to_the_old_key)
{
	make(2);
	kill_everywhere(do_rotate, "1", 2, 2, false);
	/* And to the new one, once it has got through. */
	CHECK(check_whole("2") == 2);
}

TEST(retire__killed_anywhere_leaves_every_backup_to_the_new_key)
{
	make(2);
	CHECK(in_child(do_rotate, STORE_FAULT_KILL, 0) == 0);
	kill_everywhere(do_retire, "2", 2, 2, false);
}
