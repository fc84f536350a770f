#include "base/str.h"
#include "repo/repo.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

/* Committing, and what the catalogue makes of what it finds. */

static struct store *mem; /* Behind the store of the running test. */

static struct store *
new_store(void)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(store_fault_new(mem, &s, &e), &e);
	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	return s;
}

static struct repo *
open_repo(struct store *s, const char *host, const char *keys)
{
	struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_open(s, host, keys, &r, &e), &e);
	return r;
}

static void
commit(struct repo *r, char id[17])
{
	struct err e = ERR_INIT;

	CHECK_OK(test_commit(r, "db", id, &e), &e);
}

static struct repo_catalogue
load(struct repo *r)
{
	struct repo_catalogue cat = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(repo_catalogue_load(r, &cat, &e), &e);
	return cat;
}

/* Show what was found when a test expects nothing. */
static bool
clean(const struct repo_catalogue *cat)
{
	size_t i;

	for (i = 0; i < cat->nfindings; i++)
		printf("# found: %s: %s\n", cat->findings[i].object,
		    cat->findings[i].what);
	return cat->nfindings == 0 && !cat->unsure;
}

static bool
found(const struct repo_catalogue *cat, const char *what)
{
	size_t i;

	for (i = 0; i < cat->nfindings; i++)
		if (strstr(cat->findings[i].what, what) != NULL &&
		    cat->findings[i].remedy[0] != '\0')
			return true;
	for (i = 0; i < cat->nfindings; i++)
		printf("# found: %s\n", cat->findings[i].what);
	return false;
}

/* Take the state of ${host} away. */
static void
forget(const char *host)
{
	char cmd[300];

	(void)snprintf(cmd, sizeof(cmd), "rm -r %s/state-%s", test_dir(), host);
	CHECK(system(cmd) == 0);
}

TEST(commit__makes_a_chain_that_the_catalogue_shows)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[3][17];
	int i;

	for (i = 0; i < 3; i++)
		commit(r, id[i]);
	cat = load(r);
	CHECK(cat.n == 3 && clean(&cat));
	for (i = 0; i < 3; i++) {
		CHECK_STR(cat.backups[i].id, id[i]);
		CHECK(cat.backups[i].m.seq == (uint64_t)i + 1);
		CHECK_STR(cat.backups[i].writer_name, "a");
		CHECK_STR(cat.backups[i].m.source, "db");
		CHECK(cat.backups[i].verified_level == -1);
	}
	CHECK(memcmp(cat.backups[2].m.parent, cat.backups[1].m.sha256,
		  SHA256_LEN) == 0);
}

TEST(commit__of_a_host_that_may_only_write_needs_put_alone)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "r");
	CLEANUP(freep_repo) struct repo *reader = NULL;
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	CLEANUP(repo_private_clear) struct repo_private p = { 0 };
	const struct secret *key;
	struct err e = ERR_INIT;
	char id[17];

	repo_free(TAKE(r));
	s->power = STORE_WRITE;
	r = open_repo(s, "a", "r");
	commit(r, id);
	commit(r, id);
	s->power = STORE_READ | STORE_WRITE;
	cat = load(r);
	CHECK(cat.n == 2 && clean(&cat) && cat.backups[1].m.seq == 2);
	CHECK_FAIL(
	    repo_data_key(r, cat.backups[1].m.keys[0], &key, &e), &e, HF_EKEY);
	reader = open_repo(s, "owner", "i");
	CHECK_OK(repo_data_key(reader, cat.backups[1].m.keys[0], &key, &e), &e);
	CHECK_OK(repo_manifest_load(reader, &cat.backups[1], &m, &e), &e);
	CHECK_OK(repo_private_open(&m, key, &p, &e), &e);
	CHECK_STR(p.label, "the marker");
}

