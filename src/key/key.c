#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "key/key.h"

static int
unknown_type(
    const struct key_driver *const *drivers, const char *type, struct err *err)
{
	CLEANUP(freep_buf) struct buf list = BUF_INIT;

	for (; *drivers != NULL; drivers++)
		if (buf_printf(&list, err, "%s%s", list.len > 0 ? ", " : "",
			(*drivers)->type) < 0)
			return err->code;
	(void)err_set(err, HF_ECONFIG, "there is no type of key '%s'", type);
	if (list.len > 0)
		(void)err_hint(err, "the types are %s", (char *)list.p);
	return err->code;
}

int
key_open(const struct key_driver *const *drivers, const struct params *params,
    const uint8_t salt[16], struct key **ret, struct err *err)
{
	const char *type = params_get(params, "type");
	const struct key_driver *const *d;

	if (type == NULL)
		return err_set(err, HF_ECONFIG, "a key has no type");
	for (d = drivers; *d != NULL; d++)
		if (strcmp((*d)->type, type) == 0)
			break;
	if (*d == NULL)
		return unknown_type(drivers, type, err);
	if (params_get(params, (*d)->word) == NULL)
		return err_set(err, HF_ECONFIG,
		    "a key of type '%s' lacks its '%s'", type, (*d)->word);
	return (*d)->open(params, salt, ret, err);
}

int
key_wrap(struct key *k, const struct secret *plain, const uint8_t *context,
    size_t n, struct buf *out, struct err *err)
{
	size_t before = out->len;
	int rc;

	if (!(k->caps & KEY_CAN_WRAP)) {
		(void)err_set(err, HF_EDENIED,
		    "'%s' opens data keys and seals none", k->label);
		return err_hint(err, "seal with its public half: recipient:%s",
		    k->public_text);
	}
	if (secret_len(plain) != KEY_PLAIN_LEN)
		return err_set(
		    err, HF_EBUG, "data key of %zu bytes", secret_len(plain));
	rc = k->ops->wrap(k, plain, context, n, out, err);
	if (rc == 0 && out->len - before > KEY_WRAP_MAX)
		rc = err_set(
		    err, HF_EBUG, "wrapping of %zu bytes", out->len - before);
	if (rc < 0) {
		out->len = before;
		return err_wrap(err, "seal a data key with '%s'", k->label);
	}
	return 0;
}

int
key_unwrap(struct key *k, const uint8_t *wrapped, size_t len,
    const uint8_t *context, size_t n, struct secret **plain, struct err *err)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	int rc;

	if (!(k->caps & KEY_CAN_UNWRAP)) {
		(void)err_set(err, HF_EDENIED,
		    "'%s' seals data keys and opens none", k->label);
		return err_hint(err,
		    "give the private half that belongs to it: "
		    "--key identity:/path");
	}
	rc = k->ops->unwrap(k, wrapped, len, context, n, &s, err);
	if (rc == 0 && secret_len(s) != KEY_PLAIN_LEN)
		rc = err_set(err, HF_ECORRUPT,
		    "what it opened has %zu bytes, not %d", secret_len(s),
		    KEY_PLAIN_LEN);
	if (rc < 0)
		return err_wrap(err, "open a data key with '%s'", k->label);
	*plain = TAKE(s);
	return 0;
}

void
key_free(struct key *k)
{
	if (k == NULL)
		return;
	k->ops->free(k);
}
