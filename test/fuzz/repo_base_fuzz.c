#include <string.h>

#include "base/err.h"
#include "fuzz.h"
#include "repo/repo_base_tail.h"

/*
 * The tail of a base file.  Whatever the decoder takes, the encoder gives
 * back byte by byte, and every frame lies in a pack that has a key.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(repo_base_tail_clear) struct repo_base_tail t = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err err = ERR_INIT;
	size_t i;

	if (repo_base_tail_decode(p, n, &t, &err) < 0) {
		MUST(err.code == -HF_ECORRUPT);
		return 0;
	}
	for (i = 0; i < t.nframes; i++)
		MUST(t.packs[t.frames[i].pack].key < t.nkeys);
	MUST(repo_base_tail_encode(&t, &again, &err) == 0);
	MUST(again.len == n && memcmp(again.p, p, n) == 0);
	return 0;
}
