#include <inttypes.h>
#include <stdio.h>

#include "base/err.h"
#include "base/params.h"
#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "cmd/cmd_state.h"
#include "job/job_follow.h"
#include "source/source.h"

/* Store every change of an etcd as it happens. */

static double
per_second(const struct job_follow_commit *c)
{
	int64_t ms = c->to_ms - c->from_ms;

	return ms > 0 ? (double)c->events * 1000 / (double)ms : 0;
}

static int
print_base(struct ctx *ctx, const struct job_follow_commit *c, struct err *err)
{
	char stored[SIZE_TEXT_MAX];

	ctx_print(ctx, "%s  backup at revision %" PRIu64 ", stored as %s",
	    c->report->id, c->last,
	    size_format(c->report->stored_bytes, stored));
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:I, s:I, s:I}", "backup", c->report->id,
		"kind", cmd_kind((int)c->report->kind), "revision",
		(json_int_t)c->last, "bytes",
		(json_int_t)c->report->plain_bytes, "stored_bytes",
		(json_int_t)c->report->stored_bytes),
	    err);
}

static int
print_log(struct ctx *ctx, const struct job_follow_commit *c, struct err *err)
{
	char stored[SIZE_TEXT_MAX], to[TIME_TEXT_MAX];

	ctx_print(ctx,
	    "%s  log to revision %" PRIu64 " of %s, %" PRIu64
	    " %s, %.0f/s, %" PRIu64 " behind, stored as %s",
	    c->report->id, c->last, time_format(c->to_ms, to), c->events,
	    cmd_counted(c->events, "event", "events"), per_second(c), c->behind,
	    size_format(c->report->stored_bytes, stored));
	return ctx_json(ctx,
	    json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:f, s:I, s:I}", "log",
		c->report->id, "first", (json_int_t)c->first, "last",
		(json_int_t)c->last, "from_ms", (json_int_t)c->from_ms, "to_ms",
		(json_int_t)c->to_ms, "events", (json_int_t)c->events,
		"events_per_second", per_second(c), "behind",
		(json_int_t)c->behind, "stored_bytes",
		(json_int_t)c->report->stored_bytes),
	    err);
}

/* Who reads along sees each line at once. */
static int
on_commit(void *arg, const struct job_follow_commit *c, struct err *err)
{
	struct ctx *ctx = arg;
	int rc;

	rc = c->base ? print_base(ctx, c, err) : print_log(ctx, c, err);
	if (rc == 0)
		(void)fflush(ctx_out(ctx)); /* A failure is found at the end. */
	return rc;
}

static int
find_source(struct ctx *ctx, int argc, char *argv[], struct cmd_sources *all,
    struct err *err)
{
	int rc;

	rc = cmd_sources_find(ctx, (size_t)argc, argv, all, err);
	if (rc < 0)
		return rc;
	if (all->n != 1)
		return err_set(err, HF_EUSAGE,
		    "follow takes one source, and there are %zu: name it",
		    all->n);
	return 0;
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_sources) struct cmd_sources all = { NULL, 0 };
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	CLEANUP(freep_source) struct source *src = NULL;
	struct job j = cmd_job(ctx);
	struct job_follow_opts opts = {
		.interval_ms = ctx_number(ctx, "interval", 0),
		.bytes = (size_t)ctx_number(ctx, "bytes", 0),
		.base_every_ms = ctx_number(ctx, "base_every", 0),
		.committed = on_commit,
		.arg = ctx,
	};
	int rc;

	/* Whatever the form of other backups is, logs continue only records. */
	if ((rc = find_source(ctx, argc, argv, &all, err)) < 0 ||
	    (rc = params_set(all.v[0].params, "form", "records", err)) < 0 ||
	    (rc = cmd_opened_repo(ctx, cmd_source_repo(ctx, &all.v[0]),
		 STORE_READ | STORE_WRITE, &o, err)) < 0 ||
	    (rc = cmd_source_open(ctx, &all.v[0], &src, err)) < 0)
		return rc;
	opts.source = all.v[0].name;
	opts.type = params_get(all.v[0].params, "type");
	opts.label = src->label;
	ctx_linger(ctx);
	if ((rc = job_follow(&j, o.repo, src, &opts, err)) < 0)
		return err_wrap(err, "follow '%s'", opts.source);
	return 0;
}

static const char *const options[] = { "interval", "bytes", "base_every",
	"memory", "compression", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast follow control-plane", "until it is stopped" },
	{ "holdfast follow --interval 2s --json",
	    "two seconds are the most that can be lost" },
	{ 0 },
};

extern const struct cmd cmd_follow;
const struct cmd cmd_follow = {
	.name = "follow",
	.args = "[NAME]",
	.summary = "Store every change of an etcd as it happens",
	.about =
	    "Watches all keys of an etcd and stores what happens to them, in "
	    "logs that continue a backup: then the state at any revision, and "
	    "at any time, can be restored.  It runs until it is stopped "
	    "(SIGTERM), stores what it has then, and ends with status 0; "
	    "started again, it goes on where it was.\n\n"
	    "It takes a new backup when there is none yet, when the newest is "
	    "older than --base-every, when the cluster has been compacted "
	    "before its changes were read, and when there was a change that "
	    "is in no log: of users, roles, members or alarms.\n\n"
	    "If a member fails, it goes on with the next; if none answers, or "
	    "the storage does not, it warns and tries again.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO | CMD_SOURCE,
	.max_args = 1,
	.run = run,
};
