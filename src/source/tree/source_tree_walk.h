#ifndef SOURCE_TREE_SOURCE_TREE_WALK_H_
#define SOURCE_TREE_SOURCE_TREE_WALK_H_

#include <stdbool.h>

#include "source/tree/source_tree_rules.h"

/* Opaque types. */
struct err;
struct sink;

struct source_tree_walk_opts {
	const struct source_tree_rules *rules;
	bool one_file_system;
};

/**
 * source_tree_walk(opts, top, sink, err):
 * Read the tree below the open folder ${top}, which stays the caller's.
 */
int source_tree_walk(
    const struct source_tree_walk_opts *, int, struct sink *, struct err *);

#endif /* !SOURCE_TREE_SOURCE_TREE_WALK_H_ */
