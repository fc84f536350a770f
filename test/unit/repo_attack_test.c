#include "base/buf.h"
#include "base/entry.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "job/job.h"
#include "job/job_key.h"
#include "job/job_restore.h"
#include "job/job_verify.h"
#include "key/key.h"
#include "repo/repo.h"
#include "repo/repo_impl.h"
#include "repo/repo_reader.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_job.h"
#include "test_repo.h"

/*
 * What somebody tries who may write to the place, or who has stolen a host
 * that may only write; and how it ends.
 */

static const struct job job = { .workers = 2 };

#define HOUR 3600000ll
#define T0 (1800000000ll * 1000) /* 2027-01-15 */

struct made {
	struct store *mem, *store; /* The second stands before the first. */
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_source src;
	int64_t now;
	char id[17];
};

static void
clear(struct made *m)
{
	repo_catalogue_clear(&m->cat);
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
reload(struct made *m)
{
	struct err e = ERR_INIT;

	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
}

/* Back up once more, an hour later, other content. */
static void
back_up(struct made *m)
{
	struct err e = ERR_INIT;

	pass(m, HOUR);
	m->src.seed++;
	CHECK_OK(test_backup(m->repo, &m->src, m->id, &e), &e);
	reload(m);
}

static void
make_on(struct made *m, const char *host, const char *keys)
{
	struct err e = ERR_INIT;

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->mem, &e), &e);
	CHECK_OK(store_fault_new(m->mem, &m->store, &e), &e);
	pass(m, T0);
	CHECK_OK(test_repo_init(m->store, host, keys, &e), &e);
	CHECK_OK(test_repo_open(m->store, host, keys, &m->repo, &e), &e);
	test_source_init(&m->src);
	back_up(m);
	CHECK(m->cat.n == 1 && m->cat.nfindings == 0);
}

static void
make(struct made *m, const char *keys)
{
	make_on(m, "host", keys);
}

static bool
found(const struct made *m, const char *what)
{
	size_t i;

	for (i = 0; i < m->cat.nfindings; i++)
		if (strstr(m->cat.findings[i].what, what) != NULL)
			return true;
	for (i = 0; i < m->cat.nfindings; i++)
		printf("# found: %s\n", m->cat.findings[i].what);
	return false;
}

/* The whole name of what the repository calls ${name}, until the next call. */
static const char *
object(const struct made *m, const char *name)
{
	static char text[REPO_NAME_MAX + 64];

	return repo_object(m->repo, name, text);
}

static const char *
pack_object(const struct made *m, const struct repo_backup *b, size_t i)
{
	const struct repo_pack_row row = test_pack(m->repo, b, i);
	char name[REPO_NAME_MAX];

	repo_name_pack(name, row.hour, row.oid);
	return object(m, name);
}

static void
read_object(struct made *m, const char *name, struct buf *b)
{
	struct err e = ERR_INIT;

	CHECK_OK(store_get(m->store, name, 64u << 20, b, &e), &e);
}

/* How many findings has ${level} about backup ${i}? */
static uint64_t
bad(struct made *m, size_t i, enum job_verify_level level)
{
	const struct job_verify_opts opts = { .level = level, .attest = true };
	struct job_verify_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_verify(&job, m->repo, &m->cat.backups[i], &opts, &rep, &e), &e);
	return rep.bad;
}

static int
restore(struct made *m, size_t i, struct err *err)
{
	const struct job_restore_opts opts = { .to = "-", .dry_run = true };
	struct job_restore_report rep;

	return job_restore(&job, m->repo, &m->cat.backups[i], &opts, &rep, err);
}

