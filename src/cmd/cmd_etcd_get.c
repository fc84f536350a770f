#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/escape.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_look.h"

/* The value of one key. */

/* A terminal would obey what is in binary data, or in hostile text. */
static int
check_terminal(struct ctx *ctx, const struct buf *value, struct err *err)
{
	if (ctx_flag(ctx, "binary") || !ctx_data_terminal(ctx) ||
	    escape_harmless(value->p, value->len))
		return 0;
	(void)err_set(err, HF_EUSAGE,
	    "the value is binary data, and may control the terminal");
	return err_hint(err, "send it to a file or another program, or give "
			     "--binary; `etcd ls --values` describes it");
}

static int
get(struct ctx *ctx, const struct cmd_etcd_db *db, const char *key,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf value = BUF_INIT;
	struct job_etcd_item item;
	int rc;

	rc = job_etcd_look_get(
	    db->db, db->revision, key, strlen(key), &item, &value, err);
	if (rc < 0) {
		(void)err_wrap(err, "backup '%s'", db->at.b->id);
		return cmd_damaged(err);
	}
	if (ctx_json_wanted(ctx))
		return ctx_data_json(
		    ctx, cmd_etcd_json(&item, key, strlen(key), &value), err);
	if ((rc = check_terminal(ctx, &value, err)) < 0)
		return rc;
	return ctx_data(ctx, value.p, value.len, err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	return cmd_etcd_db_with(ctx, argc, argv, get, err);
}

static const char *const options[] = { "binary", "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast etcd get latest:cp /registry/secrets/default/db > secret",
	    "one Secret out of a backup" },
	{ 0 },
};

extern const struct cmd cmd_etcd_get;
const struct cmd cmd_etcd_get = {
	.name = "etcd get",
	.args = "BACKUP[@REV] KEY",
	.summary = "Write the value of one key in a backup of an etcd",
	.about =
	    "Writes the value, byte for byte, to standard output; with --json "
	    "what `etcd export` says of the key.  Binary data goes to a "
	    "terminal only with --binary.\n\n"
	    "REV is a revision, as for `etcd ls`.  If the key did not exist "
	    "then, that is an error, and the hint says when it was deleted or "
	    "which key is the nearest.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO | CMD_RAW,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
