#ifndef TEST_FUZZ_H_
#define TEST_FUZZ_H_

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* libFuzzer's interface: one target defines it, fuzz_main.c or clang calls. */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* What must hold whatever the input is. */
#define MUST(x)                                                                \
	do {                                                                   \
		if (!(x))                                                      \
			abort();                                               \
	} while (0)

#endif /* !TEST_FUZZ_H_ */