/* Put ${b} in the place of pack 0 of backup ${i}: who does is found out. */
static void
check_pack_refused(struct made *m, size_t i, const struct buf *b)
{
	struct err e = ERR_INIT;

	test_object_put(
	    m->store, pack_object(m, &m->cat.backups[i], 0), b->p, b->len);
	CHECK(bad(m, i, VERIFY_BYTES) > 0);
	CHECK(bad(m, i, VERIFY_OPENS) > 0);
	CHECK_FAIL(restore(m, i, &e), &e, HF_ECORRUPT);
	reload(m);
	CHECK(m->cat.backups[i].bad && m->cat.backups[i].verified_level < 0);
}

TEST(pack__truncated_is_found)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	make(&m, "1");
	read_object(&m, pack_object(&m, &m.cat.backups[0], 0), &b);
	b.len = b.len / 2;
	check_pack_refused(&m, 0, &b);
}

TEST(pack__extended_is_found)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	make(&m, "1");
	read_object(&m, pack_object(&m, &m.cat.backups[0], 0), &b);
	CHECK_OK(buf_add(&b, "more", 4, &e), &e);
	test_object_put(
	    m.store, pack_object(&m, &m.cat.backups[0], 0), b.p, b.len);
	/* Restored, it is what it was: what was added is never looked at. */
	CHECK(bad(&m, 0, VERIFY_PRESENT) > 0);
	CHECK_OK(restore(&m, 0, &e), &e);
}

TEST(pack__reordered_inside_is_found)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t swap[4096];

	make(&m, "1");
	read_object(&m, pack_object(&m, &m.cat.backups[0], 0), &b);
	CHECK(b.len > 256 + 2 * sizeof(swap));
	memcpy(swap, b.p + 256, sizeof(swap));
	memmove(b.p + 256, b.p + 256 + sizeof(swap), sizeof(swap));
	memcpy(b.p + 256 + sizeof(swap), swap, sizeof(swap));
	check_pack_refused(&m, 0, &b);
}

TEST(pack__of_another_backup_in_its_place_is_found)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	make(&m, "1");
	back_up(&m);
	read_object(&m, pack_object(&m, &m.cat.backups[0], 0), &b);
	check_pack_refused(&m, 1, &b);
}

TEST(pack__of_another_repository_in_its_place_is_found)
{
	CLEANUP(clear) struct made m;
	CLEANUP(clear) struct made other;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	make_on(&other, "other", "2");
	read_object(&other, pack_object(&other, &other.cat.backups[0], 0), &b);
	make(&m, "1");
	check_pack_refused(&m, 0, &b);
}

TEST(pack__duplicated_under_another_name_changes_nothing)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	static const uint8_t oid[REPO_OID_LEN] = { 7 };
	char name[REPO_NAME_MAX];

	make(&m, "1");
	read_object(&m, pack_object(&m, &m.cat.backups[0], 0), &b);
	repo_name_pack(name, test_pack(m.repo, &m.cat.backups[0], 0).hour, oid);
	test_object_put(m.store, object(&m, name), b.p, b.len);
	CHECK(bad(&m, 0, VERIFY_CONTENT) == 0);
}

TEST(manifest__duplicated_under_another_number_is_named)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX];

	make(&m, "1");
	back_up(&m);
	read_object(&m, object(&m, m.cat.backups[0].name), &b);
	repo_name_manifest(name, 3, m.now, m.cat.backups[0].m.sha256);
	test_object_put(m.store, object(&m, name), b.p, b.len);
	reload(&m);
	CHECK(m.cat.n == 2 && found(&m, "its name does not match"));
}

TEST(manifest__of_another_repository_is_named)
{
	CLEANUP(clear) struct made m;
	CLEANUP(clear) struct made other;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[REPO_NAME_MAX];

	make_on(&other, "other", "2");
	strcpy(name, other.cat.backups[0].name);
	read_object(&other, object(&other, name), &b);
	make(&m, "1");
	test_object_put(m.store, object(&m, name), b.p, b.len);
	reload(&m);
	CHECK(m.cat.n == 1 && found(&m, "has no certificate"));
}

