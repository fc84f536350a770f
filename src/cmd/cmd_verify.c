#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/size.h"
#include "base/time.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "job/job_verify.h"
#include "job/job_verify_log.h"

/* Prove that backups can be restored, and say what was proved. */

#define LEVEL_DEFAULT VERIFY_BYTES

static enum job_verify_level
level_of(const struct ctx *ctx)
{
	return (enum job_verify_level)ctx_number(ctx, "level", LEVEL_DEFAULT);
}

static const char *
proof(enum job_verify_level level)
{
	switch (level) {
	case VERIFY_PRESENT:
		return "everything is there";
	case VERIFY_BYTES:
		return "not a bit has changed";
	case VERIFY_OPENS:
		return "everything opens and is what was written";
	case VERIFY_CONTENT:
		return "it is what the source gave";
	}
	return "";
}

static int
answer(struct ctx *ctx, const struct repo_backup *b,
    const struct job_verify_report *rep, struct err *err)
{
	const enum job_verify_level level = rep->level;
	char size[SIZE_TEXT_MAX], took[TIME_TEXT_MAX];

	ctx_print(ctx, "%s  %s  level %d: %s (%" PRIu64 " %s, %s read, %s)%s%s",
	    b->id, b->m.source, level, rep->bad > 0 ? "DAMAGED" : proof(level),
	    rep->objects, cmd_counted(rep->objects, "object", "objects"),
	    size_format(rep->bytes, size),
	    duration_format((int64_t)rep->took_ms, took),
	    level < level_of(ctx) ? ", not replayed" : "",
	    rep->attested ? "" : ", not attested");
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:i, s:b, s:I, s:I, s:I, s:I, s:b, s:I}",
		"backup", b->id, "source", b->m.source, "level", (int)level,
		"good", rep->bad == 0, "findings", (json_int_t)rep->bad,
		"objects", (json_int_t)rep->objects, "bytes",
		(json_int_t)rep->bytes, "files", (json_int_t)rep->files,
		"attested", (int)rep->attested, "took_ms",
		(json_int_t)rep->took_ms),
	    err);
}

struct verifying {
	struct ctx *ctx;
	uint64_t bad;
};

static int
on_verified(void *arg, const struct repo_backup *b,
    const struct job_verify_report *rep, struct err *err)
{
	struct verifying *v = arg;

	if (rep == NULL)
		return err_wrap(err, "verify '%s'", b->id);
	v->bad += rep->bad > 0;
	return answer(v->ctx, b, rep, err);
}

/* What continues a backup is worth as much as the backup. */
static bool
is_meant(const struct repo_backup *b, const struct repo_backup *base)
{
	return !b->removed && (base == NULL || repo_backup_continues(b, base));
}

/* Verify the backup ${base} with its logs, or all if it is NULL. */
static int
verify(struct ctx *ctx, const struct cmd_opened *o,
    const struct repo_backup *base, uint64_t *bad, struct err *err)
{
	CLEANUP(freep_mem) const struct repo_backup **v = NULL;
	CLEANUP(freep_job_verify_logs) struct job_verify_logs *logs = NULL;
	struct verifying to = { .ctx = ctx };
	struct job_verify_opts opts = {
		.level = level_of(ctx),
		.attest = true,
	};
	const struct job j = cmd_job(ctx);
	size_t i, n = 0;
	int rc;

	if ((v = calloc(o->cat.n + 1, sizeof(struct repo_backup *))) == NULL)
		return err_nomem(err);
	if (base != NULL)
		v[n++] = base;
	for (i = 0; i < o->cat.n; i++)
		if (is_meant(&o->cat.backups[i], base))
			v[n++] = &o->cat.backups[i];
	if ((rc = job_verify_logs_new(&o->cat, n == 1, &logs, err)) < 0)
		return rc;
	opts.logs = logs;
	rc = job_verify_each(&j, o->repo, v, n, &opts, on_verified, &to, err);
	*bad = to.bad;
	return rc;
}

static int
judge(uint64_t bad, size_t findings, struct err *err)
{
	if (bad == 0) {
		(void)err_set(err, HF_ECORRUPT,
		    "the repository is not whole: %zu %s", findings,
		    cmd_counted(findings, "finding", "findings"));
		return err_hint(err, "each warning above has its remedy");
	}
	(void)err_set(err, HF_ECORRUPT,
	    "%" PRIu64 " damaged %s, %zu %s about the repository", bad,
	    cmd_counted(bad, "backup", "backups"), findings,
	    cmd_counted(findings, "finding", "findings"));
	return err_hint(err, "bring what is damaged back from another copy of "
			     "the repository; `holdfast restore --keep-going` "
			     "restores what is whole and lists the rest");
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened)
	struct cmd_opened o = {
		.keyless = level_of(ctx) < VERIFY_OPENS,
		.prove = true,
	};
	const struct repo_backup *b = NULL;
	uint64_t bad = 0;
	size_t findings;
	int rc;

	if ((rc = cmd_opened_catalogue(
		 ctx, STORE_READ | STORE_WRITE, &o, err)) < 0 ||
	    (argc > 0 &&
		(rc = repo_catalogue_find(&o.cat, argv[0], &b, err)) < 0) ||
	    (rc = verify(ctx, &o, b, &bad, err)) < 0)
		return rc;
	findings = o.cat.nfindings - o.cat.nsettled;
	if (bad == 0 && (argc > 0 || findings == 0))
		return 0;
	return judge(bad, findings, err);
}

static const char *const options[] = { "level", "memory", NULL };
static const struct cmd_example examples[] = {
	{ "holdfast verify", "every backup, to level 1, without a key" },
	{ "holdfast verify latest --level 3", "the newest one, to the bottom" },
	{ 0 },
};

extern const struct cmd cmd_verify;
const struct cmd cmd_verify = {
	.name = "verify",
	.args = "[BACKUP]",
	.summary = "Prove that backups can be restored",
	.about =
	    "Verifies one backup with the logs that continue it, or all of "
	    "them, and says what was proved:\n\n"
	    "Level 0: everything is there, with its length; signatures and "
	    "the chain of backups hold.  No key, no data read.\n\n"
	    "Level 1 (the default): every stored object has the very bytes "
	    "that the signed manifest names.  No key.\n\n"
	    "Level 2: everything decrypts, decompresses and is what was "
	    "written.\n\n"
	    "Level 3: it is what the source gave: the hash of every file; of "
	    "an etcd every record in its database, and the HashKV or SHA-256 "
	    "that etcd itself computed.  Its logs are replayed, once, and have "
	    "the HashKV that was recorded at the end of each; the first that "
	    "has not is damaged, and those behind it reach level 2.\n\n"
	    "Each result is stored as a signed attestation, which `list` "
	    "shows, where this host may write.",
	.examples = examples,
	.options = options,
	.flags = CMD_REPO,
	.max_args = 1,
	.run = run,
};
