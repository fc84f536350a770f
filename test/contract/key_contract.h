#ifndef TEST_CONTRACT_KEY_CONTRACT_H_
#define TEST_CONTRACT_KEY_CONTRACT_H_

#include <stddef.h>

/* Opaque types. */
struct key;

/*
 * What key.h promises, run over one driver.  ${open} opens, as often as it is
 * called, the key that wraps and the one that unwraps what it wrapped (for
 * most drivers two of the same); ${stranger} another pair of the kind.
 */
struct key_contract {
	void (*open)(struct key **wraps, struct key **unwraps);
	void (*stranger)(struct key **wraps, struct key **unwraps);
	/*
	 * So many bytes at the start of a wrapping make an opening dear, as a
	 * salt does: of these, one bit in 32 is tried.
	 */
	size_t dear;
};

void key_contract_run(const struct key_contract *);

#endif /* !TEST_CONTRACT_KEY_CONTRACT_H_ */
