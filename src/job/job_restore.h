#ifndef JOB_JOB_RESTORE_H_
#define JOB_JOB_RESTORE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct entry;
struct err;
struct job;
struct repo;
struct repo_backup;

struct job_restore_opts {
	const char *to; /* A path, or "-" for standard output. */
	/* Globs over paths; none: everything.  A glob that matches a folder
	 * takes all below it. */
	const char *const *only;
	size_t nonly;
	bool exact;      /* ${only} are paths, not globs. */
	bool dry_run;    /* Read and check everything, write nothing. */
	bool overwrite;  /* Replace what is at ${to}. */
	bool keep_going; /* Restore what is whole, list the rest. */
	bool parts;      /* Restore a file that is stored as pages in parts. */
	/* Sees every piece of data, in order; NULL: nobody looks. */
	int (*inspect)(void *arg, const struct entry *, const uint8_t *, size_t,
	    struct err *);
	void *inspect_arg;
};

struct job_restore_report {
	uint64_t entries; /* Wanted, the lost ones included. */
	uint64_t bytes;   /* Of the data of those that are whole. */
	uint64_t lost;    /* Entries that could not be restored whole. */
	/* Entries of the whole backup of which not even the name is left, so
	 * that nobody can say whether they were wanted. */
	uint64_t unnamed;
	uint64_t warnings; /* Owners, xattrs, ... that could not be kept. */
	uint64_t took_ms;
};

/**
 * job_restore(j, r, b, opts, rep, err):
 * Bring the backup ${b} back to ${opts->to}.  Every file's bytes are checked
 * against its hash.  Nothing is seen at the final place before all of it is
 * there and synced; a run that fails or is killed leaves what was there.
 *
 * A file that is stored as pages (job_paged.h) becomes one file again; ${only}
 * may name its parts.  A backup with a top folder becomes a folder, and one
 * that is a single stream becomes a file.
 *
 * With keep_going, a file that has lost bytes, or whose place in the backup is
 * no longer known, is left out, told as JOB_FOUND, and counted; without it,
 * the first such file ends the restore.  Entries whose names are lost can only
 * be counted.  Names and places are lost only if several packs are, or if the
 * backup was made before there were copies of them (doc/format.md): one lost
 * pack costs its own data alone.  If a copy had to be used, that is a warning.
 *
 * HF_ENOTFOUND if ${only} matches nothing.
 */
int job_restore(const struct job *, struct repo *, const struct repo_backup *,
    const struct job_restore_opts *, struct job_restore_report *, struct err *);

/**
 * job_entries(j, r, b, fn, arg, err):
 * Call ${fn} for every entry of the backup ${b}: for `show --files`.
 */
int job_entries(const struct job *, struct repo *, const struct repo_backup *,
    int (*)(void *, const struct entry *, struct err *), void *, struct err *);

#endif /* !JOB_JOB_RESTORE_H_ */
