#ifndef CMD_CMD_JOB_H_
#define CMD_CMD_JOB_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "cmd/cmd_open.h"
#include "job/job.h"
#include "repo/repo.h"

/* Opaque types. */
struct ctx;
struct err;

/* What the commands that run jobs on a repository share. */

/**
 * cmd_job(ctx):
 * A job as the options say, whose events go to ${ctx}: progress to the
 * terminal, warnings and findings to standard error.
 */
struct job cmd_job(struct ctx *);

/* An open repository and all that it stands on. */
struct cmd_opened {
	/* For the caller to set: as in struct cmd_keys; */
	bool keyless;
	bool prove; /* the catalogue is repo_catalogue_prove's. */
	struct cmd_repo *where;
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat; /* Empty unless asked for. */
};

/**
 * cmd_opened_repo(ctx, name, power, o, err):
 * Open the repository that cmd_repo_find finds for ${name}, into ${o}, of
 * which only keyless and prove are set, and which is to be cleared in any case.
 */
int cmd_opened_repo(struct ctx *, const char *, enum store_power,
    struct cmd_opened *, struct err *);

/**
 * cmd_opened_catalogue(ctx, power, o, err):
 * Likewise, for no name, and load the catalogue; what is wrong with the
 * repository is told as warnings.
 */
int cmd_opened_catalogue(
    struct ctx *, enum store_power, struct cmd_opened *, struct err *);

/**
 * cmd_opened_whole(o, err):
 * After a list of what the catalogue has: HF_ECORRUPT if a backup may be
 * missing in it, HF_EWARN if something else is wrong that is not settled.
 */
int cmd_opened_whole(const struct cmd_opened *, struct err *);
void cmd_opened_clear(struct cmd_opened *);

static inline void
freep_cmd_opened(struct cmd_opened *o)
{
	cmd_opened_clear(o);
}

/**
 * cmd_damaged(err):
 * Add to an error of HF_ECORRUPT what can still be done; any other stays as
 * it is.  Return the code.
 */
int cmd_damaged(struct err *);

/**
 * cmd_counted(n, one, many):
 * "s", so to speak: ${one} for 1, ${many} for any other number.
 */
const char *cmd_counted(uint64_t, const char *, const char *);

#endif /* !CMD_CMD_JOB_H_ */
