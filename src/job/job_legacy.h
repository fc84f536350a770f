#ifndef JOB_JOB_LEGACY_H_
#define JOB_JOB_LEGACY_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "repo/legacy/repo_legacy.h"

/* Opaque types. */
struct err;
struct job;
struct repo;
struct secret;
struct source;
struct store;

/*
 * What the tool etcd-backup does, with its objects (repo_legacy.h) and
 * without its defects.
 */
struct job_legacy {
	struct store *store;
	const char *prefix;
	const struct secret *master; /* NULL: nothing is encrypted. */
};

struct job_legacy_report {
	char name[REPO_LEGACY_NAME_MAX]; /* Of the dump. */
	int64_t time_ms;                 /* What the name says. */
	uint64_t bytes;                  /* Of the snapshot. */
	uint64_t stored;
	bool encrypted;
	uint8_t sha256[32]; /* Of the snapshot. */
	uint8_t digest[32]; /* Of the database in it; only of what was read. */
	uint64_t took_ms;
};

/**
 * job_legacy_backup(j, where, src, retries, rep, err):
 * Take a snapshot from ${src}, an etcd source of the form "snapshot", and
 * store it.  Nothing of it
 * touches the disk, and memory stays the same whatever its size.  If etcd
 * fails it is asked again, at most ${retries} times, after a wait that grows.
 *
 * The name is the second that the store's clock shows.
 *
 * Order: the key object, created only if nothing has that name (of two runs
 * in one second one takes the next second); then the dump, which nobody sees
 * before all of it is there and its SHA-256 was checked.  Killed in between,
 * a key without a dump is left, which prune removes.
 */
int job_legacy_backup(const struct job *, const struct job_legacy *,
    struct source *, unsigned, struct job_legacy_report *, struct err *);

#define JOB_LEGACY_NEWEST INT64_MIN

/**
 * job_legacy_find(l, ms, ret, err):
 * Choose the entry of the second of ${ms}, or with JOB_LEGACY_NEWEST the
 * newest that has a dump.  HF_ENOTFOUND says what there is.
 */
int job_legacy_find(const struct repo_legacy_list *, int64_t,
    const struct repo_legacy_entry **, struct err *);

/**
 * job_legacy_size(e, encrypted):
 * How many bytes of plaintext the dump of ${e} has.
 */
uint64_t job_legacy_size(const struct repo_legacy_entry *, bool);

/**
 * job_legacy_read(j, where, e, out, rep, err):
 * Give the plaintext of ${e} to ${out}, piece by piece; it counts once this
 * has returned 0, for its SHA-256 comes last.  HF_EKEY if it is encrypted and
 * the key is not at hand or is another one; HF_ECORRUPT if it is damaged, or
 * encrypted and made at another time than its name says.
 */
int job_legacy_read(const struct job *, const struct job_legacy *,
    const struct repo_legacy_entry *, const struct repo_legacy_out *,
    struct job_legacy_report *, struct err *);

/**
 * job_legacy_get_key(where, e, ret, ms, err):
 * Open the key object of ${e} with the master key; ${ms} is the time in its
 * nonce.
 */
int job_legacy_get_key(const struct job_legacy *,
    const struct repo_legacy_entry *, struct secret **, int64_t *,
    struct err *);

/**
 * job_legacy_is_plain(where, e, ret, err):
 * Look at the beginning of the dump: is it the database itself?
 */
int job_legacy_is_plain(const struct job_legacy *,
    const struct repo_legacy_entry *, bool *, struct err *);

/**
 * job_legacy_restore(j, where, e, path, overwrite, rep, err):
 * Write the snapshot to the file ${path}, which is not there before all of it
 * is written, checked and on the disk.  HF_EEXISTS if something has that name,
 * unless ${overwrite}.
 */
int job_legacy_restore(const struct job *, const struct job_legacy *,
    const struct repo_legacy_entry *, const char *, bool,
    struct job_legacy_report *, struct err *);

struct job_legacy_rotated {
	uint64_t rotated; /* Opened with the old key, sealed with the new. */
	uint64_t already; /* The new key opens them: an earlier run's work. */
	uint64_t failed;  /* Neither key opens them, or they are damaged. */
};

/**
 * job_legacy_rotate(j, where, old, rep, err):
 * Seal every key object anew, from the master key ${old} to that of ${where}.
 * All are listed first.  Each is replaced in one step, once the new one has
 * been opened again, and read back; so a run that was interrupted is finished
 * by the next.  What neither key opens is told as JOB_FOUND and left, the
 * rest goes on, and the return is HF_EKEY.
 */
int job_legacy_rotate(const struct job *, const struct job_legacy *,
    const struct secret *, struct job_legacy_rotated *, struct err *);

struct job_legacy_pruned {
	uint64_t kept;    /* Backups that can be restored. */
	uint64_t removed; /* Backups. */
	uint64_t orphans; /* Key objects without a dump that were removed. */
	uint64_t useless; /* Dumps that cannot be restored and were kept. */
	uint64_t uploads; /* Dead uploads that were given up. */
};

/**
 * job_legacy_prune(j, where, age_ms, min, rep, err):
 * Remove backups that are ${age_ms} old or older, but keep at least ${min}
 * that can be restored, the newest of the old ones if need be.  A dump counts
 * only if it is plain, or its key object is there and, if the master key is
 * at hand, is opened by it and not older than the name.  While there are no
 * more than ${min} of these no dump is removed at all.  A dump goes before its
 * key: killed in between, a key is left, which the next run removes.
 */
int job_legacy_prune(const struct job *, const struct job_legacy *, int64_t,
    uint64_t, struct job_legacy_pruned *, struct err *);

struct job_legacy_imported {
	uint64_t imported, skipped, failed;
};

/**
 * job_legacy_import(j, where, r, name, rep, err):
 * Take every backup into the repository ${r} as one of the etcd source
 * ${name}, the oldest first; those that are in there already are skipped.
 * Each is checked against its SHA-256 before it is committed.  One that
 * cannot be read is told as JOB_FOUND, the rest goes on, and the return is
 * its error.  One that comes later than a newer one is a warning: it is the
 * latest of the repository then.
 */
int job_legacy_import(const struct job *, const struct job_legacy *,
    struct repo *, const char *, struct job_legacy_imported *, struct err *);

#endif /* !JOB_JOB_LEGACY_H_ */
