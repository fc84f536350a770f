#include "base/file.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

/* Making a repository, opening it, and whom to trust. */

static struct store *
new_store(void)
{
	struct store *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_mem_new(&s, &e), &e);
	return s;
}

TEST(init__makes_what_open_opens)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_init(s, "a", "12", &e), &e);
	CHECK_OK(test_repo_open(s, "a", "1", &r, &e), &e);
	CHECK_STR(repo_head(r)->vault, "main");
	CHECK_STR(repo_host(r), "a");
	CHECK(repo_nkeys(r) == 1);
	CHECK(test_count(s, "hf1/main/F") == 1);
	CHECK(test_count(s, "hf1/main/w/") == 1);
	CHECK(test_count(s, "hf1/main/k/") == 2);
}

TEST(init__refuses_an_existing_repository_and_writes_nothing)
{
	CLEANUP(freep_store) struct store *s = new_store();
	struct err e = ERR_INIT;
	size_t n;

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	n = test_count(s, "");
	CHECK_FAIL(test_repo_init(s, "a", "1", &e), &e, HF_EEXISTS);
	CHECK_FAIL(test_repo_init(s, "b", "2", &e), &e, HF_EEXISTS);
	CHECK(e.hint[0] != '\0');
	/* So is what is left when F is gone, but not what a killed init left. */
	test_object_put(s, "hf1/main/F", NULL, 0);
	test_object_put(s, "hf1/main/s/1", "x", 1);
	CHECK_FAIL(test_repo_init(s, "b", "2", &e), &e, HF_EEXISTS);
	CHECK(strstr(e.msg, "F is gone") != NULL);
	test_object_put(s, "hf1/main/s/1", NULL, 0);
	/* A damaged F is still somebody's. */
	test_object_put(s, "hf1/main/F", "x", 1);
	CHECK_FAIL(test_repo_init(s, "b", "2", &e), &e, HF_EEXISTS);
	CHECK(test_count(s, "") == n);
}

TEST(init__refuses_an_empty_place_where_this_host_knew_a_repository)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_store) struct store *empty = new_store();
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct err e = ERR_INIT;
	char command[300], *path;

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	CHECK_FAIL(test_repo_init(empty, "a", "1", &e), &e, HF_EEXISTS);
	CHECK(test_count(empty, "") == 0);
	/* It is the right one that is mounted again. */
	CHECK_OK(test_repo_open(s, "a", "1", &r, &e), &e);
	/* The hint names the file that stands in the way. */
	CHECK((path = strstr(e.hint, "remove '")) != NULL);
	(void)snprintf(
	    command, sizeof(command), "rm %s", path + strlen("remove "));
	CHECK(system(command) == 0);
	CHECK_OK(test_repo_init(empty, "a", "1", &e), &e);
	CHECK(test_count(empty, "hf1/main/F") == 1);
}

TEST(init__refuses_a_repository_that_nobody_could_open)
{
	CLEANUP(freep_store) struct store *s = new_store();
	struct err e = ERR_INIT;

	CHECK_FAIL(test_repo_init(s, "a", "", &e), &e, HF_EUSAGE);
	CHECK_FAIL(test_repo_init(s, "a", "i", &e), &e, HF_EUSAGE);
	CHECK(test_count(s, "") == 0);
}

TEST(open__of_an_empty_place_says_how_to_make_one)
{
	CLEANUP(freep_store) struct store *s = new_store();
	struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(test_repo_open(s, "a", "1", &r, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "holdfast init") != NULL);
	CHECK(r == NULL);
}

TEST(open__refuses_another_repository_in_the_place_of_the_known_one)
{
	CLEANUP(freep_store) struct store *ours = new_store();
	CLEANUP(freep_store) struct store *theirs = new_store();
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_init(ours, "a", "1", &e), &e);
	CHECK_OK(test_repo_init(theirs, "thief", "2", &e), &e);
	/* Both stores call their place the same: the bucket was swapped. */
	CHECK_FAIL(test_repo_open(theirs, "a", "1", &r, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "root fingerprint") != NULL);
	CHECK(strstr(e.hint, "/pins/") != NULL);
	/* A host that has never been here trusts what it finds. */
	CHECK_OK(test_repo_open(theirs, "new", "2", &r, &e), &e);
}

static int
open_as(struct store *s, const char *fingerprint, const char *vault,
    struct repo **r, struct err *err)
{
	char state[128];
	struct repo_opts opts = {
		.store = s,
		.state_dir = state,
		.vault = vault,
		.fingerprint = fingerprint,
	};

	(void)snprintf(state, sizeof(state), "%s/state-x", test_dir());
	return repo_open(&opts, NULL, NULL, r, err);
}

TEST(open__compares_the_fingerprint_that_the_operator_named)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = NULL;
	uint8_t fp[SIGN_FINGERPRINT_LEN];
	struct err e = ERR_INIT;
	char hex[33];

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	CHECK_FAIL(open_as(s, "00000000000000000000000000000000", NULL, &r, &e),
	    &e, HF_ECORRUPT);
	CHECK_FAIL(open_as(s, "00", NULL, &r, &e), &e, HF_EUSAGE);
	CHECK_OK(open_as(s, NULL, NULL, &r, &e), &e);
	CHECK_OK(sign_fingerprint(repo_head(r)->root_pk, fp, &e), &e);
	repo_free(TAKE(r));
	CHECK_OK(open_as(s, str_hex(hex, fp, 16), NULL, &r, &e), &e);
}

