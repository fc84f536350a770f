#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_open.h"
#include "cmd/cmd_params.h"
#include "config/config.h"
#include "crypto/hash.h"
#include "source/source.h"

void
cmd_sources_clear(struct cmd_sources *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		free(s->v[i].name);
		params_free(s->v[i].params);
	}
	free(s->v);
	*s = (struct cmd_sources){ NULL, 0 };
}

static const struct source_driver *
driver_of(struct ctx *ctx, const char *type)
{
	const struct source_driver *const *d = ctx_drivers(ctx)->sources;

	while (*d != NULL && strcmp((*d)->type, type) != 0)
		d++;
	return *d;
}

/* Add what follows "type:", split at commas if the option is a list. */
static int
add_rest(const struct config_option *o, const char *rest, struct params *p,
    struct err *err)
{
	CLEANUP(freep_mem) char *copy = NULL;
	char *next, *one;
	int rc;

	if ((rc = str_dup(rest, &copy, err)) < 0)
		return rc;
	for (next = copy; next != NULL;) {
		one = o->list ? strsep(&next, ",") : next;
		if (!o->list)
			next = NULL;
		rc = config_option_check(o, config_option_word(o), one, err);
		if (rc < 0 ||
		    (rc = params_add(p, config_option_word(o), one, err)) < 0)
			return rc;
	}
	return 0;
}

/* Read "tree:/srv/node1". */
static int
said_params(
    struct ctx *ctx, const char *text, struct params **ret, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	const struct source_driver *d;
	const struct config_option *o;
	char type[32];
	size_t n = strcspn(text, ":");
	int rc;

	(void)snprintf(type, sizeof(type), "%.*s", (int)n, text);
	if (config_type_named(OPTION_IN_SOURCE, type, err) == NULL)
		return err->code;
	d = driver_of(ctx, type);
	o = d == NULL ? NULL
		      : config_option_in(OPTION_IN_SOURCE, type, d->word);
	if (o == NULL)
		return err_set(
		    err, HF_EBUG, "no driver for sources of type '%s'", type);
	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = params_add(p, "type", type, err)) < 0 ||
	    (rc = add_rest(o, text + n + 1, p, err)) < 0 ||
	    (rc = config_defaults(OPTION_IN_SOURCE, type, p, err)) < 0)
		return rc;
	*ret = TAKE(p);
	return 0;
}

/*
 * Make up a name for a source that has none.  It is the same in the next run,
 * and another for another place or host, because retention counts by name.  It
 * does not give the place away, because names can be read without a key.
 */
static int
made_up_name(struct ctx *ctx, const char *text, char **ret, struct err *err)
{
	const char *host = ctx_option(ctx, "host");
	CLEANUP(freep_mem) char *whole = NULL;
	uint8_t hash[SHA256_LEN];
	char own[256] = "", hex[9];
	int rc;

	(void)gethostname(own, sizeof(own) - 1);
	if ((rc = str_printf(
		 &whole, err, "%s\n%s", host != NULL ? host : own, text)) < 0 ||
	    (rc = sha256_of(whole, strlen(whole), hash, err)) < 0)
		return rc;
	return str_printf(ret, err, "%.*s-%s", (int)strcspn(text, ":"), text,
	    str_hex(hex, hash, 4));
}

/* Describe one source into the zeroed ${s}. */
static int
describe(struct ctx *ctx, const char *text, bool said, struct cmd_source *s,
    struct err *err)
{
	const struct config *c = ctx_config(ctx);
	const struct config_entry *e = config_named(c, OPTION_IN_SOURCE, text);
	const char *name = ctx_option(ctx, "source_name");
	int rc;

	if (e == NULL && (!said || strchr(text, ':') == NULL) &&
	    (rc = config_name(c, OPTION_IN_SOURCE, text, &e, err)) < 0)
		return rc;
	rc = e != NULL ? cmd_params_entry(e, &s->params, err)
		       : said_params(ctx, text, &s->params, err);
	if (rc < 0)
		return rc;
	if (name != NULL || e != NULL)
		rc = str_dup(name != NULL ? name : e->name, &s->name, err);
	else
		rc = made_up_name(ctx, text, &s->name, err);
	if (rc < 0)
		return rc;
	return cmd_params_line(ctx, OPTION_IN_SOURCE,
	    params_get(s->params, "type"), s->params, err);
}

static int
add(struct ctx *ctx, const char *text, bool said, struct cmd_sources *all,
    struct err *err)
{
	struct cmd_source *grown;
	size_t i;
	int rc;

	grown = reallocarray(all->v, all->n + 1, sizeof(*grown));
	if (grown == NULL)
		return err_nomem(err);
	all->v = grown;
	all->v[all->n] = (struct cmd_source){ 0 };
	all->n++;
	if ((rc = describe(ctx, text, said, &all->v[all->n - 1], err)) < 0)
		return rc;
	for (i = 0; i + 1 < all->n; i++)
		if (strcmp(all->v[i].name, all->v[all->n - 1].name) == 0)
			return err_set(err, HF_EUSAGE,
			    "the source '%s' is named twice", all->v[i].name);
	return 0;
}

static bool
any_knows(const void *arg, const struct config_option *o)
{
	const struct cmd_sources *all = arg;
	size_t i;

	for (i = 0; i < all->n; i++)
		if (config_option_for(o, params_get(all->v[i].params, "type")))
			return true;
	return false;
}

static int
none(struct err *err)
{
	(void)err_set(err, HF_EUSAGE, "no source was named");
	return err_hint(err, "give --from tree:/PATH, or write a "
			     "configuration (holdfast help config)");
}

/* If nothing was said to be read, read everything that is configured. */
static int
add_configured(struct ctx *ctx, struct cmd_sources *all, struct err *err)
{
	const struct config *c = ctx_config(ctx);
	const struct config_entry *e;
	size_t i;
	int rc;

	for (i = 0; (e = config_at(c, OPTION_IN_SOURCE, i)) != NULL; i++)
		if ((rc = add(ctx, e->name, false, all, err)) < 0)
			return rc;
	return all->n > 0 ? 0 : none(err);
}

int
cmd_sources_find(struct ctx *ctx, size_t n, char *names[],
    struct cmd_sources *ret, struct err *err)
{
	CLEANUP(freep_cmd_sources) struct cmd_sources all = { NULL, 0 };
	const char *text;
	size_t i;
	int rc;

	for (i = 0; (text = ctx_option_at(ctx, "from", i)) != NULL; i++)
		if ((rc = add(ctx, text, true, &all, err)) < 0)
			return rc;
	for (i = 0; i < n; i++)
		if ((rc = add(ctx, names[i], false, &all, err)) < 0)
			return rc;
	if (all.n == 0 && (rc = add_configured(ctx, &all, err)) < 0)
		return rc;
	if ((rc = cmd_params_stray(
		 ctx, OPTION_IN_SOURCE, any_knows, &all, err)) < 0)
		return rc;
	*ret = all;
	all = (struct cmd_sources){ NULL, 0 };
	return 0;
}

const char *
cmd_source_repo(struct ctx *ctx, const struct cmd_source *s)
{
	/* With NULL, cmd_repo_find takes --repo. */
	if (ctx_option(ctx, "repo") != NULL)
		return NULL;
	return params_get(s->params, "repository");
}

int
cmd_source_open(struct ctx *ctx, const struct cmd_source *s,
    struct source **ret, struct err *err)
{
	return source_open(ctx_drivers(ctx)->sources, s->params, ret, err);
}
