#include <stddef.h>

#include "cmd/cmd_ctx.h"
#include "cmd/cmd_stream.h"
#include "repo/repo_stream.h"

/* The way back from cmd_seal.c; `holdfast open`. */

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	static const struct cmd_stream s = {
		.verb = "open",
		.run = repo_stream_open,
	};

	return cmd_stream_run(ctx, &s, argc, argv, err);
}

static const char *const options[] = { "to", "overwrite", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast open --key file:site.key < app.hfs | psql app",
	    "into a command" },
	{ "holdfast open --key identity:/media/usb/id --to x x.hfs",
	    "into a file, whole or not at all" },
	{ 0 },
};

extern const struct cmd cmd_unseal;
const struct cmd cmd_unseal = {
	.name = "open",
	.args = "[FILE]",
	.summary = "Open what seal has sealed",
	.about =
	    "Decrypts FILE, or standard input, to standard output or to the "
	    "file of --to.\n\n"
	    "Every byte that is written has passed its check.  Whether the "
	    "end of the stream is missing is known only at the end: a pipe has "
	    "got what came before, so look at the exit status; with --to, no "
	    "file appears.",
	.examples = examples,
	.options = options,
	.flags = CMD_KEY | CMD_RAW,
	.max_args = 1,
	.run = run,
};
