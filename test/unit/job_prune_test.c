#include "base/buf.h"
#include "base/str.h"
#include "job/job.h"
#include "job/job_key.h"
#include "job/job_prune.h"
#include "job/job_verify.h"
#include "key/key.h"
#include "repo/repo.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_job.h"
#include "test_repo.h"

static const struct job job = { .workers = 2 };

#define HOUR 3600000ll
#define DAY (24 * HOUR)
#define T0 (1800000000ll * 1000) /* 2027-01-15 */

struct made {
	struct store *mem, *store; /* The second stands before the first. */
	struct repo *repo;
	struct test_source src;
	int64_t now;
	char id[17];
};

static void
clear(struct made *m)
{
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
make(struct made *m)
{
	struct err e = ERR_INIT;

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->mem, &e), &e);
	CHECK_OK(store_fault_new(m->mem, &m->store, &e), &e);
	pass(m, T0);
	CHECK_OK(test_repo_init(m->store, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, "host", "1", &m->repo, &e), &e);
	test_source_init(&m->src);
}

/* Make ${n} backups, a day apart. */
static void
back_up(struct made *m, int n)
{
	struct err e = ERR_INIT;

	while (n-- > 0) {
		pass(m, DAY);
		m->src.seed++;
		CHECK_OK(test_backup(m->repo, &m->src, m->id, &e), &e);
	}
}

static int
prune(struct made *m, uint32_t last, bool dry, struct job_prune_report *rep,
    struct err *err)
{
	const struct job_prune_opts opts = { .rule = { .last = last },
		.dry_run = dry,
		.undo_ms = JOB_PRUNE_UNDO_MS };

	return job_prune(&job, m->repo, &opts, rep, err);
}

static size_t
packs(struct made *m)
{
	return test_count(m->store, "hf1/main/p/");
}

TEST(prune__without_a_rule_is_refused)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;

	make(&m);
	back_up(&m, 2);
	CHECK_FAIL(prune(&m, 0, false, &rep, &e), &e, HF_EUSAGE);
	CHECK(test_count(m.store, "hf1/main/t/") == 0);
}

TEST(prune__of_a_dry_run_changes_nothing)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	size_t before;

	make(&m);
	back_up(&m, 3);
	before = test_count(m.store, "");
	CHECK_OK(prune(&m, 1, true, &rep, &e), &e);
	CHECK(rep.removed == 2 && rep.kept == 1);
	CHECK(test_count(m.store, "") == before);
}

/* The newest backup can still be read to the bottom. */
static void
check_whole(struct made *m)
{
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	const struct job_verify_opts opts = { .level = VERIFY_CONTENT };
	struct job_verify_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(repo_catalogue_load(m->repo, &cat, &e), &e);
	CHECK_OK(
	    job_verify(&job, m->repo, &cat.backups[cat.n - 1], &opts, &rep, &e),
	    &e);
	CHECK(rep.bad == 0);
}

TEST(prune__removes_at_once_and_erases_after_the_undo_window)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	size_t all;

	make(&m);
	back_up(&m, 3);
	all = packs(&m);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.removed == 2 && rep.erased == 0 && rep.packs == 0);
	CHECK(test_count(m.store, "hf1/main/s/") == 3 && packs(&m) == all);

	/* Removed, but still whole and in its undo window. */
	pass(&m, 60 * HOUR);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.removed == 0 && rep.erased == 0 && packs(&m) == all);

	/* The window is over: manifests go, young packs do not yet. */
	pass(&m, 20 * HOUR);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.erased == 2);
	CHECK(test_count(m.store, "hf1/main/s/") == 1 && packs(&m) == all);
	CHECK(rep.waiting > 0);

	pass(&m, 9 * DAY);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.packs > 0 && rep.keys == 2);
	CHECK(packs(&m) == all - rep.packs);
	check_whole(&m);
}

