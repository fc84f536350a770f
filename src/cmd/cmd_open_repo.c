#include "base/err.h"
#include "cmd/cmd_open.h"
#include "repo/repo.h"

int
cmd_repo_open(struct ctx *ctx, const struct cmd_repo *r, struct store *store,
    bool keyless, struct repo **ret, struct err *err)
{
	struct cmd_keys keys = { .ctx = ctx, .repo = r, .keyless = keyless };
	struct repo_opts opts;
	int rc;

	if ((rc = cmd_repo_opts(ctx, r, store, &opts, err)) < 0)
		return rc;
	return repo_open(&opts, cmd_keys_open, &keys, ret, err);
}
