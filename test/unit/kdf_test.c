#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "test.h"

static void
counted(struct secret **s, size_t n)
{
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(secret_new(n, s, &e), &e);
	for (i = 0; i < n; i++)
		secret_w(*s)[i] = (uint8_t)i;
}

static void
derives(size_t nkey, const char *label, const void *msg, size_t n,
    size_t outlen, const char *want)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	struct err e = ERR_INIT;
	uint8_t out[64];
	char hex[129];

	counted(&key, nkey);
	CHECK_OK(kdf_derive(key, label, msg, n, out, outlen, &e), &e);
	CHECK_STR(str_hex(hex, out, outlen), want);
}

TEST(kdf_derive__gives_the_bytes_of_keyed_blake2b)
{
	/* BLAKE2's own blake2b-kat.txt, keyed: the inputs 00 and 00 01, which
	 * are an empty label's NUL and what follows it. */
	derives(64, "", NULL, 0, 64,
	    "961f6dd1e4dd30f63901690c512e78e4b45e4742ed197c3c5e45c549fd25f2e4"
	    "187b0bc9fe30492b16b0d0bc4ef9b0f34c7003fac09a5ef1532e69430234cebd");
	derives(64, "", "\1", 1, 64,
	    "da2cfbe2d8409a0f38026113884f84b50156371ae304c4430173d08a99d9fb1b"
	    "983164a3770706d537f49e0c916d9f32b95cc37a95b99d857436f0232c88a965");
	/* Python's hashlib.blake2b. */
	derives(32, "holdfast object", "abc", 3, 64,
	    "e21d58219e204d982ce0d95d302d54a0c27d0aad9320bfb74f939201e1ca5c45"
	    "7db5b129999578108e23cf07d5c5d42827aa210e5fe747ac6f035701a4cb9664");
	derives(32, "holdfast file fingerprint", NULL, 0, 16,
	    "58fdbd9251c9be723b375f65bb88e01e");
}

TEST(kdf_derive__refuses_short_keys_and_odd_lengths)
{
	CLEANUP(freep_secret) struct secret *small = NULL;
	CLEANUP(freep_secret) struct secret *key = NULL;
	struct err e = ERR_INIT;
	uint8_t out[65];

	counted(&small, 15);
	counted(&key, 32);
	CHECK_FAIL(kdf_derive(small, "x", NULL, 0, out, 32, &e), &e, HF_EBUG);
	CHECK_FAIL(kdf_derive(key, "x", NULL, 0, out, 15, &e), &e, HF_EBUG);
	CHECK_FAIL(kdf_derive(key, "x", NULL, 0, out, 65, &e), &e, HF_EBUG);
}

static void
stretches(uint32_t passes, uint32_t kib, const char *want)
{
	static const char pass[] = "correct horse";
	CLEANUP(freep_secret) struct secret *in = NULL;
	CLEANUP(freep_secret) struct secret *out = NULL;
	struct err e = ERR_INIT;
	char hex[65];

	CHECK_OK(secret_copy(pass, sizeof(pass) - 1, &in, &e), &e);
	CHECK_OK(kdf_passphrase(in, (const uint8_t *)"0123456789abcdef", passes,
		     kib, &out, &e),
	    &e);
	CHECK(secret_len(out) == 32);
	CHECK_STR(str_hex(hex, secret_p(out), 32), want);
}

TEST(kdf_passphrase__gives_the_bytes_of_the_reference_argon2)
{
	/* echo -n 'correct horse' | argon2 0123456789abcdef -id -p 1 -l 32 -r
	 * with -t 3 -k 65536 and with -t 1 -k 8.  (RFC 9106's own vector has
	 * four lanes and a secret, which libsodium does not offer.) */
	stretches(3, 65536,
	    "92599c67f23f1d9dce9b6f0cfb5a9b18ce110336de00799947472465edd9e49a");
	stretches(1, 8,
	    "33b8f0d06408e0a7dcc5ffb13e575f35162db4ff3db1c73d5d501801c699d14d");
}

TEST(kdf_passphrase__survives_running_out_of_memory)
{
	CLEANUP(freep_secret) struct secret *in = NULL;
	CLEANUP(freep_secret) struct secret *out = NULL;
	struct err e = ERR_INIT;

	counted(&in, 10);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (kdf_passphrase(in, (const uint8_t *)"0123456789abcdef", 1,
			8, &out, &e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && out == NULL);
	}
	CHECK(out != NULL);
}
