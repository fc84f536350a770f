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
 * Sign and store ${a}, what was found about ${b}: its level, good, took_ms,
 * objects, bytes, message and facts are the caller's, who clears it; the rest
 * is filled in.  A host that may not write, or is not certified to verify,
 * leaves it be: ${*attested} is false, and that is no failure of what it
 * found.
 */
int job_attest(struct repo *, const struct repo_backup *, struct repo_attest *,
    bool *, struct err *);

#endif /* !JOB_JOB_ATTEST_H_ */