/* The latest is what the newest commit made, whatever was stored last. */
TEST(manifest__stored_again_is_not_the_latest)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	const struct repo_backup *latest;
	struct err e = ERR_INIT;
	char old[REPO_NAME_MAX + 64], first_id[17];
	int i;

	make(&m, "1");
	strcpy(first_id, m.id);
	strcpy(old, object(&m, m.cat.backups[0].name));
	back_up(&m);
	read_object(&m, old, &b);
	/* Within its commit deadline, and long after it. */
	for (i = 0; i < 2; i++) {
		pass(&m, i == 0 ? HOUR : 100 * HOUR);
		test_object_put(m.store, old, b.p, b.len);
		reload(&m);
		CHECK_OK(
		    repo_catalogue_find(&m.cat, "latest", &latest, &e), &e);
		CHECK_STR(latest->id, m.id);
		CHECK_STR(m.cat.backups[0].id, first_id);
		CHECK(m.cat.backups[0].again == (i == 1));
		CHECK(!m.cat.backups[1].again);
	}
}

/* Certify this very host anew, and open it so. */
static void
certify(struct made *m, const struct repo_cert *how)
{
	CLEANUP(freep_secret) struct secret *root = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct repo_cert w = *how;
	char name[REPO_NAME_MAX], word[] = "host";
	uint8_t fp[SIGN_FINGERPRINT_LEN];
	uint32_t roles;
	struct err e = ERR_INIT;

	w.name = word;
	memcpy(w.vault_id, repo_head(m->repo)->vault_id, REPO_ID_LEN);
	CHECK_OK(repo_writer_public(m->repo, w.pk, &roles, &e), &e);
	CHECK_OK(repo_writer_fingerprint(m->repo, fp, &e), &e);
	CHECK_OK(repo_root_seed(m->repo, &root, &e), &e);
	CHECK_OK(repo_cert_encode(&w, root, &b, &e), &e);
	repo_name_cert(name, fp);
	test_object_put(m->store, object(m, name), b.p, b.len);
}

TEST(manifest__of_a_certificate_that_had_expired_is_named)
{
	CLEANUP(clear) struct made m;

	make(&m, "1");
	certify(&m, &(struct repo_cert){
			.roles = REPO_ROLE_ALL, .expires_ms = m.now - 1 });
	reload(&m);
	CHECK(m.cat.n == 0 && m.cat.unsure && found(&m, "had expired"));
}

TEST(manifest__of_a_source_that_its_writer_may_not_back_up_is_named)
{
	CLEANUP(clear) struct made m;
	char glob[] = "www*";
	char *sources[] = { glob };

	make(&m, "1");
	certify(&m,
	    &(struct repo_cert){
		.roles = REPO_ROLE_ALL, .sources = sources, .nsources = 1 });
	reload(&m);
	CHECK(m.cat.n == 0 && found(&m, "may not back up 'src'"));
}

TEST(manifest__of_a_host_that_may_only_verify_is_named)
{
	CLEANUP(clear) struct made m;

	make(&m, "1");
	certify(&m, &(struct repo_cert){ .roles = REPO_ROLE_VERIFY });
	reload(&m);
	CHECK(m.cat.n == 0 && found(&m, "may not write such objects"));
}

TEST(tombstone__of_a_certificate_that_had_expired_removes_nothing)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, "1");
	pass(&m, HOUR);
	CHECK_OK(test_tombstone(m.repo, &m.cat.backups[0], &e), &e);
	certify(&m,
	    &(struct repo_cert){ .roles = REPO_ROLE_ALL, .expires_ms = m.now });
	reload(&m);
	CHECK(m.cat.n == 1 && !m.cat.backups[0].removed);
	CHECK(found(&m, "had expired"));
}

