#include "cmd/cmd_main.h"
#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_help.h"
#include "cmd/cmd_parse.h"
#include "config/config.h"

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	const struct cmd *cmd = NULL;
	const char *path;
	int n, rc;

	if ((n = cmd_parse(ctx, argc, argv, &cmd, err)) < 0)
		return n;
	if (ctx_flag(ctx, "version")) {
		cmd_help_version(ctx);
		return 0;
	}
	if (ctx_flag(ctx, "help"))
		return cmd_help_print(ctx, cmd, err);
	/*
	 * This is an error, so that a script whose variable is empty does not
	 * go on.
	 */
	if (cmd == NULL) {
		(void)err_set(err, HF_EUSAGE, "no command was given");
		return err_hint(err, "'holdfast help' lists them");
	}
	if ((rc = ctx_start(ctx, cmd, err)) < 0)
		return rc;
	if ((path = config_path(ctx_config(ctx))) != NULL)
		ctx_detail(ctx, "configuration '%s'", path);
	return cmd->run(ctx, n, argv, err);
}

int
cmd_main(const struct cmd_env *env, int argc, char *argv[])
{
	CLEANUP(freep_ctx) struct ctx *ctx = NULL;
	struct err err = ERR_INIT, late = ERR_INIT;
	int rc;

	if (ctx_new(env, &ctx, &err) < 0) {
		(void)fprintf(env->err, "holdfast: %s\n", err.msg);
		return err_class_of(err.code)->exit_status;
	}
	rc = run(ctx, argc, argv, &err);
	/*
	 * An answer that could not be written is a failure, but the first
	 * failure counts.
	 */
	if (ctx_finish(ctx, &late) < 0 && rc == 0) {
		err = late;
		rc = late.code;
	}
	return rc < 0 ? ctx_fail(ctx, &err) : 0;
}
