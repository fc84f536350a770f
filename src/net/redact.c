#include <string.h>

#include "crypto/secret.h"
#include "net/redact.h"

#define RUN_MAX 31

/* Return how many bytes at ${p} must not be shown; 0 if the first may. */
static size_t
known_secret(const char *p, const struct secret *const *secrets, size_t n)
{
	size_t i, len, longest = 0;

	for (i = 0; i < n; i++) {
		if (secrets[i] == NULL || (len = secret_len(secrets[i])) == 0)
			continue;
		if (len > longest && strnlen(p, len) == len &&
		    memcmp(p, secret_p(secrets[i]), len) == 0)
			longest = len;
	}
	return longest;
}

static size_t
token_run(const char *p)
{
	return strspn(p, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
			 "0123456789+/=_%-.~");
}

static void
put(char *out, size_t size, size_t *used, const char *p, size_t n)
{
	if (n > size - 1 - *used)
		n = size - 1 - *used;
	memcpy(out + *used, p, n);
	*used += n;
}

void
redact(char *out, size_t size, const char *text,
    const struct secret *const *secrets, size_t n)
{
	static const char mask[] = "[redacted]";
	size_t hide, used = 0;

	while (*text != '\0') {
		hide = known_secret(text, secrets, n);
		if (hide == 0 && token_run(text) > RUN_MAX)
			hide = token_run(text);
		if (hide > 0) {
			put(out, size, &used, mask, sizeof(mask) - 1);
			text += hide;
			continue;
		}
		put(out, size, &used, *text < ' ' || *text == 0x7f ? " " : text,
		    1);
		text++;
	}
	out[used] = '\0';
}
