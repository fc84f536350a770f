#include "base/params.h"
#include "base/str.h"
#include "repo/repo.h"
#include "repo/repo_ahead.h"
#include "store/fs/store_fs.h"
#include "store/mem/store_mem.h"
#include "store/store_op.h"
#include "test.h"
#include "test_crowd.h"
#include "test_repo.h"

#define BACKUPS 70

struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	const struct repo_backup *v[BACKUPS];
};

static void
clear(struct made *m)
{
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
}

static void
make_in(struct made *m, struct store *inner, const char *host)
{
	struct err e = ERR_INIT;
	char id[REPO_BACKUP_ID_LEN + 1];
	size_t i;

	memset(m, 0, sizeof(*m));
	CHECK_OK(test_crowd_new(inner, &m->store, &e), &e);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	for (i = 0; i < BACKUPS; i++)
		CHECK_OK(test_commit(m->repo, "src", id, &e), &e);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK(m->cat.n == BACKUPS);
	for (i = 0; i < BACKUPS; i++)
		m->v[i] = &m->cat.backups[i];
}

static void
make(struct made *m)
{
	struct store *mem = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_mem_new(&mem, &e), &e);
	make_in(m, mem, "far");
}

static void
take(struct repo_ahead *a, const struct repo_backup *want)
{
	CLEANUP(freep_repo_brought) struct repo_brought *b = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(repo_ahead_take(a, &b, &e), &e);
	CHECK(memcmp(b->m.sha256, want->m.sha256, SHA256_LEN) == 0);
}

static void
take_all(struct made *m, size_t memory, unsigned crowd)
{
	CLEANUP(freep_repo_ahead) struct repo_ahead *a = NULL;
	struct repo_brought *none = NULL;
	struct err e = ERR_INIT;
	size_t i;

	test_crowd_expect(m->store, STORE_OP_GET, "/s/", crowd);
	CHECK_OK(repo_ahead_new(m->repo, m->v, BACKUPS, memory, &a, &e), &e);
	for (i = 0; i < BACKUPS; i++)
		take(a, m->v[i]);
	CHECK_FAIL(repo_ahead_take(a, &none, &e), &e, HF_EBUG);
}

TEST(ahead__brings_backups_in_order_and_asks_for_many_at_once)
{
	CLEANUP(clear) struct made m;

	make(&m);
	take_all(&m, 1u << 20, 64);
	CHECK(test_crowd_most(m.store) == 64);
	CHECK(test_crowd_total(m.store) == BACKUPS);
}

TEST(ahead__holds_no_more_than_it_may_but_for_the_one_that_is_due)
{
	CLEANUP(clear) struct made m;
	uint64_t largest = 0;
	size_t i;

	make(&m);
	for (i = 0; i < BACKUPS; i++)
		if (m.v[i]->manifest_len > largest)
			largest = m.v[i]->manifest_len;
	take_all(&m, 0, 1);
	CHECK(test_crowd_most(m.store) == 1);
	/* Room for three, and the one that is due. */
	take_all(&m, 6 * largest, 3);
	CHECK(test_crowd_most(m.store) >= 3);
	CHECK(test_crowd_most(m.store) <= 5); /* A shorter one may fit. */
}

TEST(ahead__tells_what_is_wrong_of_the_backup_whose_turn_it_is)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo_ahead) struct repo_ahead *a = NULL;
	char object[REPO_NAME_MAX + 64];
	struct repo_brought *none = NULL;
	struct err e = ERR_INIT;

	make(&m);
	test_object_put(
	    m.store, repo_object(m.repo, m.v[2]->name, object), NULL, 0);
	CHECK_OK(repo_ahead_new(m.repo, m.v, BACKUPS, 1u << 20, &a, &e), &e);
	take(a, m.v[0]);
	take(a, m.v[1]);
	CHECK_FAIL(repo_ahead_take(a, &none, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.msg, m.v[2]->name) != NULL && none == NULL);
	take(a, m.v[3]); /* And the rest is given up. */
}

TEST(ahead__brings_nothing_before_it_is_asked_for_where_the_store_is_near)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo_ahead) struct repo_ahead *a = NULL;
	CLEANUP(freep_params) struct params *p = NULL;
	static const struct store_driver *const drivers[] = { &store_fs_driver,
		NULL };
	struct store *fs = NULL;
	struct err e = ERR_INIT;
	char url[256];

	(void)snprintf(url, sizeof(url), "file:%s/near", test_dir());
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_set(p, "url", url, &e), &e);
	CHECK_OK(store_open(drivers, p, STORE_READ | STORE_WRITE, &fs, &e), &e);
	make_in(&m, fs, "near");
	test_crowd_expect(m.store, STORE_OP_GET, "/s/", 1);
	CHECK_OK(repo_ahead_new(m.repo, m.v, BACKUPS, 1u << 20, &a, &e), &e);
	take(a, m.v[0]);
	take(a, m.v[1]);
	CHECK(test_crowd_total(m.store) == 2);
}
