#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source/source_spool.h"
#include "test.h"

#define BLOCK 1000

/* What comes through is checked against this, byte by byte. */
static uint8_t
byte_at(uint64_t i)
{
	return (uint8_t)(i * 2654435761U >> 13);
}

static struct source_spool *
make(size_t nblocks, const char *dir)
{
	const struct source_spool_opts o = {
		.block = BLOCK, .nblocks = nblocks, .dir = dir
	};
	struct source_spool *s;
	struct err e = ERR_INIT;

	CHECK_OK(source_spool_new(&o, &s, &e), &e);
	return s;
}

static void
give(struct source_spool *s, uint64_t from, uint64_t n)
{
	struct err e = ERR_INIT;
	uint8_t piece[777];
	size_t i, k;

	for (; n > 0; n -= k, from += k) {
		k = n < sizeof(piece) ? (size_t)n : sizeof(piece);
		for (i = 0; i < k; i++)
			piece[i] = byte_at(from + i);
		CHECK_OK(source_spool_put(s, piece, k, &e), &e);
	}
}

/* Take exactly ${n} bytes. */
static void
take(struct source_spool *s, uint64_t from, uint64_t n)
{
	struct err e = ERR_INIT;
	uint8_t piece[1234];
	size_t i, got;

	for (; n > 0; n -= got, from += got) {
		CHECK_OK(source_spool_get(s, piece,
			     n < sizeof(piece) ? (size_t)n : sizeof(piece),
			     10000, &got, &e),
		    &e);
		CHECK(got > 0);
		for (i = 0; i < got; i++)
			CHECK(piece[i] == byte_at(from + i));
	}
}

static int
take_end(struct source_spool *s, struct err *e)
{
	uint8_t byte;
	size_t got;
	int rc = source_spool_get(s, &byte, 1, 10000, &got, e);

	CHECK(got == 0);
	return rc;
}

/* How many blocks went through the file without a name, sealed. */
static uint64_t
spilled(void)
{
	DIR *dir = opendir("/proc/self/fd");
	const struct dirent *d;
	char at[4096];
	struct stat st;
	uint64_t size = 0;
	ssize_t n;

	CHECK(dir != NULL);
	while ((d = readdir(dir)) != NULL) {
		n = readlinkat(dirfd(dir), d->d_name, at, sizeof(at) - 1);
		at[n > 0 ? n : 0] = '\0';
		if (strncmp(at, test_dir(), strlen(test_dir())) == 0 &&
		    fstat(atoi(d->d_name), &st) == 0)
			size += (uint64_t)st.st_size;
	}
	CHECK(closedir(dir) == 0);
	return size / BLOCK;
}

TEST(spool__keeps_the_order_of_memory_and_file)
{
	CLEANUP(freep_source_spool)
	struct source_spool *s = make(2, test_dir());
	struct err e = ERR_INIT;

	/* Two blocks in memory, three in the file, a rest in hand. */
	give(s, 0, 5 * BLOCK + 10);
	take(s, 0, 2 * BLOCK + 1);
	/* Memory has room again, but the file holds older bytes. */
	give(s, 5 * BLOCK + 10, 2 * BLOCK);
	take(s, 2 * BLOCK + 1, 5 * BLOCK - 1);
	/* All drained: memory is used again. */
	CHECK(spilled() == 5);
	give(s, 7 * BLOCK + 10, BLOCK);
	source_spool_end(s, NULL);
	take(s, 7 * BLOCK, BLOCK + 10);
	CHECK(take_end(s, &e) == 1);
	CHECK(spilled() == 5);
	CHECK(source_spool_note(s) == NULL);
}

TEST(spool__ends_at_every_length)
{
	struct err e = ERR_INIT;
	uint64_t n;

	for (n = 0; n < 3 * BLOCK; n += 499) {
		CLEANUP(freep_source_spool)
		struct source_spool *s = make(1, test_dir());

		give(s, 0, n);
		source_spool_end(s, NULL);
		take(s, 0, n);
		CHECK(take_end(s, &e) == 1);
		CHECK(take_end(s, &e) == 1);
	}
}

TEST(spool__tells_the_takers_time_is_over)
{
	CLEANUP(freep_source_spool) struct source_spool *s = make(1, NULL);
	struct err e = ERR_INIT;
	uint8_t byte;
	size_t got = 1;

	CHECK_OK(source_spool_get(s, &byte, 1, 1, &got, &e), &e);
	CHECK(got == 0);
}

TEST(spool__hands_the_givers_failure_on)
{
	CLEANUP(freep_source_spool) struct source_spool *s = make(4, NULL);
	struct err e = ERR_INIT, cause = ERR_INIT;

	give(s, 0, 2 * BLOCK);
	(void)err_set(&cause, HF_ESOURCE, "the server went away");
	source_spool_end(s, &cause);
	/* Before what is still there: it is worthless. */
	CHECK_FAIL(take_end(s, &e), &e, HF_ESOURCE);
	CHECK_STR(e.msg, "the server went away");
}

