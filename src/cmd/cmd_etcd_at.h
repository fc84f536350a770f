#ifndef CMD_CMD_ETCD_AT_H_
#define CMD_CMD_ETCD_AT_H_

#include "job/job_etcd_chain.h"

/* Opaque types. */
struct cmd_opened;
struct ctx;
struct err;
struct job;
struct job_etcd_db;
struct repo_backup;

/* A state of an etcd, as the commands that restore it, plan and compare name
 * it: a backup, with the logs that continue it where these are wanted. */
struct cmd_etcd_at {
	struct job_etcd_at at; /* What was asked for. */
	const struct repo_backup *b;
	struct job_etcd_chain chain; /* Its base is NULL: ${b} alone. */
};

static inline void
freep_cmd_etcd_at(struct cmd_etcd_at *a)
{
	job_etcd_chain_clear(&a->chain);
}

/**
 * cmd_etcd_asked(ctx, ret, err):
 * What --revision and --time say; HF_EUSAGE if both do.
 */
int cmd_etcd_asked(const struct ctx *, struct job_etcd_at *, struct err *);

/**
 * cmd_etcd_find(o, text, b, a, err):
 * Find the state ${a->at} of what ${text} has named, and that is ${b}.  Of
 * `latest`, any backup of the source may have it (job_etcd_choose.h).  A backup
 * that is named by its id, or by a time, comes as it was, or with its own logs
 * if a state is asked for.
 */
int cmd_etcd_find(const struct cmd_opened *, const char *,
    const struct repo_backup *, struct cmd_etcd_at *, struct err *);

/**
 * cmd_etcd_note(ctx, a, b):
 * Note that ${a} is of another backup than ${b}, the newest; warn if it is the
 * latest state and there are logs that do not reach it.
 */
void cmd_etcd_note(
    struct ctx *, const struct cmd_etcd_at *, const struct repo_backup *);

/**
 * cmd_etcd_elsewhere(o, a, b, err):
 * If ${err} is of something damaged in ${a}, and ${b}, the newest backup, has
 * the revision, too, say so.  Return the code, unchanged.
 */
int cmd_etcd_elsewhere(const struct cmd_opened *, const struct cmd_etcd_at *,
    const struct repo_backup *, struct err *);

/**
 * cmd_etcd_logs(a):
 * Return the chain if more than the backup alone is to be read; else NULL.
 */
const struct job_etcd_chain *cmd_etcd_logs(const struct cmd_etcd_at *);

/**
 * cmd_etcd_open(o, j, a, ret, err):
 * Open the database.  ${o} holds the catalogue, and outlives it, as ${a} does.
 */
int cmd_etcd_open(const struct cmd_opened *, const struct job *,
    const struct cmd_etcd_at *, struct job_etcd_db **, struct err *);

#endif /* !CMD_CMD_ETCD_AT_H_ */
