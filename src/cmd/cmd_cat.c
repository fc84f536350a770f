#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "job/job_restore.h"

/* One file of a backup, or its stream, to standard output. */

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	const struct job j = cmd_job(ctx);
	const char *only[] = { argc > 1 ? argv[1] : NULL };
	const struct job_restore_opts opts = {
		.to = "-",
		.only = only,
		.nonly = argc > 1 ? 1 : 0,
		.exact = true,
	};
	struct job_restore_report rep;
	const struct repo_backup *b;
	int rc;

	if ((rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0 ||
	    (rc = repo_catalogue_find(&o.cat, argv[0], &b, err)) < 0)
		return rc;
	if ((rc = job_restore(&j, o.repo, b, &opts, &rep, err)) < 0)
		return cmd_damaged(err);
	return 0;
}

static const char *const options[] = { "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast cat latest:node1 etc/hosts", "one file of a folder" },
	{ "holdfast cat latest:dump | psql app", "a whole stream" },
	{ 0 },
};

extern const struct cmd cmd_cat;
const struct cmd cmd_cat = {
	.name = "cat",
	.args = "BACKUP [PATH]",
	.summary = "Write a file of a backup, or its stream, to stdout",
	.about = "Writes one file to standard output; without PATH, the "
		 "stream of a backup that is one.  Only what is needed is "
		 "fetched.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO | CMD_RAW,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
