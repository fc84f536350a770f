#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_key_default.h"
#include "cmd/cmd_open.h"
#include "crypto/secret.h"
#include "repo/repo.h"

/* Make a repository, and a key where none is given. */

struct init {
	struct cmd_keys keys;
	char *path; /* Of the default key; NULL: keys were given. */
	bool made;  /* It is new. */
};

/*
 * Give the keys to wrap the root seed for.  This is called once it is certain
 * that there is no repository yet: an init that is refused must not leave a key
 * behind.
 */
static int
open_keys(void *arg, const uint8_t salt[16], struct key ***keys, size_t *n,
    struct err *err)
{
	struct init *in = arg;
	int rc;

	if (!cmd_keys_given(&in->keys)) {
		rc = cmd_key_default_make(&in->path, &in->made, err);
		if (rc < 0)
			return rc;
	}
	return cmd_keys_open(&in->keys, salt, keys, n, err);
}

/* "3f2a 9b01 ..." is what people compare. */
static char *
grouped(const uint8_t fp[SIGN_FINGERPRINT_LEN], char *to)
{
	char hex[5], *p = to;
	size_t i;

	for (i = 0; i < SIGN_FINGERPRINT_LEN; i += 2)
		p += sprintf(
		    p, "%s%s", i > 0 ? " " : "", str_hex(hex, fp + i, 2));
	return to;
}

static int
answer(struct ctx *ctx, const struct init *in, const char *place,
    const uint8_t fp[SIGN_FINGERPRINT_LEN], struct err *err)
{
	char hex[2 * SIGN_FINGERPRINT_LEN + 1], words[64];

	ctx_print(ctx, "repository   %s", place);
	ctx_print(ctx, "fingerprint  %s", grouped(fp, words));
	if (in->path != NULL)
		ctx_print(ctx, "key          file:%s%s", in->path,
		    in->made ? " (new)" : "");
	ctx_note(ctx,
	    "\nWrite down the fingerprint: it is how this repository is told "
	    "from a forged one.");
	if (in->path != NULL)
		ctx_note(ctx,
		    "Copy the key file to a place that burns down with neither "
		    "this machine nor the\nstorage: a safe, a password "
		    "manager, a sheet of paper (it is one line of hex).\n"
		    "Without it nobody opens the backups, not even you.");
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:s?, s:b}", "repository", place,
		"fingerprint", str_hex(hex, fp, SIGN_FINGERPRINT_LEN),
		"key_path", in->path, "key_made", (int)in->made),
	    err);
}

static int
make(struct ctx *ctx, struct init *in, struct err *err)
{
	CLEANUP(freep_cmd_repo) struct cmd_repo *where = NULL;
	CLEANUP(freep_store) struct store *store = NULL;
	struct repo_opts opts;
	uint8_t fp[SIGN_FINGERPRINT_LEN];
	int rc;

	if ((rc = cmd_repo_find(ctx, NULL, &where, err)) < 0 ||
	    (rc = cmd_store_open(
		 ctx, where, STORE_READ | STORE_WRITE, &store, err)) < 0 ||
	    (rc = cmd_repo_opts(ctx, where, store, &opts, err)) < 0)
		return rc;
	in->keys = (struct cmd_keys){ .ctx = ctx, .repo = where };
	if ((rc = repo_init(&opts, open_keys, in, fp, err)) < 0)
		return rc;
	return answer(ctx, in, store->place, fp, err);
}

static int
run(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	struct init in = { .path = NULL };
	int rc;

	(void)argc, (void)argv;
	rc = make(ctx, &in, err);
	free(in.path);
	return rc;
}

static const struct cmd_example examples[] = {
	{ "holdfast init --repo file:/backup", "in a folder, with a new key" },
	{ "holdfast init --repo main", "as the configuration describes it" },
	{ "holdfast init --repo s3://bucket/prod --key recipient:hfr1...",
	    "for a host that can write backups and read none" },
	{ 0 },
};

extern const struct cmd cmd_init;
const struct cmd cmd_init = {
	.name = "init",
	.summary = "Make a repository",
	.about =
	    "Makes a repository in a folder or bucket and prints its root "
	    "fingerprint.  An existing repository is left as it is.\n\n"
	    "Without a key one is made, in the folder of this user's "
	    "configuration, readable by nobody else; later commands find it "
	    "there.  With a recipient as the only key, this host can write "
	    "backups and open none.",
	.examples = examples,
	.flags = CMD_REPO,
	.run = run,
};
