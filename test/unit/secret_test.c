#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "test.h"
#include "test_memory.h"

/* Make a file of the running test's folder and return "file:" and its path. */
static const char *
file_ref(const void *p, size_t n, mode_t mode)
{
	static char ref[128];
	struct err e = ERR_INIT;

	(void)snprintf(ref, sizeof(ref), "file:%s/secret", test_dir());
	(void)unlink(ref + 5);
	CHECK_OK(file_write_new(ref + 5, mode, p, n, &e), &e);
	return ref;
}

static void
loads(const char *ref, const void *want, size_t n)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(secret_load(ref, "the password", 16, &s, &e), &e);
	CHECK(secret_len(s) == n && memcmp(secret_p(s), want, n) == 0);
	CHECK(secret_p(s)[n] == '\0');
}

static void
refuses(const char *ref, enum hf_code code, const char *word)
{
	struct err e = ERR_INIT;
	struct secret *s = NULL;

	CHECK_FAIL(secret_load(ref, "the password", 16, &s, &e), &e, code);
	CHECK(s == NULL);
	CHECK(strstr(e.msg, "the password") != NULL);
	if (strstr(e.msg, word) == NULL && strstr(e.hint, word) == NULL)
		test_fail(__FILE__, __LINE__, word, &e);
}

TEST(secret__compares_by_bytes_and_length)
{
	CLEANUP(freep_secret) struct secret *a = NULL;
	CLEANUP(freep_secret) struct secret *b = NULL;
	CLEANUP(freep_secret) struct secret *c = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(secret_random(32, &a, &e), &e);
	CHECK_OK(secret_copy(secret_p(a), 32, &b, &e), &e);
	CHECK_OK(secret_copy(secret_p(a), 31, &c, &e), &e);
	CHECK(secret_equal(a, b));
	CHECK(!secret_equal(a, c));
	secret_w(b)[31] ^= 1;
	CHECK(!secret_equal(a, b));
}

TEST(secret__begins_as_zeroes_and_random_ones_differ)
{
	CLEANUP(freep_secret) struct secret *a = NULL;
	CLEANUP(freep_secret) struct secret *b = NULL;
	CLEANUP(freep_secret) struct secret *zero = NULL;
	static const uint8_t none[32];
	struct err e = ERR_INIT;

	CHECK_OK(secret_new(32, &zero, &e), &e);
	CHECK(memcmp(secret_p(zero), none, 32) == 0);
	CHECK_OK(secret_random(32, &a, &e), &e);
	CHECK_OK(secret_random(32, &b, &e), &e);
	CHECK(!secret_equal(a, b) && !secret_equal(a, zero));
}

TEST(secret_load__drops_one_newline_of_a_file)
{
	loads(file_ref("s3cret", 6, 0600), "s3cret", 6);
	loads(file_ref("s3cret\n", 7, 0640), "s3cret", 6);
	loads(file_ref("s3cret\n\n", 8, 0600), "s3cret\n", 7);
	loads(file_ref("0123456789abcdef\n", 17, 0600), "0123456789abcdef", 16);
}

TEST(secret_load__refuses_a_file_that_others_may_use)
{
	refuses(file_ref("s3cret", 6, 0604), HF_ECONFIG, "chmod o=");
	refuses(file_ref("s3cret", 6, 0602), HF_ECONFIG, "mode 0602");
}

TEST(secret_load__refuses_too_much_and_nothing)
{
	refuses(
	    file_ref("0123456789abcdefg", 17, 0600), HF_ECONFIG, "16 bytes");
	refuses(
	    file_ref("0123456789abcdef\n\n", 18, 0600), HF_ECONFIG, "16 bytes");
	refuses(file_ref("\n", 1, 0600), HF_ECONFIG, "empty");
	CHECK(setenv("HF_TEST_EMPTY", "", 1) == 0);
	refuses("env:HF_TEST_EMPTY", HF_ECONFIG, "empty");
	refuses("file:/nonexistent", HF_ENOTFOUND, "No such file");
}

TEST(secret_load__never_repeats_a_secret_given_in_place_of_a_reference)
{
	struct err e = ERR_INIT;
	struct secret *s = NULL;

	CHECK_FAIL(
	    secret_load("hunter2", "the password", 16, &s, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "hunter2") == NULL);
	CHECK(strstr(e.hint, "hunter2") == NULL);
	CHECK(strstr(e.hint, "env:NAME") != NULL);
}

TEST(secret_load__wipes_and_unsets_the_environment)
{
	char value[] = "HF_TEST_ENV=s3cret";

	CHECK(putenv(value) == 0);
	loads("env:HF_TEST_ENV", "s3cret", 6);
	CHECK(getenv("HF_TEST_ENV") == NULL);
	CHECK(memcmp(value + 12, "\0\0\0\0\0\0", 6) == 0);
	/* Another key may name it too. */
	loads("env:HF_TEST_ENV", "s3cret", 6);
	CHECK(setenv("HF_TEST_ENV", "0ther", 1) == 0);
	loads("env:HF_TEST_ENV", "0ther", 5);
	loads("env:HF_TEST_ENV", "0ther", 5);
	refuses("env:HF_TEST_NONE", HF_ENOTFOUND, "no such environment");
}