TEST(prune__can_be_undone_within_the_window)
{
	CLEANUP(clear) struct made m;
	struct repo_catalogue cat = { 0 };
	const struct repo_backup *b;
	struct job_prune_report rep;
	struct err e = ERR_INIT;

	make(&m);
	back_up(&m, 2);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK_OK(repo_catalogue_load(m.repo, &cat, &e), &e);
	CHECK(cat.n == 2 && cat.backups[0].removed);
	CHECK_OK(repo_catalogue_find(&cat, cat.backups[0].id, &b, &e), &e);
	/* One moment behind its window, it is refused and stays as it is. */
	pass(&m, JOB_PRUNE_UNDO_MS + 1);
	CHECK_FAIL(job_prune_undo(m.repo, &cat, b, JOB_PRUNE_UNDO_MS, &e), &e,
	    HF_ENOTFOUND);
	CHECK(strstr(e.msg, "window of 3d is over") != NULL);
	CHECK(strstr(e.hint, "--undo-window") != NULL);
	CHECK(test_count(m.store, "hf1/main/t/") == 1);
	pass(&m, -1);
	CHECK_OK(job_prune_undo(m.repo, &cat, b, JOB_PRUNE_UNDO_MS, &e), &e);
	repo_catalogue_clear(&cat);
	CHECK_OK(repo_catalogue_load(m.repo, &cat, &e), &e);
	CHECK(!cat.backups[0].removed && cat.nfindings == 0);
	repo_catalogue_clear(&cat);
}

TEST(prune__removes_what_was_undone_though_the_old_tombstone_is_back)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf old = BUF_INIT;
	struct repo_catalogue cat = { 0 };
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char name[300];

	make(&m);
	back_up(&m, 2);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	strcpy(name, test_first(m.store, "hf1/main/t/"));
	CHECK_OK(store_get(m.store, name, 1 << 20, &old, &e), &e);
	CHECK_OK(repo_catalogue_load(m.repo, &cat, &e), &e);
	CHECK_OK(job_prune_undo(
		     m.repo, &cat, &cat.backups[0], JOB_PRUNE_UNDO_MS, &e),
	    &e);
	test_object_put(m.store, name, old.p, old.len);
	pass(&m, 1000);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.removed == 1);
	repo_catalogue_clear(&cat);
	CHECK_OK(repo_catalogue_load(m.repo, &cat, &e), &e);
	CHECK(cat.backups[0].removed && cat.nfindings == 0);
	repo_catalogue_clear(&cat);
}

TEST(prune__leaves_no_gap_in_the_chain_that_verify_would_report)
{
	CLEANUP(clear) struct made m;
	struct repo_catalogue cat = { 0 };
	struct job_prune_report rep;
	struct err e = ERR_INIT;

	make(&m);
	back_up(&m, 4);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	pass(&m, 4 * DAY);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.erased == 3);
	CHECK_OK(repo_catalogue_load(m.repo, &cat, &e), &e);
	CHECK(cat.n == 1 && cat.nfindings == 0 && !cat.unsure);
	repo_catalogue_clear(&cat);
}

TEST(prune__keeps_the_last_whole_one_when_newer_ones_are_not)
{
	struct repo_pack_row row;
	CLEANUP(clear) struct made m;
	struct repo_catalogue cat = { 0 };
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];

	make(&m);
	back_up(&m, 3);
	CHECK_OK(repo_catalogue_load(m.repo, &cat, &e), &e);
	/* The newest has lost a pack. */
	row = test_pack(m.repo, &cat.backups[2], 0);
	repo_name_pack(name, row.hour, row.oid);
	test_object_put(m.store, repo_object(m.repo, name, object), NULL, 0);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	repo_catalogue_clear(&cat);
	CHECK_OK(repo_catalogue_load(m.repo, &cat, &e), &e);
	CHECK(cat.backups[0].removed);
	CHECK(!cat.backups[1].removed);
	repo_catalogue_clear(&cat);
}

TEST(prune__deletes_nothing_while_a_manifest_cannot_be_read)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char name[300];
	size_t before;

	make(&m);
	back_up(&m, 3);
	strcpy(name, test_first(m.store, "hf1/main/s/"));
	test_object_put(m.store, name, "HFM1 garbage", 12);
	before = test_count(m.store, "");
	CHECK_FAIL(prune(&m, 1, false, &rep, &e), &e, HF_ECORRUPT);
	CHECK(test_count(m.store, "") == before);
}

