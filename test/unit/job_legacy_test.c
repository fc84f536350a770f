#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/file.h"
#include "base/time.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "repo/repo.h"
#include "source/source.h"
#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

#define DAY (24 * 3600 * INT64_C(1000))
#define T0 INT64_C(1795168800000) /* 2026-11-20T10:00:00Z */
#define RW (STORE_READ | STORE_WRITE)

static const struct job job = { .workers = 2 };

/* An etcd whose snapshot has ${blocks} blocks. */
struct fake {
	struct source source;
	size_t blocks;
	unsigned fails; /* So many times, before it works. */
	enum hf_code code;
	unsigned reads;
	/* Meanwhile another run stores a dump of T0, and a second goes by. */
	struct store *raced;
};

static void
race(struct store *mem)
{
	const struct store_blob blob = { .p = (const uint8_t *)"x", .len = 1 };
	struct err e = ERR_INIT;
	char name[REPO_LEGACY_NAME_MAX];

	(void)repo_legacy_name("b", T0, REPO_LEGACY_DUMP, name);
	CHECK_OK(store_put(mem, name, &blob, &e), &e);
	store_mem_set_time(mem, T0 + 1000);
}

static void
snapshot(size_t blocks, struct buf *b)
{
	uint8_t digest[SHA256_LEN];
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(buf_reserve(b, blocks * 512 + 32, &e), &e);
	for (i = 0; i < blocks * 512; i++)
		b->p[i] = (uint8_t)(i * 7 + i / 4099);
	/* The first page of a bbolt file. */
	memcpy(b->p + 16, "\xed\xda\x0c\xed\x02\0\0\0", 8);
	b->len = i;
	CHECK_OK(sha256_of(b->p, b->len, digest, &e), &e);
	CHECK_OK(buf_add(b, digest, sizeof(digest), &e), &e);
}

static int
push(struct sink *sink, const uint8_t *p, size_t n, struct err *err)
{
	uint8_t *to;
	size_t room;
	int rc;

	for (; n > 0; p += room, n -= room) {
		if ((rc = sink_check(sink, err)) < 0 ||
		    (rc = sink_space(sink, &to, &room, err)) < 0)
			return rc;
		room = room < n ? room : n;
		memcpy(to, p, room);
		if ((rc = sink_wrote(sink, room, err)) < 0)
			return rc;
	}
	return 0;
}

static int
fake_read(struct source *s, struct sink *sink, struct err *err)
{
	struct fake *f = (struct fake *)s;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char path[] = "snapshot.db";
	struct entry e = {
		.path = path, .type = ENTRY_FILE, .has_sha256 = true
	};
	int rc;

	f->reads++;
	snapshot(f->blocks, &b);
	if ((rc = sink_begin(sink, path, b.len, SOURCE_HASHES, err)) < 0 ||
	    (rc = push(sink, b.p, b.len - 32, err)) < 0)
		return rc;
	if (f->raced != NULL)
		race(TAKE(f->raced));
	if (f->fails > 0) {
		f->fails--;
		return err_set(err, f->code, "the stream broke off");
	}
	if ((rc = push(sink, b.p + b.len - 32, 32, err)) < 0)
		return rc;
	e.size = b.len;
	CHECK_OK(sha256_of(b.p, b.len, e.sha256, err), err);
	return sink_add(sink, &e, err);
}

static const struct source_ops fake_ops = { .name = "etcd", .read = fake_read };

struct rig {
	struct store *mem, *store; /* The second stands before the first. */
	struct secret *master, *other;
	struct job_legacy where;
	struct fake fake;
};

static void
start(struct rig *r, const char *prefix)
{
	struct err e = ERR_INIT;

	*r = (struct rig){ .master = test_secret(1), .other = test_secret(2) };
	CHECK_OK(store_mem_new(&r->mem, &e), &e);
	CHECK_OK(store_fault_new(r->mem, &r->store, &e), &e);
	r->where = (struct job_legacy){
		.store = r->store, .prefix = prefix, .master = r->master
	};
	r->fake =
	    (struct fake){ .source = { .ops = &fake_ops, .label = "etcd:fake" },
		    .blocks = 5000 };
}

