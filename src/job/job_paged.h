#ifndef JOB_JOB_PAGED_H_
#define JOB_JOB_PAGED_H_

#include "base/cleanup.h"

/* Opaque types. */
struct entry;
struct err;
struct job;
struct job_paged;
struct repo_manifest;
struct repo_reader;
struct source_pages;

/*
 * The file that a backup holds as pages (source_paged.h): for who restores
 * it, it is one file, as it was.
 */

/**
 * job_paged_find(j, rd, m, ret, err):
 * Is there one in the backup ${m}, which ${rd} reads?  ${*ret} is NULL if not.
 * HF_ECORRUPT if its parts do not fit together.
 */
int job_paged_find(const struct job *, struct repo_reader *,
    const struct repo_manifest *, struct job_paged **, struct err *);
void job_paged_free(struct job_paged *);
CLEANUP_DEFINE(job_paged);

/**
 * job_paged_entry(p):
 * The file as it was: path, size, owner, times, hash.
 */
const struct entry *job_paged_entry(const struct job_paged *);

/**
 * job_paged_load(p, ret, err):
 * Bring its pages together, in a file without a name as far as they do not
 * fit into memory.  HF_ECORRUPT if one is missing or there twice, or all of
 * them do not have the hash of the file: nothing of it is to be used then.
 */
int job_paged_load(struct job_paged *, struct source_pages **, struct err *);

#endif /* !JOB_JOB_PAGED_H_ */
