#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "key/key.h"
#include "key/key_box.h"
#include "key/passphrase/key_passphrase.h"

#define SALT_LEN 16
#define COST_LEN (4 + 4 + SALT_LEN)
#define WRAPPING_LEN (COST_LEN + AEAD_NONCE_LEN + KEY_BOX_LEN)

/* What, beside the passphrase, makes a wrapping key. */
struct cost {
	uint32_t passes, kib;
	uint8_t salt[SALT_LEN];
};

struct key_passphrase {
	struct key base;
	struct secret *pass;

	/* What it wraps with, made once; never changes. */
	struct cost cost;
	struct secret *kek;

	/* The last other cost that a wrapping asked for. */
	pthread_mutex_t lock;
	struct cost other;
	struct secret *other_kek;
};

static bool
same_cost(const struct cost *a, const struct cost *b)
{
	return a->passes == b->passes && a->kib == b->kib &&
	       memcmp(a->salt, b->salt, SALT_LEN) == 0;
}

/* Stretch the passphrase; ${fp} (or NULL) gets the key's fingerprint. */
static int
stretch(const struct secret *pass, const struct cost *c, struct secret **kek,
    uint8_t *fp, struct err *err)
{
	CLEANUP(freep_secret) struct secret *a = NULL;
	int rc;

	if ((rc = kdf_passphrase(pass, c->salt, c->passes, c->kib, &a, err)) <
	    0)
		return rc;
	if (fp != NULL && (rc = kdf_derive(a, "holdfast passphrase fingerprint",
			       NULL, 0, fp, KEY_FINGERPRINT_LEN, err)) < 0)
		return rc;
	return key_box_key(a, "holdfast passphrase wrap", NULL, 0, kek, err);
}

static int
passphrase_wrap(struct key *k, const struct secret *plain,
    const uint8_t *context, size_t n, struct buf *out, struct err *err)
{
	const struct key_passphrase *p = (struct key_passphrase *)k;
	uint8_t nonce[AEAD_NONCE_LEN];
	int rc;

	randombytes_buf(nonce, sizeof(nonce));
	if ((rc = buf_add_u32(out, p->cost.passes, err)) < 0 ||
	    (rc = buf_add_u32(out, p->cost.kib, err)) < 0 ||
	    (rc = buf_add(out, p->cost.salt, SALT_LEN, err)) < 0 ||
	    (rc = buf_add(out, nonce, sizeof(nonce), err)) < 0)
		return rc;
	return key_box_seal(p->kek, nonce, context, n, plain, out, err);
}

static int
read_cost(struct cur *c, struct cost *cost, struct err *err)
{
	cost->passes = cur_u32(c);
	cost->kib = cur_u32(c);
	cur_copy(c, cost->salt, SALT_LEN);
	if (cost->passes < 1 || cost->passes > KEY_PASSPHRASE_PASSES_MAX ||
	    cost->kib < 8 || cost->kib > KEY_PASSPHRASE_KIB_MAX)
		return err_set(err, HF_ECORRUPT,
		    "the wrapping asks for Argon2id with %u passes over %u "
		    "KiB: at most %d and %u are believed",
		    cost->passes, cost->kib, KEY_PASSPHRASE_PASSES_MAX,
		    KEY_PASSPHRASE_KIB_MAX);
	return 0;
}

/* Under the lock: make the wrapping key for ${cost} the remembered one. */
static int
recall(struct key_passphrase *p, const struct cost *cost, struct err *err)
{
	struct secret *kek;
	int rc;

	if (p->other_kek != NULL && same_cost(cost, &p->other))
		return 0;
	if ((rc = stretch(p->pass, cost, &kek, NULL, err)) < 0)
		return rc;
	secret_free(p->other_kek);
	p->other_kek = kek;
	p->other = *cost;
	return 0;
}

static int
open_at_other_cost(struct key_passphrase *p, const struct cost *cost,
    const uint8_t *nonce, const uint8_t *context, size_t n,
    struct secret **plain, struct err *err)
{
	int rc;

	/*
	 * The lock is held throughout: only one stretching at a time, as it
	 * takes up to 2 GiB.
	 */
	(void)pthread_mutex_lock(&p->lock);
	if ((rc = recall(p, cost, err)) == 0)
		rc = key_box_open(p->other_kek, nonce, context, n,
		    nonce + AEAD_NONCE_LEN, plain, err);
	(void)pthread_mutex_unlock(&p->lock);
	return rc;
}

static int
passphrase_unwrap(struct key *k, const uint8_t *wrapped, size_t len,
    const uint8_t *context, size_t n, struct secret **plain, struct err *err)
{
	struct key_passphrase *p = (struct key_passphrase *)k;
	const uint8_t *nonce;
	struct cost cost;
	struct cur c;
	int rc;

	cur_init(&c, wrapped, len);
	if ((rc = key_box_length(len, WRAPPING_LEN, err)) < 0 ||
	    (rc = read_cost(&c, &cost, err)) < 0)
		return rc;
	nonce = wrapped + COST_LEN;
	if (!same_cost(&cost, &p->cost))
		return open_at_other_cost(
		    p, &cost, nonce, context, n, plain, err);
	return key_box_open(
	    p->kek, nonce, context, n, nonce + AEAD_NONCE_LEN, plain, err);
}

static void
passphrase_free(struct key *k)
{
	struct key_passphrase *p = (struct key_passphrase *)k;

	secret_free(p->pass);
	secret_free(p->kek);
	secret_free(p->other_kek);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}

static const struct key_ops passphrase_ops = {
	.name = "passphrase",
	.wrap = passphrase_wrap,
	.unwrap = passphrase_unwrap,
	.free = passphrase_free,
};

static int
load(const char *from, struct secret **pass, struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	int rc;

	if ((rc = secret_load(
		 from, "the passphrase", KEY_PASSPHRASE_MAX, &s, err)) < 0)
		return rc;
	if (secret_len(s) < KEY_PASSPHRASE_MIN) {
		(void)err_set(err, HF_ECONFIG,
		    "the passphrase from '%s' is shorter than %d bytes", from,
		    KEY_PASSPHRASE_MIN);
		return err_hint(err,
		    "take six or more random words: whoever can read the "
		    "repository can try as long as he likes");
	}
	*pass = TAKE(s);
	return 0;
}

static int
passphrase_open(const struct params *params, const uint8_t salt[16],
    struct key **ret, struct err *err)
{
	CLEANUP(freep_key) struct key *k = NULL;
	const char *from = params_get(params, "from");
	struct key_passphrase *p;
	int rc;

	if ((p = calloc(1, sizeof(*p))) == NULL)
		return err_nomem(err);
	k = &p->base;
	k->ops = &passphrase_ops;
	k->caps = KEY_CAN_WRAP | KEY_CAN_UNWRAP;
	k->kind = "passphrase";
	(void)pthread_mutex_init(&p->lock, NULL);
	p->cost.passes = KEY_PASSPHRASE_PASSES;
	p->cost.kib = KEY_PASSPHRASE_KIB;
	memcpy(p->cost.salt, salt, SALT_LEN);
	if ((rc = load(from, &p->pass, err)) < 0)
		return rc;
	(void)snprintf(k->label, sizeof(k->label), "passphrase:%s", from);
	if ((rc = stretch(p->pass, &p->cost, &p->kek, k->fingerprint, err)) < 0)
		return err_wrap(err, "'%s'", k->label);
	*ret = TAKE(k);
	return 0;
}

const struct key_driver key_passphrase_driver = {
	.type = "passphrase",
	.word = "from",
	.open = passphrase_open,
};
