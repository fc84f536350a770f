#include "base/err.h"
#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_backup.h"
#include "cmd/cmd_job.h"
#include "config/config_legacy.h"
#include "config/config_option.h"
#include "job/job_legacy_unpack.h"

/* Restore a snapshot as etcd-backup does. */

static int
answer(struct ctx *ctx, const struct job_legacy_report *rep, const char *to,
    struct err *err)
{
	char plain[SIZE_TEXT_MAX], took[TIME_TEXT_MAX];

	ctx_print(ctx, "%s  restored to %s: %s in %s", rep->name, to,
	    size_format(rep->bytes, plain),
	    duration_format((int64_t)rep->took_ms, took));
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:I, s:I}", "object", rep->name, "to", to,
		"bytes", (json_int_t)rep->bytes, "took_ms",
		(json_int_t)rep->took_ms),
	    err);
}

static bool
is_on(struct ctx *ctx, const char *name)
{
	const char *v = ctx_own(ctx, name);

	return v != NULL && v[0] == 't';
}

static int
to_dir(struct ctx *ctx, const struct cmd_etcd_backup *o,
    const struct repo_legacy_entry *e, struct job_legacy_report *rep,
    struct err *err)
{
	const struct job j = cmd_job(ctx);
	const struct job_legacy_unpack_opts opts = {
		.data_dir = ctx_own(ctx, "data_dir"),
		.name = ctx_own(ctx, "name"),
		.initial_cluster = ctx_own(ctx, "initial_cluster"),
		.initial_cluster_token = ctx_own(ctx, "initial_cluster_token"),
		.initial_advertise_peer_urls =
		    ctx_own(ctx, "initial_advertise_peer_urls"),
		.etcdutl = ctx_own(ctx, "etcdutl_path"),
	};

	return job_legacy_unpack(&j, &o->where, e, &opts, rep, err);
}

static int
to_file(struct ctx *ctx, const struct cmd_etcd_backup *o,
    const struct repo_legacy_entry *e, struct job_legacy_report *rep,
    struct err *err)
{
	const struct job j = cmd_job(ctx);

	return job_legacy_restore(&j, &o->where, e, o->config->snapshot_path,
	    is_on(ctx, "overwrite"), rep, err);
}

/* Before anything is fetched, check the place to which it is to go. */
static int
check_place(struct ctx *ctx, const struct cmd_etcd_backup *o, bool unpack,
    struct err *err)
{
	if (!unpack)
		return config_legacy_need(
		    o->config, o->config->snapshot_path, "snapshot_path", err);
	if (ctx_own(ctx, "data_dir") != NULL)
		return 0;
	(void)err_set(err, HF_EUSAGE, "the data directory is not given");
	return err_hint(err,
	    "name it with --data-dir; with --use-etcdutl=false only "
	    "the snapshot is restored, to 'snapshot_path'");
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_etcd_backup) struct cmd_etcd_backup o = { 0 };
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	const struct repo_legacy_entry *e;
	bool unpack = is_on(ctx, "use_etcdutl");
	struct job_legacy_report rep;
	int rc;

	(void)argc, (void)argv;
	if ((rc = cmd_etcd_backup_open(
		 ctx, ctx_own(ctx, "config"), STORE_READ, &o, err)) < 0 ||
	    (rc = check_place(ctx, &o, unpack, err)) < 0 ||
	    (rc = cmd_etcd_backup_find(
		 &o, ctx_own(ctx, "backup_timestamp"), &l, &e, err)) < 0)
		return rc;
	rc = unpack ? to_dir(ctx, &o, e, &rep, err)
		    : to_file(ctx, &o, e, &rep, err);
	if (rc < 0)
		return rc;
	return answer(ctx, &rep,
	    unpack ? ctx_own(ctx, "data_dir") : o.config->snapshot_path, err);
}

#define TEXT(n, c, a, h)                                                       \
	{                                                                      \
		.name = (n), .letter = (c), .type = OPTION_STRING,             \
		.places = OPTION_ON_LINE, .arg = (a), .help = (h)              \
	}
static const struct config_option own[] = {
	CMD_ETCD_BACKUP_CONFIG,
	TEXT("backup_timestamp", 't', "TIME",
	    "the backup of that time (RFC 3339, any zone), else the newest"),
	TEXT("data_dir", 'd', "PATH", "the data directory to make"),
	TEXT("etcdutl_path", 'e', "PATH",
	    "have this etcdutl make it; holdfast needs none"),
	TEXT("name", 'n', "NAME", "this member; else default"),
	TEXT("initial_cluster", 'l', "NAME=URL,...",
	    "the members; else default=http://localhost:2380"),
	TEXT("initial_cluster_token", 'o', "TOKEN",
	    "the token of the new cluster; else etcd-cluster"),
	TEXT("initial_advertise_peer_urls", 'a', "URL,...",
	    "of this member; else http://localhost:2380"),
	{ .name = "use_etcdutl",
	    .letter = 'u',
	    .type = OPTION_FLAG,
	    .places = OPTION_ON_LINE,
	    .fallback = "true",
	    .help = "make the data directory; =false: write the snapshot to "
		    "'snapshot_path' and leave it there" },
	{ .name = "overwrite",
	    .type = OPTION_FLAG,
	    .places = OPTION_ON_LINE,
	    .help = "replace the file 'snapshot_path'" },
	{ 0 },
};
static const struct cmd_example examples[] = {
	{ "etcd-backup restore -d /var/lib/etcd",
	    "the newest, as the only member of a new cluster" },
	{ "etcd-backup restore -u=false -t 2026-11-20T10:00:00Z",
	    "the snapshot of a certain backup, as a file" },
	{ 0 },
};

extern const struct cmd cmd_etcd_backup_restore;
const struct cmd cmd_etcd_backup_restore = {
	.name = "etcd-backup restore",
	.summary = "Restore a backup in the format of etcd-backup",
	.about =
	    "Restores the newest backup, or that of --backup-timestamp, and "
	    "makes etcd's data directory of it, without etcdutl unless "
	    "--etcdutl-path names one.  Each member of a cluster is restored "
	    "on its own node from the same backup, with the same cluster and "
	    "token and its own name and URLs.\n\n"
	    "The place must not exist or be an empty folder, and nothing is "
	    "seen there before all of it is checked and on the disk.  A dump "
	    "whose end is missing, or whose records were moved, is never "
	    "restored.",
	.examples = examples,
	.own = own,
	.flags = CMD_NO_CONFIG,
	.run = run,
};
