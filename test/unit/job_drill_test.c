#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/time.h"
#include "etcd/etcd_pb.h"
#include "fake/fake_h2c.h"
#include "job/job.h"
#include "job/job_drill_etcd.h"
#include "job/job_etcd_db.h"
#include "repo/repo.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_etcd.h"
#include "test_repo.h"

/*
 * Drills whose etcd is not one: a program that does what a test wants, and,
 * where the drill's etcd would serve, a fake that answers.
 */

/* The clock leaps by so much whenever it is asked. */
static int64_t step, leapt;
int64_t __real_time_mono_ms(void);
int64_t __wrap_time_mono_ms(void);

int64_t
__wrap_time_mono_ms(void)
{
	leapt += step;
	return __real_time_mono_ms() + leapt;
}

#define VERSION(v)                                                             \
	"#!/bin/sh\n"                                                          \
	"[ \"$1\" != --version ] || { echo 'etcd Version: " v "'; exit; }\n"
static const char hangs[] = VERSION("99.0.0") ": >started\n"
					      "exec sleep 1000\n";
static const char dies[] = VERSION("99.0.0") "echo it is broken >&2\n"
					     "exit 3\n";
static const char killed[] = VERSION("99.0.0") "kill -9 $$\n";
static const char old[] = VERSION("3.1.0");
static const char stranger[] = "#!/bin/sh\necho hello\n";

/* What the fake answers, one after the other. */
enum wrong {
	NOTHING,
	HASH,    /* Another HashKV. */
	COMPACT, /* The same, as compacted further. */
	COUNT,   /* More keys than there were. */
	VALUE,   /* Another value of the key. */
	MISSING, /* The key is not there. */
	GONE,    /* It hangs up. */
};

struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct test_etcd etcd;
	struct job_etcd_digest digest;
	volatile sig_atomic_t cancel;

	/* Of what waits for the program. */
	pthread_t thread;
	atomic_bool ended;
	enum wrong wrong;
	bool stop; /* Cancel the job once the program runs. */
	struct fake_h2c *fake;
};

static const char *
at(const char *name)
{
	static char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}

static void
load(struct made *m)
{
	struct err e = ERR_INIT;

	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
}

static void
find_digest(struct made *m)
{
	static const struct job_etcd_rebuild_opts all = { 0 };
	static const struct job job = { .workers = 2 };
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_etcd_db_open(&job, m->repo, &m->cat.backups[0], &db, &e), &e);
	CHECK_OK(job_etcd_digest(db, &all, 0, &m->digest, &e), &e);
}

/* One key: whichever is asked for, it is this. */
static void
make(struct made *m)
{
	static int made;
	struct err e = ERR_INIT;
	char host[16];

	memset(m, 0, sizeof(*m));
	step = 0;
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", made++);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	test_etcd_init(&m->etcd);
	m->etcd.version = "3.5.16";
	test_etcd_put(&m->etcd, "key", "1");
	test_etcd_put(&m->etcd, "key", "2");
	test_etcd_put(&m->etcd, "key", "3");
	CHECK_OK(test_etcd_backup(&m->etcd, m->repo, &e), &e);
	load(m);
	find_digest(m);
	CHECK(mkdir(at("s"), 0700) == 0 && setenv("TMPDIR", at("s"), 1) == 0);
}

static void
clear(struct made *m)
{
	step = 0;
	test_etcd_clear(&m->etcd);
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
}

static void
write_program(const char *text)
{
	FILE *f = fopen(at("etcd"), "w");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
	CHECK(chmod(at("etcd"), 0700) == 0);
}

static void
must(int rc)
{
	if (rc < 0)
		abort();
}

static void
say_header(const struct made *m, struct buf *b)
{
	CLEANUP(freep_buf) struct buf h = BUF_INIT;
	struct err e = ERR_INIT;

	must(pb_add_uint(&h, 1, 1, &e));
	must(pb_add_uint(&h, 2, 2, &e));
	must(pb_add_uint(&h, 3, m->digest.revision, &e));
	must(pb_add_bytes(b, 1, h.p, h.len, &e));
}

static void
say_status(const struct made *m, struct buf *b)
{
	struct err e = ERR_INIT;

	say_header(m, b);
	must(pb_add_bytes(b, 2, "99.0.0", 6, &e));
	must(pb_add_uint(b, 4, 2, &e)); /* The leader. */
}

