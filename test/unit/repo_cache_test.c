#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/str.h"
#include "job/job_attest.h"
#include "repo/repo_cache.h"
#include "repo/repo_impl.h"
#include "repo/repo_listing.h"
#include "store/mem/store_mem.h"
#include "store/store_op.h"
#include "test.h"
#include "test_crowd.h"
#include "test_repo.h"

/*
 * Copies of manifests: what is asked of the store, and that nothing that is in
 * the file can do harm.
 */
#define BACKUPS 8
#define ROOM (1u << 20)

struct made {
	struct store *store; /* It counts. */
	char path[256];      /* Of the copies. */
	size_t n;            /* Backups there are, */
	size_t findings;     /* and what is said of them. */
};

static void
clear(struct made *m)
{
	store_free(m->store);
	test_repo_cache = 0;
}

static struct repo *
open_repo(struct made *m)
{
	struct repo *r = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(test_repo_open(m->store, "host", "1", &r, &e), &e);
	return r;
}

static void
commit(struct made *m)
{
	CLEANUP(freep_repo) struct repo *r = open_repo(m);
	char id[REPO_BACKUP_ID_LEN + 1];
	struct err e = ERR_INIT;

	CHECK_OK(test_commit(r, "src", id, &e), &e);
	m->n++;
}

static void
make(struct made *m)
{
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct store *mem = NULL;
	struct err e = ERR_INIT;

	*m = (struct made){ 0 };
	CHECK_OK(store_mem_new(&mem, &e), &e);
	CHECK_OK(test_crowd_new(mem, &m->store, &e), &e);
	CHECK_OK(test_repo_init(m->store, "host", "1", &e), &e);
	r = open_repo(m);
	(void)snprintf(
	    m->path, sizeof(m->path), "%s/cache", repo_local_path(r->local));
	while (m->n < BACKUPS)
		commit(m);
	test_repo_cache = ROOM;
}

/* As a command does: how many objects below ${part} does it read? */
static unsigned
load(struct made *m, const char *part, bool prove)
{
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	CLEANUP(freep_repo) struct repo *r = open_repo(m);
	struct err e = ERR_INIT;

	test_crowd_expect(m->store, STORE_OP_GET, part, 1);
	CHECK_OK(prove ? repo_catalogue_prove(r, &cat, &e)
		       : repo_catalogue_load(r, &cat, &e),
	    &e);
	CHECK(cat.n == m->n);
	CHECK(cat.nfindings == m->findings);
	return test_crowd_total(m->store);
}

static unsigned
asked(struct made *m)
{
	return load(m, "/s/", false);
}

static void
get(struct made *m, struct buf *b)
{
	struct err e = ERR_INIT;

	b->len = 0;
	CHECK_OK(file_read(m->path, 16u << 20, b, &e), &e);
}

static void
put(struct made *m, const void *p, size_t n)
{
	struct err e = ERR_INIT;

	CHECK_OK(file_replace(m->path, 0600, p, n, &e), &e);
}

TEST(cache__only_what_is_new_is_asked_of_the_store)
{
	CLEANUP(clear) struct made m;
	struct stat st;

	make(&m);
	CHECK(asked(&m) == BACKUPS);
	CHECK(asked(&m) == 0);
	commit(&m);
	CHECK(asked(&m) == 1);
	CHECK(asked(&m) == 0);
	CHECK(stat(m.path, &st) == 0 && (st.st_mode & 07777) == 0600);
	test_repo_cache = 0;
	CHECK(asked(&m) == BACKUPS + 1);
}

TEST(cache__is_not_asked_by_who_proves_but_fed)
{
	CLEANUP(clear) struct made m;

	make(&m);
	CHECK(load(&m, "/s/", true) == BACKUPS);
	CHECK(asked(&m) == 0);
	CHECK(load(&m, "/s/", true) == BACKUPS);
}

static unsigned
read_whole(struct made *m, struct repo *r, const struct repo_catalogue *cat)
{
	struct err e = ERR_INIT;
	size_t i;

	test_crowd_expect(m->store, STORE_OP_GET, "/s/", 1);
	for (i = 0; i < cat->n; i++) {
		CLEANUP(repo_manifest_clear) struct repo_manifest x = { 0 };

		CHECK_OK(repo_manifest_load(r, &cat->backups[i], &x, &e), &e);
		CHECK(memcmp(x.sha256, cat->backups[i].m.sha256, SHA256_LEN) ==
		      0);
		CHECK(x.priv_sealed.len > 0);
	}
	return test_crowd_total(m->store);
}