TEST(commit__after_a_lost_answer_is_not_made_twice)
{
	struct store_fault fault = {
		.ops = STORE_OP_PUT,
		.prefix = "hf1/main/s/",
		.times = 1,
		.code = HF_EUNAVAIL,
	};
	struct err e = ERR_INIT;
	char id[17];
	int power, kind;

	for (power = 0; power < 2; power++)
		for (kind = 0; kind < 2; kind++) {
			CLEANUP(freep_store) struct store *s = new_store();
			CLEANUP(freep_repo)
			struct repo *r = open_repo(s, "a", "1");
			CLEANUP(repo_catalogue_clear)
			struct repo_catalogue cat = { 0 };
			int rc;

			commit(r, id);
			if (power == 1)
				s->power = STORE_WRITE;
			fault.kind =
			    kind == 0 ? STORE_FAULT_LOST : STORE_FAULT_FAIL;
			CHECK_OK(store_fault_add(s, &fault, &e), &e);
			rc = test_commit(r, "db", id, &e);
			/* Where it may be read, it is seen that it landed. */
			CHECK((rc == 0) == (power == 0 && kind == 0));
			store_fault_clear(s);
			commit(r, id);
			s->power = STORE_READ | STORE_WRITE;
			cat = load(r);
			CHECK(clean(&cat));
			CHECK(cat.n == (power == 0 && kind == 1 ? 2 : 3));
			CHECK(test_count(s, "hf1/main/s/") == cat.n);
			/* Hosts of one test share their names. */
			repo_free(TAKE(r));
			forget("a");
		}
}

TEST(commit__goes_on_where_the_store_is_when_the_state_is_older)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17], cmd[600];

	commit(r, id);
	(void)snprintf(cmd, sizeof(cmd), "cp -r %s/state-a %s/old", test_dir(),
	    test_dir());
	CHECK(system(cmd) == 0);
	commit(r, id);
	commit(r, id);
	repo_free(TAKE(r));
	(void)snprintf(cmd, sizeof(cmd),
	    "rm -r %s/state-a && mv %s/old %s/state-a", test_dir(), test_dir(),
	    test_dir());
	CHECK(system(cmd) == 0);
	r = open_repo(s, "a", "1");
	commit(r, id);
	cat = load(r);
	CHECK(cat.n == 4 && clean(&cat) && cat.backups[3].m.seq == 4);
}

TEST(commit__goes_on_when_only_the_heads_are_lost)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17], cmd[300];

	commit(r, id);
	commit(r, id);
	(void)snprintf(cmd, sizeof(cmd), "rm %s/state-a/*/heads", test_dir());
	CHECK(system(cmd) == 0);
	commit(r, id);
	cat = load(r);
	CHECK(cat.n == 3 && clean(&cat));
}

TEST(commit__of_a_host_whose_state_is_lost_begins_a_chain_of_its_own)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *a = open_repo(s, "a", "1");
	CLEANUP(freep_repo) struct repo *again = open_repo(s, "again", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17];

	commit(a, id);
	commit(again, id);
	commit(again, id);
	cat = load(again);
	CHECK(cat.n == 3 && clean(&cat));
	CHECK(cat.backups[1].m.seq == 1 && cat.backups[2].m.seq == 2);
}

TEST(commit__too_late_is_refused)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_manifest_clear) struct repo_manifest m = { 0 };
	struct err e = ERR_INIT;
	char id[17];

	CHECK_OK(str_dup("db", &m.source, &e), &e);
	store_mem_set_time(mem, INT64_C(1795168800000));
	m.start_ms = INT64_C(1795168800000) - INT64_C(1000) * (86400 - 900) - 1;
	CHECK_FAIL(repo_commit(r, &m, id, &e), &e, HF_ECLOCK);
	CHECK(test_count(s, "hf1/main/s/") == 0);
}

TEST(commit__of_two_processes_at_once_takes_two_numbers)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *one = open_repo(s, "a", "1");
	CLEANUP(freep_repo) struct repo *two = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17];

	commit(one, id);
	commit(two, id);
	commit(one, id);
	cat = load(one);
	CHECK(cat.n == 3 && clean(&cat));
}

