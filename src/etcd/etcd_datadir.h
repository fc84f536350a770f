#ifndef ETCD_ETCD_DATADIR_H_
#define ETCD_ETCD_DATADIR_H_

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_datadir;
struct etcd_membership;

/*
 * A data directory from which etcd starts a member of a restored cluster:
 *
 *	member/wal/0000000000000000-0000000000000000.wal   etcd_wal.h
 *	member/snap/0000000000000001-XXXXXXXXXXXXXXXX.snap etcd_snap.h
 *	member/snap/db                                     the caller's
 *
 * It grows beside its place (base/stage.h), folders 0700 and files 0600, and
 * is moved there when all of it is on the disk: whatever happens before,
 * there is nothing at that place.  Nor would etcd start from what a crash
 * leaves beside it: the database has its name last, when the log is on the
 * disk, and with a log and without a database etcd refuses to start, while
 * from a database alone it would have made a cluster of its own.
 */

/**
 * etcd_datadir_new(path, s, ret, err):
 * Begin the data directory ${path} of ${s->self}: HF_EEXISTS if there is
 * anything but an empty folder, HF_ENOTFOUND if the folder around it is
 * missing.  A thread lays down the log meanwhile: ${s} must outlive what is
 * made, and commit tells what failed.
 */
int etcd_datadir_new(const char *, const struct etcd_membership *,
    struct etcd_datadir **, struct err *);

/**
 * etcd_datadir_db(d):
 * Return the file, open for reading and writing and empty, into which the
 * caller writes the database.  It stays ${d}'s.
 */
int etcd_datadir_db(const struct etcd_datadir *);

/**
 * etcd_datadir_commit(d, err):
 * The database is complete: make everything durable and put it into place.
 */
int etcd_datadir_commit(struct etcd_datadir *, struct err *);

/**
 * etcd_datadir_free(d):
 * Remove what was made, unless it was committed.
 */
void etcd_datadir_free(struct etcd_datadir *);
CLEANUP_DEFINE(etcd_datadir);

#endif /* !ETCD_ETCD_DATADIR_H_ */
