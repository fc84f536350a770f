#include <inttypes.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/size.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_look.h"

/* Which keys an etcd had. */

static int
answer(struct ctx *ctx, const struct job_etcd_look *l,
    const struct job_etcd_item *item, struct err *err)
{
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	bool values = ctx_flag(ctx, "values");
	char lead[64], size[SIZE_TEXT_MAX];
	int rc;

	if (values && (rc = job_etcd_look_value(l, item, &value, err)) < 0)
		return rc;
	(void)snprintf(lead, sizeof(lead),
	    "%10s  %10" PRIu64 "  %7" PRIu64 "  ",
	    size_format(item->size, size), item->mod_revision, item->version);
	if ((rc = cmd_etcd_print_key(ctx, lead, item, err)) < 0 ||
	    (values && (rc = cmd_etcd_print_value(
			    ctx, "            = ", &value, err)) < 0))
		return rc;
	if (!ctx_json_wanted(ctx))
		return 0;
	return ctx_json(ctx,
	    cmd_etcd_json(item, item->key, item->nkey, values ? &value : NULL),
	    err);
}

static int
list(struct ctx *ctx, const struct cmd_etcd_db *db, const char *prefix,
    struct err *err)
{
	const struct job_etcd_look_opts opts = {
		.values = ctx_flag(ctx, "values"),
	};
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *l = NULL;
	const struct job_etcd_item *item;
	size_t i;
	int rc;

	if ((rc = cmd_etcd_look(db, prefix, opts, &l, err)) < 0)
		return rc;
	if (job_etcd_look_at(l, 0) != NULL)
		ctx_print(ctx, "%10s  %10s  %7s  %s", "SIZE", "MODIFIED",
		    "VERSION", "KEY");
	for (i = 0; (item = job_etcd_look_at(l, i)) != NULL; i++)
		if ((rc = ctx_check(ctx, err)) < 0 ||
		    (rc = answer(ctx, l, item, err)) < 0)
			return rc;
	ctx_note(ctx, "%zu %s at revision %" PRIu64 " of backup %s", i,
	    cmd_counted(i, "key", "keys"), db->revision, db->at.b->id);
	return 0;
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	return cmd_etcd_db_with(ctx, argc, argv, list, err);
}

static const char *const options[] = { "values", "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast etcd ls latest:cp /registry/secrets/",
	    "the secrets of a Kubernetes" },
	{ "holdfast etcd ls latest:cp@4711",
	    "all keys as they were at revision 4711" },
	{ 0 },
};

extern const struct cmd cmd_etcd_ls;
const struct cmd cmd_etcd_ls = {
	.name = "etcd ls",
	.args = "BACKUP[@REV] [PREFIX]",
	.summary = "List the keys in a backup of an etcd",
	.about =
	    "Lists the keys that begin with PREFIX, sorted, with the size of "
	    "the value, the revision of the last change and how often the key "
	    "was changed since it was made.  No etcd is needed.\n\n"
	    "REV is a revision: the keys are those that were there then.  A "
	    "backup knows all revisions from the one to which it was "
	    "compacted to its newest, which is meant if there is no REV.  To "
	    "`latest` belong the logs of `follow`, as when it is restored: its "
	    "newest revision is the last that was followed.  A backup that is "
	    "named by its id has them if REV is given.\n\n"
	    "Values are shown only with --values: text is shown in one line, "
	    "and of what Kubernetes stores as protobuf or encrypted, and of "
	    "other binary data, the kind and size.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
