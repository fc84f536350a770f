#include "base/str.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "test.h"

static void
from_hex(struct secret **s, const char *hex)
{
	struct err e = ERR_INIT;

	CHECK_OK(secret_new(strlen(hex) / 2, s, &e), &e);
	CHECK(str_unhex(secret_w(*s), hex, secret_len(*s)));
}

/* RFC 8032, section 7.1. */
static const struct {
	const char *seed, *pk, *msg, *sig;
} rfc8032[] = {
	{ "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
	    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
	    "",
	    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
	    "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b" },
	{ "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
	    "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
	    "72",
	    "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
	    "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00" },
	{ "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
	    "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
	    "af82",
	    "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
	    "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a" },
};

TEST(sign__gives_the_bytes_of_rfc_8032)
{
	uint8_t pk[SIGN_PUBLIC_LEN], sig[SIGN_LEN], msg[2];
	struct err e = ERR_INIT;
	char hex[129];
	size_t i, n;

	for (i = 0; i < sizeof(rfc8032) / sizeof(rfc8032[0]); i++) {
		CLEANUP(freep_secret) struct secret *seed = NULL;

		from_hex(&seed, rfc8032[i].seed);
		n = strlen(rfc8032[i].msg) / 2;
		CHECK(str_unhex(msg, rfc8032[i].msg, n));
		CHECK_OK(sign_public(seed, pk, &e), &e);
		CHECK_STR(str_hex(hex, pk, sizeof(pk)), rfc8032[i].pk);
		CHECK_OK(sign_make(seed, msg, n, sig, &e), &e);
		CHECK_STR(str_hex(hex, sig, sizeof(sig)), rfc8032[i].sig);
		CHECK_OK(sign_check(pk, msg, n, sig, &e), &e);
	}
}

TEST(sign__refuses_every_flipped_bit)
{
	CLEANUP(freep_secret) struct secret *seed = NULL;
	uint8_t pk[SIGN_PUBLIC_LEN], sig[SIGN_LEN], msg[] = "a manifest";
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(secret_random(32, &seed, &e), &e);
	CHECK_OK(sign_public(seed, pk, &e), &e);
	CHECK_OK(sign_make(seed, msg, sizeof(msg), sig, &e), &e);
	for (i = 0; i < 8 * sizeof(sig); i++) {
		sig[i / 8] ^= 1 << i % 8;
		CHECK_FAIL(
		    sign_check(pk, msg, sizeof(msg), sig, &e), &e, HF_ECORRUPT);
		sig[i / 8] ^= 1 << i % 8;
	}
	for (i = 0; i < 8 * sizeof(msg); i++) {
		msg[i / 8] ^= 1 << i % 8;
		CHECK_FAIL(
		    sign_check(pk, msg, sizeof(msg), sig, &e), &e, HF_ECORRUPT);
		msg[i / 8] ^= 1 << i % 8;
	}
	for (i = 0; i < 8 * sizeof(pk); i++) {
		pk[i / 8] ^= 1 << i % 8;
		CHECK_FAIL(
		    sign_check(pk, msg, sizeof(msg), sig, &e), &e, HF_ECORRUPT);
		pk[i / 8] ^= 1 << i % 8;
	}
	CHECK_OK(sign_check(pk, msg, sizeof(msg), sig, &e), &e);
}

TEST(sign__fingerprint_is_the_hash_that_the_format_names)
{
	uint8_t pk[SIGN_PUBLIC_LEN], fp[SIGN_FINGERPRINT_LEN];
	struct err e = ERR_INIT;
	char hex[33];

	CHECK(str_unhex(pk, rfc8032[0].pk, sizeof(pk)));
	CHECK_OK(sign_fingerprint(pk, fp, &e), &e);
	CHECK_STR(
	    str_hex(hex, fp, sizeof(fp)), "25c480e2b4670dc826e74771da19cca0");
}

TEST(sign__takes_a_seed_of_32_bytes_alone)
{
	CLEANUP(freep_secret) struct secret *seed = NULL;
	uint8_t pk[SIGN_PUBLIC_LEN], sig[SIGN_LEN];
	struct err e = ERR_INIT;

	CHECK_OK(secret_random(64, &seed, &e), &e);
	CHECK_FAIL(sign_public(seed, pk, &e), &e, HF_EBUG);
	CHECK_FAIL(sign_make(seed, "", 0, sig, &e), &e, HF_EBUG);
	CHECK_FAIL(x25519_public(seed, pk, &e), &e, HF_EBUG);
}

/* RFC 7748, sections 5.2 and 6.1. */
static void
agrees(const char *sk_hex, const char *pk_hex, const char *want)
{
	CLEANUP(freep_secret) struct secret *sk = NULL;
	CLEANUP(freep_secret) struct secret *out = NULL;
	struct err e = ERR_INIT;
	uint8_t pk[32];
	char hex[65];

	from_hex(&sk, sk_hex);
	CHECK(str_unhex(pk, pk_hex, sizeof(pk)));
	CHECK_OK(x25519_shared(sk, pk, &out, &e), &e);
	CHECK_STR(str_hex(hex, secret_p(out), secret_len(out)), want);
}

#define ALICE "77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a"
#define ALICE_PUBLIC                                                           \
	"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a"
#define BOB "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
#define BOB_PUBLIC                                                             \
	"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
#define SHARED                                                                 \
	"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742"

TEST(x25519__gives_the_bytes_of_rfc_7748)
{
	CLEANUP(freep_secret) struct secret *sk = NULL;
	struct err e = ERR_INIT;
	uint8_t pk[32];
	char hex[65];

	agrees(
	    "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
	    "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
	    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552");
	agrees(
	    "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
	    "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
	    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957");
	agrees(ALICE, BOB_PUBLIC, SHARED);
	agrees(BOB, ALICE_PUBLIC, SHARED);
	from_hex(&sk, ALICE);
	CHECK_OK(x25519_public(sk, pk, &e), &e);
	CHECK_STR(str_hex(hex, pk, sizeof(pk)), ALICE_PUBLIC);
}

TEST(x25519__refuses_points_of_low_order)
{
	static const char *const low[] = {
		/* 0, 1, the two of order 8, p - 1, p, p + 1 */
		"0000000000000000000000000000000000000000000000000000000000000"
		"000",
		"0100000000000000000000000000000000000000000000000000000000000"
		"000",
		"e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b"
		"800",
		"5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1"
		"157",
		"ecfffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"f7f",
		"edfffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"f7f",
		"eefffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"f7f",
	};
	CLEANUP(freep_secret) struct secret *sk = NULL;
	struct secret *out = NULL;
	struct err e = ERR_INIT;
	uint8_t pk[32];
	size_t i;

	CHECK_OK(secret_random(32, &sk, &e), &e);
	for (i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
		CHECK(str_unhex(pk, low[i], sizeof(pk)));
		CHECK_FAIL(x25519_shared(sk, pk, &out, &e), &e, HF_ECORRUPT);
		CHECK(out == NULL);
	}
}
