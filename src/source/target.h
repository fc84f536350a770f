#ifndef SOURCE_TARGET_H_
#define SOURCE_TARGET_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct entry;
struct err;
struct target;

/*
 * A target is where a restore goes: a folder, a single file, or a stream.
 * Parents come before children and files before links to them; otherwise
 * the order is free.  A file's data follows its begin, in order, and then
 * its end.  A parent that does not come at all is made, with mode 0700.
 *
 * Every target promises:
 * - nothing is seen at the final place before finish has returned 0: what
 *   is written goes to a staging place beside it ("PATH.holdfast-XXXXXX"),
 *   is fsynced, and then renamed (a stream has no such place);
 * - entries cannot reach outside it, whatever their names, links and order:
 *   everything is opened relative to the staging folder with openat2
 *   RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS, or component by component with
 *   O_NOFOLLOW where the kernel lacks that;
 * - freed before finish, it removes what it staged;
 * - an entry that comes twice, that lies below something other than a
 *   folder, or a link to what did not come, is HF_ECORRUPT; so is data
 *   outside the size of its file.
 */

struct target_opts {
	const char *path; /* Where to; "-" for standard output. */
	/* Replace what is there; else nothing may be there, or an empty
	 * folder. */
	bool overwrite;
	/* Entries will be missing: a link to one is only a warning. */
	bool incomplete;
	size_t memory; /* What the folders may take: base/limit.h. */
	/* What cannot be kept (owner, device, xattr) is told here, counted by
	 * the caller, and does not stop the restore. */
	void (*warn)(void *arg, const char *path, const char *what);
	void *arg;
};

/* The remedy for a place that is taken. */
#define TARGET_TAKEN "choose a new place, or say --overwrite to replace it"

struct target_ops {
	/* Start an entry; a file's data comes next, other types are whole. */
	int (*begin)(struct target *, const struct entry *, struct err *);
	/* Write file data at ${off} of the file (holes are skipped over). */
	int (*write)(struct target *, uint64_t off, const uint8_t *p, size_t n,
	    struct err *);
	/* The entry is complete: owner, mode, times, xattrs. */
	int (*end)(struct target *, const struct entry *, struct err *);
	/* Forget the file begun: its data cannot be had. */
	int (*drop)(struct target *, struct err *);
	/* All entries came: fsync, rename into place. */
	int (*finish)(struct target *, struct err *);
	void (*free)(struct target *);
};

struct target {
	const struct target_ops *ops;
};

/**
 * target_tree_new(opts, ret, err):
 * Restore into the folder ${opts->path}, in memory that grows with the number
 * of folders.  HF_EEXISTS if the place is taken, HF_ENOTFOUND if the folder
 * around it is missing, HF_EUSAGE if a file system is mounted there.
 *
 * Owners are restored by number, and only by root.  What cannot be kept is a
 * warning; what would befall every entry is told once: owners and, for each
 * name, extended attributes.  Devices are left out unless root restores.  A
 * file whose owner is not kept does not get its setuid and setgid bits.
 */
int target_tree_new(const struct target_opts *, struct target **, struct err *);

/**
 * target_file_new(opts, ret, err):
 * Restore the data of a single file entry into the file ${opts->path}
 * (mode 0600), or to standard output if that is "-".
 */
int target_file_new(const struct target_opts *, struct target **, struct err *);

int target_begin(struct target *, const struct entry *, struct err *);
int target_write(
    struct target *, uint64_t, const uint8_t *, size_t, struct err *);
int target_end(struct target *, const struct entry *, struct err *);
int target_drop(struct target *, struct err *);
int target_finish(struct target *, struct err *);
void target_free(struct target *);
CLEANUP_DEFINE(target);

#endif /* !SOURCE_TARGET_H_ */
