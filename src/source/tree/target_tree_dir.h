#ifndef SOURCE_TREE_TARGET_TREE_DIR_H_
#define SOURCE_TREE_TARGET_TREE_DIR_H_

#include <stddef.h>

/* Opaque types. */
struct err;

/*
 * The folders of a restore, reached without ever leaving its top: names come
 * from strangers, and so do the links that are restored along with them.
 */
struct target_tree_dirs {
	int top;    /* Borrowed. */
	int fd;     /* The folder used last, or -1. */
	char *path; /* Its path; files of a folder come one after another. */
	size_t len;
};

/**
 * target_tree_dirs_init(d, top), target_tree_dirs_clear(d):
 * Begin and end with the open folder ${top}, which stays the caller's.
 */
void target_tree_dirs_init(struct target_tree_dirs *, int);
void target_tree_dirs_clear(struct target_tree_dirs *);

/**
 * target_tree_open(top, path, len, flags):
 * Open the ${len} bytes of ${path} below ${top}, "" being ${top} itself;
 * return -1 with errno, ELOOP or ENOTDIR where one of its components is a
 * link or no folder.
 */
int target_tree_open(int, const char *, size_t, int);

/**
 * target_tree_parent(d, path, fd, base, err):
 * Give the folder that ${path} lies in, which is made if it is missing, and
 * the last component.  ${d} keeps both ends open until the next call.
 */
int target_tree_parent(struct target_tree_dirs *, const char *, int *,
    const char **, struct err *);

#endif /* !SOURCE_TREE_TARGET_TREE_DIR_H_ */
