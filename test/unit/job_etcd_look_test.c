#include "base/buf.h"
#include "job/job.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_look.h"
#include "repo/repo.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_etcd.h"
#include "test_repo.h"
#include <stdio.h>

static const struct job job = { .workers = 2 };

/* A repository in memory with a backup of an etcd. */
struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_etcd etcd;
	struct job_etcd_db *db;
};

static void
clear(struct made *m)
{
	job_etcd_db_free(m->db);
	test_etcd_clear(&m->etcd);
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
}

static void
make(struct made *m, bool snapshot)
{
	static int made;
	struct err e = ERR_INIT;
	char host[16];

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", made++);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	test_etcd_init(&m->etcd);
	m->etcd.snapshot = snapshot;
}

static void
backup(struct made *m)
{
	struct err e = ERR_INIT;

	CHECK_OK(test_etcd_backup(&m->etcd, m->repo, &e), &e);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK_OK(
	    job_etcd_db_open(&job, m->repo, &m->cat.backups[0], &m->db, &e),
	    &e);
}

/* The keys at ${revision}, as "key=value create/mod/version, ...". */
static void
shows(struct made *m, uint64_t revision, const char *prefix, const char *want)
{
	const struct job_etcd_look_opts opts = {
		.revision = revision,
		.prefix = prefix,
		.nprefix = strlen(prefix),
		.values = true,
	};
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *l = NULL;
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	const struct job_etcd_item *item;
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(job_etcd_look_new(m->db, &opts, &l, &e), &e);
	for (i = 0; (item = job_etcd_look_at(l, i)) != NULL; i++) {
		CHECK_OK(job_etcd_look_value(l, item, &value, &e), &e);
		CHECK_OK(buf_printf(&got, &e, "%s%.*s=%.*s %d/%d/%d",
			     i > 0 ? ", " : "", (int)item->nkey,
			     (char *)item->key, (int)value.len, (char *)value.p,
			     (int)item->create_revision,
			     (int)item->mod_revision, (int)item->version),
		    &e);
	}
	CHECK_OK(buf_add(&got, "", 1, &e), &e);
	CHECK_STR((char *)got.p, want);
}

static void
fill(struct made *m)
{
	test_etcd_put(&m->etcd, "b", "one");   /* 2 */
	test_etcd_put(&m->etcd, "a", "two");   /* 3 */
	test_etcd_put(&m->etcd, "b", "three"); /* 4 */
	test_etcd_delete(&m->etcd, "b");       /* 5 */
	test_etcd_put(&m->etcd, "b/c", "");    /* 6 */
	test_etcd_put(&m->etcd, "b", "four");  /* 7 */
	test_etcd_delete(&m->etcd, "a");       /* 8 */
}

TEST(look__sees_the_keys_as_they_were_at_each_revision)
{
	int snapshot;

	for (snapshot = 0; snapshot < 2; snapshot++) {
		CLEANUP(clear) struct made m;

		make(&m, snapshot != 0);
		fill(&m);
		backup(&m);
		shows(&m, 1, "", "");
		shows(&m, 2, "", "b=one 2/2/1");
		shows(&m, 3, "", "a=two 3/3/1, b=one 2/2/1");
		shows(&m, 4, "", "a=two 3/3/1, b=three 2/4/2");
		shows(&m, 5, "", "a=two 3/3/1");
		shows(&m, 6, "", "a=two 3/3/1, b/c= 6/6/1");
		shows(&m, 7, "", "a=two 3/3/1, b=four 7/7/1, b/c= 6/6/1");
		shows(&m, 8, "", "b=four 7/7/1, b/c= 6/6/1");
		shows(&m, 0, "", "b=four 7/7/1, b/c= 6/6/1");
	}
}

