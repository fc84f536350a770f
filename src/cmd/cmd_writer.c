#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "base/time.h"
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
answer_add(struct ctx *ctx, char *argv[], uint32_t roles, int64_t until_ms,
    struct err *err)
{
	char when[TIME_TEXT_MAX] = "";

	if (until_ms != 0)
		(void)time_format(until_ms, when);
	ctx_print(ctx, "'%s' is certified%s%s", argv[1],
	    until_ms != 0 ? " until " : "", when);
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:i, s:s?}", "name", argv[1], "public",
		argv[0], "roles", (int)roles, "until",
		until_ms != 0 ? when : NULL),
	    err);
}

static int
bad_verify_key(const char *text, struct err *err)
{
	(void)err_set(
	    err, HF_EUSAGE, "'%s' is not a verify key of 64 hex digits", text);
	return err_hint(err, "`holdfast writer show` prints it on that host");
}

static int
run_add(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	const char *role = ctx_option(ctx, "role");
	uint8_t pk[SIGN_PUBLIC_LEN];
	const char *until = ctx_option(ctx, "until");
	uint32_t roles = REPO_ROLE_WRITE;
	int64_t until_ms = 0;
	int rc;

	(void)argc;
	if (strlen(argv[0]) != 2 * SIGN_PUBLIC_LEN ||
	    !str_unhex(pk, argv[0], SIGN_PUBLIC_LEN))
		return bad_verify_key(argv[0], err);
	if (role != NULL && strcmp(role, "prune") == 0)
		roles = REPO_ROLE_PRUNE;
	else if (role != NULL && strcmp(role, "verify") == 0)
		roles = REPO_ROLE_VERIFY;
	else if (role != NULL && strcmp(role, "all") == 0)
		roles = REPO_ROLE_ALL;
	if (until != NULL && (rc = time_parse(until, &until_ms, err)) < 0)
		return err_wrap(err, "option 'until'");
	if ((rc = cmd_opened_repo(
		 ctx, NULL, STORE_READ | STORE_WRITE, &o, err)) < 0 ||
	    (rc = repo_certify(o.repo, pk, argv[1], roles, until_ms, err)) < 0)
		return rc;
	return answer_add(ctx, argv, roles, until_ms, err);
}

static int
run_revoke(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	struct repo_revoked rep;
	int rc;

	(void)argc;
	if ((rc = cmd_opened_catalogue(
		 ctx, STORE_READ | STORE_WRITE, &o, err)) < 0 ||
	    (rc = repo_revoke(o.repo, &o.cat, argv[0], &rep, err)) < 0)
		return rc;
	ctx_print(ctx,
	    "'%s' is revoked: %" PRIu64 " %s of it %s, and nothing else "
	    "counts from now on",
	    argv[0], rep.kept, cmd_counted(rep.kept, "object", "objects"),
	    cmd_counted(rep.kept, "stays", "stay"));
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:I}", "writer", argv[0], "fingerprint",
		rep.fingerprint, "kept", (json_int_t)rep.kept),
	    err);
}

extern const struct cmd cmd_writer_show, cmd_writer_add, cmd_writer_revoke;
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

static const char *const add_options[] = { "role", "until", NULL };
static const struct cmd_example add_examples[] = {
	{ "holdfast writer add 9c1f... node7 --role write",
	    "let node7, which can open nothing, write backups" },
	{ "holdfast writer add 9c1f... node7 --until 2027-12-31",
	    "and not any longer than that" },
	{ 0 },
};
const struct cmd cmd_writer_add = {
	.name = "writer add",
	.args = "PUBLIC NAME",
	.summary = "Certify another host",
	.about = "Certifies the verify key that `writer show` printed on "
		 "another host, with a key at hand that opens the root seed.  "
		 "A host that has such a key itself needs no help.\n\n"
		 "With --until, what the host signs counts if the store got "
		 "it before that time.  A certificate is never changed: a "
		 "host goes on after that with a new signing seed.",
	.examples = add_examples,
	.options = add_options,
	.flags = CMD_REPO,
	.min_args = 2,
	.max_args = 2,
	.run = run_add,
};

static const struct cmd_example revoke_examples[] = {
	{ "holdfast writer revoke node7", "node7 was stolen" },
	{ 0 },
};
const struct cmd cmd_writer_revoke = {
	.name = "writer revoke",
	.args = "WRITER",
	.summary = "Take a host's certificate back",
	.about =
	    "The root signs a list of all that the host has signed so far: "
	    "that stays, can be restored, and is pruned like the rest.  "
	    "Whatever else it signs, now or later, counts for nothing, "
	    "whatever its date is.  WRITER is the name of a host, its "
	    "fingerprint, or its verify key.\n\n"
	    "Look through `list` first: what a thief has stored until now "
	    "stays too.  Every host that has seen a revocation remembers it: "
	    "if somebody deletes it from the store, the host says so, and "
	    "this command puts it back.",
	.examples = revoke_examples,
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 1,
	.run = run_revoke,
};
