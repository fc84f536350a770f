#ifndef SOURCE_TARGET_STAGE_H_
#define SOURCE_TARGET_STAGE_H_

#include <stdbool.h>

/* Opaque types. */
struct err;
struct target_opts;

/*
 * The place beside the final one in which a restore grows: in the same
 * folder, so that a rename puts it into place in one step, under the final
 * name with ".holdfast-" and eight hex digits behind it.  A folder is 0700
 * until the end: nobody else reaches into it while it is filled.
 */
struct target_stage {
	const struct target_opts *opts;
	bool is_dir;
	bool replaces; /* There is something to be moved out of the way. */
	int parent;    /* The folder of both. */
	char *base;    /* The final name in it. */
	char *name;    /* The staging name in it; NULL once it is no more. */
	int fd;        /* What is staged, open. */
};

/**
 * target_stage_open(s, opts, is_dir, err):
 * Look at ${opts->path} and make a folder or file beside it.  HF_EEXISTS if
 * the place is taken, HF_ENOTFOUND if the folder around it is missing,
 * HF_EUSAGE if it is where a file system is mounted.
 */
int target_stage_open(
    struct target_stage *, const struct target_opts *, bool, struct err *);

/**
 * target_stage_commit(s, err):
 * Make what is staged durable, then the final place.  What was there is
 * removed after that; if some of it stays behind, that is a warning.
 */
int target_stage_commit(struct target_stage *, struct err *);

/**
 * target_stage_close(s):
 * Remove what is staged, unless it was committed.
 */
void target_stage_close(struct target_stage *);

#endif /* !SOURCE_TARGET_STAGE_H_ */
