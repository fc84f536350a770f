#include "base/buf.h"
#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_look.h"

/* The keys and values of an etcd, for other programs. */

static int export(struct ctx *ctx, const struct cmd_etcd_db *db,
    const char *prefix, struct err *err)
{
	const struct job_etcd_look_opts opts = { .values = true };
	CLEANUP(freep_job_etcd_look) struct job_etcd_look *l = NULL;
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	const struct job_etcd_item *item;
	size_t i;
	int rc;

	if ((rc = cmd_etcd_look(db, prefix, opts, &l, err)) < 0)
		return rc;
	for (i = 0; (item = job_etcd_look_at(l, i)) != NULL; i++)
		if ((rc = ctx_check(ctx, err)) < 0 ||
		    (rc = job_etcd_look_value(l, item, &value, err)) < 0 ||
		    (rc = ctx_data_json(ctx,
			 cmd_etcd_json(item, item->key, item->nkey, &value),
			 err)) < 0)
			return rc;
	return 0;
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	return cmd_etcd_db_with(ctx, argc, argv, export, err);
}

static const char *const options[] = { "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast etcd export latest:cp /registry/configmaps/ > maps.jsonl",
	    "all ConfigMaps of a Kubernetes" },
	{ 0 },
};

extern const struct cmd cmd_etcd_export;
const struct cmd cmd_etcd_export = {
	.name = "etcd export",
	.args = "BACKUP[@REV] [PREFIX]",
	.summary = "Write keys and values of a backup of an etcd as JSON",
	.about =
	    "Writes a line of JSON for each key that begins with PREFIX, "
	    "sorted, to standard output: the key (as \"key_base64\" if it is "
	    "not UTF-8), its revisions, version, lease, what it is in "
	    "Kubernetes if the key tells it, and the value: in base64 as "
	    "\"value\", and as \"text\" if it is UTF-8.\n\n"
	    "REV is a revision, as for `etcd ls`.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO | CMD_RAW,
	.min_args = 1,
	.max_args = 2,
	.run = run,
};