static void
freep_rig(struct rig *r)
{
	store_free(r->store);
	secret_free(r->master);
	secret_free(r->other);
}

static void
back_up(struct rig *r, struct job_legacy_report *rep)
{
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_legacy_backup(&job, &r->where, &r->fake.source, 0, rep, &e),
	    &e);
}

static const struct repo_legacy_entry *
newest(struct rig *r, struct repo_legacy_list *l)
{
	const struct repo_legacy_entry *e = NULL;
	struct err err = ERR_INIT;

	CHECK_OK(
	    repo_legacy_list_load(r->store, r->where.prefix, l, &err), &err);
	CHECK_OK(job_legacy_find(l, JOB_LEGACY_NEWEST, &e, &err), &err);
	return e;
}

/* Restore the newest to a file and compare it with what was read. */
static void
check_restores(struct rig *r)
{
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	CLEANUP(freep_buf) struct buf want = BUF_INIT;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct job_legacy_report rep;
	struct err e = ERR_INIT;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/out.db", test_dir());
	(void)unlink(path);
	CHECK_OK(job_legacy_restore(
		     &job, &r->where, newest(r, &l), path, false, &rep, &e),
	    &e);
	snapshot(r->fake.blocks, &want);
	CHECK_OK(file_read(path, want.len, &got, &e), &e);
	CHECK(got.len == want.len && rep.bytes == want.len);
	CHECK(memcmp(got.p, want.p, got.len) == 0);
}

/* A backup of ${days} ago, of the kind that ${what} says. */
static void
put_old(struct rig *r, const char *prefix, int days, const char *what)
{
	CLEANUP(freep_secret) struct secret *key = test_secret(9);
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	static const uint8_t
	    sealed[512 + SHA256_LEN + REPO_LEGACY_RECORD - REPO_LEGACY_CHUNK];
	uint8_t wrapped[REPO_LEGACY_WRAPPED_LEN];
	struct store_blob blob = { .p = wrapped, .len = sizeof(wrapped) };
	char name[REPO_LEGACY_NAME_MAX];
	struct err e = ERR_INIT;

	if (strchr(what, 'k') != NULL || strchr(what, 'f') != NULL) {
		CHECK_OK(
		    repo_legacy_wrap(strchr(what, 'f') ? r->other : r->master,
			key, T0 - days * DAY, wrapped, &e),
		    &e);
		(void)repo_legacy_name(
		    prefix, T0 - days * DAY, REPO_LEGACY_KEY, name);
		CHECK_OK(store_put(r->store, name, &blob, &e), &e);
	}
	(void)repo_legacy_name(prefix, T0 - days * DAY, REPO_LEGACY_DUMP, name);
	/* As long as an encrypted one of a block; 't': its end is missing. */
	blob = (struct store_blob){ .p = sealed,
		.len =
		    strchr(what, 't') ? sizeof(sealed) / 2 : sizeof(sealed) };
	if (strchr(what, 'p') != NULL) {
		snapshot(2, &plain);
		blob = (struct store_blob){ .p = plain.p, .len = plain.len };
	}
	if (strchr(what, 'd') != NULL || strchr(what, 'p') != NULL)
		CHECK_OK(store_put(r->store, name, &blob, &e), &e);
}

/* Which backups are left, by their age in days: "dk3 k5 d7 ". */
static void
left(struct rig *r, const char *prefix, char *to)
{
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	struct err e = ERR_INIT;
	size_t i, n = 0;

	to[0] = '\0';
	CHECK_OK(repo_legacy_list_load(r->store, prefix, &l, &e), &e);
	for (i = l.n; i-- > 0;)
		n += (size_t)sprintf(to + n, "%s%s%d ",
		    l.v[i].has_dump ? "d" : "", l.v[i].has_key ? "k" : "",
		    (int)((T0 - l.v[i].time_ms) / DAY));
}

static void
check_pruned(
    struct rig *r, const char *prefix, int days, uint64_t min, const char *want)
{
	struct job_legacy where = r->where;
	struct job_legacy_pruned rep;
	struct err e = ERR_INIT;
	char got[200];

