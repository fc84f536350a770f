#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/params.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_ctx_state.h"
#include "config/config.h"

int
ctx_new(const struct cmd_env *env, struct ctx **ret, struct err *err)
{
	CLEANUP(freep_ctx) struct ctx *ctx = NULL;
	int rc;

	if ((ctx = calloc(1, sizeof(*ctx))) == NULL)
		return err_nomem(err);
	ctx->env = env;
	ctx->terminal = isatty(fileno(env->err)) == 1;
	(void)pthread_mutex_init(&ctx->lock, NULL);
	if ((rc = params_new(&ctx->line, err)) < 0 ||
	    (rc = config_load(NULL, &ctx->config, err)) < 0)
		return rc;
	*ret = TAKE(ctx);
	return 0;
}

void
ctx_free(struct ctx *ctx)
{
	if (ctx == NULL)
		return;
	(void)pthread_mutex_destroy(&ctx->lock);
	params_free(ctx->line);
	config_free(ctx->config);
	free(ctx);
}

struct params *
ctx_line(struct ctx *ctx)
{
	return ctx->line;
}

const struct cmd *
ctx_cmd(const struct ctx *ctx)
{
	return ctx->cmd;
}

const struct config *
ctx_config(const struct ctx *ctx)
{
	return ctx->config;
}

const struct drivers *
ctx_drivers(const struct ctx *ctx)
{
	return ctx->env->drivers;
}

const volatile sig_atomic_t *
ctx_cancel(const struct ctx *ctx)
{
	return ctx->env->cancel;
}

void
ctx_linger(const struct ctx *ctx)
{
	if (ctx->env->linger != NULL)
		ctx->env->linger();
}

int
ctx_check(const struct ctx *ctx, struct err *err)
{
	if (*ctx->env->cancel == 0)
		return 0;
	return err_set(err, HF_EINTR, "stopped as asked");
}

/* An empty variable is one that is not set. */
static const char *
from_env(const struct config_option *o)
{
	const char *v = o->env == NULL ? NULL : getenv(o->env);

	return v != NULL && v[0] != '\0' ? v : NULL;
}

const char *
ctx_given(const struct ctx *ctx, const struct config_option *o, size_t i)
{
	const char *v;

	if (params_get(ctx->line, o->name) != NULL)
		return params_at(ctx->line, o->name, i);
	if ((v = from_env(o)) != NULL)
		return i == 0 ? v : NULL;
	return NULL;
}

const char *
ctx_option_at(const struct ctx *ctx, const char *name, size_t i)
{
	const struct config_option *o = config_option_named(name);
	const struct params *top = config_top(ctx->config);
	const char *v;

	/* A command that reads an option which it does not take is a bug. */
	if (o == NULL || !cmd_takes(ctx->cmd, o))
		abort();
	if (ctx_given(ctx, o, 0) != NULL)
		return ctx_given(ctx, o, i);
	v = config_option_word(o);
	if ((o->places & OPTION_IN_FILE) && params_get(top, v) != NULL)
		return params_at(top, v, i);
	return i == 0 ? o->fallback : NULL;
}

const char *
ctx_option(const struct ctx *ctx, const char *name)
{
	return ctx_option_at(ctx, name, 0);
}

const char *
ctx_own(const struct ctx *ctx, const char *name)
{
	const struct config_option *o = ctx->cmd->own;
	const char *v;

	while (o != NULL && o->name != NULL && strcmp(o->name, name) != 0)
		o++;
	if (o == NULL || o->name == NULL)
		abort();
	v = params_get(ctx->line, name);
	return v != NULL ? v : o->fallback;
}

bool
ctx_flag(const struct ctx *ctx, const char *name)
{
	const char *v = ctx_option(ctx, name);

	return v != NULL && strcmp(v, "true") == 0;
}

int64_t
ctx_number(const struct ctx *ctx, const char *name, int64_t absent)
{
	const char *v = ctx_option(ctx, name);
	int64_t n;

	if (v == NULL)
		return absent;
	n = config_option_number(config_option_named(name), v);
	return n < 0 ? absent : n;
}

/* The environment is checked as strictly as the command line. */
static int
check_env(const struct cmd *cmd, struct err *err)
{
	const struct config_option *o;
	const char *v;
	size_t i;

	for (i = 0; (o = config_option_at(i)) != NULL; i++)
		if (cmd_takes(cmd, o) && (v = from_env(o)) != NULL &&
		    config_option_check(o, o->env, v, err) < 0)
			return err_wrap(err, "environment");
	return 0;
}

int
ctx_start(struct ctx *ctx, const struct cmd *cmd, struct err *err)
{
	CLEANUP(freep_mem) char *path = NULL;
	struct config *loaded;
	int rc;

	ctx->cmd = cmd;
	if ((rc = check_env(cmd, err)) < 0)
		return rc;
	if (cmd->flags & CMD_NO_CONFIG)
		return 0;
	if ((rc = config_find(ctx_option(ctx, "config"), &path, err)) < 0 ||
	    (rc = config_load(path, &loaded, err)) < 0)
		return rc;
	config_free(ctx->config);
	ctx->config = loaded;
	return 0;
}
