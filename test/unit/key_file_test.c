#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/key.h"
#include "test.h"
#include "test_memory.h"

#define HEX "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"
#define FINGERPRINT "58fdbd9251c9be723b375f65bb88e01e"

static const char *
file_of(const void *p, size_t n, mode_t mode)
{
	static char path[128];
	struct err e = ERR_INIT;

	(void)snprintf(path, sizeof(path), "%s/key", test_dir());
	(void)unlink(path);
	CHECK_OK(file_write_new(path, mode, p, n, &e), &e);
	return path;
}

static int
open_path(const char *path, struct key **k, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	static const uint8_t salt[16];
	int rc;

	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = params_set(p, "path", path, err)) < 0)
		return rc;
	return key_file_driver.open(p, salt, k, err);
}

static void
opens(const void *p, size_t n)
{
	CLEANUP(freep_key) struct key *k = NULL;
	struct err e = ERR_INIT;
	char hex[33];

	CHECK_OK(open_path(file_of(p, n, 0600), &k, &e), &e);
	CHECK_STR(str_hex(hex, k->fingerprint, 16), FINGERPRINT);
	CHECK_STR(k->kind, "file");
	CHECK_STR(k->public_text, "");
}

TEST(key_file__reads_raw_bytes_and_hex_with_or_without_newline)
{
	uint8_t raw[32];

	CHECK(str_unhex(raw, HEX, 32));
	opens(raw, sizeof(raw));
	opens(HEX, 64);
	opens(HEX "\n", 65);
	opens(HEX "\r\n", 66);
}

TEST(key_file__keeps_a_raw_key_that_ends_like_a_line)
{
	CLEANUP(freep_key) struct key *k = NULL;
	struct err e = ERR_INIT;
	uint8_t raw[32] = { [0] = 0xff, [31] = '\n' };

	CHECK_OK(open_path(file_of(raw, sizeof(raw), 0600), &k, &e), &e);
}

static void
refuses(const void *p, size_t n, mode_t mode, const char *word)
{
	struct err e = ERR_INIT;
	struct key *k = NULL;

	CHECK_FAIL(open_path(file_of(p, n, mode), &k, &e), &e, HF_ECONFIG);
	CHECK(k == NULL && strstr(e.msg, "/key'") != NULL);
	if (strstr(e.msg, word) == NULL && strstr(e.hint, word) == NULL)
		test_fail(__FILE__, __LINE__, word, &e);
}

TEST(key_file__refuses_what_is_no_key)
{
	static const uint8_t raw[33] = { 1 };
	char no_hex[] = HEX;

	refuses("", 0, 0600, "empty");
	refuses(raw, 31, 0600, "31 bytes");
	refuses(raw, 33, 0600, "33 bytes");
	refuses(HEX "\n\n", 66, 0600, "66 bytes");
	refuses(HEX, 63, 0600, "63 bytes");
	no_hex[40] = 'g';
	refuses(no_hex, 64, 0600, "hex digits");
	refuses("hfi1" HEX "01234567", 76, 0600, "identity:/path");
}

TEST(key_file__refuses_half_a_key_in_hex_that_is_as_long_as_a_raw_one)
{
	refuses(HEX, 32, 0600, "32 bytes");
	refuses("0123456789012345678901234567890\n", 32, 0600, "32 bytes");
}

TEST(key_file__refuses_a_file_that_others_may_read)
{
	refuses(HEX, 64, 0644, "chmod o=");
}

/* A second implementation (PyNaCl) made it: see doc/format.md, "k". */
static const char frozen[] =
    "404142434445464748494a4b4c4d4e4f50515253545556579c19f63318fec6c01d1a4a87"
    "37dd67ea0b8abe6b776fa01eabe4f7530a96bc40ac0851627e33cd6b1aaacfe36d2d9041";

TEST(key_file__opens_what_another_program_sealed)
{
	CLEANUP(freep_key) struct key *k = NULL;
	CLEANUP(freep_secret) struct secret *plain = NULL;
	struct err e = ERR_INIT;
	uint8_t wrapping[72];
	size_t i;

	CHECK(str_unhex(wrapping, frozen, sizeof(wrapping)));
	CHECK_OK(open_path(file_of(HEX, 64, 0600), &k, &e), &e);
	CHECK_OK(key_unwrap(k, wrapping, sizeof(wrapping),
		     (const uint8_t *)"context", 7, &plain, &e),
	    &e);
	for (i = 0; i < KEY_PLAIN_LEN; i++)
		CHECK(secret_p(plain)[i] == 0x60 + i);
}

TEST(key_file__generates_what_it_reads)
{
	CLEANUP(freep_secret) struct secret *a = NULL;
	CLEANUP(freep_secret) struct secret *b = NULL;
	CLEANUP(freep_key) struct key *k = NULL;
	struct err e = ERR_INIT;
	const char *path;

	CHECK_OK(key_file_generate(&a, &e), &e);
	CHECK_OK(key_file_generate(&b, &e), &e);
	CHECK(secret_len(a) == 65 && secret_p(a)[64] == '\n');
	CHECK(!secret_equal(a, b));
	path = file_of(secret_p(a), secret_len(a), 0600);
	CHECK_OK(open_path(path, &k, &e), &e);
}

/* Seal and open a data key; its masked bytes go to ${masked}. */
static void
wrap_once(const char *path, uint8_t masked[32])
{
	CLEANUP(freep_key) struct key *k = NULL;
	CLEANUP(freep_secret) struct secret *plain = NULL;
	CLEANUP(freep_secret) struct secret *back = NULL;
	CLEANUP(freep_buf) struct buf w = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(open_path(path, &k, &e), &e);
	CHECK_OK(secret_random(KEY_PLAIN_LEN, &plain, &e), &e);
	test_memory_mask(masked, secret_p(plain), KEY_PLAIN_LEN);
	CHECK_OK(key_wrap(k, plain, NULL, 0, &w, &e), &e);
	CHECK_OK(key_unwrap(k, w.p, w.len, NULL, 0, &back, &e), &e);
	CHECK(test_memory_count(masked, KEY_PLAIN_LEN) == 2);
}

TEST(key_file__leaves_neither_its_own_nor_the_data_key_behind)
{
	uint8_t master[32], own[32], data[32];
	const char *path;
	size_t i;

	TEST_MEMORY_SKIP();
	/* Made masked: the plain bytes are in the file alone. */
	CHECK(str_unhex(own, HEX, sizeof(own)));
	for (i = 0; i < sizeof(own); i++)
		own[i] = (uint8_t)(own[i] * 7 + 3);
	for (i = 0; i < sizeof(master); i++)
		master[i] = own[i] ^ TEST_MEMORY_MASK;
	path = file_of(master, sizeof(master), 0600);
	secret_wipe(master, sizeof(master));
	CHECK(test_memory_count(own, sizeof(own)) == 0);
	wrap_once(path, data);
	CHECK(test_memory_count(own, sizeof(own)) == 0);
	CHECK(test_memory_count(data, sizeof(data)) == 0);
}
