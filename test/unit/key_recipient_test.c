#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "key/key.h"
#include "key/key_text.h"
#include "key/recipient/key_recipient.h"
#include "test.h"

/* Alice of RFC 7748. */
#define IDENTITY                                                               \
	"hfi177076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a" \
	"bb504be2"
#define PUBLIC                                                                 \
	"hfr18520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a" \
	"d9eb95a7"

static const char *
file_of(const void *p, size_t n, mode_t mode)
{
	static char path[128];
	struct err e = ERR_INIT;

	(void)snprintf(path, sizeof(path), "%s/identity", test_dir());
	(void)unlink(path);
	CHECK_OK(file_write_new(path, mode, p, n, &e), &e);
	return path;
}

static int
open_key(const struct key_driver *d, const char *value, struct key **k,
    struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	static const uint8_t salt[16];
	int rc;

	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = params_set(p, d->word, value, err)) < 0)
		return rc;
	return d->open(p, salt, k, err);
}

TEST(key_identity__has_the_kind_the_name_and_the_fingerprint_of_its_recipient)
{
	CLEANUP(freep_key) struct key *id = NULL;
	CLEANUP(freep_key) struct key *rcp = NULL;
	struct err e = ERR_INIT;
	char hex[33];

	CHECK_OK(open_key(&key_identity_driver,
		     file_of(IDENTITY "\n", 77, 0600), &id, &e),
	    &e);
	CHECK_OK(open_key(&key_recipient_driver, PUBLIC, &rcp, &e), &e);
	CHECK_STR(id->public_text, PUBLIC);
	CHECK_STR(rcp->public_text, PUBLIC);
	CHECK_STR(id->kind, "recipient");
	CHECK(id->caps == KEY_CAN_UNWRAP && rcp->caps == KEY_CAN_WRAP);
	CHECK_STR(str_hex(hex, rcp->fingerprint, 16),
	    "01c1a3ec3d069a75c2b904c3e26f5195");
}

/* Another program (PyNaCl) made it: see doc/format.md, "k". */
static const char frozen[] =
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f1a0c2133"
    "87e20a40bedfbacfaea71e02b912af362163a3d5bbac7ce5bb41bdee210a12a6cc313894"
    "fff751dbadedd002";

TEST(key_identity__opens_what_another_program_sealed)
{
	CLEANUP(freep_key) struct key *id = NULL;
	CLEANUP(freep_secret) struct secret *plain = NULL;
	struct err e = ERR_INIT;
	uint8_t w[80];
	size_t i;

	CHECK(str_unhex(w, frozen, sizeof(w)));
	CHECK_OK(open_key(&key_identity_driver, file_of(IDENTITY, 76, 0600),
		     &id, &e),
	    &e);
	CHECK_OK(key_unwrap(id, w, sizeof(w), (const uint8_t *)"context", 7,
		     &plain, &e),
	    &e);
	for (i = 0; i < KEY_PLAIN_LEN; i++)
		CHECK(secret_p(plain)[i] == 0x60 + i);
}

static void
refuses(const struct key_driver *d, const char *value, const char *word)
{
	struct err e = ERR_INIT;
	struct key *k = NULL;

	CHECK_FAIL(open_key(d, value, &k, &e), &e, HF_ECONFIG);
	CHECK(k == NULL);
	if (strstr(e.msg, word) == NULL && strstr(e.hint, word) == NULL)
		test_fail(__FILE__, __LINE__, word, &e);
	/* Never the digits: they may be private. */
	CHECK(strstr(e.msg, "8520f0") == NULL);
	CHECK(strstr(e.msg, "77076d") == NULL);
}

TEST(key_recipient__tells_every_slip_in_its_text)
{
	char text[] = PUBLIC;
	size_t i;

	for (i = 4; i < sizeof(text) - 1; i++) {
		text[i] = text[i] == '0' ? '1' : '0';
		refuses(&key_recipient_driver, text, "check digits");
		text[i] = PUBLIC[i];
	}
	text[9] = 'x';
	refuses(&key_recipient_driver, text, "no hex digit");
	refuses(&key_recipient_driver, "", "begin with 'hfr1'");
	refuses(&key_recipient_driver, IDENTITY, "begin with 'hfr1'");
	refuses(&key_recipient_driver, PUBLIC "0", "77 characters");
}

TEST(key_identity__refuses_what_is_none)
{
	const struct key_driver *d = &key_identity_driver;

	refuses(d, file_of(PUBLIC, 76, 0600), "begin with 'hfi1'");
	refuses(d, file_of(IDENTITY, 75, 0600), "75 characters");
	refuses(d, file_of(IDENTITY "\n#", 78, 0600), "one line");
	refuses(d, file_of(IDENTITY "\0", 77, 0600), "one line");
	refuses(d, file_of(IDENTITY, 76, 0604), "chmod o=");
}

TEST(key_recipient__refuses_a_point_of_low_order)
{
	CLEANUP(freep_key) struct key *k = NULL;
	CLEANUP(freep_secret) struct secret *plain = NULL;
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	static const uint8_t low[32] = { 1 };
	char text[KEY_TEXT_LEN + 1];
	struct err e = ERR_INIT;

	CHECK_OK(key_text_encode(KEY_TEXT_PUBLIC, low, text, &e), &e);
	CHECK_OK(open_key(&key_recipient_driver, text, &k, &e), &e);
	CHECK_OK(secret_random(KEY_PLAIN_LEN, &plain, &e), &e);
	CHECK_FAIL(key_wrap(k, plain, NULL, 0, &out, &e), &e, HF_ECORRUPT);
	CHECK(out.len == 0);
}

TEST(key_identity__generates_what_it_reads)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	CLEANUP(freep_key) struct key *id = NULL;
	char public[KEY_RECIPIENT_TEXT_MAX];
	struct err e = ERR_INIT;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (key_identity_generate(&text, public, &e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && text == NULL);
	}
	test_malloc_fail(0);
	CHECK_OK(open_key(&key_identity_driver,
		     file_of(secret_p(text), secret_len(text), 0600), &id, &e),
	    &e);
	CHECK_STR(id->public_text, public);
}
