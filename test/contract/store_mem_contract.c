#include "store/mem/store_mem.h"
#include "store_contract.h"
#include "test.h"

static int
open_mem(void *arg, const char *place, enum store_power power,
    struct store **ret, struct err *e)
{
	int rc;

	(void)arg, (void)place;
	if ((rc = store_mem_new(ret, e)) == 0)
		(*ret)->power = power;
	return rc;
}

TEST(mem__keeps_every_promise)
{
	store_contract_run(open_mem, NULL, STORE_CONTRACT_FORGETS);
}

TEST(mem__stamps_objects_with_the_clock_it_was_given)
{
	static const struct store_blob blob = { .p = NULL };
	CLEANUP(freep_store) struct store *s = NULL;
	struct store_info info;
	struct err e = ERR_INIT;
	int64_t ms;

	CHECK_OK(store_mem_new(&s, &e), &e);
	store_mem_set_time(s, 1234567);
	CHECK_OK(store_put(s, "a", &blob, &e), &e);
	store_mem_set_time(s, 2345678);
	CHECK_OK(store_now(s, &ms, &e), &e);
	CHECK(ms == 2345678);
	CHECK_OK(store_head(s, "a", &info, &e), &e);
	CHECK(info.mtime_ms == 1234567);
}
