#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"

/*
 * Certify hosts that cannot certify themselves: those without a key that
 * opens the root seed.
 */

static int
run_show(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	uint8_t pk[SIGN_PUBLIC_LEN];
	char hex[2 * SIGN_PUBLIC_LEN + 1];
	uint32_t roles;
	int rc;

	(void)argc, (void)argv;
	if ((rc = cmd_opened_repo(ctx, NULL, STORE_READ, &o, err)) < 0 ||
	    (rc = repo_writer_public(o.repo, pk, &roles, err)) < 0)
		return rc;
	(void)str_hex(hex, pk, sizeof(pk));
	ctx_print(ctx, "%s", hex);
	if (roles == 0)
		ctx_note(ctx,
		    "not certified: on a host whose keys open the repository "
		    "run\nholdfast writer add %s %s",
		    hex, repo_host(o.repo));
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:i}", "host", repo_host(o.repo), "public",
		hex, "roles", (int)roles),
	    err);
}

static int
run_add(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	const char *role = ctx_option(ctx, "role");
	uint8_t pk[SIGN_PUBLIC_LEN];
	uint32_t roles = REPO_ROLE_WRITE;
	int rc;

	(void)argc;
	if (strlen(argv[0]) != 2 * SIGN_PUBLIC_LEN ||
	    !str_unhex(pk, argv[0], SIGN_PUBLIC_LEN))
		return err_set(err, HF_EUSAGE,
		    "'%s' is not a verify key of 64 hex digits", argv[0]);
	if (role != NULL && strcmp(role, "prune") == 0)
		roles = REPO_ROLE_PRUNE;
	else if (role != NULL && strcmp(role, "verify") == 0)
		roles = REPO_ROLE_VERIFY;
	else if (role != NULL && strcmp(role, "all") == 0)
		roles = REPO_ROLE_ALL;
	if ((rc = cmd_opened_repo(
		 ctx, NULL, STORE_READ | STORE_WRITE, &o, err)) < 0 ||
	    (rc = repo_certify(o.repo, pk, argv[1], roles, err)) < 0)
		return rc;
	ctx_print(ctx, "'%s' is certified", argv[1]);
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:i}", "name", argv[1], "public", argv[0],
		"roles", (int)roles),
	    err);
}

extern const struct cmd cmd_writer_show, cmd_writer_add;
const struct cmd cmd_writer_show = {
	.name = "writer show",
	.summary = "Print this host's verify key",
	.about =
	    "Prints what the owner needs for `writer add` on a host whose "
	    "keys open the repository.\n\n"
	    "On a host that may write to the store and not read it, run this "
	    "twice with credentials that may read: before `writer add` and "
	    "after it.  Then the host has all that it needs in the folder of "
	    "its state: whose repository it is, and its certificate.",
	.flags = CMD_REPO,
	.run = run_show,
};

static const char *const add_options[] = { "role", NULL };
static const struct cmd_example add_examples[] = {
	{ "holdfast writer add 9c1f... node7 --role write",
	    "let node7, which can open nothing, write backups" },
	{ 0 },
};
const struct cmd cmd_writer_add = {
	.name = "writer add",
	.args = "PUBLIC NAME",
	.summary = "Certify another host",
	.about = "Certifies the verify key that `writer show` printed on "
		 "another host, with a key at hand that opens the root seed.  "
		 "A host that has such a key itself needs no help.",
	.examples = add_examples,
	.options = add_options,
	.flags = CMD_REPO,
	.min_args = 2,
	.max_args = 2,
	.run = run_add,
};
