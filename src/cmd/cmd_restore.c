#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "cmd/cmd_restore_etcd.h"
#include "job/job_restore.h"

/* Bring a backup back. */

static int
answer(struct ctx *ctx, const struct repo_backup *b,
    const struct job_restore_opts *opts, const struct job_restore_report *rep,
    struct err *err)
{
	char size[SIZE_TEXT_MAX], took[TIME_TEXT_MAX];

	ctx_print(ctx, "%s  %s  %s %" PRIu64 " %s, %s %s'%s' in %s", b->id,
	    b->m.source, opts->dry_run ? "would restore" : "restored",
	    rep->entries - rep->lost,
	    cmd_counted(rep->entries - rep->lost, "entry", "entries"),
	    size_format(rep->bytes, size), "to ", opts->to,
	    duration_format((int64_t)rep->took_ms, took));
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}",
		"backup", b->id, "source", b->m.source, "to", opts->to,
		"dry_run", (int)opts->dry_run, "entries",
		(json_int_t)rep->entries, "bytes", (json_int_t)rep->bytes,
		"lost", (json_int_t)rep->lost, "unnamed",
		(json_int_t)rep->unnamed, "warnings", (json_int_t)rep->warnings,
		"took_ms", (json_int_t)rep->took_ms),
	    err);
}

/* Collect the values of --only. */
static int
collect_only(struct ctx *ctx, const char ***only, size_t *n, struct err *err)
{
	const char **v;
	size_t i;

	for (*n = 0; ctx_option_at(ctx, "only", *n) != NULL;)
		(*n)++;
	if ((v = calloc(*n + 1, sizeof(*v))) == NULL)
		return err_nomem(err);
	for (i = 0; i < *n; i++)
		v[i] = ctx_option_at(ctx, "only", i);
	*only = v;
	return 0;
}

static int
judge(const struct job_restore_report *rep, struct err *err)
{
	if (rep->unnamed > 0)
		return err_set(err, HF_ECORRUPT,
		    "%" PRIu64 " %s could not be restored, and %" PRIu64
		    " more %s even the %s lost; the others are whole",
		    rep->lost, cmd_counted(rep->lost, "entry", "entries"),
		    rep->unnamed, cmd_counted(rep->unnamed, "has", "have"),
		    cmd_counted(rep->unnamed, "name", "names"));
	if (rep->lost > 0)
		return err_set(err, HF_ECORRUPT,
		    "%" PRIu64 " %s could not be restored, the others are "
		    "whole",
		    rep->lost, cmd_counted(rep->lost, "entry", "entries"));
	if (rep->warnings > 0)
		return err_set(err, HF_EWARN,
		    "restored, but for %" PRIu64 " %s", rep->warnings,
		    cmd_counted(rep->warnings, "warning", "warnings"));
	return 0;
}

static int
restore(struct ctx *ctx, struct repo *r, const struct repo_backup *b,
    struct err *err)
{
	CLEANUP(freep_mem) const char **only = NULL;
	const struct job j = cmd_job(ctx);
	struct job_restore_opts opts = {
		.to = ctx_option(ctx, "to"),
		.dry_run = ctx_flag(ctx, "dry_run"),
		.overwrite = ctx_flag(ctx, "overwrite"),
		.keep_going = ctx_flag(ctx, "keep_going"),
	};
	struct job_restore_report rep;
	int rc;

	if ((rc = collect_only(ctx, &only, &opts.nonly, err)) < 0)
		return rc;
	opts.only = only;
	if ((rc = job_restore(&j, r, b, &opts, &rep, err)) < 0) {
		(void)err_wrap(err, "restore '%s'", b->id);
		return cmd_damaged(err);
	}
	if ((rc = answer(ctx, b, &opts, &rep, err)) < 0)
		return rc;
	return judge(&rep, err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	const struct repo_backup *b;
	int rc;

	(void)argc;
	if (ctx_option(ctx, "to") == NULL &&
	    ctx_option(ctx, "as_snapshot") == NULL)
		return err_set(err, HF_EUSAGE,
		    "restore needs --to PATH: a new or empty place");
	if ((rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0 ||
	    (rc = repo_catalogue_find(&o.cat, argv[0], &b, err)) < 0)
		return rc;
	if (cmd_restore_etcd_wanted(ctx, b))
		return cmd_restore_etcd(ctx, &o, argv[0], b, err);
	if ((rc = cmd_restore_etcd_stray(ctx, b, err)) < 0)
		return rc;
	return restore(ctx, o.repo, b, err);
}

static const char *const options[] = { "to", "only", "dry_run", "overwrite",
	"keep_going", "memory", "name", "initial_cluster",
	"initial_cluster_token", "initial_advertise_peer_urls", "revision",
	"time", "bump_revision", "mark_compacted", "etcd_version",
	"force_version", "allow_unproven", "as_snapshot", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast restore latest:node1 --to /srv/node1", "a whole folder" },
	{ "holdfast restore latest --to /tmp/conf --only 'etc/**/*.conf'",
	    "parts of it" },
	{ "holdfast restore latest:etcd --to /var/lib/etcd",
	    "etcd's data directory, with all that `follow` has stored" },
	{ "holdfast restore latest:etcd --time 2026-11-20T10:00:07Z "
	  "--to /var/lib/etcd",
	    "as it was at seven seconds past ten" },
	{ "holdfast restore latest:etcd --as-snapshot db.snapshot",
	    "a file for etcdutl" },
	{ 0 },
};

extern const struct cmd cmd_restore;
const struct cmd cmd_restore = {
	.name = "restore",
	.args = "BACKUP",
	.summary = "Bring a backup back",
	.about =
	    "Restores a backup to a place that does not exist yet or is an "
	    "empty folder; with --overwrite it replaces what is there.  "
	    "Everything is written beside the place, checked against its "
	    "hash, synced, and then moved into place: a restore that is "
	    "interrupted leaves what was there.\n\n"
	    "With --keep-going, files whose data is damaged or missing are "
	    "left out and listed, and all others are restored.  Files whose "
	    "very names are lost are counted.\n\n"
	    "A backup of an etcd becomes the data directory of one member.  "
	    "It is called \"default\" and is alone in its cluster, unless "
	    "--name, --initial-cluster and --initial-advertise-peer-urls say "
	    "otherwise; `etcd plan` writes the commands for all members.  "
	    "`latest` brings back the newest state, with all logs that "
	    "continue the backup; --revision or --time bring back the state "
	    "of then, from the backup that knows most of it.  A backup "
	    "that is named by its id comes back as it was, unless --revision "
	    "or --time is given.  What logs hold must have the HashKV that a "
	    "member had; with --allow-unproven it is restored although it has "
	    "another, the output says which revisions are not proven, and the "
	    "exit status is 3.  --only restores the files that the backup "
	    "is stored as instead.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO | CMD_RAW,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