	where.prefix = prefix;
	store_mem_set_time(r->mem, T0);
	CHECK_OK(job_legacy_prune(&job, &where, days * DAY, min, &rep, &e), &e);
	left(r, prefix, got);
	CHECK_STR(got, want);
}

TEST(backup__encrypted_or_plain_comes_back)
{
	CLEANUP(freep_rig) struct rig r;
	struct job_legacy_report rep;

	start(&r, "b");
	r.fake.blocks = 40000; /* More than a part. */
	back_up(&r, &rep);
	CHECK(rep.encrypted && rep.bytes == 40000 * 512 + 32);
	CHECK(rep.stored == rep.bytes + 20 * 40);
	check_restores(&r);
	CHECK(test_count(r.store, "b-") == 2);
	store_free(TAKE(r.store));
	secret_free(TAKE(r.master));
	secret_free(TAKE(r.other));
	start(&r, "b");
	r.where.master = NULL;
	back_up(&r, &rep);
	CHECK(!rep.encrypted && rep.stored == rep.bytes);
	check_restores(&r);
	CHECK(test_count(r.store, "b-") == 1);
}

TEST(backup__stores_the_key_before_the_dump_can_be_seen)
{
	CLEANUP(freep_rig) struct rig r;
	const struct store_fault dead = { .kind = STORE_FAULT_FAIL,
		.ops = STORE_OP_PUT | STORE_OP_PART,
		.code = HF_EUNAVAIL };
	struct job_legacy_report rep;
	struct err e = ERR_INIT;

	start(&r, "b");
	CHECK_OK(store_fault_add(r.store, &dead, &e), &e);
	CHECK_FAIL(
	    job_legacy_backup(&job, &r.where, &r.fake.source, 5, &rep, &e), &e,
	    HF_EUNAVAIL);
	/* The store's failure is no reason to read etcd again. */
	CHECK(r.fake.reads == 1);
	CHECK(test_count(r.store, "b-") == 0);
}

/* B11: retries came at once, without any wait between them. */
TEST(B11__etcd_is_asked_again_after_a_wait)
{
	CLEANUP(freep_rig) struct rig r;
	int64_t began = time_mono_ms();
	struct job_legacy_report rep;
	struct err e = ERR_INIT;

	start(&r, "b");
	r.fake.fails = 1;
	r.fake.code = HF_EUNAVAIL;
	CHECK_OK(
	    job_legacy_backup(&job, &r.where, &r.fake.source, 3, &rep, &e), &e);
	CHECK(r.fake.reads == 2 && time_mono_ms() - began >= 1000);
	check_restores(&r);
	/* The first try has left neither a key of its own nor a dump. */
	CHECK(test_count(r.store, "b-") == 2);
}

TEST(B11__what_will_not_pass_is_not_tried_again)
{
	CLEANUP(freep_rig) struct rig r;
	struct job_legacy_report rep;
	struct err e = ERR_INIT;

	start(&r, "b");
	r.fake.fails = 9;
	r.fake.code = HF_EDENIED;
	CHECK_FAIL(
	    job_legacy_backup(&job, &r.where, &r.fake.source, 3, &rep, &e), &e,
	    HF_EDENIED);
	CHECK(r.fake.reads == 1);
	r.fake.code = HF_ESOURCE;
	CHECK_FAIL(
	    job_legacy_backup(&job, &r.where, &r.fake.source, 0, &rep, &e), &e,
	    HF_ESOURCE);
	CHECK(r.fake.reads == 2);
}

/* B20: two runs in one second mixed the key of one with the other's dump. */
TEST(B20__two_runs_in_one_second_are_two_backups)
{
	CLEANUP(freep_rig) struct rig r;
	struct job_legacy_report one, two, three;

	start(&r, "b");
	back_up(&r, &one);
	back_up(&r, &two);
	r.where.master = NULL;
	back_up(&r, &three);
	CHECK(strcmp(one.name, two.name) < 0);
	CHECK(strcmp(two.name, three.name) < 0);
	CHECK(test_count(r.store, "b-") == 5);
	check_restores(&r);
	r.where.master = r.master;
	check_restores(&r);
}