TEST(spool__writes_no_plaintext_and_leaves_no_name)
{
	CLEANUP(freep_source_spool) struct source_spool *s = NULL;
	static const char marker[] = "a secret of the cluster, in the clear";
	char path[64], link[256], text[4096];
	struct err e = ERR_INIT;
	size_t n, got = 0;
	bool found = false;
	int fd, i;
	FILE *f;

	s = make(1, test_dir());
	for (i = 0; i < 100; i++)
		CHECK_OK(source_spool_put(
			     s, (const uint8_t *)marker, sizeof(marker), &e),
		    &e);
	/* Nothing has a name; find the file among what we have open. */
	for (fd = 3; fd < 64; fd++) {
		ssize_t k;

		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if ((k = readlink(path, link, sizeof(link) - 1)) < 0)
			continue;
		link[k] = '\0';
		if (strncmp(link, test_dir(), strlen(test_dir())) != 0)
			continue;
		CHECK(strstr(link, "(deleted)") != NULL);
		CHECK((f = fopen(path, "r")) != NULL);
		while ((n = fread(text, 1, sizeof(text), f)) > 0) {
			got += n;
			found = found || memmem(text, n, "secret", 6) != NULL;
		}
		(void)fclose(f);
	}
	CHECK(got > 2 * BLOCK && !found);
}

/* The taker of the threaded tests: slow enough to need the spool. */
struct taker {
	struct source_spool *s;
	uint64_t n;
	bool ok;
};

static void *
take_all(void *arg)
{
	struct taker *t = arg;
	struct err e = ERR_INIT;
	uint64_t pos = 0;
	uint8_t piece[500];
	size_t i, got;
	int rc;

	t->ok = true;
	while ((rc = source_spool_get(
		    t->s, piece, sizeof(piece), 10000, &got, &e)) == 0) {
		for (i = 0; i < got; i++, pos++)
			t->ok = t->ok && piece[i] == byte_at(pos);
	}
	t->ok = t->ok && rc == 1 && pos == t->n;
	return NULL;
}

static void
run_threads(struct source_spool *s, uint64_t n)
{
	struct taker t = { .s = s, .n = n };
	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, take_all, &t) == 0);
	give(s, 0, n);
	source_spool_end(s, NULL);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(t.ok);
}

TEST(spool__passes_everything_between_threads)
{
	CLEANUP(freep_source_spool)
	struct source_spool *s = make(3, test_dir());

	run_threads(s, 2000 * BLOCK + 1);
	CHECK(source_spool_note(s) == NULL);
}

TEST(spool__waits_for_memory_while_patience_lasts)
{
	const struct source_spool_opts o = { .block = BLOCK,
		.nblocks = 1,
		.patience = 1000000,
		.dir = test_dir() };
	CLEANUP(freep_source_spool) struct source_spool *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(source_spool_new(&o, &s, &e), &e);
	/* Two milliseconds have earned 20 seconds. */
	(void)usleep(3000);
	run_threads(s, 500 * BLOCK + 1);
	CHECK(spilled() == 0);
}

TEST(spool__waits_when_there_is_no_place_for_its_file)
{
	CLEANUP(freep_source_spool)
	struct source_spool *s = make(2, "/nonexistent");

	run_threads(s, 500 * BLOCK + 1);
	CHECK(source_spool_note(s) == NULL ||
	      strstr(source_spool_note(s), "/nonexistent") != NULL);
}

/* The disk fills up after some blocks: what is there and what comes pass. */
TEST(spool__loses_nothing_when_the_disk_is_full)
{
	CLEANUP(freep_source_spool)
	struct source_spool *s = make(2, test_dir());
	struct rlimit old, small;
	struct taker t = { .s = s, .n = 200 * BLOCK + 1 };
	pthread_t thread;

	CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
	small = old;
	small.rlim_cur = 10 * BLOCK;
	CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	/* Two in memory and nine in the file, before anybody takes. */
	give(s, 0, 11 * BLOCK);
	CHECK(pthread_create(&thread, NULL, take_all, &t) == 0);
	give(s, 11 * BLOCK, t.n - 11 * BLOCK);
	source_spool_end(s, NULL);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
	CHECK(t.ok);
	CHECK(spilled() > 0);
}

static void *
cancel(void *arg)
{
	source_spool_cancel(arg);
	return NULL;
}

TEST(spool__frees_a_giver_that_waits_when_the_taker_leaves)
{
	CLEANUP(freep_source_spool)
	struct source_spool *s = make(1, "/nonexistent");
	struct err e = ERR_INIT;
	uint8_t piece[BLOCK] = { 0 };
	pthread_t thread;
	int i, rc = 0;

	CHECK(pthread_create(&thread, NULL, cancel, s) == 0);
	for (i = 0; i < 5 && rc == 0; i++)
		rc = source_spool_put(s, piece, sizeof(piece), &e);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK(rc == -HF_EINTR && source_spool_cancelled(s));
}

TEST(spool__reports_that_memory_ran_out)
{
	const struct source_spool_opts o = { .block = BLOCK, .nblocks = 2 };
	struct source_spool *s = NULL;
	struct err e = ERR_INIT;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (source_spool_new(&o, &s, &e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && s == NULL);
	}
	test_malloc_fail(0);
	source_spool_free(s);
}
