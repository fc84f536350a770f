#include "base/limit.h"
#include "test.h"

TEST(limit__is_what_memory_was_given_and_never_little)
{
	CHECK(limit_of(0).max == LIMIT_FLOOR);
	CHECK(limit_of(LIMIT_FLOOR - 1).max == LIMIT_FLOOR);
	CHECK(limit_of(3 * LIMIT_FLOOR).max == 3 * LIMIT_FLOOR);
}

TEST(limit__counts_up_to_its_end_and_says_what_helps)
{
	struct limit l = limit_of(0);
	struct err e = ERR_INIT;

	CHECK_OK(limit_take(&l, LIMIT_FLOOR - 1, "the list", &e), &e);
	CHECK_FAIL(limit_take(&l, 2, "the list", &e), &e, HF_ENOSPC);
	CHECK_STR(e.msg, "the list takes more than 256 MiB of memory");
	CHECK(strstr(e.hint, "--memory 1024MiB") != NULL);
	CHECK_FAIL(limit_take(&l, UINT64_MAX, "the list", &e), &e, HF_ENOSPC);
	CHECK_OK(limit_take(&l, 1, "the list", &e), &e);
	CHECK_FAIL(limit_take(&l, 1, "the list", &e), &e, HF_ENOSPC);
	CHECK_OK(limit_take(&l, 0, "the list", &e), &e);
}

TEST(limit__lets_a_list_grow_as_far_as_it_goes)
{
	struct limit l = { .max = 3 * 16 * sizeof(int) };
	struct err e = ERR_INIT;
	size_t cap = 0;
	int *v, *grown;

	CHECK((v = limit_grow(&l, NULL, &cap, sizeof(*v), "the list", &e)) !=
	      NULL);
	CHECK(cap == 16 && l.used == 16 * sizeof(*v));
	v[15] = 4711;
	CHECK((grown = limit_grow(&l, v, &cap, sizeof(*v), "the list", &e)) !=
	      NULL);
	v = grown;
	CHECK(cap == 32 && v[15] == 4711);
	CHECK(limit_grow(&l, v, &cap, sizeof(*v), "the list", &e) == NULL);
	CHECK(e.code == -HF_ENOSPC && cap == 32);
	CHECK(l.used == 32 * sizeof(*v) && v[15] == 4711);
	free(v);
}
