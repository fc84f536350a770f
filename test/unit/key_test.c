#include "base/params.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/key.h"
#include "key/recipient/key_recipient.h"
#include "test.h"

static const struct key_driver *const drivers[] = {
	&key_file_driver,
	&key_recipient_driver,
	NULL,
};

static void
refuses(const char *name, const char *value, const char *word)
{
	CLEANUP(freep_params) struct params *p = NULL;
	static const uint8_t salt[16];
	struct err e = ERR_INIT;
	struct key *k = NULL;

	CHECK_OK(params_new(&p, &e), &e);
	if (name != NULL)
		CHECK_OK(params_add(p, name, value, &e), &e);
	CHECK_FAIL(key_open(drivers, p, salt, &k, &e), &e, HF_ECONFIG);
	CHECK(k == NULL);
	if (strstr(e.msg, word) == NULL && strstr(e.hint, word) == NULL)
		test_fail(__FILE__, __LINE__, word, &e);
}

TEST(key_open__names_the_types_there_are)
{
	refuses(NULL, NULL, "no type");
	refuses("type", "files", "file, recipient");
	refuses("type", "file", "lacks its 'path'");
	refuses("type", "recipient", "lacks its 'public'");
}

/* A driver that breaks the rules. */
static size_t made;

static int
bad_wrap(struct key *k, const struct secret *plain, const uint8_t *context,
    size_t n, struct buf *out, struct err *err)
{
	(void)k, (void)plain, (void)context, (void)n;
	while (out->len < made)
		if (buf_add_u8(out, 0, err) < 0)
			return err->code;
	return 0;
}

static int
bad_unwrap(struct key *k, const uint8_t *wrapped, size_t len,
    const uint8_t *context, size_t n, struct secret **plain, struct err *err)
{
	(void)k, (void)wrapped, (void)len, (void)context, (void)n;
	return secret_new(made, plain, err);
}

static const struct key_ops bad_ops = {
	.name = "bad",
	.wrap = bad_wrap,
	.unwrap = bad_unwrap,
};

TEST(key__lets_no_driver_break_the_limits)
{
	struct key k = { &bad_ops, KEY_CAN_WRAP | KEY_CAN_UNWRAP, "bad" };
	CLEANUP(freep_secret) struct secret *plain = NULL;
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	struct secret *back = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(secret_new(31, &plain, &e), &e);
	CHECK_FAIL(key_wrap(&k, plain, NULL, 0, &out, &e), &e, HF_EBUG);
	secret_free(TAKE(plain));
	CHECK_OK(secret_new(KEY_PLAIN_LEN, &plain, &e), &e);
	made = KEY_WRAP_MAX + 1;
	CHECK_FAIL(key_wrap(&k, plain, NULL, 0, &out, &e), &e, HF_EBUG);
	CHECK(out.len == 0);
	made = KEY_PLAIN_LEN - 1;
	CHECK_FAIL(
	    key_unwrap(&k, NULL, 0, NULL, 0, &back, &e), &e, HF_ECORRUPT);
	CHECK(back == NULL);
}
