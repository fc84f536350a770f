#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_job.h"
#include "job/job_key.h"
#include "key/key.h"

/* Which keys open a repository: key list, key add, key remove, rotate-key. */

#define FP_HEX (2 * KEY_FINGERPRINT_LEN + 1)

static int
add(struct ctx *ctx, struct repo *r, const char *text, struct err *err)
{
	CLEANUP(freep_key) struct key *k = NULL;
	char fp[FP_HEX];
	uint64_t done = 0;
	int rc;

	rc = cmd_key_open(ctx, text, repo_head(r)->vault_id, &k, err);
	if (rc < 0 || (rc = repo_rewrap(r, k, &done, err)) < 0)
		return rc;
	(void)str_hex(fp, k->fingerprint, sizeof(k->fingerprint));
	ctx_print(ctx,
	    "%s  %s  opens everything now (%" PRIu64 " keys wrapped)", fp,
	    k->label, done);
	if (strcmp(k->kind, "recipient") != 0)
		ctx_note(ctx,
		    "Name it among the keys of every host that writes: only a "
		    "recipient is wrapped for by itself.");
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:I}", "opener", fp, "key", k->label,
		"wrapped", (json_int_t)done),
	    err);
}

/* Open the repository, and call the function with what ${text} names. */
static int
with_repo(struct ctx *ctx,
    int (*fn)(struct ctx *, struct repo *, const char *, struct err *),
    const char *text, struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	int rc;

	if ((rc = cmd_opened_repo(
		 ctx, NULL, STORE_READ | STORE_WRITE, &o, err)) < 0)
		return rc;
	return fn(ctx, o.repo, text, err);
}

static int
run_add(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	(void)argc;
	return with_repo(ctx, add, argv[0], err);
}

/* Find the one opener whose fingerprint begins with ${text}. */
static int
find_opener(struct repo *r, const char *text, uint8_t fp[KEY_FINGERPRINT_LEN],
    struct err *err)
{
	struct repo_openers all = { NULL, 0, 0 };
	char hex[FP_HEX];
	size_t i, hits = 0;
	int rc;

	if ((rc = repo_openers_load(r, &all, err)) < 0)
		return rc;
	for (i = 0; i < all.n; i++) {
		(void)str_hex(hex, all.v[i].fingerprint, KEY_FINGERPRINT_LEN);
		if (strlen(text) < 4 || str_has_prefix(hex, text) == NULL)
			continue;
		memcpy(fp, all.v[i].fingerprint, KEY_FINGERPRINT_LEN);
		hits++;
	}
	repo_openers_clear(&all);
	if (hits == 1)
		return 0;
	(void)err_set(err, hits == 0 ? HF_ENOTFOUND : HF_EUSAGE,
	    hits == 0 ? "no opener '%s'" : "'%s' means more than one opener",
	    text);
	return err_hint(err, "`holdfast key list` shows the fingerprints; "
			     "give at least 4 digits");
}

static int
drop(struct ctx *ctx, struct repo *r, const char *text, struct err *err)
{
	const struct job j = cmd_job(ctx);
	uint8_t fp[KEY_FINGERPRINT_LEN];
	char hex[FP_HEX];
	uint64_t done;
	int rc;

	if ((rc = find_opener(r, text, fp, err)) < 0 ||
	    (rc = job_key_remove(&j, r, fp, &done, err)) < 0)
		return rc;
	(void)str_hex(hex, fp, sizeof(fp));
	ctx_print(ctx,
	    "%s  opens nothing any more (%" PRIu64 " wrappings erased)", hex,
	    done);
	ctx_note(ctx, "Who held that key may have kept data keys: what was "
		      "stored so far is safe from him only once it is gone.");
	return ctx_json(ctx,
	    json_pack("{s:s, s:I}", "opener", hex, "erased", (json_int_t)done),
	    err);
}

static int
run_remove(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	(void)argc;
	return with_repo(ctx, drop, argv[0], err);
}

