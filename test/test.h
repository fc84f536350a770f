#ifndef TEST_TEST_H_
#define TEST_TEST_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"

/*
 * A test is a sentence: TEST(prune__keeps_the_last_good_one) { ... }.  It
 * registers itself; test.c has the main() that runs all of a program's tests
 * and prints TAP.  The first CHECK that fails ends its test.
 *
 * Arguments name the tests to run, all without.
 */
#define TEST(name)                                                             \
	static void name(void);                                                \
	__attribute__((constructor)) static void register_##name(void)         \
	{                                                                      \
		test_register(#name, name);                                    \
	}                                                                      \
	static void name(void)

#define CHECK(x)                                                               \
	do {                                                                   \
		if (!(x))                                                      \
			test_fail(__FILE__, __LINE__, #x, NULL);               \
	} while (0)

/* For calls that take a struct err: on failure its message is shown. */
#define CHECK_OK(x, err)                                                       \
	do {                                                                   \
		if ((x) != 0)                                                  \
			test_fail(__FILE__, __LINE__, #x, (err));              \
	} while (0)
#define CHECK_FAIL(x, e, want)                                                 \
	do {                                                                   \
		*(e) = (struct err)ERR_INIT;                                   \
		if ((x) != -(int)(want) || (e)->code != -(int)(want) ||        \
		    (e)->msg[0] == '\0')                                       \
			test_fail(                                             \
			    __FILE__, __LINE__, #x " fails with " #want, (e)); \
	} while (0)
#define CHECK_STR(a, b)                                                        \
	do {                                                                   \
		if (strcmp((a), (b)) != 0)                                     \
			test_fail_str(__FILE__, __LINE__, #a, (a), (b));       \
	} while (0)

/* Leave the test: what it needs is not here.  Say how to get it. */
#define SKIP(why) test_skip(why)
/* Likewise; with CI=true it is a failure: CI should have installed it. */
#define SKIP_MISSING(why) test_skip_missing(__FILE__, __LINE__, why)

void test_register(const char *, void (*)(void));
void test_fail(const char *, int, const char *, const struct err *)
    __attribute__((noreturn));
void test_fail_str(const char *, int, const char *, const char *, const char *)
    __attribute__((noreturn));
void test_skip(const char *) __attribute__((noreturn));
void test_skip_missing(const char *, int, const char *)
    __attribute__((noreturn));

/**
 * test_dir():
 * A new empty folder for the running test, removed after it.
 */
const char *test_dir(void);

/*
 * test_malloc_fail(n): the nth allocation of this thread from now fails, and
 * none after it; 0 ends that.  test_malloc_failed(): did it come to pass?
 * To fail every allocation of a call once:
 *
 *	TEST_TORTURE(n) {
 *		test_malloc_fail(n);
 *		rc = call(&err);
 *		if (!test_malloc_failed())
 *			break;          (it got through: rc is 0)
 *		CHECK(rc == -HF_ENOMEM);
 *		...and nothing has changed
 *	}
 *	test_malloc_fail(0);
 */
#define TEST_TORTURE(n) for (long n = 1; n < 100000; n++)
void test_malloc_fail(long);
bool test_malloc_failed(void);

#endif /* !TEST_TEST_H_ */
