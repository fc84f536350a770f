#include <inttypes.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/size.h"
#include "base/str.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "cmd/cmd_state.h"
#include "job/job_restore.h"

/* All about one backup. */

static void
print(struct ctx *ctx, const struct repo_backup *b)
{
	const struct repo_manifest *m = &b->m;
	char size[SIZE_TEXT_MAX], stored[SIZE_TEXT_MAX], time[TIME_TEXT_MAX];
	char hex[2 * SHA256_LEN + 1], state[CMD_STATE_MAX];
	size_t i;

	ctx_print(ctx, "backup      %s", b->id);
	ctx_print(
	    ctx, "source      %s (%s) on %s", m->source, m->type, m->host);
	if (m->kind == REPO_FULL)
		ctx_print(ctx, "kind        full");
	else
		ctx_print(ctx, "kind        %s of %s", cmd_kind(m->kind),
		    str_hex(hex, m->base, REPO_BACKUP_ID_LEN / 2));
	ctx_print(ctx, "time        %s", time_format(b->stored_ms, time));
	ctx_print(ctx, "took        %s",
	    duration_format(m->commit_ms - m->start_ms, time));
	ctx_print(ctx, "size        %s in %" PRIu64 " %s",
	    size_format(m->plain_bytes, size), m->entries,
	    cmd_counted(m->entries, "entry", "entries"));
	ctx_print(ctx, "stored      %s anew; it needs %zu %s",
	    size_format(m->stored_bytes, stored), m->npacks,
	    cmd_counted(m->npacks, "pack", "packs"));
	ctx_print(ctx, "written by  %s (%s), number %" PRIu64, b->writer_name,
	    str_hex(hex, m->writer, SIGN_FINGERPRINT_LEN), m->seq);
	ctx_print(ctx, "program     %s", m->program);
	ctx_print(ctx, "state       %s", cmd_state(b, state));
	ctx_print(ctx, "warnings    %" PRIu64, m->warnings);
	ctx_print(
	    ctx, "sha256      %s", str_hex(hex, m->sha256, sizeof(m->sha256)));
	for (i = 0; i < m->nevidence; i++)
		ctx_print(ctx, "evidence    %s = %s", m->evidence[i].name,
		    m->evidence[i].value);
}

static int
print_entry(void *arg, const struct entry *e, struct err *err)
{
	struct ctx *ctx = arg;
	char sha[2 * SHA256_LEN + 1] = "", time[TIME_TEXT_MAX];
	char type[2] = { (char)e->type, '\0' };
	json_t *path;

	if (e->has_sha256)
		(void)str_hex(sha, e->sha256, sizeof(e->sha256));
	(void)time_format(e->mtime_ns / 1000000, time);
	ctx_print(ctx, "%s %04o %u:%u %12" PRIu64 " %s %s%s%s", type, e->mode,
	    e->uid, e->gid, e->size, time, e->path,
	    e->target != NULL ? " -> " : "",
	    e->target != NULL ? e->target : "");
	if (!ctx_json_wanted(ctx))
		return 0;
	/* JSON cannot have a name that is not UTF-8: it gets its hex. */
	if ((path = json_string(e->path)) == NULL)
		path = json_null();
	return ctx_json(ctx,
	    json_pack("{s:o, s:s, s:i, s:i, s:i, s:I, s:s, s:s, s:s?}", "path",
		path, "type", type, "mode", (int)e->mode, "uid", (int)e->uid,
		"gid", (int)e->gid, "size", (json_int_t)e->size, "mtime", time,
		"sha256", sha, "target", e->target),
	    err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened)
	struct cmd_opened o = {
		.keyless = !ctx_flag(ctx, "files"),
	};
	const struct job j = cmd_job(ctx);
	const struct repo_backup *b;
	int rc;

	(void)argc;
	if ((rc = cmd_opened_catalogue(ctx, STORE_READ, &o, err)) < 0 ||
	    (rc = repo_catalogue_find(&o.cat, argv[0], &b, err)) < 0)
		return rc;
	if (ctx_flag(ctx, "files"))
		return job_entries(&j, o.repo, b, print_entry, ctx, err);
	print(ctx, b);
	return ctx_json(ctx, cmd_state_json(b), err);
}

static const char *const options[] = { "files", "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast show latest", "the newest backup of all" },
	{ "holdfast show latest:node1 --files", "what is in it (needs a key)" },
	{ 0 },
};

extern const struct cmd cmd_show;
const struct cmd cmd_show = {
	.name = "show",
	.args = "BACKUP",
	.summary = "Show all about one backup",
	.about =
	    "Shows when, by whom and from what the backup was made, what it "
	    "takes, what proves it, and how deep it was verified.  With "
	    "--files, for which a key is needed, every entry in it.\n\n"
	    "BACKUP is an id or a unique prefix of one, \"latest\", "
	    "\"latest:SOURCE\", or a time: the newest backup not after it.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
