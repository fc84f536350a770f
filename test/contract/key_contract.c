#include "key_contract.h"
#include "base/parallel.h"
#include "crypto/secret.h"
#include "key/key.h"
#include "test.h"

static const uint8_t context[] = "HF1K vault and key id";

/* A pair, a data key, and its wrapping. */
struct sealed {
	struct key *wraps, *unwraps;
	struct secret *plain;
	struct buf wrapping;
};

static void
sealed_clear(struct sealed *s)
{
	key_free(s->wraps);
	key_free(s->unwraps);
	secret_free(s->plain);
	buf_free(&s->wrapping);
}

static void
seal(const struct key_contract *c, struct sealed *s)
{
	struct err e = ERR_INIT;

	c->open(&s->wraps, &s->unwraps);
	CHECK_OK(secret_random(KEY_PLAIN_LEN, &s->plain, &e), &e);
	CHECK_OK(key_wrap(s->wraps, s->plain, context, sizeof(context),
		     &s->wrapping, &e),
	    &e);
	CHECK(s->wrapping.len > 0 && s->wrapping.len <= KEY_WRAP_MAX);
}

static int
unwrap(struct key *k, const struct buf *w, const void *ctx, size_t n,
    struct secret **plain, struct err *err)
{
	return key_unwrap(k, w->p, w->len, ctx, n, plain, err);
}

static void
refuses(struct key *k, const struct buf *w, const void *ctx, size_t n)
{
	struct err e = ERR_INIT;
	struct secret *plain = NULL;
	int rc = unwrap(k, w, ctx, n, &plain, &e);

	CHECK(rc == -HF_EKEY || rc == -HF_ECORRUPT);
	CHECK(plain == NULL && strstr(e.msg, k->label) != NULL);
}

static void
what_wrap_sealed_unwrap_opens(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	CLEANUP(freep_secret) struct secret *plain = NULL;
	struct err e = ERR_INIT;

	seal(c, &s);
	CHECK_OK(unwrap(s.unwraps, &s.wrapping, context, sizeof(context),
		     &plain, &e),
	    &e);
	CHECK(secret_equal(plain, s.plain));
}

static void
wrap_appends_and_never_repeats_itself(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	struct err e = ERR_INIT;
	size_t n;

	seal(c, &s);
	n = s.wrapping.len;
	CHECK_OK(key_wrap(s.wraps, s.plain, context, sizeof(context),
		     &s.wrapping, &e),
	    &e);
	CHECK(s.wrapping.len == 2 * n);
	CHECK(memcmp(s.wrapping.p, s.wrapping.p + n, n) != 0);
}

static void
no_other_context_opens_it(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	uint8_t other[sizeof(context)];
	size_t i;

	seal(c, &s);
	for (i = 0; i < sizeof(other); i++) {
		memcpy(other, context, sizeof(other));
		other[i] ^= 0x80;
		refuses(s.unwraps, &s.wrapping, other, sizeof(other));
	}
	refuses(s.unwraps, &s.wrapping, context, sizeof(context) - 1);
	refuses(s.unwraps, &s.wrapping, NULL, 0);
}

static void
no_other_key_opens_it(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	CLEANUP(freep_key) struct key *wraps = NULL;
	CLEANUP(freep_key) struct key *unwraps = NULL;

	seal(c, &s);
	c->stranger(&wraps, &unwraps);
	refuses(unwraps, &s.wrapping, context, sizeof(context));
}

static void
no_changed_bit_passes(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	CLEANUP(freep_secret) struct secret *plain = NULL;
	struct err e = ERR_INIT;
	size_t i;

	seal(c, &s);
	for (i = 0; i < 8 * s.wrapping.len; i++) {
		if (i / 8 < c->dear && i % 32 != 0)
			continue;
		s.wrapping.p[i / 8] ^= 1 << i % 8;
		refuses(s.unwraps, &s.wrapping, context, sizeof(context));
		s.wrapping.p[i / 8] ^= 1 << i % 8;
	}
	CHECK_OK(unwrap(s.unwraps, &s.wrapping, context, sizeof(context),
		     &plain, &e),
	    &e);
}

