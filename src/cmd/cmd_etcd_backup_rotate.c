#include <inttypes.h>

#include "base/err.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_etcd_backup.h"
#include "cmd/cmd_job.h"
#include "config/config_legacy.h"
#include "config/config_option.h"
#include "crypto/secret.h"

/* Change the master key of etcd-backup's objects. */

static int
answer(struct ctx *ctx, const struct job_legacy_rotated *rep, struct err *err)
{
	ctx_print(ctx,
	    "%" PRIu64 " rotated, %" PRIu64 " had the new key already, %" PRIu64
	    " left as they are",
	    rep->rotated, rep->already, rep->failed);
	return ctx_json(ctx,
	    json_pack("{s:I, s:I, s:I}", "rotated", (json_int_t)rep->rotated,
		"already", (json_int_t)rep->already, "failed",
		(json_int_t)rep->failed),
	    err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_etcd_backup) struct cmd_etcd_backup o = { 0 };
	CLEANUP(freep_secret) struct secret *old = NULL;
	const struct job j = cmd_job(ctx);
	struct job_legacy_rotated rep = { 0 };
	struct err late = ERR_INIT;
	int rc;

	(void)argc, (void)argv;
	if (ctx_own(ctx, "previous_key") == NULL) {
		(void)err_set(
		    err, HF_EUSAGE, "the previous master key is not given");
		return err_hint(err, "name its file with --previous-key");
	}
	if ((rc = repo_legacy_master(ctx_own(ctx, "previous_key"), &old, err)) <
		0 ||
	    (rc = cmd_etcd_backup_open(ctx, ctx_own(ctx, "config"),
		 STORE_READ | STORE_WRITE, &o, err)) < 0)
		return rc;
	if (o.master == NULL)
		return config_legacy_need(
		    o.config, NULL, "encryption_key_path", err);
	rc = job_legacy_rotate(&j, &o.where, old, &rep, err);
	if (answer(ctx, &rep, &late) < 0 && rc == 0) {
		*err = late;
		rc = late.code;
	}
	return rc;
}

static const struct config_option own[] = {
	CMD_ETCD_BACKUP_CONFIG,
	{ .name = "previous_key",
	    .letter = 'p',
	    .type = OPTION_PATH,
	    .places = OPTION_ON_LINE,
	    .arg = "PATH",
	    .help = "the file of the master key that was used so far" },
	{ 0 },
};
static const struct cmd_example examples[] = {
	{ "etcd-backup rotate-key --previous-key old.key",
	    "to the key that 'encryption_key_path' names" },
	{ 0 },
};

extern const struct cmd cmd_etcd_backup_rotate;
const struct cmd cmd_etcd_backup_rotate = {
	.name = "etcd-backup rotate-key",
	.summary = "Change the master key of etcd-backup's objects",
	.about =
	    "Seals the key object of every backup anew.  The dumps stay as "
	    "they are, and so do the keys that encrypt them: whoever has "
	    "learnt one of these can read that dump as before.\n\n"
	    "Each key object is replaced in one step, once the new one has "
	    "been opened again, and is read back.  A run that was interrupted "
	    "is finished by the next.  What neither master key opens is "
	    "reported and left, the rest goes on, and the exit status says "
	    "so.  The right to delete objects is needed.",
	.examples = examples,
	.own = own,
	.flags = CMD_NO_CONFIG,
	.run = run,
};
