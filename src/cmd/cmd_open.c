#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_open.h"
#include "cmd/cmd_params.h"
#include "config/config.h"
#include "repo/repo.h"

void
cmd_repo_free(struct cmd_repo *r)
{
	if (r == NULL)
		return;
	free(r->name);
	free(r->state_dir);
	params_free(r->params);
	free(r);
}

/* Find the repository that is meant if nothing names one. */
static int
only_one(struct ctx *ctx, const char **ret, struct err *err)
{
	const struct config *c = ctx_config(ctx);
	const struct config_entry *e = config_at(c, OPTION_IN_REPO, 0);

	if (e == NULL) {
		(void)err_set(err, HF_EUSAGE, "no repository was named");
		return err_hint(err,
		    "give --repo file:/PATH or --repo s3://BUCKET/PREFIX, or "
		    "write a configuration (holdfast help config)");
	}
	if (config_at(c, OPTION_IN_REPO, 1) != NULL) {
		(void)err_set(err, HF_EUSAGE,
		    "the configuration has several repositories");
		return err_hint(err, "name one, as in --repo %s", e->name);
	}
	*ret = e->name;
	return 0;
}

/* It is neither a name in the configuration nor a place. */
static int
unknown_repo(struct ctx *ctx, const char *text, struct err *err)
{
	const struct config_entry *e;

	(void)config_name(ctx_config(ctx), OPTION_IN_REPO, text, &e, err);
	if (strchr(text, '/') == NULL)
		return err->code;
	err->hint[0] = '\0';
	return err_hint(err, "a folder is written file:%s%s",
	    text[0] == '/' ? "" : "/PATH/TO/", text);
}

/* Make params of a place: its url, and the defaults of its type. */
static int
place_params(const char *place, struct params **ret, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	const struct config_type *type;
	char scheme[32];
	size_t n = strcspn(place, ":");
	int rc;

	if (n >= sizeof(scheme))
		n = sizeof(scheme) - 1;
	memcpy(scheme, place, n);
	scheme[n] = '\0';
	if ((type = config_type_named(OPTION_IN_REPO, scheme, err)) == NULL)
		return err->code;
	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = params_add(p, "type", type->name, err)) < 0 ||
	    (rc = params_add(p, "url", place, err)) < 0 ||
	    (rc = config_defaults(OPTION_IN_REPO, type->name, p, err)) < 0)
		return rc;
	*ret = TAKE(p);
	return 0;
}

static bool
repo_knows(const void *type, const struct config_option *o)
{
	return config_option_for(o, type);
}

static int
repo_params(
    struct ctx *ctx, const char *text, struct params **ret, struct err *err)
{
	CLEANUP(freep_params) struct params *p = NULL;
	const struct config_entry *e;
	const char *type;
	int rc;

	e = config_named(ctx_config(ctx), OPTION_IN_REPO, text);
	if (e != NULL)
		rc = cmd_params_entry(e, &p, err);
	else if (strchr(text, ':') != NULL)
		rc = place_params(text, &p, err);
	else
		return unknown_repo(ctx, text, err);
	if (rc < 0)
		return rc;
	type = params_get(p, "type");
	if ((rc = cmd_params_line(ctx, OPTION_IN_REPO | OPTION_IN_RETENTION,
		 type, p, err)) < 0 ||
	    (rc = cmd_params_stray(
		 ctx, OPTION_IN_REPO, repo_knows, type, err)) < 0)
		return rc;
	*ret = TAKE(p);
	return 0;
}

static int
state_dir(struct ctx *ctx, char **ret, struct err *err)
{
	const char *said = ctx_option(ctx, "state_dir");

	if (said != NULL)
		return str_dup(said, ret, err);
	return config_state_dir(ret, err);
}

int
cmd_repo_find(
    struct ctx *ctx, const char *name, struct cmd_repo **ret, struct err *err)
{
	CLEANUP(freep_cmd_repo) struct cmd_repo *r = NULL;
	int rc;

	if (name == NULL)
		name = ctx_option(ctx, "repo");
	if (name == NULL && (rc = only_one(ctx, &name, err)) < 0)
		return rc;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return err_nomem(err);
	if ((rc = str_dup(name, &r->name, err)) < 0 ||
	    (rc = repo_params(ctx, name, &r->params, err)) < 0 ||
	    (rc = state_dir(ctx, &r->state_dir, err)) < 0)
		return rc;
	*ret = TAKE(r);
	return 0;
}

int
cmd_store_open(struct ctx *ctx, const struct cmd_repo *r,
    enum store_power power, struct store **ret, struct err *err)
{
	return store_open(ctx_drivers(ctx)->stores, r->params, power, ret, err);
}

int
cmd_repo_opts(struct ctx *ctx, const struct cmd_repo *r, struct store *store,
    struct repo_opts *opts, struct err *err)
{
	const char *fp = params_get(r->params, "fingerprint");
	uint8_t raw[SIGN_FINGERPRINT_LEN];

	if (fp != NULL && (strlen(fp) != 2 * sizeof(raw) ||
			      !str_unhex(raw, fp, sizeof(raw)))) {
		(void)err_set(
		    err, HF_EUSAGE, "'%.64s' is not a fingerprint", fp);
		return err_hint(err,
		    "it is %zu hex digits, as init and show "
		    "print them",
		    2 * sizeof(raw));
	}
	*opts = (struct repo_opts){
		.store = store,
		.vault = params_get(r->params, "vault"),
		.state_dir = r->state_dir,
		.host = ctx_option(ctx, "host"),
		.fingerprint = fp,
		.cache = (uint64_t)ctx_number(ctx, "cache", 0), /* "none" */
	};
	return 0;
}