static int
rotate(struct ctx *ctx, struct repo *r, const char *text, struct err *err)
{
	const char *retire = ctx_option(ctx, "retire");
	int rc;

	if ((rc = add(ctx, r, text, err)) < 0)
		return rc;
	/* The old key goes only now: until then it still opens everything. */
	return retire == NULL ? 0 : drop(ctx, r, retire, err);
}

static int
run_rotate(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	(void)argc;
	return with_repo(ctx, rotate, argv[0], err);
}

static int
list_one(
    struct ctx *ctx, const struct repo_opener *k, uint64_t all, struct err *err)
{
	char hex[FP_HEX];

	(void)str_hex(hex, k->fingerprint, sizeof(k->fingerprint));
	ctx_print(ctx, "%s  %-10s  %" PRIu64 " of %" PRIu64 "%s%s  %s", hex,
	    k->kind, k->data_keys, all, k->root ? ", root" : "",
	    k->at_hand ? ", at hand" : "", k->public_text);
	return ctx_json(ctx,
	    json_pack("{s:s, s:s, s:I, s:I, s:b, s:b, s:s}", "opener", hex,
		"kind", k->kind, "data_keys", (json_int_t)k->data_keys,
		"data_keys_in_all", (json_int_t)all, "root", (int)k->root,
		"at_hand", (int)k->at_hand, "public", k->public_text),
	    err);
}

static int
run_list(struct ctx *ctx, int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_cmd_opened) struct cmd_opened o = { 0 };
	struct repo_openers all = { NULL, 0, 0 };
	size_t i;
	int rc;

	(void)argc, (void)argv;
	if ((rc = cmd_opened_repo(ctx, NULL, STORE_READ, &o, err)) < 0 ||
	    (rc = repo_openers_load(o.repo, &all, err)) < 0)
		return rc;
	for (i = 0; i < all.n && rc == 0; i++)
		rc = list_one(ctx, &all.v[i], all.data_keys, err);
	repo_openers_clear(&all);
	return rc;
}

extern const struct cmd cmd_key_list, cmd_key_add, cmd_key_remove,
    cmd_rotate_key;

const struct cmd cmd_key_list = {
	.name = "key list",
	.summary = "List the keys that open a repository",
	.about = "Lists the openers: their fingerprints, kinds, how many of "
		 "the data keys each opens, whether it opens the root seed "
		 "too, and whether it is at hand here.",
	.flags = CMD_REPO,
	.run = run_list,
};

const struct cmd cmd_key_add = {
	.name = "key add",
	.args = "KEY",
	.summary = "Let one more key open a repository",
	.about = "Wraps the root seed and every data key for one more key, "
		 "with a key at hand that opens them.  No data is touched.  A "
		 "run that is interrupted is simply run again.",
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 1,
	.run = run_add,
};

const struct cmd cmd_key_remove = {
	.name = "key remove",
	.args = "FINGERPRINT",
	.summary = "Take a key away from a repository",
	.about = "Erases every wrapping for the opener with this fingerprint "
		 "(or a unique beginning of it), unless it is the only one "
		 "that opens something.",
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 1,
	.run = run_remove,
};

static const char *const rotate_options[] = { "retire", NULL };
static const struct cmd_example rotate_examples[] = {
	{ "holdfast rotate-key file:/etc/holdfast/new.key --retire 3f2a9b01",
	    "a new key in, the old one out" },
	{ 0 },
};
const struct cmd cmd_rotate_key = {
	.name = "rotate-key",
	.args = "KEY",
	.summary = "Replace a master key",
	.about = "Lets the new KEY open everything, as `key add` does, and "
		 "with --retire then takes the old one away, as `key remove` "
		 "does.  It writes one small object for each data key and "
		 "touches no data.  Wherever it is killed, every backup can "
		 "still be opened, and it is simply run again.",
	.examples = rotate_examples,
	.options = rotate_options,
	.flags = CMD_REPO,
	.min_args = 1,
	.max_args = 1,
	.run = run_rotate,
};
