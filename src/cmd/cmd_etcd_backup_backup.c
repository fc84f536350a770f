#include <inttypes.h>

#include "base/err.h"
#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_backup.h"
#include "cmd/cmd_job.h"
#include "config/config_legacy.h"
#include "config/config_option.h"
#include "source/source.h"

/* Take a snapshot as etcd-backup does. */

static int
answer(struct ctx *ctx, const struct job_legacy_report *rep, struct err *err)
{
	char plain[SIZE_TEXT_MAX], took[TIME_TEXT_MAX];

	ctx_print(ctx, "%s  %s, %s, in %s", rep->name,
	    size_format(rep->bytes, plain),
	    rep->encrypted ? "encrypted" : "not encrypted",
	    duration_format((int64_t)rep->took_ms, took));
	return ctx_json(ctx,
	    json_pack("{s:s, s:I, s:I, s:b, s:I}", "object", rep->name, "bytes",
		(json_int_t)rep->bytes, "stored_bytes", (json_int_t)rep->stored,
		"encrypted", rep->encrypted, "took_ms",
		(json_int_t)rep->took_ms),
	    err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_etcd_backup) struct cmd_etcd_backup o = { 0 };
	CLEANUP(freep_source) struct source *src = NULL;
	const struct job j = cmd_job(ctx);
	struct job_legacy_report rep;
	int rc;

	(void)argc, (void)argv;
	if ((rc = cmd_etcd_backup_open(ctx, ctx_own(ctx, "config"),
		 STORE_READ | STORE_WRITE, &o, err)) < 0 ||
	    (rc = cmd_etcd_backup_source(ctx, &o, &src, err)) < 0 ||
	    (rc = job_legacy_backup(
		 &j, &o.where, src, o.config->retries, &rep, err)) < 0)
		return rc;
	return answer(ctx, &rep, err);
}

static const struct config_option own[] = {
	CMD_ETCD_BACKUP_CONFIG,
	{ 0 },
};
static const struct cmd_example examples[] = {
	{ "etcd-backup backup -c /etc/etcd-backup/config.yml",
	    "by the link that has the old name" },
	{ "holdfast etcd-backup backup", "the same, with ./config.yml" },
	{ 0 },
};

extern const struct cmd cmd_etcd_backup_backup;
const struct cmd cmd_etcd_backup_backup = {
	.name = "etcd-backup backup",
	.summary = "Back up etcd in the format of etcd-backup",
	.about =
	    "Stands in for the program etcd-backup: reads its configuration "
	    "and writes the objects that it reads.\n\n"
	    "The snapshot goes from etcd into the bucket in pieces: no "
	    "plaintext touches the disk, and 'snapshot_path' is not used.  It "
	    "comes from a healthy follower among the configured endpoints; "
	    "the addresses that members advertise are not used.  Nobody sees "
	    "the dump before all of it is there and checked.",
	.examples = examples,
	.own = own,
	.flags = CMD_NO_CONFIG,
	.run = run,
};
