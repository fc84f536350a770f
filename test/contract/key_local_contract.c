#include "base/file.h"
#include "base/params.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/key.h"
#include "key/passphrase/key_passphrase.h"
#include "key/recipient/key_recipient.h"
#include "key_contract.h"
#include "test.h"

static const struct key_driver *const drivers[] = {
	&key_file_driver,
	&key_passphrase_driver,
	&key_recipient_driver,
	&key_identity_driver,
	NULL,
};

static void
open_key(
    const char *type, const char *word, const char *value, struct key **ret)
{
	CLEANUP(freep_params) struct params *p = NULL;
	static const uint8_t salt[16] = "a vault's own id";
	struct err e = ERR_INIT;

	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_set(p, "type", type, &e), &e);
	CHECK_OK(params_set(p, word, value, &e), &e);
	CHECK_OK(key_open(drivers, p, salt, ret, &e), &e);
}

/* Write ${text} to a file of the running test, unless there is one. */
static const char *
file_of(const char *name, const struct secret *text)
{
	static char path[128];
	struct err e = ERR_INIT;
	int rc;

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	rc = file_write_new(path, 0600, secret_p(text), secret_len(text), &e);
	CHECK(rc == 0 || rc == -HF_EEXISTS);
	return path;
}

static void
open_file(const char *name, struct key **wraps, struct key **unwraps)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	struct err e = ERR_INIT;
	const char *path;

	CHECK_OK(key_file_generate(&text, &e), &e);
	path = file_of(name, text);
	open_key("file", "path", path, wraps);
	open_key("file", "path", path, unwraps);
}

static void
file_mine(struct key **wraps, struct key **unwraps)
{
	open_file("mine", wraps, unwraps);
}

static void
file_stranger(struct key **wraps, struct key **unwraps)
{
	open_file("stranger", wraps, unwraps);
}

TEST(key_file__keeps_every_promise)
{
	static const struct key_contract c = {
		.open = file_mine,
		.stranger = file_stranger,
	};

	key_contract_run(&c);
}

static void
open_passphrase(const char *pass, struct key **wraps, struct key **unwraps)
{
	CHECK(setenv("HF_TEST_PASS", pass, 1) == 0);
	open_key("passphrase", "from", "env:HF_TEST_PASS", wraps);
	CHECK(setenv("HF_TEST_PASS", pass, 1) == 0);
	open_key("passphrase", "from", "env:HF_TEST_PASS", unwraps);
}

static void
passphrase_mine(struct key **wraps, struct key **unwraps)
{
	open_passphrase("correct horse battery staple", wraps, unwraps);
}

static void
passphrase_stranger(struct key **wraps, struct key **unwraps)
{
	open_passphrase("correct horse battery stable", wraps, unwraps);
}

TEST(key_passphrase__keeps_every_promise)
{
	static const struct key_contract c = {
		.open = passphrase_mine,
		.stranger = passphrase_stranger,
		.dear = 24,
	};

	key_contract_run(&c);
}

/* The file's text is the private half, wherever it came from. */
static void
open_pair(const char *name, struct key **wraps, struct key **unwraps)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	char public[KEY_RECIPIENT_TEXT_MAX];
	struct err e = ERR_INIT;

	CHECK_OK(key_identity_generate(&text, public, &e), &e);
	open_key("identity", "path", file_of(name, text), unwraps);
	open_key("recipient", "public", (*unwraps)->public_text, wraps);
}

static void
pair_mine(struct key **wraps, struct key **unwraps)
{
	open_pair("mine", wraps, unwraps);
}

static void
pair_stranger(struct key **wraps, struct key **unwraps)
{
	open_pair("stranger", wraps, unwraps);
}

TEST(key_recipient_and_identity__keep_every_promise)
{
	static const struct key_contract c = {
		.open = pair_mine,
		.stranger = pair_stranger,
	};

	key_contract_run(&c);
}