/* B20: a plain dump has no key object that would keep its name for it. */
TEST(B20__a_name_that_was_taken_meanwhile_is_no_failure)
{
	CLEANUP(freep_rig) struct rig r;
	struct job_legacy_report rep;

	start(&r, "b");
	r.where.master = NULL;
	r.fake.raced = r.mem;
	store_mem_set_time(r.mem, T0);
	back_up(&r, &rep);
	CHECK(r.fake.reads == 2 && rep.time_ms == T0 + 1000);
	CHECK(test_count(r.store, "b-") == 2);
	check_restores(&r);
}

/* B7: see repo_legacy_test.c; here the errors that come of it. */
TEST(B7__an_encrypted_backup_without_the_right_key_is_not_restored)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	struct job_legacy_report rep;
	struct repo_legacy_entry lost;
	struct err e = ERR_INIT;
	char path[300];

	start(&r, "b");
	back_up(&r, &rep);
	(void)snprintf(path, sizeof(path), "%s/out.db", test_dir());
	r.where.master = NULL;
	CHECK_FAIL(job_legacy_restore(
		       &job, &r.where, newest(&r, &l), path, false, &rep, &e),
	    &e, HF_EKEY);
	CHECK(strstr(e.hint, "encryption_key_path") != NULL);
	r.where.master = r.other;
	CHECK_FAIL(
	    job_legacy_restore(&job, &r.where, &l.v[0], path, false, &rep, &e),
	    &e, HF_EKEY);
	lost = l.v[0];
	lost.has_key = false;
	CHECK_FAIL(
	    job_legacy_restore(&job, &r.where, &lost, path, false, &rep, &e),
	    &e, HF_EKEY);
	CHECK(access(path, F_OK) < 0);
}

/* B13: a longer file that lay there left its end behind the snapshot. */
TEST(B13__a_file_that_is_there_stays_or_is_replaced_whole)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	static const uint8_t zeroes[4000000];
	struct job_legacy_report rep;
	struct err e = ERR_INIT;
	struct stat st;
	char path[300];

	start(&r, "b");
	back_up(&r, &rep);
	(void)snprintf(path, sizeof(path), "%s/out.db", test_dir());
	CHECK_OK(file_write_new(path, 0600, zeroes, sizeof(zeroes), &e), &e);
	CHECK_FAIL(job_legacy_restore(
		       &job, &r.where, newest(&r, &l), path, false, &rep, &e),
	    &e, HF_EEXISTS);
	CHECK(stat(path, &st) == 0 && st.st_size == sizeof(zeroes));
	CHECK_OK(
	    job_legacy_restore(&job, &r.where, &l.v[0], path, true, &rep, &e),
	    &e);
	CHECK(stat(path, &st) == 0 && (uint64_t)st.st_size == rep.bytes);
}

/* B15: a pair of objects under a new name was taken for the newest. */
static void
copy(struct rig *r, const char *from, const char *to)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct store_blob blob;
	struct err e = ERR_INIT;

	CHECK_OK(store_get(r->store, from, 32 << 20, &b, &e), &e);
	blob = (struct store_blob){ .p = b.p, .len = b.len };
	CHECK_OK(store_put(r->store, to, &blob, &e), &e);
}

static void
rename_newest(struct rig *r, int64_t to)
{
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	char from[REPO_LEGACY_NAME_MAX], name[REPO_LEGACY_NAME_MAX];
	const struct repo_legacy_entry *e = newest(r, &l);
	int k;

	for (k = 0; k < 2; k++)
		copy(r, repo_legacy_object(e, (enum repo_legacy_kind)k, from),
		    repo_legacy_name(
			r->where.prefix, to, (enum repo_legacy_kind)k, name));
}

TEST(B15__an_old_backup_under_a_new_name_is_neither_restored_nor_counted)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	struct job_legacy_rotated rot;
	struct job_legacy_report rep;
	struct err e = ERR_INIT;
	char path[300];

	start(&r, "b");
	store_mem_set_time(r.mem, T0 - 9 * DAY);
	back_up(&r, &rep);
	rename_newest(&r, T0);
	(void)snprintf(path, sizeof(path), "%s/out.db", test_dir());
	CHECK_FAIL(job_legacy_restore(
		       &job, &r.where, newest(&r, &l), path, false, &rep, &e),
	    &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "renamed") && strstr(e.msg, "2026-11-11T10:00:00"));
	CHECK(access(path, F_OK) < 0);
	/* The one that is what it says is the only one, and stays. */
	check_pruned(&r, "b", 1, 1, "dk0 dk9 ");
	/* A rotation makes neither of them any newer. */
	r.where.master = r.other;
	CHECK_OK(job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e);
	check_pruned(&r, "b", 1, 1, "dk0 dk9 ");
}

