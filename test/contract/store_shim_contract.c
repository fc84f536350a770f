#include "store/fault/store_fault.h"
#include "store/mem/store_mem.h"
#include "store/trace/store_trace.h"
#include "store_contract.h"
#include "test.h"

/*
 * The drivers that stand in front of another one, in front of the one in
 * memory: they keep every promise as long as they are told nothing else.
 */

static int
open_fault(void *arg, const char *place, enum store_power power,
    struct store **ret, struct err *e)
{
	CLEANUP(freep_store) struct store *mem = NULL;
	int rc;

	(void)arg, (void)place;
	if ((rc = store_mem_new(&mem, e)) < 0)
		return rc;
	mem->power = power;
	if ((rc = store_fault_new(mem, ret, e)) == 0)
		(void)TAKE(mem);
	return rc;
}

static int
open_trace(void *arg, const char *place, enum store_power power,
    struct store **ret, struct err *e)
{
	CLEANUP(freep_store) struct store *mem = NULL;
	int rc;

	(void)arg, (void)place;
	if ((rc = store_mem_new(&mem, e)) < 0)
		return rc;
	mem->power = power;
	if ((rc = store_trace_new(mem, NULL, NULL, ret, e)) == 0)
		(void)TAKE(mem);
	return rc;
}

TEST(fault__without_faults_keeps_every_promise)
{
	store_contract_run(open_fault, NULL, STORE_CONTRACT_FORGETS);
}

TEST(trace__keeps_every_promise)
{
	store_contract_run(open_trace, NULL, STORE_CONTRACT_FORGETS);
}