TEST(attestation__under_another_name_is_named)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	static const uint8_t rnd[4] = { 1 };
	char name[REPO_NAME_MAX];

	make(&m, "1");
	CHECK(bad(&m, 0, VERIFY_PRESENT) == 0);
	read_object(&m, test_first(m.store, "hf1/main/a/"), &b);
	pass(&m, HOUR);
	repo_name_attest(name, m.cat.backups[0].m.sha256, m.now, rnd);
	test_object_put(m.store, object(&m, name), b.p, b.len);
	reload(&m);
	CHECK(m.cat.backups[0].verified_level == 0);
	CHECK(found(&m, "belongs to another name"));
}

TEST(litter__with_the_next_number_does_not_stop_a_commit)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf big = BUF_INIT;
	struct err e = ERR_INIT;

	make(&m, "1");
	CHECK_OK(buf_reserve(&big, REPO_MANIFEST_MAX + 1, &e), &e);
	memset(big.p, 'x', REPO_MANIFEST_MAX + 1);
	test_object_put(
	    m.store, "hf1/main/s/000000000002-a", big.p, REPO_MANIFEST_MAX + 1);
	test_object_put(m.store, "hf1/main/s/000000000002-b", "", 0);
	back_up(&m);
	CHECK(m.cat.n == 2 && m.cat.backups[1].m.seq == 2 && m.cat.unsure);
}

/* The name of a wrapped root seed for an opener that nobody has. */
static const char *
root_object(struct made *m)
{
	static const uint8_t nobody[KEY_FINGERPRINT_LEN] = { 1 };
	uint8_t root[SIGN_FINGERPRINT_LEN];
	char name[REPO_NAME_MAX];
	struct err e = ERR_INIT;

	CHECK_OK(sign_fingerprint(repo_head(m->repo)->root_pk, root, &e), &e);
	repo_name_wrapped(name, root, nobody);
	return object(m, name);
}

TEST(litter__among_the_openers_does_not_stop_a_backup)
{
	CLEANUP(clear) struct made m;

	make(&m, "1");
	test_object_put(m.store, root_object(&m), "litter", 6);
	back_up(&m);
	CHECK(m.cat.n == 2 && bad(&m, 1, VERIFY_CONTENT) == 0);
}

TEST(litter__in_the_place_of_a_wrapped_key_is_found_without_a_key)
{
	CLEANUP(clear) struct made m;
	char name[REPO_NAME_MAX + 64];

	make(&m, "1");
	repo_name_wrapped(
	    name, m.cat.backups[0].m.keys[0], test_key_fingerprint('1'));
	CHECK(bad(&m, 0, VERIFY_PRESENT) == 0);
	test_object_flip(m.store, object(&m, name), 100);
	CHECK(bad(&m, 0, VERIFY_PRESENT) == 1);
}

/* Would ${letter} be added if ${b} lay where the root seed is for it? */
static int
add_over(struct made *m, char letter, const struct buf *b, struct err *err)
{
	CLEANUP(freep_key) struct key *k = NULL;
	uint8_t root[SIGN_FINGERPRINT_LEN];
	char name[REPO_NAME_MAX];
	uint64_t done;

	CHECK_OK(test_key_open(letter, &k, err), err);
	CHECK_OK(sign_fingerprint(repo_head(m->repo)->root_pk, root, err), err);
	repo_name_wrapped(name, root, k->fingerprint);
	test_object_put(m->store, object(m, name), b->p, b->len);
	return repo_rewrap(m->repo, k, &done, err);
}

TEST(litter__where_the_root_seed_should_be_does_not_pass_for_it)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_secret) struct secret *mine = NULL;
	CLEANUP(freep_key) struct key *k = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	uint8_t root[SIGN_FINGERPRINT_LEN];
	struct err e = ERR_INIT;

	make(&m, "1");
	CHECK_OK(buf_add(&b, "litter", 6, &e), &e);
	CHECK_FAIL(add_over(&m, 'r', &b, &e), &e, HF_ECORRUPT);

	/* As well made as can be, but by another root. */
	b.len = 0;
	CHECK_OK(test_key_open('r', &k, &e), &e);
	CHECK_OK(secret_random(32, &mine, &e), &e);
	CHECK_OK(sign_fingerprint(repo_head(m.repo)->root_pk, root, &e), &e);
	CHECK_OK(repo_wrap(k, REPO_KEY_ROOT, repo_head(m.repo)->vault_id, root,
		     mine, &b, &e),
	    &e);
	CHECK_FAIL(add_over(&m, 'r', &b, &e), &e, HF_ECORRUPT);
}

