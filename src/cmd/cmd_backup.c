#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/params.h"
#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "cmd/cmd_state.h"
#include "job/job_backup.h"
#include "source/source.h"

/* Read sources, and store each as one backup. */

static int
answer(struct ctx *ctx, const struct cmd_source *s,
    const struct job_backup_report *rep, struct err *err)
{
	char plain[SIZE_TEXT_MAX], stored[SIZE_TEXT_MAX], took[TIME_TEXT_MAX];

	ctx_print(ctx, "%s  %s  %s, %" PRIu64 " %s, %s, stored as %s in %s",
	    rep->id, s->name, cmd_kind((int)rep->kind), rep->entries,
	    cmd_counted(rep->entries, "entry", "entries"),
	    size_format(rep->plain_bytes, plain),
	    size_format(rep->stored_bytes, stored),
	    duration_format((int64_t)rep->took_ms, took));
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I}", "backup",
		rep->id, "kind", cmd_kind((int)rep->kind), "source", s->name,
		"entries", (json_int_t)rep->entries, "bytes",
		(json_int_t)rep->plain_bytes, "stored_bytes",
		(json_int_t)rep->stored_bytes, "warnings",
		(json_int_t)rep->warnings, "took_ms", (json_int_t)rep->took_ms),
	    err);
}

/*
 * The repositories of a run, each opened once: a secret that lies in the
 * environment or comes by a file descriptor can be read only once.
 */
struct place {
	const char *name; /* As the configuration calls it; NULL: the one. */
	struct cmd_opened o;
};
struct places {
	struct place *v;
	size_t n;
};

static void
freep_places(struct places *p)
{
	while (p->n > 0)
		cmd_opened_clear(&p->v[--p->n].o);
	free(p->v);
}

static bool
is_called(const struct place *p, const char *name)
{
	if (p->name == NULL || name == NULL)
		return p->name == name;
	return strcmp(p->name, name) == 0;
}

static int
find_repo(struct ctx *ctx, struct places *all, const char *name,
    struct repo **ret, struct err *err)
{
	struct place *grown;
	size_t i;
	int rc;

	for (i = 0; i < all->n; i++)
		if (is_called(&all->v[i], name))
			break;
	if (i == all->n) {
		grown = reallocarray(all->v, i + 1, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		all->v = grown;
		grown[i] = (struct place){ .name = name };
		rc = cmd_opened_repo(
		    ctx, name, STORE_READ | STORE_WRITE, &grown[i].o, err);
		if (rc < 0) {
			cmd_opened_clear(&grown[i].o);
			return rc;
		}
		all->n++;
	}
	*ret = all->v[i].o.repo;
	return 0;
}

static int
back_up(struct ctx *ctx, struct places *all, const struct cmd_source *s,
    struct err *err)
{
	CLEANUP(freep_source) struct source *src = NULL;
	const struct job j = cmd_job(ctx);
	struct job_backup_opts opts = {
		.source = s->name,
		.type = params_get(s->params, "type"),
		.full = ctx_flag(ctx, "full"),
	};
	struct job_backup_report rep;
	struct repo *repo;
	int rc;

	if ((rc = find_repo(ctx, all, cmd_source_repo(ctx, s), &repo, err)) <
		0 ||
	    (rc = cmd_source_open(ctx, s, &src, err)) < 0)
		return rc;
	opts.label = src->label;
	if ((rc = job_backup(&j, repo, src, &opts, &rep, err)) < 0 ||
	    (rc = answer(ctx, s, &rep, err)) < 0)
		return rc;
	if (rep.warnings > 0)
		return err_set(err, HF_EWARN,
		    "the backup '%s' is complete but for %" PRIu64 " %s",
		    rep.id, rep.warnings,
		    cmd_counted(rep.warnings, "warning", "warnings"));
	return 0;
}

/*
 * A source that fails does not keep the others from being backed up: they may
 * be needed most on the worst night.  The first failure decides the exit
 * status; a warning decides it only if nothing failed.
 */
static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_sources) struct cmd_sources sources = { NULL, 0 };
	CLEANUP(freep_places) struct places all = { NULL, 0 };
	struct err one, first = ERR_INIT;
	size_t i;
	int rc;

	rc = cmd_sources_find(ctx, (size_t)argc, argv, &sources, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < sources.n; i++) {
		one = (struct err)ERR_INIT;
		if ((rc = ctx_check(ctx, err)) < 0)
			return rc;
		if (back_up(ctx, &all, &sources.v[i], &one) == 0)
			continue;
		(void)err_wrap(&one, "backup of '%s'", sources.v[i].name);
		if (sources.n > 1)
			ctx_warn(ctx, "%s", one.msg);
		if (first.code == 0 || first.code == -HF_EWARN)
			first = one;
	}
	if (first.code != 0)
		*err = first;
	return first.code;
}

static const char *const options[] = { "full", "memory", "compression", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast backup", "back up every source of the configuration" },
	{ "holdfast backup control-plane", "one of them" },
	{ "holdfast backup --from tree:/srv/node1 --repo file:/backup",
	    "without a configuration file" },
	{ "pg_dump app | holdfast backup --from stream:- --repo main",
	    "what another program prints" },
	{ 0 },
};

extern const struct cmd cmd_backup;
const struct cmd cmd_backup = {
	.name = "backup",
	.args = "[NAME...]",
	.summary = "Back up sources into a repository",
	.about =
	    "Reads every source of the configuration, or the named ones, or "
	    "what --from says, and stores each as one backup: encrypted, "
	    "and complete or not there at all.\n\n"
	    "A file of a tree that this host has backed up before, and that "
	    "has not changed since, is neither read nor stored again: the "
	    "backup is an increment.  It is whole by itself all the same.  "
	    "What is older than the reuse window (7 days) is stored anew, and "
	    "with --full, everything is.\n\n"
	    "A file that vanishes or changes while it is read does not fail "
	    "the backup: it is reported and counted, and the exit status says "
	    "\"complete with warnings\".  One source that fails does not keep "
	    "the others from being backed up.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO | CMD_SOURCE,
	.max_args = -1,
	.run = run,
};
