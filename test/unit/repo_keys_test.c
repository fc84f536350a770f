#include "base/str.h"
#include "crypto/secret.h"
#include "repo/repo.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

/* Data keys, who opens them, and rotation. */

static struct store *
new_store(void)
{
	struct store *mem = NULL, *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(store_fault_new(mem, &s, &e), &e);
	return s;
}

/* A repository of host "a" with ${keys}, opened by it with ${at_hand}. */
static struct repo *
new_repo(struct store *s, const char *keys, const char *at_hand)
{
	struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_init(s, "a", keys, &e), &e);
	CHECK_OK(test_repo_open(s, "a", at_hand, &r, &e), &e);
	return r;
}

/* Take the state of ${host} away. */
static void
forget(const char *host)
{
	char cmd[300];

	(void)snprintf(cmd, sizeof(cmd), "rm -r %s/state-%s", test_dir(), host);
	CHECK(system(cmd) == 0);
}

/* Does a host with ${keys} alone open the data key ${id} as ${want}? */
static int
opens(struct store *s, const char *keys, const uint8_t id[],
    const struct secret *want, struct err *err)
{
	CLEANUP(freep_repo) struct repo *r = NULL;
	const struct secret *got;

	CHECK_OK(test_repo_open(s, "reader", keys, &r, err), err);
	if (repo_data_key(r, id, &got, err) < 0)
		return err->code;
	CHECK(secret_equal(got, want));
	return 0;
}

TEST(data_key__opens_with_every_key_that_was_at_hand_and_no_other)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "12", "12");
	CLEANUP(freep_secret) struct secret *key = NULL;
	uint8_t id[REPO_ID_LEN];
	struct err e = ERR_INIT;

	CHECK_OK(repo_data_key_new(r, id, &key, &e), &e);
	CHECK_OK(opens(s, "1", id, key, &e), &e);
	CHECK_OK(opens(s, "32", id, key, &e), &e);
	CHECK_FAIL(opens(s, "3", id, key, &e), &e, HF_EKEY);
	CHECK(strstr(e.msg, "'file:3'") != NULL);
	CHECK(e.hint[0] != '\0');
	CHECK_FAIL(opens(s, "", id, key, &e), &e, HF_EKEY);
}

TEST(data_key__of_a_host_that_may_only_write_is_for_the_owner_alone)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1r", "r");
	CLEANUP(freep_secret) struct secret *key = NULL;
	const struct secret *again;
	uint8_t id[REPO_ID_LEN];
	struct err e = ERR_INIT;

	s->power = STORE_WRITE;
	CHECK_OK(repo_data_key_new(r, id, &key, &e), &e);
	/* Not even what it has made this moment. */
	CHECK(repo_data_key(r, id, &again, &e) < 0);
	s->power = STORE_READ | STORE_WRITE;
	CHECK_FAIL(repo_data_key(r, id, &again, &e), &e, HF_EKEY);
	CHECK_OK(opens(s, "i", id, key, &e), &e);
	CHECK_FAIL(opens(s, "1", id, key, &e), &e, HF_EKEY);
}

TEST(data_key__is_wrapped_for_the_recipients_that_the_root_has_named)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1r", "1");
	CLEANUP(freep_secret) struct secret *key = NULL;
	uint8_t id[REPO_ID_LEN];
	struct err e = ERR_INIT;

	CHECK_OK(repo_data_key_new(r, id, &key, &e), &e);
	CHECK_OK(opens(s, "i", id, key, &e), &e);
}

/* Put a k object of class 1 that another root made for the recipient. */
static void
plant(struct store *s, struct repo *r)
{
	CLEANUP(freep_secret) struct secret *mine = NULL;
	CLEANUP(freep_key) struct key *thief = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	uint8_t root[SIGN_FINGERPRINT_LEN];
	struct err e = ERR_INIT;

	CHECK_OK(secret_random(32, &mine, &e), &e);
	CHECK_OK(test_key_open('r', &thief, &e), &e);
	CHECK_OK(sign_fingerprint(repo_head(r)->root_pk, root, &e), &e);
	CHECK_OK(repo_wrap(thief, REPO_KEY_ROOT, repo_head(r)->vault_id, root,
		     mine, &b, &e),
	    &e);
	repo_name_wrapped(name, root, thief->fingerprint);
	test_object_put(s, repo_object(r, name, object), b.p, b.len);
}

TEST(data_key__is_not_wrapped_for_who_names_himself_in_the_store)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1", "1");
	CLEANUP(freep_secret) struct secret *key = NULL;
	uint8_t id[REPO_ID_LEN];
	struct err e = ERR_INIT;

	plant(s, r);
	CHECK_OK(repo_data_key_new(r, id, &key, &e), &e);
	CHECK_OK(opens(s, "1", id, key, &e), &e);
	CHECK_FAIL(opens(s, "i", id, key, &e), &e, HF_EKEY);
}

TEST(data_key__that_nobody_could_open_is_never_handed_out)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1", "");
	struct secret *key = NULL;
	uint8_t id[REPO_ID_LEN];
	struct err e = ERR_INIT;

	CHECK_FAIL(repo_data_key_new(r, id, &key, &e), &e, HF_EKEY);
	CHECK(key == NULL);
}

