#include <malloc.h>
#include <pthread.h>
#include <unistd.h>

#include "base/parallel.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "repo/repo_budget.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "test.h"
#include "test_crowd.h"
#include "test_repo.h"

/* What the catalogue keeps of a manifest, and what is read again. */

struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct secret *key;
	uint8_t key_id[REPO_ID_LEN];
};

static void
clear(struct made *m)
{
	repo_catalogue_clear(&m->cat);
	secret_free(m->key);
	repo_free(m->repo);
	store_free(m->store);
}

static void
make(struct made *m)
{
	struct store *mem = NULL;
	struct err e = ERR_INIT;

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(store_fault_new(mem, &m->store, &e), &e);
	CHECK_OK(test_repo_init(m->store, "a", "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, "a", "1", &m->repo, &e), &e);
	CHECK_OK(repo_data_key_new(m->repo, m->key_id, &m->key, &e), &e);
}

/* Commit a backup that names ${npacks} packs, which nobody has. */
static void
commit(struct made *m, size_t npacks)
{
	CLEANUP(repo_manifest_clear)
	struct repo_manifest man = {
		.kind = REPO_FULL,
		.nkeys = 1,
		.npacks = npacks,
	};
	struct repo_private p = { 0 };
	struct err e = ERR_INIT;
	char label[] = "the label", id[17];
	size_t i;

	p.label = label;
	CHECK((man.keys = calloc(1, REPO_ID_LEN)) != NULL);
	memcpy(man.keys, m->key_id, REPO_ID_LEN);
	memcpy(man.vault_id, repo_head(m->repo)->vault_id, REPO_ID_LEN);
	CHECK((man.packs = calloc(npacks + 1, sizeof(*man.packs))) != NULL);
	for (i = 0; i < npacks; i++) {
		memcpy(man.packs[i].oid, &i, sizeof(i));
		man.packs[i].len = 1u << 20;
	}
	CHECK_OK(str_dup("db", &man.source, &e), &e);
	CHECK_OK(str_dup("tree", &man.type, &e), &e);
	CHECK_OK(store_now(m->store, &man.start_ms, &e), &e);
	CHECK_OK(repo_private_seal(&p, m->key, 0, &man, &e), &e);
	CHECK_OK(repo_commit(m->repo, &man, id, &e), &e);
}

static void
load(struct made *m)
{
	struct err e = ERR_INIT;

	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
}

TEST(catalogue__keeps_what_it_needs_and_loads_the_rest_again)
{
	CLEANUP(clear) struct made m;
	CLEANUP(repo_manifest_clear) struct repo_manifest whole = { 0 };
	CLEANUP(repo_private_clear) struct repo_private p = { 0 };
	const struct repo_backup *b;
	struct err e = ERR_INIT;

	make(&m);
	commit(&m, 1000);
	load(&m);
	b = &m.cat.backups[0];
	CHECK(b->m.npacks == 1000 && b->m.packs == NULL);
	CHECK(b->m.priv_sealed.p == NULL && b->m.priv_sealed.len == 0);
	CHECK(b->m.nkeys == 1 && b->manifest_len > 62000);
	CHECK_OK(repo_manifest_load(m.repo, b, &whole, &e), &e);
	CHECK(whole.npacks == 1000 && whole.packs[999].oid[0] == (999 & 255));
	CHECK_OK(repo_private_open(&whole, m.key, &p, &e), &e);
	CHECK_STR(p.label, "the label");
}

TEST(manifest__that_was_changed_or_taken_away_since_is_refused)
{
	CLEANUP(clear) struct made m;
	struct repo_manifest whole = { 0 };
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	CLEANUP(freep_buf) struct buf other = BUF_INIT;
	const struct repo_backup *b;
	struct err e = ERR_INIT;

	make(&m);
	commit(&m, 10);
	commit(&m, 10);
	load(&m);
	b = &m.cat.backups[1];
	/* A good one, signed by the same writer, in the place of the other. */
	CHECK_OK(store_get(m.store,
		     repo_object(m.repo, m.cat.backups[0].name, object),
		     REPO_MANIFEST_MAX, &other, &e),
	    &e);
	(void)snprintf(name, sizeof(name), "%s", b->name);
	test_object_put(
	    m.store, repo_object(m.repo, name, object), other.p, other.len);
	CHECK_FAIL(repo_manifest_load(m.repo, b, &whole, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "has changed") != NULL && whole.packs == NULL);
	test_object_put(m.store, object, NULL, 0);
	CHECK_FAIL(repo_manifest_load(m.repo, b, &whole, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.msg, name) != NULL);
}

/* Far away, the time is that of asking one after the other. */
TEST(catalogue__asks_for_many_manifests_at_once_where_the_store_is_far)
{
	CLEANUP(clear) struct made m;
	struct store *faulty, *crowd = NULL;
	struct err e = ERR_INIT;
	int i;

	make(&m);
	for (i = 0; i < 80; i++)
		commit(&m, 1);
	faulty = m.store;
	repo_free(TAKE(m.repo));
	CHECK_OK(test_crowd_new(faulty, &crowd, &e), &e);
	m.store = crowd;
	CHECK_OK(test_repo_open(crowd, "a", "1", &m.repo, &e), &e);
	test_crowd_expect(crowd, STORE_OP_GET, "/s/", 64);
	load(&m);
	CHECK(m.cat.n == 80 && test_crowd_most(crowd) == 64);

	/* A failure among them ends it, and is told as it always was. */
	CHECK_OK(store_fault_add(faulty,
		     &(struct store_fault){ .kind = STORE_FAULT_FAIL,
			 .ops = STORE_OP_GET,
			 .prefix = "hf1/main/s/000000000040",
			 .code = HF_EUNAVAIL },
		     &e),
	    &e);
	test_crowd_expect(crowd, STORE_OP_GET, "/s/", 64);
	repo_catalogue_clear(&m.cat);
	CHECK_FAIL(repo_catalogue_load(m.repo, &m.cat, &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "read 's/000000000040") != NULL);
	CHECK(m.cat.n == 0);
}

struct tally {
	size_t packs, calls, fail_at;
	bool inside;
};

static int
tally(void *arg, const struct repo_backup *b, const struct repo_manifest *m,
    struct err *err)
{
	struct tally *t = arg;

	CHECK(!t->inside);
	t->inside = true;
	CHECK(memcmp(b->m.sha256, m->sha256, SHA256_LEN) == 0);
	CHECK(m->packs != NULL);
	t->packs += m->npacks;
	t->inside = false;
	if (++t->calls == t->fail_at)
		return err_set(err, HF_EIO, "told to fail");
	return 0;
}

TEST(manifest_each__gives_every_one_whole_until_one_fails)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *v[20];
	struct tally all = { .fail_at = 0 }, some = { .fail_at = 3 };
	struct err e = ERR_INIT;
	size_t i;

	make(&m);
	for (i = 0; i < 20; i++)
		commit(&m, i + 1);
	load(&m);
	CHECK(m.cat.n == 20);
	for (i = 0; i < 20; i++)
		v[i] = &m.cat.backups[i];
	CHECK_OK(repo_manifest_each(m.repo, v, 20, tally, &all, &e), &e);
	CHECK(all.calls == 20 && all.packs == 210);
	CHECK_FAIL(
	    repo_manifest_each(m.repo, v, 20, tally, &some, &e), &e, HF_EIO);
	CHECK(some.calls >= 3 && some.calls < 20);
}

static uint64_t held, most; /* Bytes, by the threads of the next test. */
static struct repo_budget budget = REPO_BUDGET(100);

static int
hold(void *arg, size_t i, struct err *err)
{
	/* One in ten is larger than all of the budget. */
	const uint64_t n = i % 10 == 0 ? 250 : 30;
	uint64_t now;

	(void)arg, (void)err;
	repo_budget_take(&budget, n);
	now = __atomic_add_fetch(&held, n, __ATOMIC_SEQ_CST);
	CHECK(now <= 100 || now == 250);
	if (now > most)
		most = now;
	(void)usleep(100);
	__atomic_sub_fetch(&held, n, __ATOMIC_SEQ_CST);
	repo_budget_give(&budget, n);
	return 0;
}

TEST(budget__is_kept_but_by_what_is_larger_and_then_alone)
{
	struct err e = ERR_INIT;

	CHECK_OK(parallel_for(500, 8, hold, NULL, &e), &e);
	CHECK(held == 0 && most == 250 && budget.used == 0);
}

TEST(manifest__of_a_size_that_none_has_is_not_read_at_all)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf junk = BUF_INIT;
	const char name[] = "hf1/main/s/000000000002-junk";
	const struct store_fault fault = {
		.ops = STORE_OP_GET,
		.prefix = name,
		.code = HF_EUNAVAIL, /* Which would end the loading. */
	};
	struct err e = ERR_INIT;

	make(&m);
	commit(&m, 1);
	CHECK_OK(buf_reserve(&junk, REPO_MANIFEST_MAX + 1, &e), &e);
	memset(junk.p, 'x', REPO_MANIFEST_MAX + 1);
	test_object_put(m.store, name, junk.p, REPO_MANIFEST_MAX + 1);
	CHECK_OK(store_fault_add(m.store, &fault, &e), &e);
	load(&m);
	CHECK(m.cat.n == 1 && m.cat.unsure && m.cat.nfindings == 1);
	CHECK(strstr(m.cat.findings[0].what, "at most") != NULL);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define PEAK_SKIP() SKIP("not under a sanitizer: use build/")
#else
#define PEAK_SKIP() ((void)0)
#endif

/* A line of /proc/self/status, in bytes. */
static size_t
status(const char *what)
{
	char line[200];
	size_t kib = 0;
	FILE *f;

	CHECK((f = fopen("/proc/self/status", "r")) != NULL);
	while (fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, what, strlen(what)) == 0)
			kib = (size_t)atol(line + strlen(what) + 1);
	(void)fclose(f);
	return kib << 10;
}

static void
forget_peak(void)
{
	FILE *f;

	if ((f = fopen("/proc/self/clear_refs", "w")) == NULL)
		SKIP("/proc/self/clear_refs cannot be written");
	CHECK(fputs("5", f) >= 0 && fclose(f) == 0);
}

/* 60 MiB of manifests: as of 24 backups of 320 GiB. */
TEST(catalogue__of_many_large_backups_takes_little_memory)
{
	CLEANUP(clear) struct made m;
	size_t before, peak, after;
	int i;

	PEAK_SKIP();
	/* meson has malloc fill all that it gives: what nobody would have
	 * touched would count. */
	(void)mallopt(M_PERTURB, 0);
	make(&m);
	for (i = 0; i < 24; i++)
		commit(&m, 40000);
	before = status("VmRSS:");
	forget_peak();
	load(&m);
	CHECK(m.cat.n == 24 && m.cat.nfindings == 0);
	peak = status("VmHWM:") - before;
	after = status("VmRSS:") - before;
	printf("# peak %zu KiB, kept %zu KiB\n", peak >> 10, after >> 10);
	CHECK(peak < 24u << 20);
}
