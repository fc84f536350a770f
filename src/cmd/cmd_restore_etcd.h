#ifndef CMD_CMD_RESTORE_ETCD_H_
#define CMD_CMD_RESTORE_ETCD_H_

#include <stdbool.h>
#include <stdint.h>

#include "job/job_restore_etcd.h"

/* Opaque types. */
struct ctx;
struct err;
struct repo;
struct repo_backup;

/* The part of `restore` that makes an etcd's data directory. */

/**
 * cmd_restore_etcd_wanted(ctx, b):
 * Is ${b} of an etcd, and more asked for than the files it is stored as?
 */
bool cmd_restore_etcd_wanted(const struct ctx *, const struct repo_backup *);
int cmd_restore_etcd(
    struct ctx *, struct repo *, const struct repo_backup *, struct err *);

/**
 * cmd_restore_etcd_stray(ctx, b, err):
 * HF_EUSAGE if an option was given that only such a restore takes.
 */
int cmd_restore_etcd_stray(
    const struct ctx *, const struct repo_backup *, struct err *);

/**
 * cmd_etcd_cluster(ctx):
 * What the options say of the cluster; NULL where they say nothing.
 */
struct etcd_membership_opts cmd_etcd_cluster(const struct ctx *);

/**
 * cmd_etcd_bump(ctx, by, err):
 * How much --bump-revision adds, 0 without it; HF_EUSAGE unless
 * --mark-compacted is there exactly if it is.
 */
int cmd_etcd_bump(const struct ctx *, uint64_t *, struct err *);

#endif /* !CMD_CMD_RESTORE_ETCD_H_ */