static void
no_other_length_passes(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	struct err e = ERR_INIT;
	size_t n;

	seal(c, &s);
	n = s.wrapping.len;
	CHECK_OK(buf_add_u8(&s.wrapping, 0, &e), &e);
	refuses(s.unwraps, &s.wrapping, context, sizeof(context));
	while (n-- > 0) {
		s.wrapping.len = n;
		refuses(s.unwraps, &s.wrapping, context, sizeof(context));
	}
}

static void
the_fingerprint_is_the_key_s_own(const struct key_contract *c)
{
	CLEANUP(freep_key) struct key *w = NULL;
	CLEANUP(freep_key) struct key *u = NULL;
	CLEANUP(freep_key) struct key *other_w = NULL;
	CLEANUP(freep_key) struct key *other_u = NULL;
	const size_t n = KEY_FINGERPRINT_LEN;

	c->open(&w, &u);
	c->stranger(&other_w, &other_u);
	CHECK(memcmp(w->fingerprint, u->fingerprint, n) == 0);
	CHECK(memcmp(w->fingerprint, other_w->fingerprint, n) != 0);
	CHECK(memcmp(u->fingerprint, other_u->fingerprint, n) != 0);
	CHECK_STR(w->kind, u->kind);
	CHECK_STR(w->public_text, u->public_text);
	CHECK(w->label[0] != '\0' && u->label[0] != '\0');
}

static void
caps_are_kept(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	struct err e = ERR_INIT;
	struct secret *plain = NULL;

	seal(c, &s);
	CHECK(s.wraps->caps & KEY_CAN_WRAP);
	CHECK(s.unwraps->caps & KEY_CAN_UNWRAP);
	if (!(s.wraps->caps & KEY_CAN_UNWRAP))
		CHECK_FAIL(unwrap(s.wraps, &s.wrapping, context,
			       sizeof(context), &plain, &e),
		    &e, HF_EDENIED);
	if (!(s.unwraps->caps & KEY_CAN_WRAP))
		CHECK_FAIL(key_wrap(s.unwraps, s.plain, context,
			       sizeof(context), &s.wrapping, &e),
		    &e, HF_EDENIED);
	CHECK(plain == NULL);
}

static int
there_and_back(void *arg, size_t i, struct err *err)
{
	CLEANUP(freep_buf) struct buf w = BUF_INIT;
	CLEANUP(freep_secret) struct secret *back = NULL;
	const struct sealed *s = arg;
	int rc;

	(void)i;
	if ((rc = key_wrap(
		 s->wraps, s->plain, context, sizeof(context), &w, err)) < 0 ||
	    (rc = unwrap(
		 s->unwraps, &w, context, sizeof(context), &back, err)) < 0)
		return rc;
	if (!secret_equal(back, s->plain))
		return err_set(err, HF_ECORRUPT, "another data key");
	return 0;
}

static void
threads_may_share_it(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	struct err e = ERR_INIT;

	seal(c, &s);
	CHECK_OK(parallel_for(64, 4, there_and_back, &s, &e), &e);
}

/* Fail the 1st, 2nd, 3rd ... allocation of both calls. */
static void
running_out_of_memory_changes_nothing(const struct key_contract *c)
{
	CLEANUP(sealed_clear) struct sealed s = { 0 };
	CLEANUP(freep_buf) struct buf out = BUF_INIT;
	CLEANUP(freep_secret) struct secret *plain = NULL;
	struct err e = ERR_INIT;

	seal(c, &s);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (key_wrap(s.wraps, s.plain, context, sizeof(context), &out,
			&e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && out.len == 0);
	}
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (unwrap(s.unwraps, &s.wrapping, context, sizeof(context),
			&plain, &e) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM && plain == NULL);
	}
	test_malloc_fail(0);
	CHECK(plain != NULL);
}

void
key_contract_run(const struct key_contract *c)
{
	what_wrap_sealed_unwrap_opens(c);
	wrap_appends_and_never_repeats_itself(c);
	no_other_context_opens_it(c);
	no_other_key_opens_it(c);
	no_changed_bit_passes(c);
	no_other_length_passes(c);
	the_fingerprint_is_the_key_s_own(c);
	caps_are_kept(c);
	threads_may_share_it(c);
	running_out_of_memory_changes_nothing(c);
}
