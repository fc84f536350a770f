#include <ftw.h>
#include <setjmp.h>
#include <unistd.h>

#include "test.h"

#define TESTS_MAX 1000

static struct {
	const char *name;
	void (*run)(void);
} tests[TESTS_MAX];
static int ntests;
static jmp_buf leave;
static enum {
	PASSED = 1,
	FAILED,
	SKIPPED
} result;
static const char *skip_why;
static char dir[64];

void
test_register(const char *name, void (*run)(void))
{
	if (ntests == TESTS_MAX)
		abort();
	tests[ntests].name = name;
	tests[ntests++].run = run;
}

void
test_fail(const char *file, int line, const char *what, const struct err *err)
{
	test_malloc_fail(0);
	printf("# %s:%d: %s\n", file, line, what);
	if (err != NULL && err->code != 0)
		printf("#   error %d: %s\n", err->code, err->msg);
	result = FAILED;
	longjmp(leave, 1);
}

void
test_fail_str(const char *file, int line, const char *what, const char *got,
    const char *want)
{
	test_malloc_fail(0);
	printf("# %s:%d: %s\n#   is   '%s'\n#   want '%s'\n", file, line, what,
	    got, want);
	result = FAILED;
	longjmp(leave, 1);
}

void
test_skip(const char *why)
{
	skip_why = why;
	result = SKIPPED;
	longjmp(leave, 1);
}

void
test_skip_missing(const char *file, int line, const char *why)
{
	const char *ci = getenv("CI");

	if (ci != NULL && strcmp(ci, "true") == 0)
		test_fail(file, line, why, NULL);
	test_skip(why);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st, (void)flag, (void)ftw;
	return remove(path);
}

static void
remove_dir(void)
{
	if (dir[0] != '\0')
		(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	dir[0] = '\0';
}

const char *
test_dir(void)
{
	if (dir[0] == '\0') {
		strcpy(dir, "/tmp/holdfast-test-XXXXXX");
		if (mkdtemp(dir) == NULL) {
			dir[0] = '\0';
			test_fail(__FILE__, __LINE__, "mkdtemp", NULL);
		}
	}
	return dir;
}

static bool
wanted(const char *name, int argc, char *argv[])
{
	int i;

	for (i = 1; i < argc; i++)
		if (strcmp(argv[i], name) == 0)
			return true;
	return argc < 2;
}

static void
run_one(int i)
{
	result = PASSED;
	if (setjmp(leave) == 0)
		tests[i].run();
	test_malloc_fail(0);
	remove_dir();
	printf("%sok %d - %s%s%s\n", result == FAILED ? "not " : "", i + 1,
	    tests[i].name, result == SKIPPED ? " # SKIP " : "",
	    result == SKIPPED ? skip_why : "");
	(void)fflush(stdout);
}

int
main(int argc, char *argv[])
{
	int i, failed = 0;

	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	printf("1..%d\n", ntests);
	for (i = 0; i < ntests; i++) {
		if (!wanted(tests[i].name, argc, argv)) {
			printf("ok %d - %s # SKIP not asked for\n", i + 1,
			    tests[i].name);
			continue;
		}
		run_one(i);
		failed += result == FAILED;
	}
	return failed > 0;
}