TEST(cache__gives_whole_manifests_but_not_to_who_proves)
{
	CLEANUP(clear) struct made m;
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	CLEANUP(repo_catalogue_clear) struct repo_catalogue proven = { 0 };
	CLEANUP(freep_repo) struct repo *r = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	make(&m);
	r = open_repo(&m);
	/* Those that were added just now, too. */
	CHECK_OK(repo_catalogue_load(r, &cat, &e), &e);
	CHECK(read_whole(&m, r, &cat) == 0);
	CHECK_OK(repo_catalogue_prove(r, &proven, &e), &e);
	CHECK(read_whole(&m, r, &proven) == BACKUPS);
	/* A copy that was damaged meanwhile is none. */
	get(&m, &b);
	memset(b.p, 0, b.len);
	CHECK(truncate(m.path, 0) == 0);
	CHECK(read_whole(&m, r, &cat) == BACKUPS);
}

TEST(cache__attestations_are_kept_too)
{
	CLEANUP(clear) struct made m;
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	CLEANUP(freep_repo) struct repo *r = NULL;
	struct repo_attest a = { .level = 1, .good = 1 };
	struct err e = ERR_INIT;
	bool attested = false;

	make(&m);
	r = open_repo(&m);
	CHECK_OK(repo_catalogue_load(r, &cat, &e), &e);
	CHECK_OK(str_dup("0 findings", &a.message, &e), &e);
	CHECK_OK(job_attest(r, &cat.backups[0], &a, &attested, &e), &e);
	CHECK(attested);
	repo_attest_clear(&a);
	CHECK(load(&m, "/a/", false) == 1);
	CHECK(load(&m, "/a/", false) == 0);
	CHECK(load(&m, "/a/", true) == 1);
	repo_catalogue_clear(&cat);
	CHECK_OK(repo_catalogue_load(r, &cat, &e), &e);
	CHECK(cat.backups[0].verified_level == 1);
}

TEST(cache__what_the_store_does_not_list_is_not_there)
{
	CLEANUP(clear) struct made m;

	make(&m);
	CHECK(asked(&m) == BACKUPS);
	test_object_put(m.store, test_first(m.store, "hf1/main/s/"), NULL, 0);
	m.n--;
	m.findings = 1; /* A gap in the chain. */
	CHECK(asked(&m) == 0);
}

/* Wherever it is damaged or ends, no more is lost than requests. */
TEST(cache__damage_costs_requests_and_is_mended)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf good = BUF_INIT;
	CLEANUP(freep_buf) struct buf now = BUF_INIT;
	size_t at;

	make(&m);
	CHECK(asked(&m) == BACKUPS);
	get(&m, &good);
	for (at = 0; at < good.len; at += at < 100 ? 9 : 487) {
		good.p[at] ^= 0x41;
		put(&m, good.p, good.len);
		good.p[at] ^= 0x41;
		CHECK(asked(&m) > 0);
		CHECK(asked(&m) == 0);
		put(&m, good.p, at);
		CHECK(asked(&m) > 0);
		CHECK(asked(&m) == 0);
		get(&m, &now);
		CHECK(now.len == good.len);
	}
}

static void
add_row(struct buf *b, const char *name, const void *p, size_t n)
{
	struct err e = ERR_INIT;

	CHECK_OK(buf_add_str(b, name, &e), &e);
	CHECK_OK(buf_add_bytes(b, p, n, &e), &e);
}

/* It holds, and its writer signed it; only it is another one. */
TEST(cache__another_manifest_under_the_name_of_one_is_none)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct repo_cache_row one, two;
	size_t first, second;

	make(&m);
	CHECK(asked(&m) == BACKUPS);
	get(&m, &b);
	first = 24 + repo_cache_row(b.p + 24, b.len - 24, &one);
	second = first + one.len;
	second += repo_cache_row(b.p + second, b.len - second, &two);
	CHECK(first > 24 && second > first + one.len);
	CHECK(strcmp(one.name, two.name) != 0 && one.len == two.len);
	b.len = 24;
	add_row(&b, one.name, b.p + second, two.len);
	put(&m, b.p, b.len);
	CHECK(asked(&m) == BACKUPS);
	CHECK(asked(&m) == 0);
}

TEST(cache__of_another_vault_or_form_is_none)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;

	make(&m);
	CHECK(asked(&m) == BACKUPS);
	get(&m, &b);
	b.p[4]++; /* The version. */
	put(&m, b.p, b.len);
	CHECK(asked(&m) == BACKUPS);
	get(&m, &b);
	b.p[8]++; /* The vault. */
	put(&m, b.p, b.len);
	CHECK(asked(&m) == BACKUPS);
	CHECK(asked(&m) == 0);
}

static void
no_copies(struct made *m)
{
	CHECK(asked(m) == BACKUPS);
	CHECK(asked(m) == BACKUPS);
	(void)remove(m->path);
}

