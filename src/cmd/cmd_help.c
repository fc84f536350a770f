#include <string.h>

#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_help.h"
#include "cmd/cmd_man.h"

/*
 * Explain the program, a command, or the configuration file, on the terminal
 * or as a page of the manual.
 */

static int cmd_help_run(struct ctx *, int, char *[], struct err *);

static const struct cmd_example examples[] = {
	{ "holdfast help backup", "explain the command" },
	{ "holdfast help config", "explain the configuration file" },
	{ "holdfast help --man restore | man -l -",
	    "the same as a page of the manual" },
	{ 0 },
};

extern const struct cmd cmd_help;
const struct cmd cmd_help = {
	.name = "help",
	.args = "[COMMAND|config]",
	.summary = "Explain a command or the configuration file",
	.about = "Without an argument: list the commands.",
	.examples = examples,
	.options = (const char *const[]){ "man", NULL },
	.flags = CMD_NO_CONFIG,
	.min_args = 0,
	.max_args = 2,
	.run = cmd_help_run,
};

static int
cmd_help_run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	const struct cmd *cmd = NULL;
	char name[64];

	if (argc == 1 && strcmp(argv[0], "config") == 0) {
		if (ctx_flag(ctx, "man"))
			cmd_man_config(ctx_out(ctx));
		else
			cmd_help_config(ctx);
		return 0;
	}
	if (argc > 0) {
		(void)snprintf(name, sizeof(name), "%s%s%s", argv[0],
		    argc > 1 ? " " : "", argc > 1 ? argv[1] : "");
		if ((cmd = cmd_find(name)) == NULL)
			return cmd_unknown(
			    argv[0], argc > 1 ? argv[1] : NULL, err);
	}
	if (ctx_flag(ctx, "man")) {
		cmd_man_print(ctx_out(ctx), cmd);
		return 0;
	}
	return cmd_help_print(ctx, cmd, err);
}