TEST(look__takes_the_keys_that_begin_with_the_prefix)
{
	CLEANUP(clear) struct made m;

	make(&m, false);
	fill(&m);
	test_etcd_put_bytes(&m.etcd, "\xff", 1, "x", 1, 0);
	test_etcd_put_bytes(&m.etcd, "\xff\xff\x01", 3, "y", 1, 0);
	test_etcd_put_bytes(&m.etcd, "\xfe", 1, "z", 1, 0);
	test_etcd_put_bytes(&m.etcd, "\xff\xfe", 2, "w", 1, 0);
	backup(&m);
	shows(&m, 0, "b", "b=four 7/7/1, b/c= 6/6/1");
	shows(&m, 0, "b/", "b/c= 6/6/1");
	shows(&m, 0, "b/c", "b/c= 6/6/1");
	shows(&m, 0, "b/cd", "");
	shows(&m, 7, "a", "a=two 3/3/1");
	shows(&m, 0, "\xff",
	    "\xff=x 9/9/1, \xff\xfe=w 12/12/1, \xff\xff\x01=y 10/10/1");
	shows(&m, 0, "\xff\xff", "\xff\xff\x01=y 10/10/1");
	shows(&m, 0, "\xff\xff\xff", "");
}

TEST(look__keeps_keys_and_values_of_any_bytes)
{
	const struct job_etcd_look_opts opts = { .values = true };
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *l = NULL;
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	const struct job_etcd_item *item;
	struct err e = ERR_INIT;
	CLEANUP(clear) struct made m;

	make(&m, false);
	m.etcd.lease = 77;
	test_etcd_put_bytes(&m.etcd, "a\0b", 3, "\0\xff\n", 3, 77);
	test_etcd_put_bytes(&m.etcd, "a\0", 2, "s", 1, 0);
	backup(&m);
	CHECK_OK(job_etcd_look_new(m.db, &opts, &l, &e), &e);
	item = job_etcd_look_at(l, 0);
	CHECK(item->nkey == 2 && memcmp(item->key, "a", 2) == 0);
	item = job_etcd_look_at(l, 1);
	CHECK(item->nkey == 3 && memcmp(item->key, "a\0b", 3) == 0);
	CHECK(item->lease == 77 && item->size == 3);
	CHECK_OK(job_etcd_look_value(l, item, &value, &e), &e);
	CHECK(value.len == 3 && memcmp(value.p, "\0\xff\n", 3) == 0);
	CHECK(job_etcd_look_at(l, 2) == NULL);
}

TEST(look__has_no_key_where_a_revision_was_only_bumped)
{
	CLEANUP(clear) struct made m;

	make(&m, false);
	test_etcd_put(&m.etcd, "a", "one");
	test_etcd_put(&m.etcd, "a", "two");
	m.etcd.v[1].r.len = 0;
	backup(&m);
	shows(&m, 0, "", "a=one 2/2/1");
}

static void
says(const struct err *e, const char *msg, const char *hint)
{
	CHECK_STR(e->msg, msg);
	CHECK_STR(e->hint, hint);
}

TEST(look__refuses_a_revision_that_the_backup_does_not_have)
{
	struct job_etcd_look_opts opts = { .revision = 9 };
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *l = NULL;
	struct err e = ERR_INIT;
	CLEANUP(clear) struct made m;

	make(&m, false);
	m.etcd.compact = 4;
	fill(&m);
	backup(&m);
	CHECK_FAIL(job_etcd_look_new(m.db, &opts, &l, &e), &e, HF_ENOTFOUND);
	says(&e, "revision 9 is not in this backup",
	    "it has the revisions 4 to 8");
	opts.revision = 3;
	CHECK_FAIL(job_etcd_look_new(m.db, &opts, &l, &e), &e, HF_ENOTFOUND);
	shows(&m, 4, "", "a=two 3/3/1, b=three 2/4/2");
}

static int
get(struct made *m, uint64_t revision, const char *key, struct buf *value,
    struct job_etcd_item *item, struct err *err)
{
	value->len = 0;
	return job_etcd_look_get(
	    m->db, revision, key, strlen(key), item, value, err);
}

TEST(look__gets_one_key_at_a_revision)
{
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	struct job_etcd_item item;
	struct err e = ERR_INIT;
	CLEANUP(clear) struct made m;

	make(&m, false);
	fill(&m);
	backup(&m);
	CHECK_OK(get(&m, 0, "b", &value, &item, &e), &e);
	CHECK(value.len == 4 && memcmp(value.p, "four", 4) == 0);
	CHECK(item.create_revision == 7 && item.version == 1);
	CHECK_OK(get(&m, 4, "b", &value, &item, &e), &e);
	CHECK(value.len == 5 && memcmp(value.p, "three", 5) == 0);
	CHECK(item.mod_revision == 4 && item.version == 2 && item.size == 5);
	CHECK_OK(get(&m, 0, "b/c", &value, &item, &e), &e);
	CHECK(value.len == 0 && item.size == 0);
}