/* The host has lost the time; the store has not, and prune goes by it. */
TEST(backup__has_the_time_of_the_stores_clock)
{
	CLEANUP(freep_rig) struct rig r;
	struct job_legacy_report one, two;

	start(&r, "b");
	store_mem_set_time(r.mem, T0 + 30 * 365 * DAY + 300);
	back_up(&r, &one);
	CHECK(one.time_ms == T0 + 30 * 365 * DAY);
	check_restores(&r);
	store_mem_set_time(r.mem, T0 - 30 * 365 * DAY + 300);
	back_up(&r, &two);
	CHECK(two.time_ms == T0 - 30 * 365 * DAY);
}

TEST(restore__of_a_damaged_dump_leaves_no_file)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	const struct store_fault flip = { .kind = STORE_FAULT_FLIP,
		.ops = STORE_OP_GET,
		.nth = 2,
		.value = 12345678 };
	struct job_legacy_report rep;
	struct err e = ERR_INIT;
	char path[300];

	start(&r, "b");
	back_up(&r, &rep);
	(void)snprintf(path, sizeof(path), "%s/out.db", test_dir());
	CHECK_OK(store_fault_add(r.store, &flip, &e), &e);
	CHECK_FAIL(job_legacy_restore(
		       &job, &r.where, newest(&r, &l), path, false, &rep, &e),
	    &e, HF_ECORRUPT);
	CHECK(access(path, F_OK) < 0);
}

