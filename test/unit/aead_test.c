#include <sodium.h>

#include "base/buf.h"
#include "base/str.h"
#include "crypto/aead.h"
#include "crypto/secret.h"
#include "test.h"

static uint8_t key[AEAD_KEY_LEN], prefix[16], plain[1 << 21];
static uint8_t ours[sizeof(plain) + AEAD_TAG_LEN];
static uint8_t theirs[sizeof(ours)];

static void
make(struct aead **a)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(secret_copy(key, sizeof(key), &s, &e), &e);
	CHECK_OK(aead_new(s, prefix, a, &e), &e);
}

static void
fill(void)
{
	CHECK(sodium_init() >= 0);
	randombytes_buf_deterministic(plain, sizeof(plain), (uint8_t[32]){ 1 });
	randombytes_buf_deterministic(key, sizeof(key), (uint8_t[32]){ 2 });
	randombytes_buf_deterministic(
	    prefix, sizeof(prefix), (uint8_t[32]){ 3 });
}

TEST(aead__gives_the_bytes_of_the_xchacha_draft)
{
	/* draft-irtf-cfrg-xchacha-03, appendix A.3.1. */
	static const char text[] =
	    "Ladies and Gentlemen of the class of '99: If I could offer you "
	    "only one tip for the future, sunscreen would be it.";
	static const char sealed[] =
	    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb"
	    "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452"
	    "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9"
	    "21f9664c97637da9768812f615c68b13b52e"
	    "c0875924c1c7987947deafd8780acf49";
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t aad[12], out[sizeof(text) - 1 + AEAD_TAG_LEN];
	char hex[2 * sizeof(out) + 1];
	struct err e = ERR_INIT;
	size_t i;

	CHECK(str_unhex(aad, "50515253c0c1c2c3c4c5c6c7", sizeof(aad)));
	for (i = 0; i < sizeof(key); i++)
		key[i] = (uint8_t)(0x80 + i);
	for (i = 0; i < sizeof(prefix); i++)
		prefix[i] = (uint8_t)(0x40 + i);
	make(&a);
	CHECK_OK(aead_seal(a, 0x5756555453525150, aad, sizeof(aad), text,
		     sizeof(text) - 1, out, &e),
	    &e);
	CHECK_STR(str_hex(hex, out, sizeof(out)), sealed);
}

static void
same_as_libsodium(struct aead *a, size_t n, size_t naad)
{
	uint8_t nonce[AEAD_NONCE_LEN];
	struct err e = ERR_INIT;

	memcpy(nonce, prefix, sizeof(prefix));
	le64_put(nonce + sizeof(prefix), n);
	CHECK(crypto_aead_xchacha20poly1305_ietf_encrypt(theirs, NULL, plain, n,
		  plain + 7, naad, NULL, nonce, key) == 0);

	CHECK_OK(aead_seal(a, n, plain + 7, naad, plain, n, ours, &e), &e);
	CHECK(memcmp(ours, theirs, n + AEAD_TAG_LEN) == 0);
	CHECK_OK(aead_open(
		     a, n, plain + 7, naad, ours, n + AEAD_TAG_LEN, theirs, &e),
	    &e);
	CHECK(memcmp(theirs, plain, n) == 0);

	/* In place: the same bytes, there and back. */
	memcpy(theirs, plain, n);
	CHECK_OK(aead_seal(a, n, plain + 7, naad, theirs, n, theirs, &e), &e);
	CHECK(memcmp(ours, theirs, n + AEAD_TAG_LEN) == 0);
	CHECK_OK(aead_open(a, n, plain + 7, naad, theirs, n + AEAD_TAG_LEN,
		     theirs, &e),
	    &e);
	CHECK(memcmp(theirs, plain, n) == 0);
}

TEST(aead__equals_libsodium_at_every_length)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	size_t n;

	fill();
	make(&a);
	for (n = 0; n <= 4200; n++)
		same_as_libsodium(a, n, n % 131);
	for (n = (1 << 20) - 17; n <= (1 << 20) + 17; n++)
		same_as_libsodium(a, n, n % 131);
	same_as_libsodium(a, sizeof(plain), 0);
}

static void
refuses(struct aead *a, uint64_t counter, const uint8_t *aad, size_t naad,
    const uint8_t *c, size_t n)
{
	static const uint8_t zero[256];
	struct err e = ERR_INIT;
	uint8_t out[256];

	memset(out, 0xee, sizeof(out));
	CHECK_FAIL(
	    aead_open(a, counter, aad, naad, c, n, out, &e), &e, HF_ECORRUPT);
	CHECK(memcmp(out, zero, n - AEAD_TAG_LEN) == 0);
}

TEST(aead__refuses_every_flipped_bit)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t c[100 + AEAD_TAG_LEN], aad[33];
	struct err e = ERR_INIT;
	size_t i;

	fill();
	make(&a);
	memcpy(aad, plain, sizeof(aad));
	CHECK_OK(aead_seal(a, 5, aad, sizeof(aad), plain, 100, c, &e), &e);
	for (i = 0; i < 8 * sizeof(c); i++) {
		c[i / 8] ^= 1 << i % 8;
		refuses(a, 5, aad, sizeof(aad), c, sizeof(c));
		c[i / 8] ^= 1 << i % 8;
	}
	for (i = 0; i < 8 * sizeof(aad); i++) {
		aad[i / 8] ^= 1 << i % 8;
		refuses(a, 5, aad, sizeof(aad), c, sizeof(c));
		aad[i / 8] ^= 1 << i % 8;
	}
	for (i = 0; i < 64; i++)
		refuses(a, 5 ^ 1ULL << i, aad, sizeof(aad), c, sizeof(c));
	for (i = 0; i < 8 * sizeof(prefix); i++) {
		CLEANUP(freep_aead) struct aead *other = NULL;

		prefix[i / 8] ^= 1 << i % 8;
		make(&other);
		refuses(other, 5, aad, sizeof(aad), c, sizeof(c));
		prefix[i / 8] ^= 1 << i % 8;
	}
	/* And still opens what nobody touched. */
	CHECK_OK(aead_open(a, 5, aad, sizeof(aad), c, sizeof(c), ours, &e), &e);
	CHECK(memcmp(ours, plain, 100) == 0);
}

TEST(aead__refuses_a_shortened_message)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	uint8_t c[40 + AEAD_TAG_LEN];
	struct err e = ERR_INIT;
	size_t n;

	fill();
	make(&a);
	CHECK_OK(aead_seal(a, 0, NULL, 0, plain, 40, c, &e), &e);
	for (n = 0; n < sizeof(c); n++)
		CHECK_FAIL(
		    aead_open(a, 0, NULL, 0, c, n, ours, &e), &e, HF_ECORRUPT);
}

TEST(aead__is_made_of_32_bytes_alone)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	struct err e = ERR_INIT;
	struct aead *a = NULL;

	CHECK_OK(secret_new(31, &s, &e), &e);
	CHECK_FAIL(aead_new(s, prefix, &a, &e), &e, HF_EBUG);
	CHECK(a == NULL);
}

TEST(aead__survives_running_out_of_memory)
{
	CLEANUP(freep_aead) struct aead *a = NULL;
	CLEANUP(freep_secret) struct secret *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(secret_random(32, &s, &e), &e);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (aead_new(s, prefix, &a, &e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && a == NULL);
	}
	CHECK(a != NULL);
}
