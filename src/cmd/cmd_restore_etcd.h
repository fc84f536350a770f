#ifndef CMD_CMD_RESTORE_ETCD_H_
#define CMD_CMD_RESTORE_ETCD_H_

#include <stdbool.h>

#include "job/job_restore_etcd.h"

/* Opaque types. */
struct cmd_opened;
struct ctx;
struct err;
struct repo_backup;

/* The part of `restore` that makes an etcd's data directory. */

/**
 * cmd_restore_etcd_wanted(ctx, b):
 * Is ${b} of an etcd, and more asked for than the files it is stored as?
 */
bool cmd_restore_etcd_wanted(const struct ctx *, const struct repo_backup *);

/**
 * cmd_restore_etcd(ctx, o, text, b, err):
 * Restore ${b}, which ${text} has named.
 */
int cmd_restore_etcd(struct ctx *, const struct cmd_opened *, const char *,
    const struct repo_backup *, struct err *);

/**
 * cmd_restore_etcd_stray(ctx, b, err):
 * HF_EUSAGE if an option was given that only such a restore takes.
 */
int cmd_restore_etcd_stray(
    const struct ctx *, const struct repo_backup *, struct err *);

/**
 * cmd_etcd_rebuild(ctx, opts, err):
 * What --revision and --bump-revision say; HF_EUSAGE unless --mark-compacted
 * is there exactly if --bump-revision is.
 */
int cmd_etcd_rebuild(
    const struct ctx *, struct job_etcd_rebuild_opts *, struct err *);

#endif /* !CMD_CMD_RESTORE_ETCD_H_ */
