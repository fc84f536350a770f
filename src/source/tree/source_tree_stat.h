#ifndef SOURCE_TREE_SOURCE_TREE_STAT_H_
#define SOURCE_TREE_SOURCE_TREE_STAT_H_

#include <stdbool.h>

/* Opaque types. */
struct entry;
struct source_tree_names;
struct stat;

/**
 * source_tree_describe(names, path, st, e):
 * Fill ${e} from what fstat said about ${path}.  It owns nothing: its names
 * are those of ${names}, good until the next call, its path is ${path}.
 */
void source_tree_describe(struct source_tree_names *, const char *,
    const struct stat *, struct entry *);

/**
 * source_tree_stat_changed(before, after):
 * Was the file written to, or its inode changed, between the two?
 */
bool source_tree_stat_changed(const struct stat *, const struct stat *);

#endif /* !SOURCE_TREE_SOURCE_TREE_STAT_H_ */
