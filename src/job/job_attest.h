#ifndef JOB_JOB_ATTEST_H_
#define JOB_JOB_ATTEST_H_

#include "job/job_verify.h"

/* Opaque types. */
struct err;
struct repo;
struct repo_backup;

/**
 * job_attest(r, b, level, rep, err):
 * Sign and store what a verification found, and set ${rep->attested}.  A
 * host that may not write, or is not certified to verify, leaves it be: that
 * is no failure of the verification.
 */
int job_attest(struct repo *, const struct repo_backup *, enum job_verify_level,
    struct job_verify_report *, struct err *);

#endif /* !JOB_JOB_ATTEST_H_ */
