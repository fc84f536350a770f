#ifndef CMD_CMD_ETCD_LOOK_H_
#define CMD_CMD_ETCD_LOOK_H_

#include <jansson.h>
#include <stdint.h>

#include "cmd/cmd_etcd_at.h"
#include "cmd/cmd_job.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_look.h"

/* Opaque types. */
struct buf;
struct ctx;
struct err;

/* What the commands that look into a backup of an etcd share. */

/*
 * A database at a revision, as BACKUP[@REV] names it.  It is found as by
 * `restore`, in logs and older backups, too.
 */
struct cmd_etcd_db {
	struct cmd_etcd_at at;
	uint64_t revision; /* 0: the newest of what is opened. */
	struct job_etcd_db *db;

	char name[512]; /* BACKUP */
};

/**
 * cmd_etcd_db_find(o, text, same, db, err):
 * Find what ${text} names: BACKUP, BACKUP@REV, or, if ${same} is not NULL,
 * @REV or "" of what was named there.  Only digits behind the last '@' are a
 * revision; without them it stays 0.  ${db} is to be cleared in any case.
 */
int cmd_etcd_db_find(const struct cmd_opened *, const char *,
    const struct cmd_etcd_db *, struct cmd_etcd_db *, struct err *);

/**
 * cmd_etcd_db_open(o, j, db, err):
 * Open the database that was found, at its newest revision if none was named.
 * ${o} holds the catalogue, and outlives ${db}.
 */
int cmd_etcd_db_open(struct cmd_opened *, const struct job *,
    struct cmd_etcd_db *, struct err *);
void cmd_etcd_db_clear(struct cmd_etcd_db *);

static inline void
freep_cmd_etcd_db(struct cmd_etcd_db *db)
{
	cmd_etcd_db_clear(db);
}

/**
 * cmd_etcd_db_with(ctx, argc, argv, fn, err):
 * What a command does that looks at one state: open what its first argument
 * names, and call ${fn} with it and the second argument, if there is one.
 */
typedef int cmd_etcd_db_fn(
    struct ctx *, const struct cmd_etcd_db *, const char *, struct err *);
int cmd_etcd_db_with(
    struct ctx *, int, char *[], cmd_etcd_db_fn *, struct err *);

/**
 * cmd_etcd_look(db, prefix, opts, ret, err):
 * Read the keys of ${db} that begin with ${prefix}, if it is not NULL, which
 * ${ret} keeps; ${opts} says the rest.
 */
int cmd_etcd_look(const struct cmd_etcd_db *, const char *,
    struct job_etcd_look_opts, struct job_etcd_look **, struct err *);

/**
 * cmd_etcd_json(item, key, n, value):
 * All about a key of ${n} bytes, and its value unless that is NULL; NULL if
 * memory ran out.
 */
json_t *cmd_etcd_json(
    const struct job_etcd_item *, const void *, size_t, const struct buf *);

/**
 * cmd_etcd_print_key(ctx, lead, item, err):
 * Print a line for people: ${lead}, the key, and what it is in Kubernetes.
 */
int cmd_etcd_print_key(
    struct ctx *, const char *, const struct job_etcd_item *, struct err *);

/**
 * cmd_etcd_print_value(ctx, lead, value, err):
 * Likewise of a value: what is text is shown, of anything else its kind.
 */
int cmd_etcd_print_value(
    struct ctx *, const char *, const struct buf *, struct err *);

#endif /* !CMD_CMD_ETCD_LOOK_H_ */