TEST(prune__collects_packs_of_a_killed_run_once_they_are_old)
{
	CLEANUP(clear) struct made m;
	static const uint8_t oid[REPO_OID_LEN] = { 7 };
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	size_t all;

	make(&m);
	back_up(&m, 1);
	all = packs(&m);
	repo_name_pack(name, (uint32_t)(m.now / HOUR), oid);
	test_object_put(m.store, repo_object(m.repo, name, object), "x", 1);
	/* What has no name of ours is not ours to collect. */
	test_object_put(m.store, "hf1/main/p/strange", "x", 1);
	pass(&m, 8 * DAY);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.packs == 0 && rep.waiting == 1);
	pass(&m, 2 * HOUR);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.packs == 1 && packs(&m) == all + 1);
}

TEST(prune__stops_when_the_newest_backup_has_shrunk)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char id[17];

	make(&m);
	back_up(&m, 2);
	pass(&m, DAY);
	CHECK_OK(test_commit(m.repo, "src", id, &e), &e); /* An empty one. */
	CHECK_FAIL(prune(&m, 1, false, &rep, &e), &e, HF_EWARN);
	CHECK(test_count(m.store, "hf1/main/t/") == 0);
}

TEST(prune__by_a_host_without_a_certificate_is_denied)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo) struct repo *other = NULL;
	const struct job_prune_opts opts = { .rule = { .last = 1 } };
	struct job_prune_report rep;
	struct err e = ERR_INIT;

	make(&m);
	back_up(&m, 2);
	CHECK_OK(test_repo_open(m.store, "other", "", &other, &e), &e);
	CHECK_FAIL(job_prune(&job, other, &opts, &rep, &e), &e, HF_EDENIED);
	CHECK(test_count(m.store, "hf1/main/t/") == 0);
}

/* Refuse to delete what begins with the hook's argument. */
static int
is_locked(void *arg, enum store_op op, const char *name, struct err *err)
{
	if (op != STORE_OP_DEL || str_has_prefix(name, arg) == NULL)
		return 0;
	return err_set(err, HF_EDENIED, "'%s' is locked", name);
}

TEST(prune__leaves_what_is_locked_and_takes_the_rest)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char locked[] = "hf1/main/p/";
	size_t all;

	make(&m);
	back_up(&m, 3);
	all = packs(&m);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	pass(&m, 12 * DAY);
	store_fault_hook(m.store, is_locked, locked);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.erased == 2 && rep.packs == 0 && rep.bytes == 0);
	CHECK(rep.held > 0 && packs(&m) == all);
	CHECK(rep.keys == 2); /* Of no use any more, to nobody. */
	store_fault_hook(m.store, NULL, NULL);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.packs > 0 && rep.held == 0 && packs(&m) == all - rep.packs);
	check_whole(&m);
}

TEST(prune__keeps_the_packs_and_keys_of_a_manifest_that_is_locked)
{
	CLEANUP(clear) struct made m;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char locked[] = "hf1/main/s/";
	size_t all;

	make(&m);
	back_up(&m, 3);
	all = packs(&m);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	pass(&m, 12 * DAY);
	store_fault_hook(m.store, is_locked, locked);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	CHECK(rep.held == 2 && rep.erased == 0);
	CHECK(rep.packs == 0 && rep.keys == 0 && packs(&m) == all);
}

/* Another process, which runs in between at every operation in turn. */
struct beside {
	struct made *m;
	struct repo *repo;
	bool backup; /* Else it prunes as well. */
	uint64_t at; /* Before which operation of ours; 1 is the first. */
	uint64_t ops;
	bool inside, reached;
};

