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

#define FILE_MAX 4096 /* More than any identity has. */

struct key_identity {
	struct key base;
	struct secret *private;
	uint8_t public[32];
};

static int
identity_unwrap(struct key *k, const uint8_t *wrapped, size_t len,
    const uint8_t *context, size_t n, struct secret **plain, struct err *err)
{
	const struct key_identity *id = (struct key_identity *)k;
	CLEANUP(freep_secret) struct secret *shared = NULL;
	CLEANUP(freep_secret) struct secret *kek = NULL;
	int rc;

	if ((rc = key_box_length(len, KEY_PAIR_WRAPPING_LEN, err)) < 0 ||
	    (rc = x25519_shared(id->private, wrapped, &shared, err)) < 0 ||
	    (rc = key_pair_kek(shared, wrapped, id->public, &kek, err)) < 0)
		return rc;
	return key_box_open(
	    kek, key_pair_nonce, context, n, wrapped + 32, plain, err);
}

static void
identity_free(struct key *k)
{
	struct key_identity *id = (struct key_identity *)k;

	secret_free(id->private);
	free(id);
}

/* key_wrap never asks a key for what its caps do not name. */
static const struct key_ops identity_ops = {
	.name = "identity",
	.unwrap = identity_unwrap,
	.free = identity_free,
};

static int
load(const char *path, struct secret **ret, struct err *err)
{
	CLEANUP(freep_secret) struct secret *text = NULL;
	CLEANUP(freep_secret) struct secret *private = NULL;
	const char *p;
	size_t n;
	int rc;

	if ((rc = secret_read(path, "the identity", FILE_MAX, &text, err)) < 0)
		return rc;
	p = (const char *)secret_p(text);
	n = strcspn(p, "\r\n");
	if (n + strspn(p + n, "\r\n") != secret_len(text))
		return err_set(err, HF_ECONFIG,
		    "the identity from 'file:%s' is not one line of text",
		    path);
	if ((rc = secret_new(32, &private, err)) < 0)
		return rc;
	if ((rc = key_text_decode(
		 KEY_TEXT_IDENTITY, p, n, secret_w(private), err)) < 0)
		return err_wrap(err, "the identity from 'file:%s'", path);
	*ret = TAKE(private);
	return 0;
}

static int
identity_open(const struct params *params, const uint8_t salt[16],
    struct key **ret, struct err *err)
{
	CLEANUP(freep_key) struct key *k = NULL;
	const char *path = params_get(params, "path");
	struct key_identity *id;
	int rc;

	(void)salt;
	if ((id = calloc(1, sizeof(*id))) == NULL)
		return err_nomem(err);
	k = &id->base;
	k->ops = &identity_ops;
	k->caps = KEY_CAN_UNWRAP;
	(void)snprintf(k->label, sizeof(k->label), "identity:%s", path);
	if ((rc = load(path, &id->private, err)) < 0 ||
	    (rc = x25519_public(id->private, id->public, err)) < 0 ||
	    (rc = key_pair_name(k, id->public, err)) < 0)
		return rc;
	*ret = TAKE(k);
	return 0;
}

const struct key_driver key_identity_driver = {
	.type = "identity",
	.word = "path",
	.open = identity_open,
};

int
key_identity_generate(struct secret **text,
    char public_text[KEY_RECIPIENT_TEXT_MAX], struct err *err)
{
	CLEANUP(freep_secret) struct secret *private = NULL;
	CLEANUP(freep_secret) struct secret *t = NULL;
	uint8_t public[32];
	int rc;

	if ((rc = secret_random(32, &private, err)) < 0 ||
	    (rc = x25519_public(private, public, err)) < 0 ||
	    (rc = secret_new(KEY_TEXT_LEN + 1, &t, err)) < 0 ||
	    (rc = key_text_encode(KEY_TEXT_IDENTITY, secret_p(private),
		 (char *)secret_w(t), err)) < 0 ||
	    (rc = key_text_encode(KEY_TEXT_PUBLIC, public, public_text, err)) <
		0)
		return rc;
	secret_w(t)[KEY_TEXT_LEN] = '\n';
	*text = TAKE(t);
	return 0;
}
