#ifndef JOB_JOB_VERIFY_FORMAT_H_
#define JOB_JOB_VERIFY_FORMAT_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct entry;
struct err;
struct job_walk;
struct repo_manifest;

/*
 * Level 3 of verification walks what a source type is made of, beyond the
 * hash of every file: an etcd snapshot must end with the SHA-256 of all
 * before it, as etcd computed it, and that must be the one in the evidence.
 * What is in the database is looked at afterwards (job_etcd_db.h), also where
 * it is stored as records.
 */

/**
 * job_walk_new(m, ret, err):
 * Make the walk for the source type of ${m}; ${*ret} stays NULL if that has
 * nothing to check beyond hashes.
 */
int job_walk_new(
    const struct repo_manifest *, struct job_walk **, struct err *);
void job_walk_free(struct job_walk *);
CLEANUP_DEFINE(job_walk);

/**
 * job_walk_data(w, e, p, n, err):
 * Take the next ${n} bytes of the data of ${e}.
 */
int job_walk_data(
    void *, const struct entry *, const uint8_t *, size_t, struct err *);

/**
 * job_walk_end(w):
 * All data came: return what is wrong with it, or NULL.
 */
const char *job_walk_end(struct job_walk *);

#endif /* !JOB_JOB_VERIFY_FORMAT_H_ */
