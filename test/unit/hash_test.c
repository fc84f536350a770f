#include "base/str.h"
#include "crypto/hash.h"
#include "test.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
#define LONG "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"

static void
is_sha256(const char *text, const char *want)
{
	struct err e = ERR_INIT;
	uint8_t sum[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];

	CHECK_OK(sha256_of(text, strlen(text), sum, &e), &e);
	CHECK_STR(str_hex(hex, sum, sizeof(sum)), want);
}

TEST(sha256__gives_the_bytes_of_fips_180)
{
	is_sha256("", EMPTY);
	is_sha256("abc", ABC);
	is_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(sha256__takes_pieces_and_lets_itself_be_looked_at)
{
	CLEANUP(freep_sha256) struct sha256 *s = NULL;
	uint8_t thousand[1000], sum[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];
	struct err e = ERR_INIT;
	int i;

	memset(thousand, 'a', sizeof(thousand));
	CHECK_OK(sha256_new(&s, &e), &e);
	CHECK_OK(sha256_peek(s, sum, &e), &e);
	CHECK_STR(str_hex(hex, sum, sizeof(sum)), EMPTY);
	for (i = 0; i < 1000; i++) {
		CHECK_OK(sha256_update(s, thousand, sizeof(thousand), &e), &e);
		CHECK_OK(sha256_peek(s, sum, &e), &e);
	}
	CHECK_STR(str_hex(hex, sum, sizeof(sum)), LONG);
	CHECK_OK(sha256_final(s, sum, &e), &e);
	CHECK_STR(str_hex(hex, sum, sizeof(sum)), LONG);

	CHECK_OK(sha256_reset(s, &e), &e);
	CHECK_OK(sha256_update(s, "abc", 3, &e), &e);
	CHECK_OK(sha256_final(s, sum, &e), &e);
	CHECK_STR(str_hex(hex, sum, sizeof(sum)), ABC);
}

static void
is_hmac(const void *key, size_t nkey, const char *text, const char *want)
{
	struct err e = ERR_INIT;
	uint8_t sum[SHA256_LEN];
	char hex[2 * SHA256_LEN + 1];

	CHECK_OK(hmac_sha256(key, nkey, text, strlen(text), sum, &e), &e);
	CHECK_STR(str_hex(hex, sum, sizeof(sum)), want);
}

TEST(hmac_sha256__gives_the_bytes_of_rfc_4231)
{
	uint8_t key[131];

	memset(key, 0x0b, 20);
	is_hmac(key, 20, "Hi There",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	is_hmac("Jefe", 4, "what do ya want for nothing?",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	is_hmac(key, sizeof(key),
	    "Test Using Larger Than Block-Size Key - Hash Key First",
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

TEST(md5__gives_the_bytes_of_rfc_1321)
{
	struct err e = ERR_INIT;
	uint8_t sum[16];
	char hex[33];

	CHECK_OK(md5_of("", 0, sum, &e), &e);
	CHECK_STR(
	    str_hex(hex, sum, sizeof(sum)), "d41d8cd98f00b204e9800998ecf8427e");
	CHECK_OK(md5_of("abc", 3, sum, &e), &e);
	CHECK_STR(
	    str_hex(hex, sum, sizeof(sum)), "900150983cd24fb0d6963f7d28e17f72");
}

TEST(sha1__gives_the_bytes_of_rfc_3174)
{
	struct err e = ERR_INIT;
	uint8_t sum[SHA1_LEN];
	char hex[2 * SHA1_LEN + 1];

	CHECK_OK(sha1_of("abc", 3, sum, &e), &e);
	CHECK_STR(str_hex(hex, sum, sizeof(sum)),
	    "a9993e364706816aba3e25717850c26c9cd0d89d");
}

TEST(sha256__survives_running_out_of_memory)
{
	CLEANUP(freep_sha256) struct sha256 *s = NULL;
	struct err e = ERR_INIT;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (sha256_new(&s, &e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && s == NULL);
	}
	CHECK(s != NULL);
}

/* The vectors of the authors' reference code: key and text count up from 0. */
TEST(siphash__gives_the_authors_vectors)
{
	uint8_t key[SIPHASH_KEY_LEN], other[SIPHASH_KEY_LEN], text[15];
	size_t i;

	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)i;
	for (i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)i;
	CHECK(siphash_of(key, text, 0) == 0x726fdb47dd0e0e31);
	CHECK(siphash_of(key, text, 8) == 0x93f5f5799a932462);
	CHECK(siphash_of(key, text, 15) == 0xa129ca6149be45e5);
	siphash_key(key);
	siphash_key(other);
	CHECK(memcmp(key, other, sizeof(key)) != 0);
}
