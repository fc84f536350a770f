#include "base/params.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "key/key.h"
#include "key/passphrase/key_passphrase.h"
#include "test.h"

/* How often was a passphrase stretched? */
static int stretched;
int __real_kdf_passphrase(const struct secret *, const uint8_t[16], uint32_t,
    uint32_t, struct secret **, struct err *);
int __wrap_kdf_passphrase(const struct secret *, const uint8_t[16], uint32_t,
    uint32_t, struct secret **, struct err *);

int
__wrap_kdf_passphrase(const struct secret *pass, const uint8_t s[16],
    uint32_t passes, uint32_t kib, struct secret **ret, struct err *err)
{
	stretched++;
	return __real_kdf_passphrase(pass, s, passes, kib, ret, err);
}

static const uint8_t salt[16] = "0123456789abcdef";

static int
open_pass(
    const char *pass, const uint8_t s[16], struct key **k, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	int rc;

	CHECK(setenv("HF_TEST_PASS", pass, 1) == 0);
	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = params_set(p, "from", "env:HF_TEST_PASS", err)) < 0)
		return rc;
	return key_passphrase_driver.open(p, s, k, err);
}

/* Another program (PyNaCl) made them: see doc/format.md, "k". */
static const char usual[] =
    "030000000000010030313233343536373839616263646566404142434445464748494a4b"
    "4c4d4e4f5051525354555657182eb54994015f8b49ba30533336f9987a1d4cc82e162044"
    "62a09e4d13fa80e57056d728f23f3146ee7c129629a7dc04";
static const char cheap[] =
    "010000000800000030313233343536373839616263646566404142434445464748494a4b"
    "4c4d4e4f5051525354555657a4a7088e1d33fcf11a4bb70ea9a100c185bfb653aef17892"
    "bf24120de692a1a817d4de29e50a2bda98581a20018c3751";

static void
opens(struct key *k, const char *hex)
{
	CLEANUP(freep_secret) struct secret *plain = NULL;
	struct err e = ERR_INIT;
	uint8_t w[96];
	size_t i;

	CHECK(str_unhex(w, hex, sizeof(w)));
	CHECK_OK(key_unwrap(k, w, sizeof(w), (const uint8_t *)"context", 7,
		     &plain, &e),
	    &e);
	for (i = 0; i < KEY_PLAIN_LEN; i++)
		CHECK(secret_p(plain)[i] == 0x60 + i);
}

TEST(key_passphrase__opens_what_another_program_sealed_at_any_cost)
{
	CLEANUP(freep_key) struct key *k = NULL;
	struct err e = ERR_INIT;
	char hex[33];

	CHECK_OK(open_pass("correct horse", salt, &k, &e), &e);
	CHECK_STR(str_hex(hex, k->fingerprint, 16),
	    "3cfd19718d68f48384d3453d5a9c1a34");
	CHECK_STR(k->label, "passphrase:env:HF_TEST_PASS");
	opens(k, usual);
	opens(k, cheap);
	opens(k, usual);
	opens(k, cheap);
}

TEST(key_passphrase__is_stretched_once)
{
	CLEANUP(freep_key) struct key *k = NULL;
	struct err e = ERR_INIT;
	int i;

	stretched = 0;
	CHECK_OK(open_pass("correct horse", salt, &k, &e), &e);
	for (i = 0; i < 5; i++)
		opens(k, usual);
	CHECK(stretched == 1);
}

TEST(key_passphrase__differs_from_vault_to_vault)
{
	CLEANUP(freep_key) struct key *a = NULL;
	CLEANUP(freep_key) struct key *b = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(open_pass("correct horse", salt, &a, &e), &e);
	CHECK_OK(open_pass("correct horse", (const uint8_t *)"0123456789abcdeF",
		     &b, &e),
	    &e);
	CHECK(memcmp(a->fingerprint, b->fingerprint, 16) != 0);
}

static void
too_dear(struct key *k, uint32_t passes, uint32_t kib)
{
	struct secret *plain = NULL;
	struct err e = ERR_INIT;
	uint8_t w[96];

	CHECK(str_unhex(w, usual, sizeof(w)));
	le32_put(w, passes);
	le32_put(w + 4, kib);
	CHECK_FAIL(key_unwrap(k, w, sizeof(w), (const uint8_t *)"context", 7,
		       &plain, &e),
	    &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "believed") != NULL);
}

TEST(key_passphrase__believes_no_wrapping_that_asks_for_too_much)
{
	CLEANUP(freep_key) struct key *k = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(open_pass("correct horse", salt, &k, &e), &e);
	too_dear(k, 0, 65536);
	too_dear(k, 17, 8);
	too_dear(k, UINT32_MAX, 65536);
	too_dear(k, 1, 7);
	too_dear(k, 1, (2u << 20) + 1);
	too_dear(k, 1, UINT32_MAX);
}

TEST(key_passphrase__wants_eight_bytes_and_repeats_none)
{
	struct err e = ERR_INIT;
	struct key *k = NULL;

	CHECK_FAIL(open_pass("hunter2", salt, &k, &e), &e, HF_ECONFIG);
	CHECK(k == NULL && strstr(e.msg, "hunter2") == NULL);
	CHECK(strstr(e.msg, "8 bytes") != NULL && e.hint[0] != '\0');
}

TEST(key_passphrase__survives_running_out_of_memory)
{
	CLEANUP(freep_key) struct key *k = NULL;
	struct err e = ERR_INIT;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (open_pass("correct horse", salt, &k, &e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && k == NULL);
	}
	test_malloc_fail(0);
	opens(k, usual);
}
