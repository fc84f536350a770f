#include <inttypes.h>

#include "base/err.h"
#include "base/params.h"
#include "base/size.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "config/config_option.h"
#include "job/job_prune.h"

/* Remove old backups by rule, and collect what nothing needs. */

/* A number of the rule: from the line, else from the repository. */
static int64_t
rule(struct ctx *ctx, const struct cmd_repo *where, const char *name)
{
	const char *v = params_get(where->params, name);
	int64_t n = ctx_number(ctx, name, -1);

	if (n >= 0)
		return n;
	return v == NULL ? 0
			 : config_option_number(config_option_named(name), v);
}

static void
collect(struct ctx *ctx, const struct cmd_repo *w, struct retention *r)
{
	*r = (struct retention){
		.last = (uint32_t)rule(ctx, w, "keep_last"),
		.hourly = (uint32_t)rule(ctx, w, "keep_hourly"),
		.daily = (uint32_t)rule(ctx, w, "keep_daily"),
		.weekly = (uint32_t)rule(ctx, w, "keep_weekly"),
		.monthly = (uint32_t)rule(ctx, w, "keep_monthly"),
		.yearly = (uint32_t)rule(ctx, w, "keep_yearly"),
		.max_age_ms = rule(ctx, w, "max_age"),
		.min_count = (uint32_t)rule(ctx, w, "min_count"),
	};
}

/* Decisions are the answer of a dry run, and a detail of a real one. */
static void
on_event(void *arg, const struct job_event *ev)
{
	struct ctx *ctx = arg;
	struct err ignored = ERR_INIT;

	if (ev->kind == JOB_FOUND || ev->kind == JOB_WARNING) {
		if (ev->subject[0] == '\0') /* An object that is gone. */
			ctx_warn(ctx, "%s", ev->text);
		else
			ctx_warn(ctx, "'%s': %s", ev->subject, ev->text);
	} else if (ev->kind == JOB_DECIDED && ctx_flag(ctx, "dry_run")) {
		ctx_print(ctx, "%s  %s", ev->subject, ev->text);
		(void)ctx_json(ctx,
		    json_pack("{s:s, s:s}", "backup", ev->subject, "decision",
			ev->text),
		    &ignored);
	} else if (ev->kind == JOB_DECIDED) {
		ctx_detail(ctx, "%s: %s", ev->subject, ev->text);
	}
}

static int
answer(struct ctx *ctx, const struct job_prune_opts *opts,
    const struct job_prune_report *rep, struct err *err)
{
	char size[SIZE_TEXT_MAX];

	ctx_print(ctx,
	    "%s%" PRIu64 " removed, %" PRIu64 " kept; collected %" PRIu64
	    " %s, %" PRIu64 " %s (%s) and %" PRIu64 " %s",
	    opts->dry_run ? "dry run: " : "", rep->removed, rep->kept,
	    rep->erased, cmd_counted(rep->erased, "manifest", "manifests"),
	    rep->packs, cmd_counted(rep->packs, "pack", "packs"),
	    size_format(rep->bytes, size), rep->keys,
	    cmd_counted(rep->keys, "key", "keys"));
	if (rep->held > 0)
		ctx_print(ctx,
		    "%" PRIu64 " %s could not be deleted: locked, or the "
		    "right to delete is missing",
		    rep->held, cmd_counted(rep->held, "object", "objects"));
	return ctx_json(ctx,
	    json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}",
		"dry_run", (int)opts->dry_run, "removed",
		(json_int_t)rep->removed, "kept", (json_int_t)rep->kept,
		"manifests_erased", (json_int_t)rep->erased, "packs_erased",
		(json_int_t)rep->packs, "bytes_erased", (json_int_t)rep->bytes,
		"keys_erased", (json_int_t)rep->keys, "packs_waiting",
		(json_int_t)rep->waiting, "held", (json_int_t)rep->held),
	    err);
}

static int
undo(struct ctx *ctx, struct cmd_opened *o, const char *name, int64_t undo_ms,
    struct err *err)
{
	const struct repo_backup *b;
	int rc;

	if ((rc = repo_catalogue_load(o->repo, &o->cat, err)) < 0 ||
	    (rc = repo_catalogue_find(&o->cat, name, &b, err)) < 0 ||
	    (rc = job_prune_undo(o->repo, &o->cat, b, undo_ms, err)) < 0)
		return rc;
	ctx_print(ctx, "%s  %s  is back", b->id, b->m.source);
	return ctx_json(
	    ctx, json_pack("{s:s, s:b}", "backup", b->id, "removed", 0), err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { .keyless = true };
	struct job j = cmd_job(ctx);
	struct job_prune_opts opts = {
		.dry_run = ctx_flag(ctx, "dry_run"),
		.force = ctx_flag(ctx, "force"),
		.undo_ms = ctx_number(ctx, "undo_window", JOB_PRUNE_UNDO_MS),
	};
	const char *back = ctx_option(ctx, "undo");
	struct job_prune_report rep;
	int rc;

	(void)argc, (void)argv;
	j.on_event = on_event;
	if ((rc = cmd_opened_repo(
		 ctx, NULL, STORE_READ | STORE_WRITE, &o, err)) < 0)
		return rc;
	if (back != NULL)
		return undo(ctx, &o, back, opts.undo_ms, err);
	collect(ctx, o.where, &opts.rule);
	if ((rc = job_prune(&j, o.repo, &opts, &rep, err)) < 0)
		return rc;
	return answer(ctx, &opts, &rep, err);
}

static const char *const options[] = { "dry_run", "force", "undo",
	"undo_window", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast prune --keep-daily 7 --keep-weekly 5 --dry-run",
	    "say what would go, and why" },
	{ "holdfast prune", "by the retention of the configuration" },
	{ "holdfast prune --undo 3f2a9b01", "bring a removed backup back" },
	{ 0 },
};

extern const struct cmd cmd_prune;
const struct cmd cmd_prune = {
	.name = "prune",
	.summary = "Remove old backups by rule",
	.about =
	    "Keeps the backups that the rules name and removes the others, "
	    "for each source by itself and by the storage's clock.  A backup "
	    "that is not whole counts for nothing; the newest whole one of a "
	    "source always stays.  Without a rule nothing is removed.\n\n"
	    "A removed backup can be brought back with --undo until the undo "
	    "window is over.  Then its manifest is erased, and packs that "
	    "nothing names follow once they are too old to be named by a "
	    "backup that is still running.\n\n"
	    "It needs no key, takes no lock, and may be killed or run beside "
	    "backups.  If a manifest cannot be read, nothing is erased at "
	    "all.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO | CMD_RETENTION,
	.run = run,
};
