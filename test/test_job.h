#ifndef TEST_TEST_JOB_H_
#define TEST_TEST_JOB_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "source/source.h"

/* Opaque types. */
struct err;
struct repo;

/*
 * A source for tests of jobs: a tree with the folder ".", the files "a" (3
 * bytes), "big" (3 MiB and 5 bytes that do not compress), "empty", the hard
 * link "link" to "a", and the sparse file "sparse" (1 MiB, data "xy" at 4096).
 */
struct test_source {
	struct source source;
	const char *warn; /* Warn about this path; NULL: do not. */
	int fail;         /* Fail with this code at the end; 0. */
	unsigned seed;    /* Other content, other bytes. */
	bool keep;        /* Keep "big" if the last backup has it. */
};

void test_source_init(struct test_source *);

/**
 * test_backup(r, src, id, err):
 * Back ${src} up as "src".
 */
int test_backup(struct repo *, struct test_source *, char id[17], struct err *);

/**
 * test_source_byte(src, i):
 * Byte ${i} of the content of "big".
 */
uint8_t test_source_byte(const struct test_source *, size_t);
#define TEST_SOURCE_BIG ((3u << 20) + 5)

#endif /* !TEST_TEST_JOB_H_ */
