#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "cmd/cmd_state.h"

/* What backups there are. */

static int
answer(struct ctx *ctx, const struct repo_backup *b, struct err *err)
{
	char plain[SIZE_TEXT_MAX], stored[SIZE_TEXT_MAX], time[TIME_TEXT_MAX];
	char state[CMD_STATE_MAX];

	ctx_print(ctx, "%s  %s  %-20s %-9s %10s %10s  %-16s %s", b->id,
	    time_format(b->stored_ms / 1000 * 1000, time), b->m.source,
	    cmd_kind(b->m.kind), size_format(b->m.plain_bytes, plain),
	    size_format(b->m.stored_bytes, stored), b->writer_name,
	    cmd_state(b, state));
	return ctx_json(ctx, cmd_state_json(b), err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { .keyless = true };
	const struct repo_backup *b;
	bool all = ctx_flag(ctx, "removed"), logs = ctx_flag(ctx, "logs");
	size_t i, shown = 0;
	int rc;

	if ((rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0)
		return rc;
	for (i = 0; i < o.cat.n; i++) {
		b = &o.cat.backups[i];
		if ((b->removed && !all) || (b->m.kind == REPO_LOG && !logs) ||
		    (argc > 0 && strcmp(b->m.source, argv[0]) != 0))
			continue;
		if (shown++ == 0)
			ctx_print(ctx,
			    "%-16s  %-20s  %-20s %-9s %10s %10s  %-16s %s",
			    "BACKUP", "TIME", "SOURCE", "KIND", "SIZE",
			    "STORED", "WRITER", "STATE");
		if ((rc = answer(ctx, b, err)) < 0)
			return rc;
	}
	if (shown == 0)
		ctx_note(ctx, "no backups");
	return cmd_opened_whole(&o, err);
}

static const char *const options[] = { "logs", "removed", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast list --repo main", "all backups, the newest last" },
	{ "holdfast list node1 --json", "those of one source, for a program" },
	{ 0 },
};

extern const struct cmd cmd_list;
const struct cmd cmd_list = {
	.name = "list",
	.args = "[SOURCE]",
	.summary = "List backups",
	.about =
	    "Lists the backups of a repository, of one source if it is "
	    "named: time (the store's), whether it is full or an increment, "
	    "size, how much it has added to the store, who wrote it "
	    "and how deep it was verified.  It needs no key.\n\n"
	    "Exit status 8 says that a backup may be missing, and 3 that "
	    "something else is not as it should be.  What a host stored after "
	    "it was revoked counts for nothing: there is a warning for each "
	    "object, and the list is complete without it.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO,
	.max_args = 1,
	.run = run,
};
