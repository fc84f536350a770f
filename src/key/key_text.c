#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "key/key_text.h"

#define CHECK_LEN 4

static int
check_of(const char *prefix, const uint8_t bytes[32], uint8_t check[CHECK_LEN],
    struct err *err)
{
	uint8_t in[4 + 32], sum[SHA256_LEN];
	int rc;

	memcpy(in, prefix, 4);
	memcpy(in + 4, bytes, 32);
	if ((rc = sha256_of(in, sizeof(in), sum, err)) == 0)
		memcpy(check, sum, CHECK_LEN);
	secret_wipe(in, sizeof(in));
	return rc;
}

int
key_text_encode(
    const char *prefix, const uint8_t bytes[32], char *to, struct err *err)
{
	uint8_t check[CHECK_LEN];
	int rc;

	if ((rc = check_of(prefix, bytes, check, err)) < 0)
		return rc;
	memcpy(to, prefix, 4);
	(void)str_hex(to + 4, bytes, 32);
	(void)str_hex(to + 4 + 64, check, CHECK_LEN);
	return 0;
}

/* Fill in ${bytes}, good or not. */
static int
decode(const char *prefix, const char *s, size_t n, uint8_t bytes[32],
    struct err *err)
{
	uint8_t said[CHECK_LEN], check[CHECK_LEN];
	int rc;

	if (n < 4 || memcmp(s, prefix, 4) != 0)
		return err_set(
		    err, HF_ECONFIG, "it does not begin with '%s'", prefix);
	if (n != KEY_TEXT_LEN)
		return err_set(err, HF_ECONFIG,
		    "it has %zu characters, not %d: a part is missing or "
		    "something was added",
		    n, KEY_TEXT_LEN);
	if (!str_unhex(bytes, s + 4, 32) ||
	    !str_unhex(said, s + 4 + 64, CHECK_LEN))
		return err_set(err, HF_ECONFIG,
		    "a character behind '%s' is no hex digit", prefix);
	if ((rc = check_of(prefix, bytes, check, err)) < 0)
		return rc;
	if (memcmp(said, check, CHECK_LEN) != 0)
		return err_set(err, HF_ECONFIG,
		    "its check digits do not fit: a character was changed");
	return 0;
}

int
key_text_decode(const char *prefix, const char *s, size_t n, uint8_t bytes[32],
    struct err *err)
{
	uint8_t raw[32];
	int rc;

	if ((rc = decode(prefix, s, n, raw, err)) == 0)
		memcpy(bytes, raw, sizeof(raw));
	secret_wipe(raw, sizeof(raw));
	return rc;
}
