#ifndef TEST_SOURCE_CONTRACT_H_
#define TEST_SOURCE_CONTRACT_H_

#include "source/source.h"

/**
 * source_contract_run(open, arg):
 * Check what source.h promises for every driver, on sources that ${open}
 * gives: opened anew for each reading, readable, and with at least 8 bytes
 * of file data.  A broken promise fails the running test.
 */
void source_contract_run(struct source *(*open)(void *), void *);

#endif /* !TEST_SOURCE_CONTRACT_H_ */