/* B5: an instant that was written otherwise was not found. */
TEST(B5__a_moment_is_found_however_it_is_written)
{
	static const char *const texts[] = { "2026-11-20T10:00:00Z",
		"2026-11-20T10:00:00.0Z", "2026-11-20T10:00:00.999Z",
		"2026-11-20T11:00:00+01:00", "2026-11-20T05:00:00-05:00",
		"2026-11-20T10:00:00+00:00" };
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	const struct repo_legacy_entry *found;
	struct err e = ERR_INIT;
	int64_t ms;
	size_t i;

	start(&r, "b");
	put_old(&r, "b", 0, "dk");
	put_old(&r, "b", 1, "dk");
	put_old(&r, "b", 2, "k");
	CHECK_OK(repo_legacy_list_load(r.store, "b", &l, &e), &e);
	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CHECK_OK(time_parse(texts[i], &ms, &e), &e);
		CHECK_OK(job_legacy_find(&l, ms, &found, &e), &e);
		CHECK(found->time_ms == T0);
	}
	/* A key without a dump is no backup. */
	CHECK_FAIL(
	    job_legacy_find(&l, T0 - 2 * DAY, &found, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(job_legacy_find(&l, -1000, &found, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(
	    job_legacy_find(&l, T0 + 1000, &found, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.hint, "2026-11-20T10:00:00Z") != NULL);
}

TEST(rotate__goes_from_the_old_key_to_the_new)
{
	CLEANUP(freep_rig) struct rig r;
	struct job_legacy_rotated rot;
	struct job_legacy_report rep;
	struct err e = ERR_INIT;

	start(&r, "b");
	back_up(&r, &rep);
	r.where.master = r.other;
	CHECK_OK(job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e);
	CHECK(rot.rotated == 1 && rot.already == 0 && rot.failed == 0);
	check_restores(&r);
	CHECK_OK(job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e);
	CHECK(rot.rotated == 0 && rot.already == 1);
	CHECK(test_count(r.store, "b-") == 2);
}

/* B3: with a '/' in the prefix nothing was rotated, and that was a success. */
TEST(B3__a_rotation_that_finds_nothing_fails)
{
	CLEANUP(freep_rig) struct rig r;
	struct job_legacy_rotated rot;
	struct job_legacy_report rep;
	struct err e = ERR_INIT;

	start(&r, "prod/etcd");
	back_up(&r, &rep);
	r.where.master = r.other;
	CHECK_OK(job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e);
	CHECK(rot.rotated == 1);
	check_restores(&r);
	r.where.prefix = "prod/etc";
	CHECK_FAIL(job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e,
	    HF_ENOTFOUND);
}

/* B17: one foreign key object ended the run at a random place. */
TEST(B17__a_foreign_key_object_is_told_and_the_rest_goes_on)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_secret) struct secret *new = test_secret(3);
	struct job_legacy_rotated rot;
	struct err e = ERR_INIT;
	int i;

	start(&r, "b");
	for (i = 0; i < 6; i++)
		put_old(&r, "b", i, i == 2 ? "df" : "dk");
	r.where.master = new;
	CHECK_FAIL(
	    job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e, HF_EKEY);
	CHECK(rot.rotated == 5 && rot.failed == 1);
	/* The one that was left opens with its own. */
	CHECK_OK(job_legacy_rotate(&job, &r.where, r.other, &rot, &e), &e);
	CHECK(rot.rotated == 1 && rot.already == 5);
}

/* B17: killed at any write, each key opens with the old master or the new. */
TEST(B17__a_rotation_that_is_interrupted_is_finished_by_the_next)
{
	struct store_fault fail = {
		.ops = STORE_OP_REPLACE, .times = 1, .code = HF_EUNAVAIL
	};
	struct job_legacy_rotated rot;
	struct err e = ERR_INIT;
	int i, lost;

	for (lost = 0; lost < 2; lost++)
		for (i = 1; i <= 4; i++) {
			CLEANUP(freep_rig) struct rig r;
			int k;

			start(&r, "b");
			for (k = 0; k < 4; k++)
				put_old(&r, "b", k, "dk");
			fail.kind = lost ? STORE_FAULT_LOST : STORE_FAULT_FAIL;
			fail.nth = (uint64_t)i;
			CHECK_OK(store_fault_add(r.store, &fail, &e), &e);
			r.where.master = r.other;
			CHECK_FAIL(job_legacy_rotate(
				       &job, &r.where, r.master, &rot, &e),
			    &e, HF_EUNAVAIL);
			CHECK(rot.rotated == (uint64_t)i - 1);
			CHECK_OK(job_legacy_rotate(
				     &job, &r.where, r.master, &rot, &e),
			    &e);
			CHECK(rot.already == (uint64_t)(i - 1 + lost));
			CHECK(rot.rotated + rot.already == 4);
		}
}

/* B17: a store that keeps other bytes than it was given lost the backup. */
TEST(B17__what_is_read_back_wrong_is_put_back)
{
	CLEANUP(freep_rig) struct rig r;
	const struct store_fault flip = { .kind = STORE_FAULT_FLIP,
		.ops = STORE_OP_GET,
		.nth = 2,
		.times = 1,
		.value = 300 };
	struct job_legacy_rotated rot;
	struct job_legacy_report rep;
	struct err e = ERR_INIT;

	start(&r, "b");
	back_up(&r, &rep);
	CHECK_OK(store_fault_add(r.store, &flip, &e), &e);
	r.where.master = r.other;
	CHECK_FAIL(
	    job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e, HF_EKEY);
	CHECK(rot.failed == 1 && rot.rotated == 0);
	r.where.master = r.master;
	check_restores(&r);
}

TEST(rotate__refuses_two_keys_that_are_one)
{
	CLEANUP(freep_rig) struct rig r;
	struct job_legacy_rotated rot;
	struct err e = ERR_INIT;

	start(&r, "b");
	CHECK_FAIL(job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e,
	    HF_EUSAGE);
	r.where.master = NULL;
	CHECK_FAIL(job_legacy_rotate(&job, &r.where, r.master, &rot, &e), &e,
	    HF_EUSAGE);
}

TEST(prune__removes_what_is_old_and_keeps_the_minimum)
{
	CLEANUP(freep_rig) struct rig r;
	int i;

	start(&r, "b");
	for (i = 0; i < 6; i++)
		put_old(&r, "b", i, "dk");
	check_pruned(&r, "b", 10, 0, "dk0 dk1 dk2 dk3 dk4 dk5 ");
	/* As old as that is old enough. */
	check_pruned(&r, "b", 5, 0, "dk0 dk1 dk2 dk3 dk4 ");
	check_pruned(&r, "b", 1, 3, "dk0 dk1 dk2 ");
	check_pruned(&r, "b", 1, 3, "dk0 dk1 dk2 ");
	check_pruned(&r, "b", 0, 0, "");
}

/* B21: what could not be restored counted, and what could was removed. */
TEST(B21__prune_counts_only_what_can_be_restored)
{
	CLEANUP(freep_rig) struct rig r;

	start(&r, "b");
	put_old(&r, "b", 1, "d");  /* Its key is lost. */
	put_old(&r, "b", 2, "df"); /* Of another master key. */
	put_old(&r, "b", 3, "p");
	put_old(&r, "b", 4, "dk");
	put_old(&r, "b", 5, "dk");
	check_pruned(&r, "b", 3, 2, "d1 dk2 d3 dk4 ");
	/* Two are left that count: no dump goes, not even a useless one. */
	check_pruned(&r, "b", 0, 2, "d1 dk2 d3 dk4 ");
}

TEST(B21__prune_does_not_count_a_dump_whose_end_is_missing)
{
	CLEANUP(freep_rig) struct rig r;

	start(&r, "b");
	put_old(&r, "b", 1, "dkt");
	put_old(&r, "b", 2, "dkt");
	put_old(&r, "b", 3, "dk");
	put_old(&r, "b", 4, "dk");
	put_old(&r, "b", 5, "dk");
	check_pruned(&r, "b", 3, 2, "dk1 dk2 dk3 dk4 ");
}

TEST(B21__a_master_key_that_is_not_the_right_one_removes_nothing)
{
	CLEANUP(freep_rig) struct rig r;
	int i;

	start(&r, "b");
	for (i = 1; i < 4; i++)
		put_old(&r, "b", i, "dk");
	r.where.master = r.other;
	check_pruned(&r, "b", 0, 0, "dk1 dk2 dk3 ");
	/* Without any, a key object that is there has to do. */
	r.where.master = NULL;
	check_pruned(&r, "b", 2, 0, "dk1 ");
}

/* B21: keys without a dump stayed for ever while there were few backups. */
TEST(B21__a_key_without_a_dump_goes_unless_it_is_young)
{
	CLEANUP(freep_rig) struct rig r;

	start(&r, "b");
	put_old(&r, "b", 0, "k");
	put_old(&r, "b", 2, "k");
	put_old(&r, "b", 3, "dk");
	check_pruned(&r, "b", 0, 20, "k0 dk3 ");
}

TEST(prune__erases_the_dump_before_its_key)
{
	CLEANUP(freep_rig) struct rig r;
	const struct store_fault second = { .kind = STORE_FAULT_FAIL,
		.ops = STORE_OP_DEL,
		.nth = 2,
		.times = 1,
		.code = HF_EUNAVAIL };
	struct job_legacy_pruned rep;
	struct err e = ERR_INIT;
	char got[100];

	start(&r, "b");
	put_old(&r, "b", 5, "dk");
	put_old(&r, "b", 6, "dk");
	store_mem_set_time(r.mem, T0);
	CHECK_OK(store_fault_add(r.store, &second, &e), &e);
	CHECK_FAIL(job_legacy_prune(&job, &r.where, DAY, 0, &rep, &e), &e,
	    HF_EUNAVAIL);
	left(&r, "b", got);
	CHECK_STR(got, "dk5 k6 ");
	/* The next run finishes it, whatever the minimum. */
	check_pruned(&r, "b", 1, 1, "dk5 ");
}

/* B4: a prefix that was taken for a pattern reached another's backups. */
TEST(B4__prune_leaves_the_backups_of_other_prefixes_alone)
{
	CLEANUP(freep_rig) struct rig r;

	start(&r, "b");
	put_old(&r, "prod.etcd", 3, "dk");
	put_old(&r, "prod-etcd", 3, "dk");
	put_old(&r, "prod", 3, "dk");
	check_pruned(&r, "prod.etcd", 1, 0, "");
	check_pruned(&r, "prod", 1, 0, "");
	check_pruned(&r, "prod-etcd", 9, 0, "dk3 ");
}

static size_t
imported(struct repo *r)
{
	struct repo_catalogue cat;
	struct err e = ERR_INIT;
	size_t n;

	CHECK_OK(repo_catalogue_load(r, &cat, &e), &e);
	n = cat.n;
	repo_catalogue_clear(&cat);
	return n;
}

static void
count_warnings(void *arg, const struct job_event *ev)
{
	*(unsigned *)arg += ev->kind == JOB_WARNING;
}

TEST(import__takes_each_backup_once_and_leaves_the_broken_out)
{
	unsigned warnings = 0;
	const struct job told = {
		.workers = 2, .on_event = count_warnings, .arg = &warnings
	};
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_repo) struct repo *repo = NULL;
	struct job_legacy_imported im;
	struct job_legacy_report rep;
	struct err e = ERR_INIT;

	start(&r, "b");
	CHECK_OK(store_mem_new(&s, &e), &e);
	CHECK_OK(test_repo_init(s, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(s, "host", "1", &repo, &e), &e);
	store_mem_set_time(r.mem, T0);
	back_up(&r, &rep);
	put_old(&r, "b", 3, "p");
	CHECK_OK(job_legacy_import(&told, &r.where, repo, "etcd", &im, &e), &e);
	CHECK(warnings == 0);
	CHECK(im.imported == 2 && im.skipped == 0 && im.failed == 0);
	CHECK(imported(repo) == 2);
	put_old(&r, "b", 4, "dk"); /* Its dump is no dump. */
	put_old(&r, "b", 2, "p");
	CHECK_FAIL(job_legacy_import(&told, &r.where, repo, "etcd", &im, &e),
	    &e, HF_ECORRUPT);
	CHECK(im.imported == 1 && im.skipped == 2 && im.failed == 1);
	CHECK(imported(repo) == 3);
	/* The one of two days ago comes late, and is the latest now. */
	CHECK(warnings == 1);
	put_old(&r, "b", -1, "p");
	CHECK_FAIL(job_legacy_import(&told, &r.where, repo, "etcd", &im, &e),
	    &e, HF_ECORRUPT);
	CHECK(im.imported == 1 && warnings == 1);
}

/* Whatever fails, each key object opens with the old master key or the new. */
TEST(rotate__survives_running_out_of_memory)
{
	struct job_legacy_rotated rot;
	struct err e = ERR_INIT;
	bool failed;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_rig) struct rig r;
		struct secret *old;

		start(&r, "b");
		put_old(&r, "b", 1, "dk");
		put_old(&r, "b", 2, "dk");
		old = r.master;
		r.where.master = r.other;
		test_malloc_fail(n);
		rc = job_legacy_rotate(&job, &r.where, old, &rot, &e);
		failed = test_malloc_failed();
		test_malloc_fail(0);
		CHECK(rc == 0 || (failed && rc == -HF_ENOMEM));
		CHECK_OK(job_legacy_rotate(&job, &r.where, old, &rot, &e), &e);
		CHECK(rot.rotated + rot.already == 2);
		if (!failed)
			break;
	}
}

TEST(prune__survives_running_out_of_memory)
{
	struct job_legacy_pruned rep;
	struct err e = ERR_INIT;
	char got[100];
	bool failed;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_rig) struct rig r;

		start(&r, "b");
		put_old(&r, "b", 1, "dk");
		put_old(&r, "b", 2, "dk");
		put_old(&r, "b", 3, "p");
		store_mem_set_time(r.mem, T0);
		test_malloc_fail(n);
		rc = job_legacy_prune(&job, &r.where, DAY, 1, &rep, &e);
		failed = test_malloc_failed();
		test_malloc_fail(0);
		CHECK(rc == 0 || (failed && rc == -HF_ENOMEM));
		left(&r, "b", got);
		CHECK(strncmp(got, "dk1 ", 4) == 0);
		if (!failed)
			break;
	}
	CHECK_STR(got, "dk1 ");
}
