#include "base/err.h"
#include "cmd/cmd_open.h"
#include "repo/repo.h"

int
cmd_repo_open(struct ctx *ctx, const struct cmd_repo *r, enum store_power power,
    struct store **store, struct repo **ret, struct err *err)
{
	struct cmd_keys keys = { .ctx = ctx, .repo = r };
	CLEANUP(freep_store) struct store *s = NULL;
	struct repo_opts opts;
	int rc;

	if ((rc = cmd_store_open(ctx, r, power, &s, err)) < 0 ||
	    (rc = cmd_repo_opts(ctx, r, s, &opts, err)) < 0 ||
	    (rc = repo_open(&opts, cmd_keys_open, &keys, ret, err)) < 0)
		return rc;
	*store = TAKE(s);
	return 0;
}
