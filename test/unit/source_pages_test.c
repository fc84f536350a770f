#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "source/source_pages.h"
#include "test.h"

#define BLOCK 4096

static uint8_t
byte_at(uint64_t i)
{
	return (uint8_t)(i * 2654435761U >> 13);
}

static struct source_pages *
make(size_t memory)
{
	const struct source_pages_opts o = { .memory = memory,
		.dir = test_dir() };
	struct source_pages *s;
	struct err e = ERR_INIT;

	CHECK_OK(source_pages_new(&o, &s, &e), &e);
	return s;
}

static int
give(struct source_pages *s, uint64_t n, struct err *e)
{
	uint8_t piece[777];
	uint64_t from = source_pages_size(s);
	size_t i, k;
	int rc;

	for (; n > 0; n -= k, from += k) {
		k = n < sizeof(piece) ? (size_t)n : sizeof(piece);
		for (i = 0; i < k; i++)
			piece[i] = byte_at(from + i);
		if ((rc = source_pages_put(s, piece, k, e)) < 0)
			return rc;
	}
	return 0;
}

static void
expect(struct source_pages *s, uint64_t off, size_t n)
{
	struct err e = ERR_INIT;
	uint8_t *p = malloc(n + 1);
	size_t i;

	CHECK(p != NULL);
	CHECK_OK(source_pages_read(s, off, p, n, &e), &e);
	for (i = 0; i < n; i++)
		CHECK(p[i] == byte_at(off + i));
	free(p);
}

TEST(pages__gives_every_range_of_memory_and_file)
{
	static const size_t memory[] = { 0, 100, BLOCK, 5 * BLOCK + 1,
		(size_t)1 << 20 };
	static const uint64_t at[] = { 0, 1, 99, 100, 101, BLOCK - 1, BLOCK,
		5 * BLOCK, 5 * BLOCK + 1, 7 * BLOCK + 3, 300000 };
	static const size_t len[] = { 0, 1, 16, BLOCK, BLOCK + 1, 70000,
		290000 };
	const uint64_t size = 600001;
	struct err e = ERR_INIT;
	size_t m, i, k;

	for (m = 0; m < sizeof(memory) / sizeof(memory[0]); m++) {
		CLEANUP(freep_source_pages)
		struct source_pages *s = make(memory[m]);

		CHECK_OK(give(s, size, &e), &e);
		CHECK_OK(source_pages_end(s, &e), &e);
		CHECK(source_pages_size(s) == size);
		for (i = 0; i < sizeof(at) / sizeof(at[0]); i++)
			for (k = 0; k < sizeof(len) / sizeof(len[0]); k++)
				expect(s, at[i], len[k]);
		expect(s, size - 1, 1);
		expect(s, size - 5000, 5000);
	}
}

TEST(pages__never_reads_beyond_the_end)
{
	CLEANUP(freep_source_pages) struct source_pages *s = make(100);
	struct err e = ERR_INIT;
	uint8_t p[2];

	CHECK_OK(give(s, 1000, &e), &e);
	CHECK_OK(source_pages_end(s, &e), &e);
	CHECK_FAIL(source_pages_read(s, 999, p, 2, &e), &e, HF_EBUG);
	CHECK_FAIL(source_pages_read(s, UINT64_MAX, p, 1, &e), &e, HF_EBUG);
}

/* Blocks in any order, the last of them short. */
TEST(pages__takes_blocks_in_any_order)
{
	static const size_t memory[] = { 0, BLOCK, 70 * BLOCK, 300 * BLOCK };
	const uint64_t size = 200 * BLOCK + 32;
	uint8_t block[BLOCK];
	struct err e = ERR_INIT;
	size_t m, i, k, n;
	uint64_t at;

	for (m = 0; m < sizeof(memory) / sizeof(memory[0]); m++) {
		CLEANUP(freep_source_pages)
		struct source_pages *s = make(memory[m]);

		for (i = 0; i <= 200; i++) {
			/* Runs of three, 67 of them, each 40 runs on. */
			at = (i / 3 * 40 % 67 * 3 + i % 3) * BLOCK;
			n = size - at < BLOCK ? (size_t)(size - at) : BLOCK;
			for (k = 0; k < n; k++)
				block[k] = byte_at(at + k);
			CHECK_OK(source_pages_seek(s, at, &e), &e);
			CHECK_OK(source_pages_put(s, block, n, &e), &e);
		}
		CHECK_OK(source_pages_end(s, &e), &e);
		CHECK(source_pages_size(s) == size);
		expect(s, 0, size);
		expect(s, 69 * BLOCK + 7, 2 * BLOCK);
		expect(s, size - 33, 33);
	}
}

TEST(pages__refuses_to_go_into_the_middle_of_a_block)
{
	CLEANUP(freep_source_pages) struct source_pages *s = make(BLOCK);
	CLEANUP(freep_source_pages) struct source_pages *odd = make(100);
	struct err e = ERR_INIT;

	CHECK_FAIL(source_pages_seek(s, BLOCK + 1, &e), &e, HF_EBUG);
	CHECK_FAIL(source_pages_seek(odd, BLOCK, &e), &e, HF_EBUG);
}

TEST(pages__names_the_folder_that_is_full)
{
	CLEANUP(freep_source_pages) struct source_pages *s = make(0);
	const struct rlimit small = { 100000, RLIM_INFINITY };
	struct rlimit old;
	struct err e = ERR_INIT;
	int rc;

	CHECK(getrlimit(RLIMIT_FSIZE, &old) == 0);
	(void)signal(SIGXFSZ, SIG_IGN);
	CHECK(setrlimit(RLIMIT_FSIZE, &small) == 0);
	rc = give(s, 1000000, &e);
	CHECK(setrlimit(RLIMIT_FSIZE, &old) == 0);
	(void)signal(SIGXFSZ, SIG_DFL);
	CHECK(rc == -HF_ENOSPC);
	CHECK(strstr(e.msg, test_dir()) != NULL);
	CHECK(strstr(e.hint, "TMPDIR") != NULL);
}

TEST(pages__reports_that_memory_ran_out)
{
	const struct source_pages_opts o = { .memory = 0, .dir = test_dir() };
	struct err e = ERR_INIT;
	uint8_t p[4500];
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_source_pages) struct source_pages *s = NULL;

		e = (struct err)ERR_INIT;
		test_malloc_fail(n);
		if ((rc = source_pages_new(&o, &s, &e)) == 0 &&
		    (rc = give(s, 5000, &e)) == 0 &&
		    (rc = source_pages_end(s, &e)) == 0)
			rc = source_pages_read(s, 10, p, sizeof(p), &e);
		test_malloc_fail(0);
		if (rc == 0)
			break;
		CHECK(e.code == -HF_ENOMEM);
	}
}
