#include <string.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"
#include "fuzz.h"

/* Entries one behind the other, as an entry segment holds them. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err err = ERR_INIT;
	struct cur c;

	cur_init(&c, p, n);
	while (c.left > 0) {
		CLEANUP(freep_entry) struct entry e = { .path = NULL };
		CLEANUP(freep_buf) struct buf b = BUF_INIT;
		const uint8_t *start = c.p;

		if (entry_decode(&c, &e, &err) < 0) {
			MUST(err.code == -HF_ECORRUPT && e.path == NULL);
			break;
		}
		/* There is one encoding of an entry: the one that was read. */
		MUST(entry_encode(&e, &b, &err) == 0);
		MUST(b.len == (size_t)(c.p - start));
		MUST(memcmp(b.p, start, b.len) == 0);
	}
	return 0;
}
