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
 * The file that a backup holds as pages (source_paged.h).  Who restores it gets
 * one file, as it was.
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
 * Bring its pages together, in memory as far as they fit, else in a file
 * without a name.  HF_ECORRUPT if a page is missing or there twice, or all
 * together do not have the hash of the file: then nothing of it may be used.
 */
int job_paged_load(struct job_paged *, struct source_pages **, struct err *);

#endif /* !JOB_JOB_PAGED_H_ */
