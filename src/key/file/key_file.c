#include <ctype.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "key/file/key_file.h"
#include "key/key.h"
#include "key/key_box.h"
#include "key/key_text.h"

#define MASTER_LEN 32
#define FILE_MAX 4096 /* More than any key, so that its length can be told. */

struct key_file {
	struct key base;
	struct secret *kek;
};

static int
file_wrap(struct key *k, const struct secret *plain, const uint8_t *context,
    size_t n, struct buf *out, struct err *err)
{
	const struct key_file *f = (struct key_file *)k;
	uint8_t nonce[AEAD_NONCE_LEN];
	int rc;

	randombytes_buf(nonce, sizeof(nonce));
	if ((rc = buf_add(out, nonce, sizeof(nonce), err)) < 0)
		return rc;
	return key_box_seal(f->kek, nonce, context, n, plain, out, err);
}

static int
file_unwrap(struct key *k, const uint8_t *wrapped, size_t len,
    const uint8_t *context, size_t n, struct secret **plain, struct err *err)
{
	const struct key_file *f = (struct key_file *)k;
	int rc;

	if ((rc = key_box_length(len, AEAD_NONCE_LEN + KEY_BOX_LEN, err)) < 0)
		return rc;
	return key_box_open(
	    f->kek, wrapped, context, n, wrapped + AEAD_NONCE_LEN, plain, err);
}

static void
file_free(struct key *k)
{
	struct key_file *f = (struct key_file *)k;

	secret_free(f->kek);
	free(f);
}

static const struct key_ops file_ops = {
	.name = "file",
	.wrap = file_wrap,
	.unwrap = file_unwrap,
	.free = file_free,
};

int
key_file_new(const struct secret *master, const char *label, struct key **ret,
    struct err *err)
{
	CLEANUP(freep_key) struct key *k = NULL;
	struct key_file *f;
	int rc;

	if (secret_len(master) != MASTER_LEN)
		return err_set(err, HF_EBUG, "master key of %zu bytes",
		    secret_len(master));
	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	k = &f->base;
	k->ops = &file_ops;
	k->caps = KEY_CAN_WRAP | KEY_CAN_UNWRAP;
	k->kind = "file";
	(void)snprintf(k->label, sizeof(k->label), "%s", label);
	if ((rc = key_box_key(
		 master, "holdfast file wrap", NULL, 0, &f->kek, err)) < 0 ||
	    (rc = kdf_derive(master, "holdfast file fingerprint", NULL, 0,
		 k->fingerprint, sizeof(k->fingerprint), err)) < 0)
		return rc;
	*ret = TAKE(k);
	return 0;
}

static int
not_a_key(const struct secret *raw, struct err *err)
{
	const char *p = (const char *)secret_p(raw);

	(void)err_set(err, HF_ECONFIG,
	    "it has %zu bytes: neither 32 random ones nor 64 hex digits",
	    secret_len(raw));
	if (str_has_prefix(p, KEY_TEXT_IDENTITY) != NULL)
		return err_hint(err, "it is an identity: write identity:/path");
	return err_hint(err, "make a key with: holdfast keygen --out FILE");
}

/* Random bytes look like this once in 10^34 keys. */
static bool
all_hex(const uint8_t *p, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!isxdigit(p[i]))
			return false;
	return true;
}

static int
parse(const struct secret *raw, struct secret **master, struct err *err)
{
	CLEANUP(freep_secret) struct secret *m = NULL;
	const char *p = (const char *)secret_p(raw);
	int rc;

	/*
	 * Half a key, cut off or made too short, must not pass for a whole one.
	 */
	if (secret_len(raw) == MASTER_LEN &&
	    all_hex(secret_p(raw), str_line_len(secret_p(raw), MASTER_LEN)))
		return not_a_key(raw, err);
	if (secret_len(raw) == MASTER_LEN)
		return secret_copy(p, MASTER_LEN, master, err);
	if (str_line_len(secret_p(raw), secret_len(raw)) != 2 * MASTER_LEN)
		return not_a_key(raw, err);
	if ((rc = secret_new(MASTER_LEN, &m, err)) < 0)
		return rc;
	if (!str_unhex(secret_w(m), p, MASTER_LEN))
		return err_set(err, HF_ECONFIG,
		    "it has 64 characters that are not all hex digits");
	*master = TAKE(m);
	return 0;
}

static int
file_open(const struct params *params, const uint8_t salt[16], struct key **ret,
    struct err *err)
{
	CLEANUP(freep_secret) struct secret *raw = NULL;
	CLEANUP(freep_secret) struct secret *master = NULL;
	const char *path = params_get(params, "path");
	char label[sizeof((*ret)->label)];
	int rc;

	(void)salt; /* A random key needs none. */
	(void)snprintf(label, sizeof(label), "file:%s", path);
	if ((rc = secret_read(path, "the key", FILE_MAX, &raw, err)) < 0)
		return rc;
	if ((rc = parse(raw, &master, err)) < 0)
		return err_wrap(err, "the key from '%s'", label);
	return key_file_new(master, label, ret, err);
}

const struct key_driver key_file_driver = {
	.type = "file",
	.word = "path",
	.open = file_open,
};

int
key_file_generate(struct secret **text, struct err *err)
{
	CLEANUP(freep_secret) struct secret *master = NULL;
	CLEANUP(freep_secret) struct secret *t = NULL;
	int rc;

	if ((rc = secret_random(MASTER_LEN, &master, err)) < 0 ||
	    (rc = secret_new(2 * MASTER_LEN + 1, &t, err)) < 0)
		return rc;
	(void)str_hex((char *)secret_w(t), secret_p(master), MASTER_LEN);
	secret_w(t)[2 * MASTER_LEN] = '\n';
	*text = TAKE(t);
	return 0;
}
