#include "base/buf.h"
#include "job/job_prune.h"
#include "repo/repo.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

/*
 * A certificate that ends, one that is taken back, and a removal that is
 * undone: and who puts things back, takes them away, or copies them.
 */

#define HOUR INT64_C(3600000)
#define T0 INT64_C(1800000000000)

/* The owner, and the host "b", which can open nothing. */
struct made {
	struct store *store;
	struct repo *owner, *b;
	struct repo_catalogue cat;
	uint8_t pk[SIGN_PUBLIC_LEN];
	int64_t now;
	char id[REPO_BACKUP_ID_LEN + 1];
};

static void
clear(struct made *m)
{
	repo_catalogue_clear(&m->cat);
	repo_free(m->owner);
	repo_free(m->b);
	store_free(m->store);
}

static void
pass(struct made *m, int64_t ms)
{
	m->now += ms;
	store_mem_set_time(m->store, m->now);
}

/* Open "b" anew: it has forgotten what it knew of its rights. */
static void
open_b(struct made *m)
{
	struct err e = ERR_INIT;

	repo_free(TAKE(m->b));
	CHECK_OK(test_repo_open(m->store, "b", "r", &m->b, &e), &e);
}

static void
make(struct made *m, int64_t until)
{
	struct err e = ERR_INIT;
	uint32_t roles;

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	pass(m, T0);
	CHECK_OK(test_repo_init(m->store, "a", "1r", &e), &e);
	CHECK_OK(test_repo_open(m->store, "a", "1r", &m->owner, &e), &e);
	open_b(m);
	CHECK_OK(repo_writer_public(m->b, m->pk, &roles, &e), &e);
	CHECK_OK(
	    repo_certify(m->owner, m->pk, "b", REPO_ROLE_ALL, until, &e), &e);
}

static void
commit(struct made *m, struct repo *r)
{
	struct err e = ERR_INIT;

	pass(m, HOUR);
	CHECK_OK(test_commit(r, "src", m->id, &e), &e);
}

static void
load_at(struct made *m, struct repo *r)
{
	struct err e = ERR_INIT;

	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(r, &m->cat, &e), &e);
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

static int
take_back(struct made *m, const char *text, uint64_t *kept, struct err *err)
{
	struct repo_revoked rep;
	int rc;

	load_at(m, m->owner);
	if ((rc = repo_revoke(m->owner, &m->cat, text, &rep, err)) == 0)
		*kept = rep.kept;
	return rc;
}

TEST(certificate__counts_until_its_end)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, T0 + 3 * HOUR);
	commit(&m, m.b);
	pass(&m, 2 * HOUR);
	CHECK_FAIL(test_commit(m.b, "src", m.id, &e), &e, HF_EDENIED);
	CHECK(strstr(e.msg, "has expired") != NULL);
	load_at(&m, m.owner);
	CHECK(m.cat.n == 1 && m.cat.nfindings == 0);
}

TEST(certificate__with_an_end_that_is_over_is_not_made)
{
	CLEANUP(clear) struct made m;
	static const uint8_t other[SIGN_PUBLIC_LEN] = { 1 };
	struct err e = ERR_INIT;

	make(&m, 0);
	CHECK_FAIL(repo_certify(m.owner, other, "c", 1, T0, &e), &e, HF_EUSAGE);
	/* And none is changed. */
	CHECK_FAIL(
	    repo_certify(m.owner, m.pk, "b", 1, T0 + HOUR, &e), &e, HF_EEXISTS);
}

/* A copy of the repository has new times, and must not lose a backup. */
TEST(certificate__that_has_ended_leaves_a_copied_backup_with_a_warning)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char name[300];

	make(&m, T0 + 3 * HOUR);
	commit(&m, m.b);
	strcpy(name, test_first(m.store, "hf1/main/s/"));
	CHECK_OK(store_get(m.store, name, 1 << 20, &b, &e), &e);
	pass(&m, 10 * HOUR);
	test_object_put(m.store, name, b.p, b.len);
	load_at(&m, m.owner);
	CHECK(m.cat.n == 1 && m.cat.backups[0].again);
	CHECK(!m.cat.unsure && found(&m, "after the certificate"));
}

