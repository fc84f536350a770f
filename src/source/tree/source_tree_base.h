#ifndef SOURCE_TREE_SOURCE_TREE_BASE_H_
#define SOURCE_TREE_SOURCE_TREE_BASE_H_

#include <stdbool.h>

#include "source/source.h"

/* Opaque types. */
struct entry;
struct err;
struct stat;

/* The files of the last backup, walked beside those of the tree. */
struct source_tree_base {
	struct sink_kept next; /* If ${known}: the file recalled last. */
	bool known, ended;
};

/**
 * source_tree_base_has(b, sink, st, e, err):
 * Does the base have the very file that fstat and source_tree_describe found,
 * so that sink_keep will do?  1 if so, 0 if it must be read.  It is the same
 * if path, device, inode, size and both times are.
 *
 * A clock ticks in steps, up to 2 s wide (FAT): what was written to a file
 * right after it was read may leave its times as they were.  So a file that
 * was younger than that when the base began is read again, once.
 */
int source_tree_base_has(struct source_tree_base *, struct sink *,
    const struct stat *, const struct entry *, struct err *);

#endif /* !SOURCE_TREE_SOURCE_TREE_BASE_H_ */
