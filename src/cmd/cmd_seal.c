#include <stddef.h>

#include "cmd/cmd_ctx.h"
#include "cmd/cmd_stream.h"
#include "repo/repo_stream.h"

/* One sealed stream, without a repository. */

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	static const struct cmd_stream s = {
		.verb = "seal",
		.run = repo_stream_seal,
		.seals = true,
	};

	return cmd_stream_run(ctx, &s, argc, argv, err);
}

static const char *const options[] = { "to", "overwrite", "compression", NULL };
static const struct cmd_example examples[] = {
	{ "pg_dump app | holdfast seal --key file:site.key > app.hfs",
	    "what a command prints" },
	{ "holdfast seal --key recipient:hfr1... --to x.hfs x",
	    "a file, for somebody else" },
	{ 0 },
};

extern const struct cmd cmd_seal;
const struct cmd cmd_seal = {
	.name = "seal",
	.args = "[FILE]",
	.summary = "Seal one file or stream, without a repository",
	.about =
	    "Compresses and encrypts FILE, or standard input, to standard "
	    "output or to the file of --to.  Each of the keys opens it.  No "
	    "repository is needed, to seal or to open.\n\n"
	    "A sealed stream is not signed.  Damage to it is found, but who "
	    "made it is not known: whoever has a recipient's public half can "
	    "seal for it.",
	.examples = examples,
	.options = options,
	.flags = CMD_KEY | CMD_RAW,
	.max_args = 1,
	.run = run,
};