TEST(revoke__keeps_what_was_there_and_nothing_else)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf late = BUF_INIT;
	struct err e = ERR_INIT;
	char name[300], first[17];
	uint64_t kept = 0;

	make(&m, 0);
	commit(&m, m.owner);
	commit(&m, m.b);
	strcpy(first, m.id);
	/* One that the owner does not see, and that turns up afterwards. */
	commit(&m, m.b);
	load_at(&m, m.owner);
	CHECK(m.cat.n == 3);
	(void)snprintf(
	    name, sizeof(name), "hf1/main/%s", m.cat.backups[2].name);
	CHECK_OK(store_get(m.store, name, 1 << 20, &late, &e), &e);
	test_object_put(m.store, name, NULL, 0);
	CHECK_OK(take_back(&m, "b", &kept, &e), &e);
	CHECK(kept == 1);
	test_object_put(m.store, name, late.p, late.len);

	load_at(&m, m.owner);
	CHECK(m.cat.n == 2 && found(&m, "was revoked at") && !m.cat.unsure);
	CHECK_STR(m.cat.backups[1].id, first);
	CHECK(!found(&m, "is gone"));
	/* The list is complete without it. */
	CHECK(m.cat.nfindings == 1 && m.cat.nsettled == 1);
	CHECK_OK(take_back(&m, "b", &kept, &e), &e);
	CHECK(kept == 1 && test_count(m.store, "hf1/main/r/") == 1);
	CHECK_FAIL(take_back(&m, "c", &kept, &e), &e, HF_ENOTFOUND);
}

TEST(revoke__tells_the_host_before_it_backs_up_in_vain)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	uint64_t kept;

	make(&m, 0);
	commit(&m, m.b);
	CHECK_OK(take_back(&m, "b", &kept, &e), &e);
	open_b(&m);
	CHECK_FAIL(test_commit(m.b, "src", m.id, &e), &e, HF_EDENIED);
	CHECK(strstr(e.msg, "was revoked") != NULL);
	CHECK(strstr(e.hint, "seed") != NULL);
}

TEST(revoke__keeps_tombstones_and_attests_nothing_new)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	uint64_t kept;

	make(&m, 0);
	commit(&m, m.owner);
	commit(&m, m.owner);
	load_at(&m, m.owner);
	CHECK_OK(test_tombstone(m.b, &m.cat.backups[0], &e), &e);
	CHECK_OK(take_back(&m, "b", &kept, &e), &e);
	CHECK(kept == 1);
	/* It signs on, with what it has open. */
	CHECK_OK(test_tombstone(m.b, &m.cat.backups[1], &e), &e);
	load_at(&m, m.owner);
	CHECK(m.cat.n == 2 && m.cat.backups[0].removed);
	CHECK(!m.cat.backups[1].removed && found(&m, "was revoked at"));
	CHECK(m.cat.nfindings == 1 && m.cat.nsettled == 1);
}

TEST(catalogue__has_who_may_write_and_who_was_revoked)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	const struct repo_certified *w;
	uint64_t kept;

	make(&m, T0 + 9 * HOUR);
	commit(&m, m.b);
	load_at(&m, m.owner);
	CHECK(m.cat.nwriters == 2);
	w = m.cat.writers;
	CHECK_STR(w[0].cert.name, "a");
	CHECK(w[0].cert.expires_ms == 0 && w[0].revoked_ms == 0);
	CHECK_STR(w[1].cert.name, "b");
	CHECK(w[1].cert.roles == REPO_ROLE_ALL && w[1].cert.created_ms == T0);
	CHECK(w[1].cert.expires_ms == T0 + 9 * HOUR && w[1].revoked_ms == 0);
	CHECK(memcmp(w[1].cert.pk, m.pk, sizeof(m.pk)) == 0);
	CHECK(memcmp(w[1].fingerprint, m.cat.backups[0].m.writer,
		  SIGN_FINGERPRINT_LEN) == 0);
	CHECK_OK(take_back(&m, "b", &kept, &e), &e);
	load_at(&m, m.owner);
	CHECK(m.cat.nwriters == 2 && m.cat.writers[0].revoked_ms == 0);
	CHECK(m.cat.writers[1].revoked_ms == T0 + HOUR);
}

