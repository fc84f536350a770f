#include <inttypes.h>

#include "base/buf.h"
#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_look.h"

/* Show what differs between two states of an etcd. */
struct diff {
	struct ctx *ctx;
	struct job_etcd_look *before, *after;
	uint64_t added, removed, changed;
};

/*
 * Show one side of a difference: as JSON, or the value for people, behind
 * ${lead}.
 */
static int
side(struct diff *d, const struct job_etcd_look *l,
    const struct job_etcd_item *item, const char *lead, json_t **ret,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	bool values = ctx_flag(d->ctx, "values");
	int rc;

	*ret = NULL;
	if (item == NULL)
		return 0;
	if (values &&
	    ((rc = job_etcd_look_value(l, item, &value, err)) < 0 ||
		(rc = cmd_etcd_print_value(d->ctx, lead, &value, err)) < 0))
		return rc;
	if (!ctx_json_wanted(d->ctx))
		return 0;
	*ret =
	    cmd_etcd_json(item, item->key, item->nkey, values ? &value : NULL);
	return *ret != NULL ? 0 : err_nomem(err);
}

static int
answer(void *arg, const struct job_etcd_item *before,
    const struct job_etcd_item *after, struct err *err)
{
	json_auto_t *x = NULL, *y = NULL;
	struct diff *d = arg;
	const char *word = "changed", *lead = "~ ";
	int rc;

	if (before == NULL) {
		word = "added";
		lead = "+ ";
		d->added++;
	} else if (after == NULL) {
		word = "removed";
		lead = "- ";
		d->removed++;
	} else
		d->changed++;
	if ((rc = ctx_check(d->ctx, err)) < 0 ||
	    (rc = cmd_etcd_print_key(
		 d->ctx, lead, after != NULL ? after : before, err)) < 0 ||
	    (rc = side(d, d->before, before, "    - ", &x, err)) < 0 ||
	    (rc = side(d, d->after, after, "    + ", &y, err)) < 0)
		return rc;
	if (!ctx_json_wanted(d->ctx))
		return 0;
	return ctx_json(d->ctx,
	    json_pack(
		"{s:s, s:O*, s:O*}", "change", word, "before", x, "after", y),
	    err);
}

/* Read the keys of ${db}, and close it. */
static int
look(struct ctx *ctx, struct cmd_etcd_db *db, const char *prefix,
    struct job_etcd_look **ret, struct err *err)
{
	const struct job_etcd_look_opts opts = {
		.values = ctx_flag(ctx, "values"),
		.compare = true,
	};
	int rc = cmd_etcd_look(db, prefix, opts, ret, err);

	cmd_etcd_db_clear(db);
	return rc;
}

static int
diff(struct diff *d, const struct cmd_etcd_db *a, const struct cmd_etcd_db *b,
    struct err *err)
{
	int rc;

	if ((rc = job_etcd_look_diff(d->before, d->after, answer, d, err)) < 0)
		return rc;
	ctx_note(d->ctx,
	    "from revision %" PRIu64 " of backup %s to %" PRIu64
	    " of %s: %" PRIu64 " added, %" PRIu64 " removed, %" PRIu64
	    " changed",
	    a->revision, a->at.b->id, b->revision, b->at.b->id, d->added,
	    d->removed, d->changed);
	return 0;
}

/*
 * Find the two that are compared.  Without ${other}, these are a revision and
 * the newest one of the same backup (and of its logs, if they belong to it or
 * have the revision), or a backup and the one before it.
 */
static int
find(const struct cmd_opened *o, const char *text, const char *other,
    struct cmd_etcd_db *a, struct cmd_etcd_db *b, struct err *err)
{
	int rc;

	if ((rc = cmd_etcd_db_find(o, text, NULL, a, err)) < 0 ||
	    (rc = cmd_etcd_db_find(o, other != NULL ? other : "", a, b, err)) <
		0 ||
	    other != NULL)
		return rc;
	if (cmd_etcd_logs(&a->at) != NULL && b->at.chain.base == NULL)
		return job_etcd_chain_find(&o->cat, b->at.b, &b->at.chain, err);
	if (a->revision != 0)
		return 0;
	job_etcd_chain_clear(&a->at.chain);
	if (repo_catalogue_before(&o->cat, b->at.b, &a->at.b, err) == 0)
		return 0;
	return err_hint(
	    err, "name the two to compare, or a revision: BACKUP@REV");
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	CLEANUP(freep_cmd_etcd_db) struct cmd_etcd_db a = { 0 };
	CLEANUP(freep_cmd_etcd_db) struct cmd_etcd_db b = { 0 };
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *before = NULL;
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *after = NULL;
	/* No name of a backup begins with '/'. */
	const bool two = argc > 1 && argv[1][0] != '/';
	const char *prefix = argc > 1 + two ? argv[1 + two] : NULL;
	const struct job j = cmd_job(ctx);
	struct diff d = { .ctx = ctx };
	int rc;

	if (!two && argc > 2)
		return err_set(err, HF_EUSAGE,
		    "'%s' names no backup, and is not the last argument",
		    argv[1]);
	/* Read one after the other: each takes as much memory as a reader. */
	if ((rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0 ||
	    (rc = find(&o, argv[0], two ? argv[1] : NULL, &a, &b, err)) < 0 ||
	    (rc = cmd_etcd_db_open(&o, &j, &a, err)) < 0 ||
	    (rc = look(ctx, &a, prefix, &before, err)) < 0 ||
	    (rc = cmd_etcd_db_open(&o, &j, &b, err)) < 0 ||
	    (rc = look(ctx, &b, prefix, &after, err)) < 0)
		return rc;
	d.before = before;
	d.after = after;
	return diff(&d, &a, &b, err);
}

static const char *const options[] = { "values", "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast etcd diff latest:cp",
	    "what has changed since the backup before" },
	{ "holdfast etcd diff latest:cp@4711 /registry/",
	    "what has changed since revision 4711" },
	{ "holdfast etcd diff 2026-11-20 latest:cp /registry/",
	    "what has changed since then" },
	{ "holdfast etcd diff latest:cp@4711 @4712",
	    "what one revision changed" },
	{ 0 },
};

extern const struct cmd cmd_etcd_diff;
const struct cmd cmd_etcd_diff = {
	.name = "etcd diff",
	.args = "BACKUP[@REV] [BACKUP2[@REV]] [PREFIX]",
	.summary = "Compare the keys of two backups of an etcd",
	.about =
	    "Compares, key by key, what begins with PREFIX: \"+\" is only in "
	    "BACKUP2, \"-\" is only in BACKUP, \"~\" has another value.  A key "
	    "that was written again with the same value is not listed.  With "
	    "--values the values are shown, as by `etcd ls`.\n\n"
	    "BACKUP2 may be \"@REV\": another revision of the same backup.  "
	    "Without BACKUP2, BACKUP@REV is compared with the newest revision "
	    "of the same backup, and BACKUP with the backup of the same "
	    "source that was stored before it; what is new is \"+\" there, "
	    "too, and PREFIX must begin with \"/\".",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 3,
	.run = run,
};
