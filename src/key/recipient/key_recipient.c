#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "crypto/secret.h"
#include "crypto/sign.h"
#include "key/key.h"
#include "key/key_text.h"
#include "key/recipient/key_pair.h"
#include "key/recipient/key_recipient.h"

struct key_recipient {
	struct key base;
	uint8_t public[32];
};

static int
recipient_wrap(struct key *k, const struct secret *plain,
    const uint8_t *context, size_t n, struct buf *out, struct err *err)
{
	const struct key_recipient *r = (struct key_recipient *)k;
	CLEANUP(freep_secret) struct secret *ephemeral = NULL;
	CLEANUP(freep_secret) struct secret *shared = NULL;
	CLEANUP(freep_secret) struct secret *kek = NULL;
	uint8_t pk[32];
	int rc;

	if ((rc = secret_random(32, &ephemeral, err)) < 0 ||
	    (rc = x25519_public(ephemeral, pk, err)) < 0 ||
	    (rc = x25519_shared(ephemeral, r->public, &shared, err)) < 0 ||
	    (rc = key_pair_kek(shared, pk, r->public, &kek, err)) < 0 ||
	    (rc = buf_add(out, pk, sizeof(pk), err)) < 0)
		return rc;
	return key_box_seal(kek, key_pair_nonce, context, n, plain, out, err);
}

static void
recipient_free(struct key *k)
{
	free(k);
}

/* key_unwrap never asks a key for what its caps do not name. */
static const struct key_ops recipient_ops = {
	.name = "recipient",
	.wrap = recipient_wrap,
	.free = recipient_free,
};

static int
recipient_open(const struct params *params, const uint8_t salt[16],
    struct key **ret, struct err *err)
{
	CLEANUP(freep_key) struct key *k = NULL;
	const char *text = params_get(params, "public");
	struct key_recipient *r;
	int rc;

	(void)salt;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return err_nomem(err);
	k = &r->base;
	k->ops = &recipient_ops;
	k->caps = KEY_CAN_WRAP;
	if ((rc = key_text_decode(
		 KEY_TEXT_PUBLIC, text, strlen(text), r->public, err)) < 0)
		return err_wrap(err, "the recipient");
	if ((rc = key_pair_name(k, r->public, err)) < 0)
		return rc;
	(void)snprintf(
	    k->label, sizeof(k->label), "recipient:%s", k->public_text);
	*ret = TAKE(k);
	return 0;
}

const struct key_driver key_recipient_driver = {
	.type = "recipient",
	.word = "public",
	.open = recipient_open,
};
