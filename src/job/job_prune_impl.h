#ifndef JOB_JOB_PRUNE_IMPL_H_
#define JOB_JOB_PRUNE_IMPL_H_

#include <pthread.h>
#include <stdint.h>

#include "base/err.h"
#include "job/job_packs.h"
#include "job/job_prune.h"
#include "repo/repo.h"
#include "store/store.h"

/* The inside of a prune, for its files alone. */

struct prune {
	const struct job *job;
	struct repo *repo;
	const struct job_prune_opts *opts;
	struct job_prune_report rep;
	int64_t now_ms; /* The store's, before anything was listed. */
	struct repo_catalogue cat;
	/* Those that some manifest of ${cat} names are marked, but for
	 * manifests whose undo window is over. */
	struct job_packs *packs;
	struct retention_verdict *verdicts;
	struct store_eraser *eraser;
	const struct secret *seed; /* The repository's: it may prune. */
	pthread_mutex_t lock; /* Of all this, while several threads erase. */
	struct err held;      /* The last refusal to erase. */
};

/**
 * prune_each(p, n, fn, err):
 * Call ${fn} with ${p} and 0 to ${n} - 1, many at once where the store is far
 * away: what it does is asking the store to put or erase something.
 */
int prune_each(struct prune *, size_t, int (*)(void *, size_t, struct err *),
    struct err *);

/**
 * prune_is_over(p, b):
 * Is the undo window of ${b} over?
 */
bool prune_is_over(const struct prune *, const struct repo_backup *);

/**
 * prune_name(p, m):
 * Mark the packs of ${m} as named; return whether all of them are there,
 * with their lengths.
 */
bool prune_name(const struct prune *, const struct repo_manifest *);

/**
 * prune_collect(p, err):
 * Erase what is over, and then what nothing names any more.
 */
int prune_collect(struct prune *, struct err *);

#endif /* !JOB_JOB_PRUNE_IMPL_H_ */