TEST(data_key__is_not_wrapped_for_a_key_that_opens_nothing_here)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1", "12");
	struct secret *key = NULL;
	uint8_t id[REPO_ID_LEN];
	struct err e = ERR_INIT;
	size_t n = test_count(s, "");

	CHECK_FAIL(repo_data_key_new(r, id, &key, &e), &e, HF_EKEY);
	CHECK(strstr(e.hint, "key add") != NULL);
	CHECK(key == NULL && test_count(s, "") == n);
}

TEST(data_key__opens_by_another_wrapping_when_one_is_damaged)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "12", "12");
	CLEANUP(freep_secret) struct secret *key = NULL;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	uint8_t id[REPO_ID_LEN];
	struct err e = ERR_INIT;

	CHECK_OK(repo_data_key_new(r, id, &key, &e), &e);
	repo_name_wrapped(name, id, test_key_fingerprint('1'));
	test_object_put(s, repo_object(r, name, object), "x", 1);
	CHECK_OK(opens(s, "12", id, key, &e), &e);
	CHECK_FAIL(opens(s, "1", id, key, &e), &e, HF_ECORRUPT);
}

TEST(data_key__moved_to_another_name_is_refused)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1", "1");
	CLEANUP(freep_secret) struct secret *one = NULL;
	CLEANUP(freep_secret) struct secret *two = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t a[REPO_ID_LEN], c[REPO_ID_LEN];
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct err e = ERR_INIT;

	CHECK_OK(repo_data_key_new(r, a, &one, &e), &e);
	CHECK_OK(repo_data_key_new(r, c, &two, &e), &e);
	repo_name_wrapped(name, a, test_key_fingerprint('1'));
	CHECK_OK(
	    store_get(s, repo_object(r, name, object), REPO_SMALL_MAX, &b, &e),
	    &e);
	repo_name_wrapped(name, c, test_key_fingerprint('1'));
	test_object_put(s, repo_object(r, name, object), b.p, b.len);
	CHECK_FAIL(opens(s, "1", c, two, &e), &e, HF_ECORRUPT);
}

TEST(openers__are_listed_with_what_they_open)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1r", "1");
	CLEANUP(freep_secret) struct secret *one = NULL;
	CLEANUP(freep_secret) struct secret *two = NULL;
	struct repo_openers o = { 0 };
	uint8_t id[REPO_ID_LEN];
	struct err e = ERR_INIT;
	size_t i, file;

	CHECK_OK(repo_data_key_new(r, id, &one, &e), &e);
	CHECK_OK(repo_data_key_new(r, id, &two, &e), &e);
	CHECK_OK(repo_openers_load(r, &o, &e), &e);
	CHECK(o.n == 2 && o.data_keys == 2);
	file = strcmp(o.v[0].kind, "file") == 0 ? 0 : 1;
	CHECK_STR(o.v[1 - file].kind, "recipient");
	CHECK(strncmp(o.v[1 - file].public_text, "hfr1", 4) == 0);
	CHECK(o.v[file].at_hand && !o.v[1 - file].at_hand);
	for (i = 0; i < 2; i++)
		CHECK(o.v[i].root && o.v[i].data_keys == 2);
	repo_openers_clear(&o);
}

static int
rewrap(struct repo *r, char letter, uint64_t *done, struct err *err)
{
	CLEANUP(freep_key) struct key *k = NULL;

	CHECK_OK(test_key_open(letter, &k, err), err);
	return repo_rewrap(r, k, done, err);
}

TEST(rewrap__lets_the_new_key_open_all_and_make_a_host_a_writer)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1", "1");
	CLEANUP(freep_repo) struct repo *b = NULL;
	CLEANUP(freep_secret) struct secret *key = NULL;
	const struct secret *seed;
	uint8_t id[REPO_ID_LEN];
	uint64_t done;
	struct err e = ERR_INIT;

	CHECK_OK(repo_data_key_new(r, id, &key, &e), &e);
	CHECK_OK(rewrap(r, '2', &done, &e), &e);
	CHECK(done == 2);
	CHECK_OK(opens(s, "2", id, key, &e), &e);
	CHECK_OK(opens(s, "1", id, key, &e), &e);
	CHECK_OK(test_repo_open(s, "b", "2", &b, &e), &e);
	CHECK_OK(repo_writer_seed(b, REPO_ROLE_WRITE, &seed, &e), &e);
	/* Once more: nothing is left to do. */
	CHECK_OK(rewrap(r, '2', &done, &e), &e);
	CHECK(done == 0);
	/* A recipient is named by the root now: new keys are wrapped for it. */
	CHECK_OK(rewrap(r, 'r', &done, &e), &e);
	CHECK(done == 2);
	secret_free(TAKE(key));
	CHECK_OK(repo_data_key_new(r, id, &key, &e), &e);
	CHECK_OK(opens(s, "i", id, key, &e), &e);
}

