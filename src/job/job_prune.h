#ifndef JOB_JOB_PRUNE_H_
#define JOB_JOB_PRUNE_H_

#include <stdbool.h>
#include <stdint.h>

#include "repo/repo_retention.h"

/* Opaque types. */
struct err;
struct job;
struct repo;
struct repo_backup;
struct repo_catalogue;

struct job_prune_opts {
	struct retention rule;
	bool dry_run;    /* Decide and tell, write and delete nothing. */
	bool force;      /* Go on although the newest backup has shrunk. */
	int64_t undo_ms; /* How long a removal can be undone. */
};

#define JOB_PRUNE_UNDO_MS (72LL * 3600 * 1000)

struct job_prune_report {
	uint64_t kept, removed; /* Backups. */
	uint64_t erased;        /* Manifests whose undo window is over. */
	uint64_t packs, keys;   /* Collected. */
	uint64_t bytes;         /* Of the collected packs. */
	uint64_t waiting;       /* Packs that nothing names, still too young. */
	uint64_t held;          /* Objects that the store would not delete. */
};

/**
 * job_prune(j, r, opts, rep, err):
 * Remove backups by ${opts->rule} and collect what nothing needs any more.
 * It needs no key, takes no lock, may run beside backups and beside itself,
 * and may be killed anywhere: doc/design/format.md has the proof.  In order:
 *
 * 1. take the store's time t; only then list manifests and packs;
 * 2. if one manifest cannot be read or judged: delete nothing, HF_ECORRUPT;
 * 3. a tombstone for each backup that the rule drops.  A backup that is not
 *    whole (a pack missing or cut) counts for nothing;
 * 4. erase manifests whose tombstone is older than the undo window;
 * 5. erase packs that no manifest left names and that were stored before
 *    t - (reuse window + grace), and wrapped keys alike.
 *
 * In memory are 48 bytes for each pack in the store, and the manifests one
 * by one (repo_manifest_each).
 *
 * What the store refuses to delete, by a lock or for want of the right, is
 * counted and left for the next run; a manifest that stays keeps its packs.
 *
 * HF_EDENIED if this host is not certified to prune, or may only write;
 * HF_EWARN, before anything is removed, if the newest backup of a source has
 * 30 % fewer bytes or entries than one that would go: the source may be
 * dying, and the old backups may be the last good ones.
 */
int job_prune(const struct job *, struct repo *, const struct job_prune_opts *,
    struct job_prune_report *, struct err *);

/**
 * job_prune_undo(r, cat, b, undo_ms, err):
 * Bring back the removed backup ${b} of ${cat}, with its logs, by erasing their
 * tombstones.  HF_ENOTFOUND once its undo window of ${undo_ms} is over; logs
 * whose own window is over stay removed.
 */
int job_prune_undo(struct repo *, const struct repo_catalogue *,
    const struct repo_backup *, int64_t, struct err *);

#endif /* !JOB_JOB_PRUNE_H_ */
