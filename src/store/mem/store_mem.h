#ifndef STORE_MEM_STORE_MEM_H_
#define STORE_MEM_STORE_MEM_H_

#include <stdint.h>

/* Opaque types. */
struct err;
struct store;

/**
 * store_mem_new(ret, err):
 * Make a store, open to be read and written, that forgets everything when it
 * is freed.  For a test of one power alone, set its power.
 */
int store_mem_new(struct store **, struct err *);

/**
 * store_mem_set_time(s, ms):
 * Stop the clock of ${s} at ${ms} since 1970 UTC; with 0 it is the host's
 * again.  Objects are stamped with it.
 */
void store_mem_set_time(struct store *, int64_t);

#endif /* !STORE_MEM_STORE_MEM_H_ */