TEST(rewrap__killed_at_any_put_is_run_again)
{
	struct store_fault fault = {
		.ops = STORE_OP_PUT,
		.code = HF_EUNAVAIL,
	};
	uint8_t id[3][REPO_ID_LEN];
	struct err e = ERR_INIT;
	uint64_t done, n;
	int i, mode;

	for (mode = 0; mode < 2; mode++)
		for (n = 1; n <= 4; n++) {
			CLEANUP(freep_store) struct store *s = new_store();
			CLEANUP(freep_repo)
			struct repo *r = new_repo(s, "1", "1");
			struct secret *key[3];

			for (i = 0; i < 3; i++)
				CHECK_OK(
				    repo_data_key_new(r, id[i], &key[i], &e),
				    &e);
			fault.kind =
			    mode == 0 ? STORE_FAULT_FAIL : STORE_FAULT_LOST;
			fault.nth = n;
			CHECK_OK(store_fault_add(s, &fault, &e), &e);
			CHECK(rewrap(r, '2', &done, &e) < 0 || mode == 1);
			store_fault_clear(s);
			/* Whatever happened, the old key opens everything. */
			for (i = 0; i < 3; i++)
				CHECK_OK(opens(s, "1", id[i], key[i], &e), &e);
			CHECK_OK(rewrap(r, '2', &done, &e), &e);
			for (i = 0; i < 3; i++) {
				CHECK_OK(opens(s, "2", id[i], key[i], &e), &e);
				secret_free(key[i]);
			}
			forget("a");
			forget("reader");
		}
}

TEST(rewrap__names_a_wrapping_that_holds_another_key_and_goes_on)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1", "1");
	CLEANUP(freep_key) struct key *two = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	struct secret *key[2], *other = NULL;
	uint8_t id[2][REPO_ID_LEN];
	struct err e = ERR_INIT;
	uint64_t done;

	CHECK_OK(repo_data_key_new(r, id[0], &key[0], &e), &e);
	CHECK_OK(repo_data_key_new(r, id[1], &key[1], &e), &e);
	CHECK_OK(secret_random(32, &other, &e), &e);
	CHECK_OK(test_key_open('2', &two, &e), &e);
	CHECK_OK(repo_wrap(two, REPO_KEY_DATA, repo_head(r)->vault_id, id[0],
		     other, &b, &e),
	    &e);
	repo_name_wrapped(name, id[0], two->fingerprint);
	test_object_put(s, repo_object(r, name, object), b.p, b.len);

	CHECK_FAIL(repo_rewrap(r, two, &done, &e), &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, name) != NULL);
	CHECK(done == 2);
	CHECK_OK(opens(s, "2", id[1], key[1], &e), &e);
	secret_free(other);
	secret_free(key[0]);
	secret_free(key[1]);
}

TEST(rewrap__needs_a_key_that_opens_what_there_is)
{
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = new_repo(s, "1", "3");
	struct err e = ERR_INIT;
	uint64_t done;

	CHECK_FAIL(rewrap(r, '2', &done, &e), &e, HF_EKEY);
	CHECK(done == 0);
}

TEST(init__killed_at_any_put_is_run_again)
{
	struct store_fault fault = {
		.ops = STORE_OP_PUT,
		.code = HF_EUNAVAIL,
	};
	struct err e = ERR_INIT;
	char host[8];
	uint64_t n;

	/* Two wrappings of the root, the certificate, F. */
	for (n = 1; n <= 4; n++) {
		CLEANUP(freep_store) struct store *s = new_store();
		CLEANUP(freep_repo) struct repo *r = NULL;
		struct repo_openers o = { 0 };
		const struct secret *seed;
		uint64_t done;

		(void)snprintf(host, sizeof(host), "a%d", (int)n);
		fault.kind = STORE_FAULT_FAIL;
		fault.nth = n;
		CHECK_OK(store_fault_add(s, &fault, &e), &e);
		CHECK_FAIL(test_repo_init(s, host, "12", &e), &e, HF_EUNAVAIL);
		store_fault_clear(s);
		CHECK(test_count(s, "hf1/main/F") == 0);

		CHECK_OK(test_repo_init(s, host, "12", &e), &e);
		CHECK_OK(test_repo_open(s, host, "2", &r, &e), &e);
		CHECK_OK(repo_writer_seed(r, REPO_ROLE_WRITE, &seed, &e), &e);
		/* What the killed one left does not disturb. */
		CHECK_OK(repo_openers_load(r, &o, &e), &e);
		CHECK(o.n == 2 && o.v[0].root && o.v[1].root);
		CHECK(o.data_keys == 0);
		repo_openers_clear(&o);
		CHECK_OK(rewrap(r, '3', &done, &e), &e);
		CHECK(done == 1);
	}
}

TEST(init__whose_answer_got_lost_has_made_the_repository)
{
	const struct store_fault fault = {
		.kind = STORE_FAULT_LOST,
		.ops = STORE_OP_PUT,
		.code = HF_EUNAVAIL,
	};
	CLEANUP(freep_store) struct store *s = new_store();
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_fault_add(s, &fault, &e), &e);
	CHECK_OK(test_repo_init(s, "a", "1", &e), &e);
	CHECK_OK(test_repo_open(s, "a", "1", &r, &e), &e);
}
