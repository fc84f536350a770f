#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_restore.h"
#include "job/job_verify.h"
#include "repo/repo.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_job.h"
#include "test_repo.h"

static const struct job job = { .workers = 2 };

/* A repository in memory with one backup. */
struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_source src;
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
reload(struct made *m)
{
	struct err e = ERR_INIT;

	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
}

static void
make(struct made *m)
{
	struct err e = ERR_INIT;

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	CHECK_OK(test_repo_init(m->store, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, "host", "1", &m->repo, &e), &e);
	test_source_init(&m->src);
	CHECK_OK(test_backup(m->repo, &m->src, m->id, &e), &e);
	reload(m);
	CHECK(m->cat.n == 1 && m->cat.nfindings == 0);
}

static const char *
at(const char *name)
{
	static char path[200];

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}

static int
restore(struct made *m, const struct job_restore_opts *opts,
    struct job_restore_report *rep, struct err *err)
{
	return job_restore(&job, m->repo, &m->cat.backups[0], opts, rep, err);
}

static void
check_big(const struct made *m, const char *path)
{
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(file_read(path, 8u << 20, &got, &e), &e);
	CHECK(got.len == TEST_SOURCE_BIG);
	for (i = 0; i < got.len; i++)
		if (got.p[i] != test_source_byte(&m->src, i))
			break;
	CHECK(i == got.len);
}

TEST(backup__says_what_it_stored)
{
	CLEANUP(clear) struct made m;
	const struct repo_manifest *man;

	make(&m);
	man = &m.cat.backups[0].m;
	CHECK_STR(man->source, "src");
	CHECK_STR(man->type, "tree");
	CHECK_STR(man->host, "host");
	CHECK(man->entries == 6 && man->warnings == 0);
	CHECK(man->plain_bytes == 3 + TEST_SOURCE_BIG + 2);
	CHECK(man->stored_bytes > TEST_SOURCE_BIG);
	CHECK(man->nevidence == 1);
	CHECK_STR(man->evidence[0].value, "4711");
}

TEST(backup__counts_warnings_and_keeps_them)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m);
	m.src.warn = "gone";
	CHECK_OK(test_backup(m.repo, &m.src, m.id, &e), &e);
	reload(&m);
	CHECK(m.cat.n == 2);
	CHECK(m.cat.backups[1].m.warnings == 1);
}

TEST(backup__of_a_source_that_fails_leaves_no_backup)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;

	make(&m);
	m.src.fail = HF_ESOURCE;
	CHECK_FAIL(test_backup(m.repo, &m.src, m.id, &e), &e, HF_ESOURCE);
	reload(&m);
	CHECK(m.cat.n == 1);
}

TEST(restore__brings_back_every_byte_link_and_hole)
{
	CLEANUP(clear) struct made m;
	struct job_restore_report rep;
	struct err e = ERR_INIT;
	struct stat a, link, sparse;
	struct job_restore_opts opts = { 0 };
	char to[200];

	make(&m);
	opts.to = strcpy(to, at("out"));
	CHECK_OK(restore(&m, &opts, &rep, &e), &e);
	CHECK(rep.entries == 6 && rep.lost == 0);
	check_big(&m, at("out/big"));
	CHECK(stat(at("out/a"), &a) == 0 && a.st_size == 3);
	CHECK(stat(at("out/link"), &link) == 0 && link.st_ino == a.st_ino);
	CHECK(stat(at("out/sparse"), &sparse) == 0);
	CHECK(sparse.st_size == 1 << 20 && sparse.st_blocks < 64);
	CHECK(stat(at("out/empty"), &a) == 0 && a.st_size == 0);
	CHECK((a.st_mode & 07777) == 0640);
}

TEST(restore__of_a_dry_run_writes_nothing)
{
	CLEANUP(clear) struct made m;
	struct job_restore_report rep;
	struct err e = ERR_INIT;
	struct job_restore_opts opts = { .dry_run = true };
	char to[200];

	make(&m);
	opts.to = strcpy(to, at("out"));
	CHECK_OK(restore(&m, &opts, &rep, &e), &e);
	CHECK(rep.bytes == 3 + TEST_SOURCE_BIG + 2);
	CHECK(access(to, F_OK) < 0);
}

TEST(restore__of_a_link_alone_brings_its_data)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct job_restore_report rep;
	struct err e = ERR_INIT;
	static const char *const only[] = { "link" };
	struct job_restore_opts opts = { .only = only, .nonly = 1 };
	char to[200];

	make(&m);
	opts.to = strcpy(to, at("out"));
	CHECK_OK(restore(&m, &opts, &rep, &e), &e);
	CHECK(access(at("out/a"), F_OK) < 0);
	CHECK_OK(file_read(at("out/link"), 100, &got, &e), &e);
	CHECK(got.len == 3 && memcmp(got.p, "one", 3) == 0);
}

TEST(restore__of_what_is_not_there_says_so_and_makes_nothing)
{
	CLEANUP(clear) struct made m;
	struct job_restore_report rep;
	struct err e = ERR_INIT;
	static const char *const only[] = { "nothing/**" };
	struct job_restore_opts opts = { .only = only, .nonly = 1 };
	char to[200];

	make(&m);
	opts.to = strcpy(to, at("out"));
	CHECK_FAIL(restore(&m, &opts, &rep, &e), &e, HF_ENOTFOUND);
	CHECK(access(to, F_OK) < 0);
}

