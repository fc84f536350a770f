#ifndef BASE_STAGE_H_
#define BASE_STAGE_H_

#include <stdbool.h>

/* Opaque types. */
struct err;

/*
 * The place beside the final one in which a restore grows: in the same
 * folder, so that a rename puts it into place in one step, under the final
 * name with ".holdfast-" and eight hex digits behind it.  A folder is 0700
 * until the end: nobody else reaches into it while it is filled.
 */
struct stage_opts {
	const char *path;   /* The final place. */
	bool is_dir;        /* A folder is staged, else a file. */
	bool synced;        /* What a folder holds will be durable by itself. */
	bool overwrite;     /* Replace what is there; else it must not exist or
	                     be an empty folder. */
	const char *remedy; /* The hint if it is taken; or NULL. */
	/* What was replaced and could not be removed is told here; needed
	 * with ${overwrite} alone. */
	void (*warn)(void *arg, const char *path, const char *what);
	void *arg;
};

struct stage {
	struct stage_opts opts; /* Its strings are borrowed. */
	bool replaces; /* There is something to be moved out of the way. */
	int parent;    /* The folder of both. */
	char *base;    /* The final name in it. */
	char *name;    /* The staging name in it; NULL once it is no more. */
	int fd;        /* What is staged, open. */
};

/**
 * stage_open(s, opts, err):
 * Look at ${opts->path} and make a folder or file beside it.  HF_EEXISTS if
 * the place is taken (by a device, a pipe or a socket also with
 * ${opts->overwrite}), HF_ENOTFOUND if the folder around it is missing,
 * HF_EUSAGE if it is where a file system is mounted.  Whatever this returns,
 * ${s} may be closed.
 */
int stage_open(struct stage *, const struct stage_opts *, struct err *);

/**
 * stage_commit(s, err):
 * Make what is staged durable, then the final place.  What was there is
 * removed after that; if some of it stays behind, that is a warning.
 */
int stage_commit(struct stage *, struct err *);

/**
 * stage_close(s):
 * Remove what is staged, unless it was committed.
 */
void stage_close(struct stage *);

#endif /* !BASE_STAGE_H_ */