TEST(cache__what_is_no_file_of_ours_alone_is_left_alone)
{
	CLEANUP(clear) struct made m;
	char other[512];
	struct stat st;

	make(&m);
	CHECK(mkdir(m.path, 0700) == 0);
	no_copies(&m);
	CHECK(mkfifo(m.path, 0600) == 0);
	no_copies(&m);
	(void)snprintf(other, sizeof(other), "%s.other", m.path);
	CHECK(symlink(other, m.path) == 0);
	no_copies(&m);
	CHECK(stat(other, &st) < 0);
	put(&m, "", 0);
	CHECK(chmod(m.path, 0644) == 0);
	no_copies(&m);
}

TEST(cache__of_two_at_once_one_appends)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_fd) int fd = -1;
	struct stat st;

	make(&m);
	put(&m, "", 0);
	CHECK((fd = open(m.path, O_RDONLY | O_CLOEXEC)) >= 0);
	CHECK(flock(fd, LOCK_EX) == 0);
	CHECK(asked(&m) == BACKUPS);
	CHECK(fstat(fd, &st) == 0 && st.st_size == 0);
	CHECK(flock(fd, LOCK_UN) == 0);
	CHECK(asked(&m) == BACKUPS);
	CHECK(asked(&m) == 0);
}

/* Somebody has appended between our look and our lock. */
TEST(cache__nothing_is_appended_to_what_another_has_appended_to)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo_cache) struct repo_cache *c = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_buf) struct buf now = BUF_INIT;
	struct repo_listing none = { NULL, 0 };
	struct repo_listing *const v[] = { &none };
	char name[] = "s/x", dir[256];
	struct repo_listed o = { .name = name, .len = 5 };
	struct err e = ERR_INIT;
	uint8_t id[REPO_ID_LEN] = { 0 };

	make(&m);
	CHECK(asked(&m) == BACKUPS);
	get(&m, &b);
	(void)snprintf(dir, sizeof(dir), "%.*s",
	    (int)(strrchr(m.path, '/') - m.path), m.path);
	memcpy(id, b.p + 8, sizeof(id));
	CHECK((c = repo_cache_open(dir, id, ROOM)) != NULL);
	repo_cache_look(c, v, 1);
	commit(&m);
	CHECK(asked(&m) == 1);
	get(&m, &b);
	CHECK_OK(buf_add(&now, "hello", 5, &e), &e);
	repo_cache_add(c, &o, &now);
	repo_cache_settle(c, v, 1);
	get(&m, &now);
	CHECK(now.len == b.len && memcmp(now.p, b.p, b.len) == 0);
}

TEST(cache__takes_no_more_room_than_it_may)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	unsigned n;

	make(&m);
	CHECK(asked(&m) == BACKUPS);
	get(&m, &b);
	test_repo_cache = b.len / 2;
	CHECK(asked(&m) == BACKUPS); /* There is too much: begin anew. */
	get(&m, &b);
	CHECK(b.len > 24 && b.len <= test_repo_cache);
	n = asked(&m);
	CHECK(n > 0 && n < BACKUPS);
}

TEST(cache__lets_go_of_what_is_gone_from_the_store)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_mem) void *gone = NULL;
	char name[64];
	size_t len;
	int i;

	make(&m);
	test_repo_cache = 8 * ROOM;
	CHECK(asked(&m) == BACKUPS);
	get(&m, &b);
	len = b.len;
	CHECK((gone = calloc(1, ROOM / 4)) != NULL);
	for (i = 0; i < 6; i++) {
		(void)snprintf(name, sizeof(name), "s/gone%d", i);
		add_row(&b, name, gone, ROOM / 4);
	}
	put(&m, b.p, b.len);
	CHECK(asked(&m) == 0);
	get(&m, &b);
	CHECK(b.len == len);
	CHECK(asked(&m) == 0);
}

TEST(cache__is_done_without_when_memory_runs_out)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	int rc;

	make(&m);
	TEST_TORTURE (n) {
		CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
		CLEANUP(freep_repo) struct repo *r = NULL;

		/* By turns with copies and without. */
		if (n % 2 == 0)
			(void)unlink(m.path);
		test_malloc_fail(n);
		rc = test_repo_open(m.store, "host", "1", &r, &e);
		if (rc == 0)
			rc = repo_catalogue_load(r, &cat, &e);
		if (!test_malloc_failed()) {
			test_malloc_fail(0);
			CHECK(rc == 0 && cat.n == BACKUPS);
			break;
		}
		test_malloc_fail(0);
		CHECK(rc == -HF_ENOMEM ||
		      (rc == 0 && cat.n == BACKUPS && cat.nfindings == 0));
	}
	CHECK(asked(&m) == 0);
}
