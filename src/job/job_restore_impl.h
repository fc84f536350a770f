#ifndef JOB_JOB_RESTORE_IMPL_H_
#define JOB_JOB_RESTORE_IMPL_H_

#include <stdbool.h>
#include <stdint.h>

#include "job/job.h"
#include "job/job_restore.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct entry;
struct err;
struct job_paged;
struct job_select;
struct repo_reader;
struct sha256;
struct source_pages;
struct target;

/* The inside of a restore, for its files alone. */

/*
 * The entries are walked twice: once to plan, so that the reader knows which
 * parts of which packs are wanted and fetches them ahead, and once to write.
 */
struct restore {
	const struct job *job;
	const struct job_restore_opts *opts;
	const char *id; /* The backup's. */
	struct job_restore_report rep;
	struct job_select *select;
	struct repo_manifest manifest; /* The reader's. */
	struct repo_reader *reader;
	struct job_paged *paged; /* Or NULL. */
	struct sha256 *sha;
	struct target *target; /* NULL in a dry run. */
	bool is_tree;          /* The backup has a top folder. */
	uint64_t seen;         /* Entries, wanted or not. */
	uint64_t total;        /* Bytes of those that are wanted. */
	uint64_t lost_bytes;   /* Of the files that are left out. */
};

/**
 * job_restore_tell(x, kind, subject, text):
 * Tell what happens, with how far the restore is.
 */
void job_restore_tell(const struct restore *, enum job_event_kind,
    const char *subject, const char *text);

/**
 * job_restore_lose(x, e, cause):
 * Tell and count that ${e} is left out.
 */
void job_restore_lose(
    struct restore *, const struct entry *, const struct err *);

/**
 * job_restore_file(x, e, err):
 * Restore the file ${e}, whose data the reader gives next.  With keep_going,
 * a file that cannot be had whole is left out, and that is no failure.
 */
int job_restore_file(struct restore *, const struct entry *, struct err *);

/**
 * job_restore_image(x, e, pages, err):
 * Restore the file ${e} from ${pages}, which hold all of it.
 */
int job_restore_image(struct restore *, const struct entry *,
    struct source_pages *, struct err *);

#endif /* !JOB_JOB_RESTORE_IMPL_H_ */
