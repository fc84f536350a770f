#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_backup.h"
#include "cmd/cmd_job.h"
#include "config/config_legacy.h"
#include "config/config_option.h"

/* Remove backups of etcd-backup that are old. */

static int
answer(struct ctx *ctx, const struct job_legacy_pruned *rep, struct err *err)
{
	ctx_print(ctx, "%" PRIu64 " removed, %" PRIu64 " kept", rep->removed,
	    rep->kept);
	if (rep->useless > 0)
		ctx_print(ctx,
		    "%" PRIu64 " that cannot be restored were left, and count "
		    "for nothing",
		    rep->useless);
	ctx_detail(ctx,
	    "%" PRIu64 " keys without a dump and %" PRIu64
	    " dead uploads are gone",
	    rep->orphans, rep->uploads);
	return ctx_json(ctx,
	    json_pack("{s:I, s:I, s:I, s:I, s:I}", "removed",
		(json_int_t)rep->removed, "kept", (json_int_t)rep->kept,
		"useless", (json_int_t)rep->useless, "orphans",
		(json_int_t)rep->orphans, "uploads", (json_int_t)rep->uploads),
	    err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_etcd_backup) struct cmd_etcd_backup o = { 0 };
	const struct job j = cmd_job(ctx);
	struct job_legacy_pruned rep;
	int64_t age;
	int rc;

	(void)argc, (void)argv;
	if (config_legacy_duration(ctx_own(ctx, "max_age"), &age, err) < 0)
		return err_wrap(err, "--max-age");
	if ((rc = cmd_etcd_backup_open(ctx, ctx_own(ctx, "config"),
		 STORE_READ | STORE_WRITE, &o, err)) < 0 ||
	    (rc = job_legacy_prune(&j, &o.where, age,
		 strtoull(ctx_own(ctx, "min_count"), NULL, 10), &rep, err)) < 0)
		return rc;
	return answer(ctx, &rep, err);
}

static const struct config_option own[] = {
	CMD_ETCD_BACKUP_CONFIG,
	{ .name = "max_age",
	    .letter = 'a',
	    .type = OPTION_STRING,
	    .places = OPTION_ON_LINE,
	    .arg = "DURATION",
	    .fallback = "15d",
	    .help = "remove backups that old or older (15d, 10w, 1y, 36h)" },
	{ .name = "min_count",
	    .letter = 'i',
	    .type = OPTION_INTEGER,
	    .places = OPTION_ON_LINE,
	    .arg = "N",
	    .fallback = "20",
	    .max = 1000000,
	    .help = "keep at least so many that can be restored" },
	{ 0 },
};
static const struct cmd_example examples[] = {
	{ "etcd-backup prune --max-age 10w --min-count 30", "what is older" },
	{ 0 },
};

extern const struct cmd cmd_etcd_backup_prune;
const struct cmd cmd_etcd_backup_prune = {
	.name = "etcd-backup prune",
	.summary = "Remove old backups in the format of etcd-backup",
	.about =
	    "Removes backups that are as old as --max-age, or older, and keeps "
	    "at least --min-count: the newest of the old ones, if need be.\n\n"
	    "A dump counts only if it can be restored: it is not encrypted, or "
	    "its key object is there and, if 'encryption_key_path' is given, "
	    "is opened by that master key.  While no more than --min-count "
	    "count, no dump is removed.  Keys without a dump go once they are "
	    "a day old, and so do uploads that were never finished.  The "
	    "right to delete objects is needed.",
	.examples = examples,
	.own = own,
	.flags = CMD_NO_CONFIG,
	.run = run,
};
