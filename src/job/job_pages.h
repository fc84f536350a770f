#ifndef JOB_JOB_PAGES_H_
#define JOB_JOB_PAGES_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct job;
struct source_pages;

/* A file that a job has brought together in a struct source_pages. */

/**
 * job_pages_memory(j):
 * Return how much memory such a file may take beside a reader: an eighth of
 * the job's.
 */
size_t job_pages_memory(const struct job *);

/**
 * job_pages_each(j, pages, off, size, fn, arg, err):
 * Hand the ${size} bytes of ${pages} at ${off} to ${fn}, piece by piece and
 * in order: where a piece lies, its bytes, and how many they are.  What
 * ${fn} returns, if it is negative, ends it; so does the operator, HF_EINTR.
 */
int job_pages_each(const struct job *, struct source_pages *, uint64_t,
    uint64_t, int (*)(void *, uint64_t, const uint8_t *, size_t, struct err *),
    void *, struct err *);

#endif /* !JOB_JOB_PAGES_H_ */