TEST(catalogue__finds_a_damaged_manifest_and_keeps_the_rest)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17];

	commit(r, id);
	commit(r, id);
	test_object_flip(s, test_first(s, "hf1/main/s/"), 200);
	cat = load(r);
	CHECK(cat.n == 1 && cat.unsure);
	CHECK(found(&cat, "manifest:"));
	CHECK_STR(cat.backups[0].id, id);
}

TEST(catalogue__finds_a_manifest_under_another_name)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char id[17];

	commit(r, id);
	CHECK_OK(store_get(s, test_first(s, "hf1/main/s/"), REPO_MANIFEST_MAX,
		     &b, &e),
	    &e);
	/* An old backup shown as a new one. */
	test_object_put(s,
	    "hf1/main/s/000000000002-20991231T000000Z-0123456789abcdef.hfm",
	    b.p, b.len);
	cat = load(r);
	CHECK(cat.n == 1 && cat.unsure);
	CHECK(found(&cat, "its name does not match its hash"));
}

TEST(catalogue__finds_a_writer_that_nobody_certified)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17], name[300];

	commit(r, id);
	(void)snprintf(name, sizeof(name), "%s", test_first(s, "hf1/main/w/"));
	test_object_put(s, name, NULL, 0);
	cat = load(r);
	CHECK(cat.n == 0 && cat.unsure);
	CHECK(found(&cat, "has no certificate"));
}

TEST(catalogue__finds_a_gap_that_no_tombstone_explains)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17], name[300];
	int i;

	for (i = 0; i < 3; i++)
		commit(r, id);
	(void)snprintf(
	    name, sizeof(name), "%s", test_first(s, "hf1/main/s/000000000002"));
	test_object_put(s, name, NULL, 0);
	cat = load(r);
	CHECK(cat.n == 2 && !cat.unsure);
	CHECK(found(&cat, "gap in the chain"));
}

TEST(catalogue__takes_a_tombstone_for_the_manifest_it_removed)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	struct err e = ERR_INIT;
	char id[17], name[300];
	int i;

	for (i = 0; i < 3; i++)
		commit(r, id);
	cat = load(r);
	CHECK_OK(test_tombstone(r, &cat.backups[1], &e), &e);
	repo_catalogue_clear(&cat);
	cat = load(r);
	CHECK(cat.n == 3 && clean(&cat));
	CHECK(cat.backups[1].removed && cat.backups[1].removed_ms > 0);
	CHECK(!cat.backups[0].removed && !cat.backups[2].removed);

	/* The undo window is over: the manifest goes, the tombstone stays. */
	(void)snprintf(name, sizeof(name), "hf1/main/%s", cat.backups[1].name);
	test_object_put(s, name, NULL, 0);
	repo_catalogue_clear(&cat);
	cat = load(r);
	CHECK(cat.n == 2 && clean(&cat));
}

TEST(catalogue__ignores_a_tombstone_that_does_not_hold)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	struct err e = ERR_INIT;
	char id[17];

	commit(r, id);
	cat = load(r);
	CHECK_OK(test_tombstone(r, &cat.backups[0], &e), &e);
	test_object_flip(s, test_first(s, "hf1/main/t/"), 60);
	repo_catalogue_clear(&cat);
	cat = load(r);
	CHECK(cat.n == 1 && !cat.backups[0].removed);
	CHECK(found(&cat, "tombstone"));
}

TEST(catalogue__finds_that_the_store_was_set_back)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17], name[300];

	commit(r, id);
	commit(r, id);
	(void)snprintf(
	    name, sizeof(name), "%s", test_first(s, "hf1/main/s/000000000002"));
	test_object_put(s, name, NULL, 0);
	cat = load(r);
	CHECK(cat.n == 1);
	CHECK(found(&cat, "seen here before, is gone"));
	/* And says so until somebody has looked at it. */
	repo_catalogue_clear(&cat);
	cat = load(r);
	CHECK(found(&cat, "seen here before, is gone"));
}