TEST(look__says_what_is_there_instead_of_a_key_that_is_not)
{
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	struct job_etcd_item item;
	struct err e = ERR_INIT;
	CLEANUP(clear) struct made m;

	make(&m, false);
	fill(&m);
	test_etcd_put(&m.etcd, "c/\33[2J", "x");
	backup(&m);
	CHECK_FAIL(get(&m, 6, "b", &value, &item, &e), &e, HF_ENOTFOUND);
	says(&e, "there is no key 'b' at revision 6",
	    "it was deleted at revision 5");
	CHECK_FAIL(get(&m, 0, "b/d", &value, &item, &e), &e, HF_ENOTFOUND);
	says(&e, "there is no key 'b/d' at revision 9", "the nearest is 'b/c'");
	CHECK_FAIL(get(&m, 0, "c/\7", &value, &item, &e), &e, HF_ENOTFOUND);
	says(&e, "there is no key 'c/\\x07' at revision 9",
	    "the nearest is 'c/\\x1b[2J'");
	CHECK_FAIL(get(&m, 1, "b", &value, &item, &e), &e, HF_ENOTFOUND);
	says(&e, "there is no key 'b' at revision 1", "there is no key at all");
}

static int
note_diff(void *arg, const struct job_etcd_item *before,
    const struct job_etcd_item *after, struct err *err)
{
	const struct job_etcd_item *any = after != NULL ? after : before;

	CHECK(any != NULL);
	return buf_printf(arg, err, "%s%.*s ",
	    before == NULL  ? "+"
	    : after == NULL ? "-"
			    : "~",
	    (int)any->nkey, (char *)any->key);
}

static void
differs(struct made *m, uint64_t from, uint64_t to, const char *want)
{
	struct job_etcd_look_opts opts = { .compare = true };
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *a = NULL;
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *b = NULL;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	opts.revision = from;
	CHECK_OK(job_etcd_look_new(m->db, &opts, &a, &e), &e);
	opts.revision = to;
	CHECK_OK(job_etcd_look_new(m->db, &opts, &b, &e), &e);
	CHECK_OK(job_etcd_look_diff(a, b, note_diff, &got, &e), &e);
	CHECK_OK(buf_add(&got, "", 1, &e), &e);
	CHECK_STR((char *)got.p, want);
}

TEST(look__tells_two_revisions_apart)
{
	CLEANUP(clear) struct made m;

	make(&m, false);
	fill(&m);
	test_etcd_put(&m.etcd, "b", "four"); /* 9: the same again */
	test_etcd_put(&m.etcd, "b", "5our"); /* 10: as long */
	backup(&m);
	differs(&m, 1, 3, "+a +b ");
	differs(&m, 3, 4, "~b ");
	differs(&m, 4, 8, "-a ~b +b/c ");
	differs(&m, 8, 4, "+a ~b -b/c ");
	differs(&m, 8, 9, "");
	differs(&m, 9, 10, "~b ");
	differs(&m, 1, 1, "");
}

TEST(look__finds_damage_before_it_shows_a_key)
{
	const struct job_etcd_look_opts opts = { 0 };
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *l = NULL;
	struct err e = ERR_INIT;
	CLEANUP(clear) struct made m;

	make(&m, false);
	fill(&m);
	m.etcd.v[2].r.len--;
	backup(&m);
	CHECK_FAIL(job_etcd_look_new(m.db, &opts, &l, &e), &e, HF_ECORRUPT);
	CHECK(l == NULL);
}

TEST(look__runs_out_of_memory_without_harm)
{
	const struct job_etcd_look_opts opts = { .values = true };
	struct job_etcd_look *l = NULL;
	struct err e = ERR_INIT;
	CLEANUP(clear) struct made m;
	int rc;

	make(&m, true);
	fill(&m);
	backup(&m);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = job_etcd_look_new(m.db, &opts, &l, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && l == NULL);
	}
	test_malloc_fail(0);
	job_etcd_look_free(l);
}
