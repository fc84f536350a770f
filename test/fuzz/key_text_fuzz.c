#include <string.h>

#include "base/err.h"
#include "fuzz.h"
#include "key/key_text.h"

/* A recipient or an identity in text, as somebody pasted it. */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	static const char *const prefixes[] = { KEY_TEXT_PUBLIC,
		KEY_TEXT_IDENTITY };
	char text[KEY_TEXT_LEN + 1];
	struct err err = ERR_INIT;
	uint8_t bytes[32];
	size_t i, k;

	for (i = 0; i < 2; i++) {
		if (key_text_decode(
			prefixes[i], (const char *)p, n, bytes, &err) < 0) {
			MUST(err.code == -HF_ECONFIG);
			continue;
		}
		/* What is read is what would be written, but for case. */
		MUST(key_text_encode(prefixes[i], bytes, text, &err) == 0);
		MUST(n == KEY_TEXT_LEN);
		for (k = 4; k < n; k++)
			MUST(text[k] == (p[k] | 0x20));
		MUST(memcmp(text, p, 4) == 0);
	}
	return 0;
}
