#include <inttypes.h>

#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_backup.h"
#include "cmd/cmd_job.h"

/* Take the backups of etcd-backup into a repository. */

static int
answer(struct ctx *ctx, const struct job_legacy_imported *rep, struct err *err)
{
	ctx_print(ctx,
	    "%" PRIu64 " imported, %" PRIu64 " were there already, %" PRIu64
	    " could not be read",
	    rep->imported, rep->skipped, rep->failed);
	return ctx_json(ctx,
	    json_pack("{s:I, s:I, s:I}", "imported", (json_int_t)rep->imported,
		"skipped", (json_int_t)rep->skipped, "failed",
		(json_int_t)rep->failed),
	    err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_etcd_backup) struct cmd_etcd_backup from = { 0 };
	CLEANUP(freep_cmd_opened) struct cmd_opened to = { .keyless = false };
	const char *name = ctx_option(ctx, "source_name");
	const struct job j = cmd_job(ctx);
	struct job_legacy_imported rep;
	struct err late = ERR_INIT;
	int rc;

	(void)argc, (void)argv;
	if ((rc = cmd_etcd_backup_open(ctx, ctx_option(ctx, "from_config"),
		 STORE_READ, &from, err)) < 0 ||
	    (rc = cmd_opened_repo(
		 ctx, NULL, STORE_READ | STORE_WRITE, &to, err)) < 0)
		return rc;
	rc = job_legacy_import(
	    &j, &from.where, to.repo, name != NULL ? name : "etcd", &rep, err);
	if (answer(ctx, &rep, &late) < 0 && rc == 0) {
		*err = late;
		rc = late.code;
	}
	return rc;
}

static const char *const options[] = { "from_config", "source_name", "memory",
	"compression", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast import etcd-backup --from-config config.yml --repo main",
	    "all that it finds, as backups of the source etcd" },
	{ 0 },
};

extern const struct cmd cmd_import_etcd_backup;
const struct cmd cmd_import_etcd_backup = {
	.name = "import etcd-backup",
	.summary = "Take the backups of etcd-backup into a repository",
	.about =
	    "Reads every backup that the program etcd-backup has made, checks "
	    "it against the SHA-256 at its end, and stores it as an "
	    "ordinary backup of etcd: signed, verified and restored like "
	    "others.  --from-config is that program's configuration, and "
	    "--source-name what the source is called, else etcd.\n\n"
	    "Those that were imported before are skipped, so that it can be "
	    "run again.  One that cannot be read is reported, and the others "
	    "are imported all the same.  When each was made is among its "
	    "evidence (etcd_backup.time); retention counts from the import.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO,
	.run = run,
};