/* Nobody may take it for what does not count: its packs are needed. */
TEST(revoke__does_not_hide_that_what_stays_is_damaged)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	uint64_t kept = 0;

	make(&m, 0);
	commit(&m, m.b);
	CHECK_OK(take_back(&m, "b", &kept, &e), &e);
	CHECK(kept == 1);
	test_object_flip(m.store, test_first(m.store, "hf1/main/s/"), 200);
	load_at(&m, m.owner);
	CHECK(m.cat.n == 0 && m.cat.unsure && m.cat.nsettled == 0);
	CHECK(found(&m, "the signature does not match"));
}

/* Whoever may delete takes the revocation away. */
TEST(revoke__that_is_gone_counts_where_it_was_seen)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo) struct repo *c = NULL;
	struct err e = ERR_INIT;
	uint64_t kept;
	char name[300];

	make(&m, 0);
	commit(&m, m.b);
	CHECK_OK(take_back(&m, "b", &kept, &e), &e);
	CHECK_OK(test_repo_open(m.store, "c", "1", &c, &e), &e);
	load_at(&m, c);
	CHECK(m.cat.n == 1 && m.cat.nfindings == 0);
	strcpy(name, test_first(m.store, "hf1/main/r/"));
	test_object_put(m.store, name, NULL, 0);
	commit(&m, m.b);
	load_at(&m, c);
	CHECK(m.cat.n == 1);
	CHECK(found(&m, "seen here before, is gone"));
	CHECK(found(&m, "was revoked at"));

	/* Said again, it is put back as it was. */
	CHECK_OK(take_back(&m, "b", &kept, &e), &e);
	CHECK(kept == 1);
	load_at(&m, c);
	CHECK(m.cat.n == 1 && !found(&m, "is gone"));
}

/* Whoever may write puts one there that the root has not signed. */
TEST(revoke__by_a_stranger_revokes_nobody)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	uint8_t fp[SIGN_FINGERPRINT_LEN];
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	uint64_t kept;

	make(&m, 0);
	commit(&m, m.b);
	CHECK_OK(take_back(&m, "a", &kept, &e), &e);
	CHECK_OK(store_get(m.store, test_first(m.store, "hf1/main/r/"), 1 << 20,
		     &b, &e),
	    &e);
	CHECK_OK(repo_writer_fingerprint(m.b, fp, &e), &e);
	repo_name_revocation(name, fp);
	test_object_put(m.store, repo_object(m.b, name, object), b.p, b.len);
	open_b(&m);
	commit(&m, m.b);
	load_at(&m, m.owner);
	CHECK(m.cat.n == 2 && !m.cat.unsure);
	CHECK(found(&m, "belongs to another name"));
}

TEST(undo__holds_when_the_tombstone_is_put_back)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char name[300];

	make(&m, 0);
	commit(&m, m.owner);
	commit(&m, m.owner);
	load_at(&m, m.owner);
	CHECK_OK(test_tombstone(m.owner, &m.cat.backups[0], &e), &e);
	strcpy(name, test_first(m.store, "hf1/main/t/"));
	CHECK_OK(store_get(m.store, name, 1 << 20, &b, &e), &e);
	load_at(&m, m.owner);
	CHECK(m.cat.backups[0].removed);
	CHECK_OK(job_prune_undo(
		     m.owner, &m.cat, &m.cat.backups[0], JOB_PRUNE_UNDO_MS, &e),
	    &e);
	CHECK(test_count(m.store, "hf1/main/t/") == 0);

	test_object_put(m.store, name, b.p, b.len);
	load_at(&m, m.owner);
	CHECK(m.cat.n == 2 && !m.cat.backups[0].removed);
	CHECK(m.cat.backups[0].undone && found(&m, "was undone"));

	/* It can be removed again all the same: by another tombstone. */
	test_object_put(m.store, name, NULL, 0);
	pass(&m, HOUR);
	CHECK_OK(test_tombstone(m.owner, &m.cat.backups[0], &e), &e);
	load_at(&m, m.owner);
	CHECK(m.cat.backups[0].removed && m.cat.nfindings == 0);
}

TEST(undo__that_was_cut_off_has_undone)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m, 0);
	commit(&m, m.owner);
	load_at(&m, m.owner);
	CHECK_OK(test_tombstone(m.owner, &m.cat.backups[0], &e), &e);
	CHECK_OK(repo_undo(m.owner, &m.cat.backups[0], &e), &e);
	CHECK_OK(repo_undo(m.owner, &m.cat.backups[0], &e), &e);
	load_at(&m, m.owner);
	CHECK(!m.cat.backups[0].removed && m.cat.backups[0].undone);
}