TEST(open__refuses_names_that_no_vault_has)
{
	CLEANUP(freep_store) struct store *s = new_store();
	struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(open_as(s, NULL, "../x", &r, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_as(s, NULL, "", &r, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_as(s, NULL, "Main", &r, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_as(s, NULL, "other", &r, &e), &e, HF_ENOTFOUND);
}

TEST(open__refuses_a_vault_under_another_name)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_buf) struct buf f = BUF_INIT;
	struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	CHECK_OK(store_get(s, "hf1/main/F", REPO_SMALL_MAX, &f, &e), &e);
	test_object_put(s, "hf1/other/F", f.p, f.len);
	CHECK_FAIL(open_as(s, NULL, "other", &r, &e), &e, HF_ECORRUPT);
}

TEST(open__without_the_right_to_read_works_from_the_local_state)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	s->power = STORE_WRITE;
	CHECK_OK(test_repo_open(s, "a", "r", &r, &e), &e);
	repo_free(TAKE(r));
	/* A host that has never read F cannot know whom to trust. */
	CHECK_FAIL(test_repo_open(s, "b", "r", &r, &e), &e, HF_EDENIED);
	CHECK(e.hint[0] != '\0');
}

TEST(open__finds_a_damaged_head)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_buf) struct buf f = BUF_INIT;
	struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	CHECK_OK(store_get(s, "hf1/main/F", REPO_SMALL_MAX, &f, &e), &e);
	f.p[50] ^= 1;
	test_object_put(s, "hf1/main/F", f.p, f.len);
	CHECK_FAIL(test_repo_open(s, "a", "1", &r, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.hint, "copy of F") != NULL);
}

TEST(seed__is_made_once_and_only_its_owner_may_read_it)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *a = NULL;
	CLEANUP(freep_repo) struct repo *b = NULL;
	uint8_t one[SIGN_FINGERPRINT_LEN], two[SIGN_FINGERPRINT_LEN];
	const struct secret *seed;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	CHECK_OK(test_repo_open(s, "a", "1", &a, &e), &e);
	CHECK_OK(test_repo_open(s, "a", "", &b, &e), &e);
	CHECK_OK(repo_writer_fingerprint(a, one, &e), &e);
	CHECK_OK(repo_writer_fingerprint(b, two, &e), &e);
	CHECK(memcmp(one, two, sizeof(one)) == 0);
	/* Certified by init, it needs no key any more. */
	CHECK_OK(repo_writer_seed(b, REPO_ROLE_PRUNE, &seed, &e), &e);
	CHECK(secret_len(seed) == 32);
}

TEST(host__with_an_opener_certifies_itself_once_its_state_is_lost)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = NULL;
	const struct secret *seed;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	CHECK_OK(test_repo_open(s, "b", "1", &r, &e), &e);
	CHECK_OK(repo_writer_seed(r, REPO_ROLE_WRITE, &seed, &e), &e);
	CHECK(test_count(s, "hf1/main/w/") == 2);
	CHECK_OK(repo_writer_seed(r, REPO_ROLE_VERIFY, &seed, &e), &e);
	CHECK(test_count(s, "hf1/main/w/") == 2);
}

TEST(host__without_an_opener_is_told_what_the_owner_must_certify)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *owner = NULL;
	CLEANUP(freep_repo) struct repo *r = NULL;
	uint8_t pk[SIGN_PUBLIC_LEN];
	const struct secret *seed;
	struct err e = ERR_INIT;
	char hex[65];

	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	CHECK_OK(test_repo_open(s, "b", "r2", &r, &e), &e);
	CHECK_FAIL(
	    repo_writer_seed(r, REPO_ROLE_WRITE, &seed, &e), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "writer add ") != NULL);
	CHECK(sscanf(strstr(e.hint, "writer add "), "writer add %64[0-9a-f] b",
		  hex) == 1);
	CHECK(str_unhex(pk, hex, sizeof(pk)));

	CHECK_OK(test_repo_open(s, "a", "1", &owner, &e), &e);
	CHECK_OK(repo_certify(owner, pk, "b", REPO_ROLE_WRITE, 0, &e), &e);
	CHECK_OK(repo_writer_seed(r, REPO_ROLE_WRITE, &seed, &e), &e);
	CHECK_FAIL(
	    repo_writer_seed(r, REPO_ROLE_PRUNE, &seed, &e), &e, HF_EDENIED);
	/* Once more is no error; more than was certified is. */
	CHECK_OK(repo_certify(owner, pk, "b", REPO_ROLE_WRITE, 0, &e), &e);
	CHECK_FAIL(
	    repo_certify(owner, pk, "b", REPO_ROLE_ALL, 0, &e), &e, HF_EEXISTS);
}
