#include <sys/wait.h>
#include <unistd.h>

#include "base/params.h"
#include "crash_store.h"
#include "store/fault/store_fault.h"
#include "store/store.h"
#include "test.h"

/* The harness itself: what it says is killed is killed, and no more. */

static int
put(struct store *s, const char *name, struct err *e)
{
	const struct store_blob blob = { .p = NULL };

	return store_put(s, name, &blob, e);
}

static int
open_here(struct store **ret, struct err *e)
{
	static const struct store_driver *const drivers[] = {
		&crash_store_driver,
		NULL,
	};
	CLEANUP(freep_params) struct params *p = NULL;
	char url[256];

	(void)snprintf(url, sizeof(url), "file:%s", test_dir());
	CHECK_OK(params_new(&p, e), e);
	CHECK_OK(params_set(p, "url", url, e), e);
	return store_open(drivers, p, STORE_READ | STORE_WRITE, ret, e);
}

static struct store *
opened(void)
{
	struct err e = ERR_INIT;
	struct store *s = NULL;

	CHECK_OK(open_here(&s, &e), &e);
	return s;
}

/* Run a child that puts a, b, c, by two stores; return its status. */
static int
run(const char *plan)
{
	struct err e = ERR_INIT;
	struct store *s, *t;
	int status;
	pid_t pid;

	(void)test_dir();
	if ((pid = fork()) == 0) {
		(void)setenv("HOLDFAST_FAULT", plan, 1);
		s = opened();
		t = opened();
		if (put(s, "a", &e) < 0 || put(t, "b", &e) < 0 ||
		    put(s, "c", &e) < 0)
			_exit(err_class_of(e.code)->exit_status);
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid);
	CHECK(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static bool
has(const char *name)
{
	CLEANUP(freep_store) struct store *s = opened();
	struct store_info info;
	struct err e = ERR_INIT;

	return store_head(s, name, &info, &e) == 0;
}

TEST(kill__counts_over_all_stores_of_the_process)
{
	CHECK(run("kill:2") == STORE_FAULT_KILLED);
	CHECK(has("a") && !has("b") && !has("c"));
}

TEST(kill_after__lets_the_write_be_done)
{
	CHECK(run("kill-after:2") == STORE_FAULT_KILLED);
	CHECK(has("a") && has("b") && !has("c"));
}

TEST(kill__behind_the_last_write_does_nothing)
{
	CHECK(run("kill:4") == 0);
	CHECK(has("a") && has("b") && has("c"));
}

TEST(full__fails_from_there_on)
{
	CHECK(run("full:2:no-space") == err_class_of(HF_ENOSPC)->exit_status);
	CHECK(has("a") && !has("b") && !has("c"));
}

TEST(plan__that_makes_no_sense_is_refused)
{
	static const char *const bad[] = { "", "kill", "kill:", "kill:0",
		"kill:x", "kill:1x", "kill:1:", "fail:1:nothing", "die:1" };
	struct store *s = NULL;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		(void)setenv("HOLDFAST_FAULT", bad[i], 1);
		CHECK_FAIL(open_here(&s, &e), &e, HF_EUSAGE);
	}
	(void)unsetenv("HOLDFAST_FAULT");
	CHECK(s == NULL);
}
