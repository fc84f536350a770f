#ifndef JOB_JOB_PRUNE_KEYS_H_
#define JOB_JOB_PRUNE_KEYS_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct job_prune_keys;
struct repo;
struct repo_manifest;

/* The wrapped keys of a repository, and which of them nothing needs. */

/**
 * job_prune_keys_new(r, horizon, ret, err):
 * List them.  Those stored at ${horizon} (ms, the store's) or later are
 * always needed, and so is every wrapping of the root seed.
 */
int job_prune_keys_new(
    struct repo *, int64_t, struct job_prune_keys **, struct err *);
void job_prune_keys_free(struct job_prune_keys *);
CLEANUP_DEFINE(job_prune_keys);

/**
 * job_prune_keys_need(k, m):
 * Everything under the data keys of ${m} is needed.
 */
void job_prune_keys_need(struct job_prune_keys *, const struct repo_manifest *);

/**
 * job_prune_keys_spare(k, i):
 * The name of the first wrapping from ${*i} on that nothing needs, its index
 * in ${*i}; or NULL.
 */
const char *job_prune_keys_spare(const struct job_prune_keys *, size_t *);

#endif /* !JOB_JOB_PRUNE_KEYS_H_ */