static void
say_hash(const struct made *m, struct buf *b)
{
	struct err e = ERR_INIT;

	say_header(m, b);
	must(pb_add_uint(b, 2, m->digest.hash ^ (m->wrong == HASH), &e));
	must(pb_add_uint(
	    b, 3, m->digest.compact_revision + (m->wrong == COMPACT), &e));
}

static void
say_count(const struct made *m, struct buf *b)
{
	struct err e = ERR_INIT;

	say_header(m, b);
	must(pb_add_uint(b, 4, m->wrong == COUNT ? 2 : 1, &e));
}

static void
say_key(const struct made *m, struct buf *b)
{
	/* The key at an earlier revision has another value. */
	const size_t i = m->etcd.n - (m->wrong == VALUE ? 2 : 1);
	const struct buf *kv = &m->etcd.v[i].message;
	struct err e = ERR_INIT;

	say_header(m, b);
	if (m->wrong == MISSING)
		return;
	must(pb_add_bytes(b, 2, kv->p, kv->len, &e));
	must(pb_add_uint(b, 4, 1, &e));
}

static void
serve(const struct fake_h2c_stream *s, void *arg)
{
	static void (*const says[])(const struct made *,
	    struct buf *) = { say_status, say_hash, say_count, say_key };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct made *m = arg;

	if (m->wrong == GONE && s->nth > 0) {
		fake_h2c_hang_up(s);
		return;
	}
	says[s->nth < 3 ? s->nth : 3](m, &b);
	fake_grpc_begin(s);
	fake_grpc_message(s, b.p, b.len);
	fake_grpc_end(s, "0", "");
}

/* Once the program runs: cancel, or serve where it would. */
static void *
attend(void *arg)
{
	struct made *m = arg;
	char pattern[4096], path[4096];
	glob_t g;

	(void)snprintf(pattern, sizeof(pattern), "%s/s/*/started", test_dir());
	while (!atomic_load(&m->ended)) {
		(void)usleep(2000);
		if (glob(pattern, 0, NULL, &g) != 0)
			continue;
		(void)snprintf(path, sizeof(path), "%.*s/client:1",
		    (int)(strlen(g.gl_pathv[0]) - strlen("/started")),
		    g.gl_pathv[0]);
		globfree(&g);
		if (m->stop)
			m->cancel = 1;
		else if ((m->fake = fake_h2c_start_unix(path, serve, m)) ==
			 NULL)
			abort();
		break;
	}
	return NULL;
}

static int
drill(struct made *m, const char *program, struct job_drill_etcd_report *rep,
    struct err *err)
{
	const struct job job = { .workers = 2, .cancel = &m->cancel };
	struct job_drill_etcd_opts opts = { .program = at("etcd") };
	char path[4096];
	int rc;

	if (program != NULL)
		write_program(program);
	(void)snprintf(path, sizeof(path), "%s", opts.program);
	opts.program = path;
	memset(rep, 0, sizeof(*rep));
	CHECK(pthread_create(&m->thread, NULL, attend, m) == 0);
	rc = job_drill_etcd(&job, m->repo, &m->cat.backups[0], &opts, rep, err);
	atomic_store(&m->ended, true);
	CHECK(pthread_join(m->thread, NULL) == 0);
	fake_h2c_stop(m->fake);
	CHECK(rmdir(at("s")) == 0); /* Nothing is left. */
	load(m);
	return rc;
}

/* It could not be tried: nothing is said of the backup. */
static void
not_tried(
    struct made *m, const char *program, enum hf_code code, const char *words)
{
	struct job_drill_etcd_report rep;
	struct err e = ERR_INIT;

	CHECK_FAIL(drill(m, program, &rep, &e), &e, code);
	if (strstr(e.msg, words) == NULL)
		test_fail(__FILE__, __LINE__, words, &e);
	CHECK(m->cat.backups[0].verified_level == -1 && !m->cat.backups[0].bad);
}

/* The backup is bad, for a reason with these words, and attested so. */
static void
bad(struct made *m, const char *program, const char *words)
{
	struct job_drill_etcd_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(drill(m, program, &rep, &e), &e);
	CHECK(!rep.good && rep.attested);
	if (strstr(rep.reason, words) == NULL)
		test_fail_str(
		    __FILE__, __LINE__, "rep.reason", rep.reason, words);
	CHECK(m->cat.backups[0].bad);
}

static void
bad_for(enum wrong wrong, const char *words)
{
	struct made m;

	make(&m);
	m.wrong = wrong;
	bad(&m, hangs, words);
	clear(&m);
}

