#ifndef TEST_STORE_CONTRACT_H_
#define TEST_STORE_CONTRACT_H_

#include "store/store.h"

/*
 * What every store driver promises (store/store.h), one by one, for a test
 * program to run over its driver:
 *
 *	TEST(mem__keeps_every_promise)
 *	{
 *		store_contract_run(open_mem, NULL, STORE_CONTRACT_FORGETS);
 *	}
 *
 * Each promise is printed as it is checked, so that the last one printed
 * is the broken one.
 */

/*
 * Open the place called ${place}, a word of [a-z_]: empty when it is opened
 * for the first time, and with what was stored there when it is opened again.
 */
typedef int store_contract_open_fn(void *arg, const char *place,
    enum store_power, struct store **, struct err *);

enum store_contract_flags {
	STORE_CONTRACT_FORGETS = (1 << 0), /* A freed store's objects go. */
	STORE_CONTRACT_FAR = (1 << 1), /* A server: fewer and smaller ones. */
};

void store_contract_run(store_contract_open_fn *, void *, unsigned);

#endif /* !TEST_STORE_CONTRACT_H_ */
