#ifndef JOB_JOB_SELECT_H_
#define JOB_JOB_SELECT_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* Opaque types. */
struct entry;
struct err;
struct job_select;
struct repo_reader;

/*
 * Which entries of a backup a restore takes.  A hard link has no data of its
 * own: if a link is chosen, and the file that it names is not, the file is
 * restored under the name of its first chosen link.
 */

/**
 * job_select_new(only, n, exact, memory, ret, err):
 * Choose what one of ${n} globs (or paths, if ${exact}) matches, itself or
 * through a folder above it; everything if ${n} is 0.  ${only} is borrowed.
 * ${memory} bounds what links may take (base/limit.h).
 */
int job_select_new(const char *const *, size_t, bool, size_t,
    struct job_select **, struct err *);
void job_select_free(struct job_select *);
CLEANUP_DEFINE(job_select);

/**
 * job_select_links(s, reader, err):
 * Walk the entries once to find the chosen links of files not chosen.
 */
int job_select_links(struct job_select *, struct repo_reader *, struct err *);

/**
 * job_select_has(s, e):
 * Is ${e} to be restored?
 */
bool job_select_has(const struct job_select *, const struct entry *);

/**
 * job_select_rename(s, e):
 * Give the copy ${e} of a chosen entry the path, and the link target, that
 * it is restored with; both stay ${s}'s or the original's.
 */
void job_select_rename(const struct job_select *, struct entry *);

#endif /* !JOB_JOB_SELECT_H_ */
