#ifndef SOURCE_TREE_TARGET_TREE_FOLDERS_H_
#define SOURCE_TREE_TARGET_TREE_FOLDERS_H_

#include <stddef.h>

#include "base/buf.h"
#include "base/limit.h"

/* Opaque types. */
struct entry;
struct err;
struct target_tree_meta;

/*
 * The folders of a backup, which are finished last: with its owner and mode a
 * folder may no longer be writable, and filling it changes its times.
 */
struct target_tree_folders {
	struct buf entries; /* Encoded, one after another. */
	size_t *at;         /* Where each of them begins. */
	size_t n, cap;
	struct limit limit;
};

/**
 * target_tree_folders_init(f, memory), target_tree_folders_clear(f):
 * Begin without a folder, with a limit for ${memory} bytes; end.
 */
void target_tree_folders_init(struct target_tree_folders *, size_t);
void target_tree_folders_clear(struct target_tree_folders *);

/**
 * target_tree_folders_add(f, e, err):
 * Remember the folder ${e}.
 */
int target_tree_folders_add(
    struct target_tree_folders *, const struct entry *, struct err *);

/**
 * target_tree_folders_finish(f, top, meta, err):
 * Give every folder below the open folder ${top} its owner, mode, times and
 * attributes, the deepest first; forget them.
 */
int target_tree_folders_finish(
    struct target_tree_folders *, int, struct target_tree_meta *, struct err *);

#endif /* !SOURCE_TREE_TARGET_TREE_FOLDERS_H_ */