static int
run_beside(void *arg, enum store_op op, const char *name, struct err *err)
{
	const struct job_prune_opts opts = { .rule = { .last = 1 },
		.undo_ms = JOB_PRUNE_UNDO_MS };
	struct beside *b = arg;
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char id[17];

	(void)op, (void)name, (void)err;
	/* Threads of ours wait in the other process's lock, if at all. */
	if (__atomic_load_n(&b->inside, __ATOMIC_ACQUIRE) ||
	    __atomic_add_fetch(&b->ops, 1, __ATOMIC_ACQ_REL) != b->at)
		return 0;
	__atomic_store_n(&b->inside, true, __ATOMIC_RELEASE);
	b->reached = true;
	if (b->backup)
		CHECK_OK(test_backup(b->repo, &b->m->src, id, &e), &e);
	else if (job_prune(&job, b->repo, &opts, &rep, &e) < 0)
		CHECK(e.code == -HF_ECORRUPT); /* A manifest went meanwhile. */
	__atomic_store_n(&b->inside, false, __ATOMIC_RELEASE);
	return 0;
}

/* Prune ${opts}, with the other one before operation ${at}; false: too far. */
static bool
prune_beside(bool backup, uint64_t at)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo) struct repo *other = NULL;
	struct beside b = { .m = &m, .backup = backup, .at = at };
	struct repo_catalogue cat = { 0 };
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	char forget[300];

	(void)snprintf(forget, sizeof(forget),
	    "rm -rf %s/state-host %s/state-"
	    "other %s/state-*/pins",
	    test_dir(), test_dir(), test_dir());
	CHECK(system(forget) == 0);
	make(&m);
	back_up(&m, 2);
	CHECK_OK(prune(&m, 1, false, &rep, &e), &e);
	pass(&m, 12 * DAY);
	m.src.seed++;
	CHECK_OK(test_repo_open(m.store, "other", "1", &other, &e), &e);
	b.repo = other;
	store_fault_hook(m.store, run_beside, &b);
	if (prune(&m, 1, false, &rep, &e) < 0)
		CHECK(!backup && e.code == -HF_ECORRUPT);
	store_fault_hook(m.store, NULL, NULL);

	CHECK_OK(repo_catalogue_load(m.repo, &cat, &e), &e);
	CHECK(!cat.unsure && cat.nfindings == 0 && cat.n >= 1);
	CHECK(!cat.backups[cat.n - 1].removed);
	CHECK(cat.n == (backup && b.reached ? 2 : 1));
	repo_catalogue_clear(&cat);
	check_whole(&m);
	return b.reached;
}

TEST(prune__loses_nothing_of_a_backup_made_at_any_moment_of_it)
{
	uint64_t at = 1;

	while (prune_beside(true, at))
		at++;
	CHECK(at > 10);
}

TEST(prune__loses_nothing_to_another_prune_at_any_moment_of_it)
{
	uint64_t at = 1;

	while (prune_beside(false, at))
		at++;
	CHECK(at > 10);
}

TEST(key_remove__refuses_to_take_the_last_opener)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	uint64_t done;

	make(&m);
	back_up(&m, 1);
	CHECK_FAIL(
	    job_key_remove(&job, m.repo, test_key_fingerprint('1'), &done, &e),
	    &e, HF_EDENIED);
	CHECK(test_count(m.store, "hf1/main/k/") == 2);
}

TEST(key_remove__takes_an_opener_away_and_the_other_still_opens)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_key) struct key *second = NULL;
	CLEANUP(freep_repo) struct repo *again = NULL;
	const struct secret *key;
	struct repo_catalogue cat = { 0 };
	struct err e = ERR_INIT;
	uint64_t done = 0;

	make(&m);
	back_up(&m, 1);
	CHECK_OK(test_key_open('2', &second, &e), &e);
	CHECK_OK(repo_rewrap(m.repo, second, &done, &e), &e);
	CHECK(done == 2);
	CHECK_OK(
	    job_key_remove(&job, m.repo, test_key_fingerprint('1'), &done, &e),
	    &e);
	CHECK(done == 2 && test_count(m.store, "hf1/main/k/") == 2);

	CHECK_OK(test_repo_open(m.store, "host", "2", &again, &e), &e);
	CHECK_OK(repo_catalogue_load(again, &cat, &e), &e);
	CHECK_OK(repo_data_key(again, cat.backups[0].m.keys[0], &key, &e), &e);
	repo_catalogue_clear(&cat);
}
