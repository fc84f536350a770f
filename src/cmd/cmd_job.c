#include "cmd/cmd_job.h"
#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "config/config_option.h"

static void
on_event(void *arg, const struct job_event *ev)
{
	struct ctx *ctx = arg;

	switch (ev->kind) {
	case JOB_WARNING:
		ctx_warn(ctx, "'%s': %s", ev->subject, ev->text);
		break;
	case JOB_NOTE:
		ctx_note(ctx, "'%s': %s", ev->subject, ev->text);
		break;
	case JOB_FOUND:
		ctx_warn(ctx, "damaged: '%s': %s", ev->subject, ev->text);
		break;
	case JOB_DECIDED:
		ctx_detail(ctx, "%s: %s", ev->subject, ev->text);
		break;
	case JOB_STARTED:
	case JOB_PROGRESS:
	case JOB_FINISHED:
		ctx_progress(ctx, ev->job, ev->done, ev->total);
		break;
	}
}

/* Not every command that runs a job takes every option of one. */
static int64_t
number(struct ctx *ctx, const char *name)
{
	if (!cmd_takes(ctx_cmd(ctx), config_option_named(name)) ||
	    ctx_option(ctx, name) == NULL)
		return 0;
	return ctx_number(ctx, name, JOB_MEMORY_SMALL); /* "small" */
}

struct job
cmd_job(struct ctx *ctx)
{
	return (struct job){
		.on_event = on_event,
		.arg = ctx,
		.cancel = ctx_cancel(ctx),
		.level = (int)number(ctx, "compression"),
		.memory = (size_t)number(ctx, "memory"),
	};
}

int
cmd_opened_repo(struct ctx *ctx, const char *name, enum store_power power,
    struct cmd_opened *o, struct err *err)
{
	int rc;

	if ((rc = cmd_repo_find(ctx, name, &o->where, err)) < 0 ||
	    (rc = cmd_store_open(ctx, o->where, power, &o->store, err)) < 0)
		return rc;
	return cmd_repo_open(
	    ctx, o->where, o->store, o->keyless, &o->repo, err);
}

int
cmd_opened_catalogue(struct ctx *ctx, enum store_power power,
    struct cmd_opened *o, struct err *err)
{
	const struct repo_finding *f;
	size_t i;
	int rc;

	if ((rc = cmd_opened_repo(ctx, NULL, power, o, err)) < 0)
		return rc;
	rc = o->prove ? repo_catalogue_prove(o->repo, &o->cat, err)
		      : repo_catalogue_load(o->repo, &o->cat, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < o->cat.nfindings; i++) {
		f = &o->cat.findings[i];
		if (f->object[0] == '\0')
			ctx_warn(ctx, "%s (%s)", f->what, f->remedy);
		else
			ctx_warn(ctx, "'%s': %s (%s)", f->object, f->what,
			    f->remedy);
	}
	return 0;
}

int
cmd_opened_whole(const struct cmd_opened *o, struct err *err)
{
	if (o->cat.unsure)
		return err_set(err, HF_ECORRUPT,
		    "the list is not whole: see the warnings");
	if (o->cat.nfindings > o->cat.nsettled)
		return err_set(err, HF_EWARN,
		    "the list may not be whole: see the warnings");
	return 0;
}

void
cmd_opened_clear(struct cmd_opened *o)
{
	repo_catalogue_clear(&o->cat);
	repo_free(o->repo);
	store_free(o->store);
	cmd_repo_free(o->where);
	*o = (struct cmd_opened){ 0 };
}

int
cmd_damaged(struct err *err)
{
	if (err->code != -HF_ECORRUPT)
		return err->code;
	return err_hint(err,
	    "bring it back from another copy of the repository; `holdfast "
	    "restore --keep-going` restores what is whole and lists the rest");
}

const char *
cmd_counted(uint64_t n, const char *one, const char *many)
{
	return n == 1 ? one : many;
}