TEST(secret_load__gives_again_no_more_than_is_asked_for)
{
	struct secret *s = NULL;
	struct err e = ERR_INIT;

	CHECK(setenv("HF_TEST_LONG", "0123456789", 1) == 0);
	loads("env:HF_TEST_LONG", "0123456789", 10);
	CHECK_FAIL(secret_load("env:HF_TEST_LONG", "a test", 9, &s, &e), &e,
	    HF_ECONFIG);
	CHECK(strstr(e.msg, "longer than 9 bytes") != NULL);
}

TEST(secret_load__reads_a_descriptor_and_hides_it_from_children)
{
	char ref[32];
	int fds[2];

	CHECK(pipe(fds) == 0);
	CHECK(write(fds[1], "s3cret\n", 7) == 7);
	CHECK(close(fds[1]) == 0);
	(void)snprintf(ref, sizeof(ref), "fd:%d", fds[0]);
	loads(ref, "s3cret", 6);
	CHECK(fcntl(fds[0], F_GETFD) == FD_CLOEXEC);
	loads(ref, "s3cret", 6); /* At its end: what it gave. */
	CHECK(close(fds[0]) == 0);
	loads(ref, "s3cret", 6);
	refuses("fd:9999", HF_EIO, "no such open file");
	refuses("fd:", HF_ECONFIG, "not a number");
	refuses("fd:3x", HF_ECONFIG, "not a number");
	refuses("fd:-1", HF_ECONFIG, "not a number");
	refuses("fd:99999999999999999999", HF_ECONFIG, "not a number");
}

/* A terminal that was read to its end would wait for the next line. */
TEST(secret_load__reads_a_descriptor_once)
{
	int fds[2];

	CHECK(pipe(fds) == 0 && dup2(fds[0], 100) == 100);
	CHECK(write(fds[1], "s3cret", 6) == 6 && close(fds[1]) == 0);
	loads("fd:100", "s3cret", 6);
	CHECK(dup2(open("/dev/zero", O_RDONLY), 100) == 100);
	loads("fd:100", "s3cret", 6);
	CHECK(close(100) == 0 && close(fds[0]) == 0);
}

/* Let the descriptor 101 give this. */
static void
give(const char *text)
{
	int fds[2];

	CHECK(pipe(fds) == 0 && dup2(fds[0], 101) == 101);
	CHECK(write(fds[1], text, strlen(text)) == (ssize_t)strlen(text));
	CHECK(close(fds[0]) == 0 && close(fds[1]) == 0);
}

TEST(secret_forget__forgets_one_or_all)
{
	give("s3cret");
	loads("fd:101", "s3cret", 6);
	give("an0ther");
	secret_forget("fd:102");
	loads("fd:101", "s3cret", 6);
	secret_forget("fd:101");
	loads("fd:101", "an0ther", 7);
	CHECK(close(101) == 0);
	secret_forget(NULL);
	refuses("fd:101", HF_EIO, "no such open file");
}

TEST(secret_read__keeps_the_newline_of_a_binary_key)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	const char *ref = file_ref("\0\1\2\n", 4, 0600);
	struct err e = ERR_INIT;

	CHECK_OK(secret_read(ref + 5, "the key", 32, &s, &e), &e);
	CHECK(secret_len(s) == 4 && memcmp(secret_p(s), "\0\1\2\n", 4) == 0);
}

/* Run ${fn} in a child: what it does to its process stays there. */
static void
in_child(int (*fn)(void))
{
	int status;
	pid_t pid;

	(void)fflush(stdout);
	CHECK((pid = fork()) >= 0);
	if (pid == 0)
		_exit(fn());
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static int
without_locked_memory(void)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	struct rlimit none = { 0, 0 };
	struct err e = ERR_INIT;

	/* Root may lock whatever the limit says. */
	if (setrlimit(RLIMIT_MEMLOCK, &none) < 0 ||
	    (geteuid() == 0 && setuid(65534) < 0))
		return 1;
	return secret_random(32, &s, &e) != 0;
}

TEST(secret__does_without_locked_memory_where_there_is_none)
{
	in_child(without_locked_memory);
}

static int
hardened(void)
{
	struct err e = ERR_INIT;
	struct rlimit core;

	if (secret_process_init(&e) < 0 || getrlimit(RLIMIT_CORE, &core) < 0)
		return 1;
	if (core.rlim_cur != 0 || core.rlim_max != 0)
		return 2;
#ifndef __SANITIZE_ADDRESS__
	if (prctl(PR_GET_DUMPABLE) != 0)
		return 3;
#endif
	return 0;
}

TEST(secret_process_init__forbids_core_dumps_and_tracing)
{
	in_child(hardened);
}

TEST(secret__is_gone_from_the_process_once_freed)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	struct err e = ERR_INIT;
	uint8_t masked[24];

	TEST_MEMORY_SKIP();
	CHECK_OK(secret_random(sizeof(masked), &s, &e), &e);
	test_memory_mask(masked, secret_p(s), sizeof(masked));
	CHECK(test_memory_count(masked, sizeof(masked)) == 1);
	secret_free(TAKE(s));
	CHECK(test_memory_count(masked, sizeof(masked)) == 0);
}

TEST(secret__survives_running_out_of_memory)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	const char *ref = file_ref("s3cret", 6, 0600);
	struct err e = ERR_INIT;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (secret_load(ref, "the password", 16, &s, &e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && s == NULL);
	}
	CHECK(s != NULL);
}