TEST(catalogue__finds_a_fork_of_two_hosts_with_one_seed)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(freep_repo) struct repo *clone = NULL;
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17], cmd[600];

	commit(r, id);
	(void)snprintf(cmd, sizeof(cmd), "cp -r %s/state-a %s/state-clone",
	    test_dir(), test_dir());
	CHECK(system(cmd) == 0);
	clone = open_repo(s, "clone", "1");
	commit(r, id);
	s->power = STORE_WRITE; /* It cannot see that it is not alone. */
	commit(clone, id);
	s->power = STORE_READ | STORE_WRITE;
	cat = load(r);
	CHECK(cat.n == 3 && found(&cat, "fork in the chain"));
}

static void
attest(struct repo *r, const struct repo_backup *b, uint8_t level, bool good,
    int64_t ms)
{
	struct repo_attest a = {
		.level = level,
		.good = good,
		.time_ms = ms,
	};
	CLEANUP(freep_buf) struct buf bytes = BUF_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	const uint8_t rnd[4] = { 0 };
	const struct secret *seed;
	struct store_blob blob;
	struct err e = ERR_INIT;

	memcpy(a.vault_id, repo_head(r)->vault_id, REPO_ID_LEN);
	memcpy(a.sha256, b->m.sha256, SHA256_LEN);
	CHECK_OK(repo_writer_fingerprint(r, a.verifier, &e), &e);
	CHECK_OK(repo_writer_seed(r, REPO_ROLE_VERIFY, &seed, &e), &e);
	CHECK_OK(repo_attest_encode(&a, seed, &bytes, &e), &e);
	repo_name_attest(name, a.sha256, a.time_ms, rnd);
	blob = (struct store_blob){ .p = bytes.p, .len = bytes.len };
	CHECK_OK(
	    store_put(repo_store(r), repo_object(r, name, object), &blob, &e),
	    &e);
}

TEST(catalogue__knows_the_best_attestation_and_the_last_bad_one)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	char id[17];

	commit(r, id);
	cat = load(r);
	attest(r, &cat.backups[0], 2, true, 1000);
	attest(r, &cat.backups[0], 0, true, 3000);
	attest(r, &cat.backups[0], 1, false, 2000);
	repo_catalogue_clear(&cat);
	cat = load(r);
	CHECK(clean(&cat) && cat.backups[0].verified_level == 2);
	CHECK(cat.backups[0].verified_ms == 1000 && !cat.backups[0].bad);
	attest(r, &cat.backups[0], 1, false, 4000);
	repo_catalogue_clear(&cat);
	cat = load(r);
	CHECK(cat.backups[0].bad && cat.backups[0].verified_level == 2);
}

TEST(catalogue__of_a_store_that_does_not_answer_is_an_error)
{
	const struct store_fault fault = {
		.kind = STORE_FAULT_FAIL,
		.ops = STORE_OP_GET,
		.prefix = "hf1/main/s/",
		.code = HF_EUNAVAIL,
	};
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	struct repo_catalogue cat = { 0 };
	struct err e = ERR_INIT;
	char id[17];

	commit(r, id);
	CHECK_OK(store_fault_add(s, &fault, &e), &e);
	CHECK_FAIL(repo_catalogue_load(r, &cat, &e), &e, HF_EUNAVAIL);
	CHECK(cat.backups == NULL && cat.findings == NULL);
}

TEST(catalogue__leaves_nothing_behind_when_memory_runs_out)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = open_repo(s, "a", "1");
	struct repo_catalogue cat = { 0 };
	struct err e = ERR_INIT;
	char id[17];
	int rc;

	commit(r, id);
	commit(r, id);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = repo_catalogue_load(r, &cat, &e);
		if (!test_malloc_failed())
			break;
		test_malloc_fail(0);
		if (rc == 0)
			repo_catalogue_clear(&cat);
		else
			CHECK(rc == -HF_ENOMEM && cat.backups == NULL);
	}
	test_malloc_fail(0);
	CHECK(cat.n == 2);
	repo_catalogue_clear(&cat);
}