TEST(restore__into_a_folder_with_content_is_refused)
{
	CLEANUP(clear) struct made m;
	struct job_restore_report rep;
	struct err e = ERR_INIT;
	struct job_restore_opts opts = { 0 };
	char to[200];

	make(&m);
	opts.to = strcpy(to, at("out"));
	CHECK_OK(file_mkdirs(at("out/mine"), 0700, &e), &e);
	CHECK_FAIL(restore(&m, &opts, &rep, &e), &e, HF_EEXISTS);
	CHECK(access(at("out/mine"), F_OK) == 0);
	CHECK(access(at("out/a"), F_OK) < 0);
}

static int
note_longest(void *arg, const struct store_info *info, struct err *err)
{
	static uint64_t longest;
	char *name = arg;

	(void)err;
	if (name[0] == '\0' || info->len > longest) {
		longest = info->len;
		strcpy(name, info->name);
	}
	return 0;
}

/* Flip a bit at ${off} of the longest pack. */
static void
damage(struct made *m, size_t off)
{
	struct err e = ERR_INIT;
	char name[300] = "";

	CHECK_OK(
	    store_list(m->store, "hf1/main/p/", note_longest, name, &e), &e);
	test_object_flip(m->store, name, off);
}

TEST(restore__keeps_going_past_what_is_lost)
{
	CLEANUP(clear) struct made m;
	struct job_restore_report rep;
	struct err e = ERR_INIT;
	struct job_restore_opts opts = { .keep_going = false };
	char to[200];

	make(&m);
	/* Behind the first frame of the longest pack is "big" alone. */
	damage(&m, (1u << 20) + 300000);
	opts.to = strcpy(to, at("out"));
	CHECK_FAIL(restore(&m, &opts, &rep, &e), &e, HF_ECORRUPT);
	CHECK(access(to, F_OK) < 0);

	opts.keep_going = true;
	CHECK_OK(restore(&m, &opts, &rep, &e), &e);
	CHECK(rep.lost == 1 && rep.bytes == 3 + 2);
	CHECK(access(at("out/big"), F_OK) < 0);
	CHECK(access(at("out/a"), F_OK) == 0);
	CHECK(access(at("out/sparse"), F_OK) == 0);
}

static int
verify(struct made *m, enum job_verify_level level,
    struct job_verify_report *rep, struct err *err)
{
	const struct job_verify_opts opts = { .level = level, .attest = true };

	return job_verify(&job, m->repo, &m->cat.backups[0], &opts, rep, err);
}

TEST(verify__finds_nothing_wrong_with_a_good_backup_and_attests_it)
{
	CLEANUP(clear) struct made m;
	struct job_verify_report rep;
	struct err e = ERR_INIT;
	int level;

	make(&m);
	for (level = 0; level <= 3; level++) {
		CHECK_OK(
		    verify(&m, (enum job_verify_level)level, &rep, &e), &e);
		CHECK(rep.bad == 0 && rep.attested);
		reload(&m);
		CHECK(m.cat.backups[0].verified_level == level);
		CHECK(!m.cat.backups[0].bad);
	}
	CHECK(rep.files == 6);
}

TEST(verify__finds_a_changed_bit_from_level_1_on)
{
	CLEANUP(clear) struct made m;
	struct job_verify_report rep;
	struct err e = ERR_INIT;

	make(&m);
	damage(&m, 2000);
	CHECK_OK(verify(&m, VERIFY_PRESENT, &rep, &e), &e);
	CHECK(rep.bad == 0);
	CHECK_OK(verify(&m, VERIFY_BYTES, &rep, &e), &e);
	CHECK(rep.bad == 1);
	reload(&m);
	CHECK(m.cat.backups[0].bad);
	CHECK_OK(verify(&m, VERIFY_CONTENT, &rep, &e), &e);
	CHECK(rep.bad >= 2);
}

TEST(verify__finds_a_missing_pack_at_level_0)
{
	CLEANUP(clear) struct made m;
	struct job_verify_report rep;
	struct err e = ERR_INIT;
	char name[300];

	make(&m);
	strcpy(name, test_first(m.store, "hf1/main/p/"));
	test_object_put(m.store, name, NULL, 0);
	CHECK_OK(verify(&m, VERIFY_PRESENT, &rep, &e), &e);
	CHECK(rep.bad == 1);
	CHECK_OK(verify(&m, VERIFY_BYTES, &rep, &e), &e);
	CHECK(rep.bad == 1);
}

TEST(verify__finds_a_data_key_that_nobody_opens)
{
	CLEANUP(clear) struct made m;
	struct job_verify_report rep;
	struct err e = ERR_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64], prefix[300];
	static const uint8_t any[KEY_FINGERPRINT_LEN];

	make(&m);
	repo_name_wrapped(name, m.cat.backups[0].m.keys[0], any);
	*(strchr(name, '.') + 1) = '\0';
	strcpy(prefix, repo_object(m.repo, name, object));
	strcpy(prefix, test_first(m.store, prefix));
	test_object_put(m.store, prefix, NULL, 0);
	CHECK_OK(verify(&m, VERIFY_PRESENT, &rep, &e), &e);
	CHECK(rep.bad == 1);
}

TEST(backup__that_is_cancelled_says_so)
{
	CLEANUP(clear) struct made m;
	static const volatile sig_atomic_t stop = 1;
	const struct job cancelled = { .workers = 1, .cancel = &stop };
	const struct job_backup_opts opts = { .source = "src", .type = "tree" };
	struct job_backup_report rep;
	struct err e = ERR_INIT;

	make(&m);
	CHECK_FAIL(
	    job_backup(&cancelled, m.repo, &m.src.source, &opts, &rep, &e), &e,
	    HF_EINTR);
}
