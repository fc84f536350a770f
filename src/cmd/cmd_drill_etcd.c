#include <inttypes.h>

#include "base/err.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_at.h"
#include "cmd/cmd_job.h"
#include "job/job_drill_etcd.h"

/* Rehearse the worst day of an etcd. */

static void
print(struct ctx *ctx, const struct repo_backup *b,
    const struct job_drill_etcd_report *rep)
{
	const struct job_etcd_digest *d = &rep->digest;
	char restore[TIME_TEXT_MAX], start[TIME_TEXT_MAX];
	char compare[TIME_TEXT_MAX];

	if (rep->good)
		ctx_print(ctx,
		    "%s  %s  level 4: etcd %s serves it%s: HashKV %" PRIu32
		    " at revision %" PRIu64 ", %" PRIu64 " %s, %" PRIu64
		    " looked up%s",
		    b->id, b->m.source, rep->version,
		    rep->logs > 0 ? ", with its logs" : "", d->hash,
		    d->revision, rep->keys,
		    cmd_counted(rep->keys, "key", "keys"), rep->sampled,
		    rep->attested ? "" : ", not attested");
	else
		ctx_print(ctx, "%s  %s  level 4: BAD: %s%s", b->id, b->m.source,
		    rep->reason, rep->attested ? "" : ", not attested");
	if (rep->good)
		ctx_print(ctx,
		    "restored in %s, serving after %s, compared in %s",
		    duration_format((int64_t)rep->restore_ms, restore),
		    duration_format((int64_t)rep->start_ms, start),
		    duration_format((int64_t)rep->compare_ms, compare));
	if (rep->scratch[0] != '\0')
		ctx_print(ctx, "kept: %s", rep->scratch);
}

static int
answer(struct ctx *ctx, const struct repo_backup *b,
    const struct job_drill_etcd_report *rep, struct err *err)
{
	const struct job_etcd_digest *d = &rep->digest;

	print(ctx, b, rep);
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:i, s:b, s:s, s:I, s:s, s:b, s:s, s:I, s:I, "
		      "s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}",
		"backup", b->id, "source", b->m.source, "level", 4, "good",
		(int)rep->good, "reason", rep->reason, "logs",
		(json_int_t)rep->logs, "logs_reason", rep->logs_reason,
		"attested", (int)rep->attested, "version", rep->version,
		"revision", (json_int_t)d->revision, "compact_revision",
		(json_int_t)d->compact_revision, "hashkv", (json_int_t)d->hash,
		"keys", (json_int_t)rep->keys, "sampled",
		(json_int_t)rep->sampled, "restore_ms",
		(json_int_t)rep->restore_ms, "start_ms",
		(json_int_t)rep->start_ms, "compare_ms",
		(json_int_t)rep->compare_ms, "took_ms",
		(json_int_t)rep->took_ms, "kept", rep->scratch),
	    err);
}

/* What was found is told; is it a failure? */
static int
judge(const struct repo_backup *b, const struct job_drill_etcd_report *rep,
    struct err *err)
{
	if (!rep->good) {
		(void)err_set(err, HF_ECORRUPT,
		    "backup '%s' has failed the drill", b->id);
		return err_hint(err,
		    "drill an older one, and make a new backup while the "
		    "cluster is there");
	}
	if (rep->logs_reason[0] == '\0')
		return 0;
	(void)err_set(err, HF_ECORRUPT,
	    "backup '%s' is good, but not all of its logs: %s", b->id,
	    rep->logs_reason);
	return err_hint(err,
	    "make a new backup while the cluster is there; `verify --level 3` "
	    "attests which logs are good");
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	CLEANUP(freep_cmd_etcd_at) struct cmd_etcd_at a = { 0 };
	const struct job j = cmd_job(ctx);
	struct job_drill_etcd_opts opts = {
		.program = ctx_option(ctx, "etcd_program"),
		.keep = ctx_flag(ctx, "keep"),
	};
	struct job_drill_etcd_report rep;
	const struct repo_backup *b;
	int rc;

	(void)argc;
	if ((rc = cmd_opened_catalogue(
		 ctx, STORE_READ | STORE_WRITE, &o, err)) < 0 ||
	    (rc = repo_catalogue_find(&o.cat, argv[0], &b, err)) < 0 ||
	    (rc = cmd_etcd_find(&o, argv[0], b, &a, err)) < 0)
		return rc;
	opts.chain = cmd_etcd_logs(&a);
	if ((rc = job_drill_etcd(&j, o.repo, a.b, &opts, &rep, err)) < 0)
		return err_wrap(err, "drill '%s'", a.b->id);
	if ((rc = answer(ctx, a.b, &rep, err)) < 0)
		return rc;
	return judge(a.b, &rep, err);
}

static const char *const options[] = { "etcd_program", "keep", "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast drill etcd latest:etcd",
	    "with the etcd that is installed" },
	{ "holdfast drill etcd latest --etcd-program /opt/etcd-3.6/etcd",
	    "with another" },
	{ 0 },
};

extern const struct cmd cmd_drill_etcd;
const struct cmd cmd_drill_etcd = {
	.name = "drill etcd",
	.args = "BACKUP",
	.summary = "Prove that an etcd comes back, by bringing it back",
	.about =
	    "Restores the backup into a scratch folder (in TMPDIR, or "
	    "/var/tmp), starts an etcd from it, and compares what that serves "
	    "with the backup: HashKV, the number of keys, and some keys, "
	    "chosen by lot, with all that they hold.  Then all of it is "
	    "removed, unless --keep is given.  The result is stored as a "
	    "signed attestation of level 4, good or bad, which `list` "
	    "shows.\n\n"
	    "`latest` is drilled with its logs, as it would be restored; if "
	    "they cannot be replayed, without them, and the exit status is "
	    "8.\n\n"
	    "The etcd listens on Unix sockets in the folder, which is this "
	    "user's alone, and on no port.  It must be of the backup's minor "
	    "version or a newer one.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
