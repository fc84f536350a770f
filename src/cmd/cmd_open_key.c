#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/params.h"
#include "base/suggest.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_open.h"
#include "cmd/cmd_params.h"
#include "config/config.h"
#include "key/key.h"

/*
 * What the operator typed for a key may by mistake be the key itself: no
 * message in this file repeats it.
 */
static int
not_a_key(struct ctx *ctx, const char *text, struct err *err)
{
	const struct config *c = ctx_config(ctx);
	struct suggest s = { .typed = text };
	const struct config_entry *e;
	size_t i;

	for (i = 0; (e = config_at(c, OPTION_IN_KEY, i)) != NULL; i++)
		suggest_offer(&s, e->name);
	(void)err_set(err, HF_EUSAGE,
	    "a key was named that is neither in the configuration nor of a "
	    "known type");
	if (suggest_best(&s) != NULL)
		return err_hint(err, "did you mean '%s'?", suggest_best(&s));
	return err_hint(err, "write file:/PATH, passphrase:REF, "
			     "recipient:PUBLIC or identity:/PATH");
}

/* Find the driver for the type in front of the ':' in ${text}. */
static const struct key_driver *
driver_of(struct ctx *ctx, const char *text)
{
	const struct key_driver *const *d = ctx_drivers(ctx)->keys;
	size_t n = strcspn(text, ":");

	for (; text[n] == ':' && *d != NULL; d++)
		if (strlen((*d)->type) == n && memcmp((*d)->type, text, n) == 0)
			return *d;
	return NULL;
}

static int
said_params(
    struct ctx *ctx, const char *text, struct params **ret, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	const struct key_driver *d = driver_of(ctx, text);
	const struct config_option *o;
	const char *rest = strchr(text, ':');
	int rc;

	if (d == NULL)
		return not_a_key(ctx, text, err);
	rest++;
	o = config_option_in(OPTION_IN_KEY, d->type, d->word);
	if (o == NULL)
		return err_set(err, HF_EBUG, "keys of type '%s' have no '%s'",
		    d->type, d->word);
	if ((rc = config_option_check(o, d->type, rest, err)) < 0 ||
	    (rc = params_new(&p, err)) < 0 ||
	    (rc = params_add(p, "type", d->type, err)) < 0 ||
	    (rc = params_add(p, d->word, rest, err)) < 0 ||
	    (rc = config_defaults(OPTION_IN_KEY, d->type, p, err)) < 0)
		return rc;
	*ret = TAKE(p);
	return 0;
}

int
cmd_key_params(
    struct ctx *ctx, const char *text, struct params **ret, struct err *err)
{
	const struct config_entry *e =
	    config_named(ctx_config(ctx), OPTION_IN_KEY, text);

	if (e != NULL)
		return cmd_params_entry(e, ret, err);
	return said_params(ctx, text, ret, err);
}

int
cmd_key_open(struct ctx *ctx, const char *text, const uint8_t salt[16],
    struct key **ret, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	int rc;

	if ((rc = cmd_key_params(ctx, text, &p, err)) < 0)
		return rc;
	return key_open(ctx_drivers(ctx)->keys, p, salt, ret, err);
}

/* A growing list of open keys. */
struct opened {
	struct key **v;
	size_t n;
};

static void
freep_opened(struct opened *o)
{
	size_t i;

	for (i = 0; i < o->n; i++)
		key_free(o->v[i]);
	free(o->v);
}

static int
open_one(struct ctx *ctx, const char *text, const uint8_t salt[16],
    struct opened *o, struct err *err)
{
	struct key **grown;

	if ((grown = reallocarray(o->v, o->n + 1, sizeof(struct key *))) ==
	    NULL)
		return err_nomem(err);
	o->v = grown;
	if (cmd_key_open(ctx, text, salt, &o->v[o->n], err) < 0)
		return err->code;
	o->n++;
	return 0;
}

/*
 * Open the keys of the command line, or else those that the repository names.
 */
static int
open_named(const struct cmd_keys *k, const uint8_t salt[16], struct opened *o,
    struct err *err)
{
	const char *text;
	size_t i;
	int rc;

	for (i = 0; (text = ctx_option_at(k->ctx, "key", i)) != NULL; i++)
		if ((rc = open_one(k->ctx, text, salt, o, err)) < 0)
			return rc;
	if (o->n > 0 || k->repo == NULL)
		return 0;
	for (i = 0; (text = params_at(k->repo->params, "keys", i)) != NULL; i++)
		if ((rc = open_one(k->ctx, text, salt, o, err)) < 0)
			return rc;
	return 0;
}

/* Open the key that init made, if none was named. */
static int
open_default(
    struct ctx *ctx, const uint8_t salt[16], struct opened *o, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	CLEANUP(freep_params) struct params *p = NULL;
	struct err ignored = ERR_INIT;
	int rc;

	/* Without a home or the key there is none; the rest may suffice. */
	if (config_key_path(&path, &ignored) < 0 || access(path, F_OK) != 0)
		return 0;
	if ((o->v = calloc(1, sizeof(struct key *))) == NULL)
		return err_nomem(err);
	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = params_add(p, "type", "file", err)) < 0 ||
	    (rc = params_add(p, "path", path, err)) < 0 ||
	    (rc = key_open(ctx_drivers(ctx)->keys, p, salt, &o->v[0], err)) < 0)
		return rc;
	o->n = 1;
	return 0;
}

static int
open_all(const struct cmd_keys *k, const uint8_t salt[16], struct opened *o,
    struct err *err)
{
	int rc;

	if ((rc = open_named(k, salt, o, err)) < 0)
		return rc;
	return o->n > 0 ? 0 : open_default(k->ctx, salt, o, err);
}

int
cmd_keys_open(void *arg, const uint8_t salt[16], struct key ***keys,
    size_t *nkeys, struct err *err)
{
	const struct cmd_keys *k = arg;
	CLEANUP(freep_opened) struct opened o = { NULL, 0 };
	struct err why = ERR_INIT;

	if (open_all(k, salt, &o, &why) < 0) {
		if (!k->keyless || why.code == -HF_ENOMEM) {
			*err = why;
			return err->code;
		}
		ctx_detail(k->ctx, "going on without a key: %s", why.msg);
	}
	if (o.n == 0 && k->repo == NULL) {
		(void)err_set(err, HF_EUSAGE, "no key was named");
		return err_hint(err, "give --key; holdfast keygen makes one");
	}
	*keys = TAKE(o.v);
	*nkeys = o.n;
	o.n = 0;
	return 0;
}
