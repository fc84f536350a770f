#ifndef STORE_FS_STORE_FS_DIR_H_
#define STORE_FS_STORE_FS_DIR_H_

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "store/store.h"

/* Opaque types. */
struct store_fs_temporary;

/*
 * What the files of the driver share: its folder, and the ways into it.
 * Nothing here is opened by a path of more than one component, so that no
 * link that somebody planted can lead out of the folder.
 */

/* A folder whose name, and all those above it, are known to be durable. */
struct store_fs_pin {
	int fd; /* Keeps the inode's number from being used again. */
	dev_t dev;
	ino_t ino;
};
#define STORE_FS_PINS 8

struct store_fs {
	struct store base;
	char *path;
	atomic_bool named;    /* Temporary files need names. */
	atomic_bool rooted;   /* The folder's own name is durable. */
	pthread_mutex_t lock; /* Guards what follows. */
	int root;             /* The folder, or -1 while it does not exist. */
	struct store_fs_pin pins[STORE_FS_PINS];
	unsigned npins; /* Made so far; the newest replaces the oldest. */
};

/* Where an object is: a folder, and its name in there. */
struct store_fs_at {
	int dir;
	const char *base;
};
#define STORE_FS_AT_INIT                                                       \
	{                                                                      \
		-1, NULL                                                       \
	}
void store_fs_at_close(struct store_fs_at *);

/**
 * store_fs_error(fs, errnum, what, name, err):
 * Record that ${what} ("store") failed for ${name}, with a remedy.
 */
int store_fs_error(
    const struct store_fs *, int, const char *, const char *, struct err *);

/**
 * store_fs_wrap(fs, what, name, err):
 * The same for a failure that ${err} has already.
 */
int store_fs_wrap(
    const struct store_fs *, const char *, const char *, struct err *);

/**
 * store_fs_unless_absent(e, err):
 * Return 0 if ${e} says HF_ENOTFOUND; else it becomes the caller's ${err}.
 */
int store_fs_unless_absent(const struct err *, struct err *);

/**
 * store_fs_root(fs, make, ret, err):
 * Give the folder itself in ${*ret}, which stays the store's; with ${make} it
 * is made if it is missing.  HF_ENOTFOUND otherwise.
 */
int store_fs_root(struct store_fs *, bool, int *, struct err *);

/**
 * store_fs_find(fs, name, at, err):
 * Open the folder in which ${name} lies, or would lie.  HF_ENOTFOUND if there
 * is no such folder.
 */
int store_fs_find(
    struct store_fs *, const char *, struct store_fs_at *, struct err *);

/**
 * store_fs_make(fs, name, at, err):
 * The same, making the folders that are missing.  On return their names are
 * durable, whoever made them.  HF_ENOTFOUND if somebody deleted one at the
 * same moment.
 */
int store_fs_make(
    struct store_fs *, const char *, struct store_fs_at *, struct err *);

/**
 * store_fs_step(fs, dir, name, ret, err):
 * Open the folder ${name} in the folder ${dir}.
 */
int store_fs_step(
    const struct store_fs *, int, const char *, int *, struct err *);

/**
 * store_fs_look(fs, at, name, st, err):
 * Look at the object ${name}, which lies at ${at}.  HF_ENOTFOUND if there is
 * none or a folder, HF_ECORRUPT if it is a link or a device.
 */
int store_fs_look(const struct store_fs *, const struct store_fs_at *,
    const char *, struct stat *, struct err *);

/**
 * store_fs_taken(fs, at, name, err):
 * Say that ${name} is taken, and by what: HF_EEXISTS if by an object.
 */
int store_fs_taken(
    struct store_fs *, const struct store_fs_at *, const char *, struct err *);

/**
 * store_fs_settle(fs, t, at, name, err):
 * Make the file ${t}, which lies in the folder of ${at} or has no name yet,
 * the object ${name}, durably (store_fs_put.c says in which steps).
 */
int store_fs_settle(struct store_fs *, struct store_fs_temporary *,
    const struct store_fs_at *, const char *, struct err *);

/* How often a folder may vanish under a put before that is an error. */
#define STORE_FS_TRIES 16

/* put, upload, list (store.h), and the store's clock. */
int store_fs_put(
    struct store *, const char *, const struct store_blob *, struct err *);
int store_fs_replace(
    struct store *, const char *, const struct store_blob *, struct err *);
int store_fs_upload(
    struct store *, const char *, struct store_upload **, struct err *);
int store_fs_list(
    struct store *, const char *, store_list_fn *, void *, struct err *);
int store_fs_now(struct store *, int64_t *, struct err *);

/**
 * store_fs_prove(fs, dir, err):
 * Write and sync a temporary file in the folder ${dir}, leaving nothing.
 */
int store_fs_prove(struct store_fs *, int, struct err *);

/**
 * store_fs_is_temporary(name):
 * Return true if ${name}, in its folder, is one of our temporary files.
 */
bool store_fs_is_temporary(const char *);

int64_t store_fs_mtime_ms(const struct stat *);

#endif /* !STORE_FS_STORE_FS_DIR_H_ */
