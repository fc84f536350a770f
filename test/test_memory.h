#ifndef TEST_TEST_MEMORY_H_
#define TEST_TEST_MEMORY_H_

#include <stddef.h>
#include <stdint.h>

#include "test.h"

/*
 * Search the memory of this process, as another process would read it, for
 * bytes that must be gone.  What is searched for is given masked, or the
 * search would find itself.
 */

#define TEST_MEMORY_MASK 0x55

/* Searching terabytes of a sanitizer's shadow takes for ever. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define TEST_MEMORY_SKIP() SKIP("not under a sanitizer: use build/")
#else
#define TEST_MEMORY_SKIP() ((void)0)
#endif

/**
 * test_memory_mask(masked, p, n):
 * Write the masked form of ${n} bytes at ${p}.
 */
void test_memory_mask(uint8_t *, const void *, size_t);

/**
 * test_memory_count(masked, n):
 * How often they lie in readable memory (not across a border of pages).
 */
int test_memory_count(const uint8_t *, size_t);

#endif /* !TEST_TEST_MEMORY_H_ */