TEST(litter__does_not_pass_for_the_other_opener_of_a_key_to_be_removed)
{
	CLEANUP(clear) struct made m;
	static const uint8_t nobody[KEY_FINGERPRINT_LEN] = { 1 };
	char name[REPO_NAME_MAX];
	struct err e = ERR_INIT;
	uint64_t done;

	make(&m, "1");
	test_object_put(m.store, root_object(&m), "litter", 6);
	repo_name_wrapped(name, m.cat.backups[0].m.keys[0], nobody);
	test_object_put(m.store, object(&m, name), "litter", 6);
	CHECK_FAIL(
	    job_key_remove(&job, m.repo, test_key_fingerprint('1'), &done, &e),
	    &e, HF_EDENIED);
	CHECK(bad(&m, 0, VERIFY_CONTENT) == 0);
}

/* Asks for nothing but put: so do not even try. */
static int
only_put(void *arg, enum store_op op, const char *name, struct err *err)
{
	size_t *puts = arg;

	(void)name;
	if (op == STORE_OP_NOW)
		return 0;
	if (op != STORE_OP_PUT)
		return err_set(err, HF_EDENIED, "only put is allowed");
	__atomic_add_fetch(puts, 1, __ATOMIC_RELAXED);
	return 0;
}

TEST(backup__by_a_stolen_host_that_may_only_put_opens_nothing)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo) struct repo *host = NULL;
	const struct secret *key;
	struct err e = ERR_INIT;
	size_t puts = 0, i;
	char id[17];

	make(&m, "1r");
	CHECK_OK(test_repo_open(m.store, "host", "r", &host, &e), &e);
	store_fault_hook(m.store, only_put, &puts);
	CHECK_OK(test_backup(host, &m.src, id, &e), &e);
	CHECK(puts > 2);
	store_fault_hook(m.store, NULL, NULL);
	reload(&m);
	CHECK(m.cat.n == 2 && m.cat.nfindings == 0);
	for (i = 0; i < m.cat.n; i++)
		CHECK_FAIL(
		    repo_data_key(host, m.cat.backups[i].m.keys[0], &key, &e),
		    &e, HF_EKEY);
}

/* The answer got lost, and to the next try the store says: it exists. */
TEST(backup__by_a_host_that_may_only_put_outlives_a_lost_answer)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo) struct repo *host = NULL;
	static const char *const kinds[] = { "hf1/main/k/", "hf1/main/p/",
		"hf1/main/s/" };
	struct err e = ERR_INIT;
	size_t i;
	char id[17];

	make(&m, "1");
	CHECK_OK(test_repo_open(m.store, "host", "1", &host, &e), &e);
	for (i = 0; i < 3; i++)
		CHECK_OK(store_fault_add(m.store,
			     &(struct store_fault){ .kind = STORE_FAULT_LOST,
				 .ops = STORE_OP_PUT,
				 .prefix = kinds[i],
				 .times = 1,
				 .code = HF_EEXISTS },
			     &e),
		    &e);
	m.store->power = STORE_WRITE;
	CHECK_OK(test_backup(host, &m.src, id, &e), &e);
	m.store->power = STORE_READ | STORE_WRITE;
	store_fault_clear(m.store);
	reload(&m);
	CHECK(m.cat.n == 2 && m.cat.nfindings == 0);
	CHECK(bad(&m, 1, VERIFY_CONTENT) == 0);
}
