#ifndef CMD_CMD_ETCD_BACKUP_H_
#define CMD_CMD_ETCD_BACKUP_H_

#include "job/job_legacy.h"
#include "store/store.h"

/* Opaque types. */
struct config_legacy;
struct config_option;
struct ctx;
struct err;
struct secret;
struct source;

/*
 * What the commands share that stand in for the program "etcd-backup".
 */

/* Its configuration, and what that opens. */
struct cmd_etcd_backup {
	struct config_legacy *config;
	struct store *store;
	struct secret *master; /* NULL: 'encryption_key_path' is not given. */
	struct job_legacy where;
};

/* The row of the option that all of its commands have. */
#define CMD_ETCD_BACKUP_CONFIG                                                 \
	{                                                                      \
		.name = "config", .letter = 'c', .type = OPTION_PATH,          \
		.places = OPTION_ON_LINE, .arg = "PATH",                       \
		.fallback = "config.yml",                                      \
		.help = "read the configuration of etcd-backup from here"      \
	}

/**
 * cmd_etcd_backup_open(ctx, path, power, o, err):
 * Read the configuration ${path} and open the bucket and the master key of
 * it.  ${o} is to be cleared in any case.
 */
int cmd_etcd_backup_open(struct ctx *, const char *, enum store_power,
    struct cmd_etcd_backup *, struct err *);
void cmd_etcd_backup_clear(struct cmd_etcd_backup *);

static inline void
freep_cmd_etcd_backup(struct cmd_etcd_backup *o)
{
	cmd_etcd_backup_clear(o);
}

/**
 * cmd_etcd_backup_source(ctx, o, ret, err):
 * Open the cluster.
 */
int cmd_etcd_backup_source(struct ctx *, const struct cmd_etcd_backup *,
    struct source **, struct err *);

/**
 * cmd_etcd_backup_find(o, when, l, ret, err):
 * Choose the backup of the time ${when}, or the newest if that is NULL.
 */
int cmd_etcd_backup_find(const struct cmd_etcd_backup *, const char *,
    struct repo_legacy_list *, const struct repo_legacy_entry **, struct err *);

#endif /* !CMD_CMD_ETCD_BACKUP_H_ */
