#include "base/parallel.h"
#include "test.h"

static int seen[1000];

static int
count(void *arg, size_t i, struct err *err)
{
	(void)arg, (void)err;
	__atomic_add_fetch(&seen[i], 1, __ATOMIC_RELAXED);
	return 0;
}

static int
fail_at(void *arg, size_t i, struct err *err)
{
	(void)count(NULL, i, err);
	if (i == *(size_t *)arg)
		return err_set(err, HF_EIO, "number %zu", i);
	return 0;
}

TEST(parallel_for__does_everything_once)
{
	struct err e = ERR_INIT;
	size_t i;

	memset(seen, 0, sizeof(seen));
	CHECK_OK(parallel_for(1000, 7, count, NULL, &e), &e);
	for (i = 0; i < 1000; i++)
		CHECK(seen[i] == 1);
}

TEST(parallel_for__stops_at_the_first_failure_and_returns_it)
{
	struct err e = ERR_INIT;
	size_t bad = 3, i, done = 0;

	memset(seen, 0, sizeof(seen));
	CHECK_FAIL(parallel_for(1000, 4, fail_at, &bad, &e), &e, HF_EIO);
	CHECK_STR(e.msg, "number 3");
	for (i = 0; i < 1000; i++) {
		CHECK(seen[i] <= 1);
		done += (size_t)seen[i];
	}
	CHECK(done < 1000);
}

TEST(parallel_for__does_nothing_for_nothing)
{
	struct err e = ERR_INIT;
	size_t bad = 0;

	CHECK_OK(parallel_for(0, 4, fail_at, &bad, &e), &e);
	CHECK(parallel_cpus() >= 1);
}
