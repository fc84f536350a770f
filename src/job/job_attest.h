#ifndef JOB_JOB_ATTEST_H_
#define JOB_JOB_ATTEST_H_

#include <stdbool.h>

/* Opaque types. */
struct err;
struct repo;
struct repo_attest;
struct repo_backup;

/**
 * job_attest(r, b, a, attested, err):
 * Sign and store ${a}, which says what was found about ${b}.  The caller fills
 * in level, good, took_ms, objects, bytes, message and facts, and clears it;
 * the rest is filled in here.  A host that may not write, or is not certified
 * to verify, stores nothing: ${*attested} is false, and that is no failure.
 */
int job_attest(struct repo *, const struct repo_backup *, struct repo_attest *,
    bool *, struct err *);

#endif /* !JOB_JOB_ATTEST_H_ */