TEST(drill__attests_a_backup_that_is_served)
{
	struct job_drill_etcd_report rep;
	struct err e = ERR_INIT;
	struct made m;

	make(&m);
	CHECK_OK(drill(&m, hangs, &rep, &e), &e);
	CHECK(rep.good && rep.attested && rep.keys == 1 && rep.sampled == 1);
	CHECK_STR(rep.version, "99.0.0");
	CHECK(rep.digest.hash == m.digest.hash);
	CHECK(m.cat.backups[0].verified_level == 4 && !m.cat.backups[0].bad);
	clear(&m);
}

TEST(drill__tells_an_etcd_that_has_something_else)
{
	bad_for(HASH, "etcd's HashKV is");
	bad_for(COMPACT, "etcd's HashKV is");
	bad_for(COUNT, "etcd has 2 keys, the backup 1");
	bad_for(VALUE, "1 of 1 keys differ");
	bad_for(MISSING, "1 of 1 keys differ");
}

TEST(drill__tells_an_etcd_that_is_gone_before_the_end)
{
	bad_for(GONE, "");
}

TEST(drill__tells_an_etcd_that_dies)
{
	struct made m;

	make(&m);
	bad(&m, dies, "does not start from it; its last words: it is broken");
	clear(&m);
}

/* As by a kernel that has no memory left, which makes no backup bad. */
TEST(drill__of_an_etcd_that_was_killed_says_nothing_of_the_backup)
{
	struct made m;

	make(&m);
	not_tried(&m, killed, HF_EUNAVAIL, "etcd was killed");
	clear(&m);
}

/* A host that is busy makes no backup bad. */
TEST(drill__waits_five_minutes_for_an_etcd_and_no_longer)
{
	struct made m;

	make(&m);
	step = 7000;
	atomic_store(&m.ended, true); /* Nobody serves. */
	not_tried(&m, hangs, HF_EUNAVAIL, "has not come up in five minutes");
	CHECK(leapt > 300000);
	clear(&m);
}

TEST(drill__needs_a_program_that_is_an_etcd)
{
	struct made m;

	make(&m);
	not_tried(&m, NULL, HF_ENOTFOUND, "cannot run");
	clear(&m);
	make(&m);
	not_tried(&m, stranger, HF_EUSAGE, "is no etcd");
	clear(&m);
	make(&m);
	write_program(hangs);
	CHECK(chmod(at("etcd"), 0600) == 0);
	not_tried(&m, NULL, HF_EDENIED, "cannot run");
	clear(&m);
}

TEST(drill__needs_one_that_is_new_enough)
{
	struct made m;

	make(&m);
	not_tried(&m, old, HF_EUSAGE, "older minor version");
	clear(&m);
}

TEST(drill__stops_when_the_operator_asks)
{
	struct made m;

	make(&m);
	m.stop = true;
	not_tried(&m, hangs, HF_EINTR, "interrupted");
	clear(&m);
}

TEST(drill__that_has_no_room_says_nothing_of_the_backup)
{
	struct rlimit was, small;
	struct made m;

	make(&m);
	write_program(hangs);
	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	CHECK(getrlimit(RLIMIT_FSIZE, &was) == 0);
	small = was;
	small.rlim_cur = 4096;
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	not_tried(&m, NULL, HF_ENOSPC, "");
	CHECK(setrlimit(RLIMIT_FSIZE, &was) == 0);
	clear(&m);
}

TEST(drill__needs_its_scratch_folder)
{
	struct job_drill_etcd_report rep;
	struct err e = ERR_INIT;
	struct made m;

	make(&m);
	CHECK(setenv("TMPDIR", at("s/no"), 1) == 0);
	CHECK_FAIL(drill(&m, hangs, &rep, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.msg, "/s/no/holdfast-drill-") != NULL);
	clear(&m);
}

TEST(drill__tells_a_backup_that_cannot_be_restored)
{
	CLEANUP(freep_buf) struct buf pack = BUF_INIT;
	struct err e = ERR_INIT;
	char name[512];
	struct made m;

	make(&m);
	(void)snprintf(
	    name, sizeof(name), "%s", test_first(m.store, "hf1/main/p/"));
	CHECK_OK(store_get(m.store, name, 1u << 20, &pack, &e), &e);
	pack.p[pack.len / 2] ^= 1;
	test_object_put(m.store, name, pack.p, pack.len);
	bad(&m, hangs, "it cannot be restored");
	test_object_put(m.store, name, NULL, 0);
	CHECK(mkdir(at("s"), 0700) == 0);
	m.fake = NULL;
	bad(&m, hangs, "it cannot be restored");
	clear(&m);
}
