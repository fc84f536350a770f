#ifndef JOB_JOB_VERIFY_SHARED_H_
#define JOB_JOB_VERIFY_SHARED_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct job_packs;
struct job_verify_shared;
struct repo;

/*
 * What several backups that are verified in one run have in common.  Thousands
 * of logs lie in the same few folders and under the same few data keys: these
 * are looked at once, not once for each log.
 */

/**
 * job_verify_shared_new(r, ret, err):
 * List all packs, which must be after the catalogue was loaded: what a manifest
 * of it names was stored before.
 */
int job_verify_shared_new(
    struct repo *, struct job_verify_shared **, struct err *);
void job_verify_shared_free(struct job_verify_shared *);
CLEANUP_DEFINE(job_verify_shared);

const struct job_packs *job_verify_shared_packs(
    const struct job_verify_shared *);

/**
 * job_verify_shared_has_key(s, key_id):
 * Is a wrapping of this data key known to hold?  Any thread may ask.
 */
bool job_verify_shared_has_key(
    struct job_verify_shared *, const uint8_t key_id[]);

/**
 * job_verify_shared_add_key(s, key_id):
 * Remember that it does.  Only the last few are remembered.
 */
void job_verify_shared_add_key(
    struct job_verify_shared *, const uint8_t key_id[]);

#endif /* !JOB_JOB_VERIFY_SHARED_H_ */
