#ifndef SOURCE_TREE_SOURCE_TREE_DATA_H_
#define SOURCE_TREE_SOURCE_TREE_DATA_H_

#include <stddef.h>

/* Opaque types. */
struct entry;
struct entry_extent;
struct err;
struct sink;
struct stat;

/* Extents that one file may have; the last one then takes in all the holes
 * behind it.  An entry has to fit into a frame. */
#define SOURCE_TREE_EXTENTS_MAX 32768

/* Room for the extents of one file, used again for the next. */
struct source_tree_data {
	struct entry_extent *extents;
	size_t cap;
};

void source_tree_data_clear(struct source_tree_data *);

/**
 * source_tree_data_read(d, fd, st, sink, e, err):
 * Write the data of the file ${fd} into ${sink}, from begin on but without
 * add, and set size and extents of ${e} to what was read; ${d} keeps the
 * extents until the next call.  ${st} is what fstat said before; a file that
 * has changed since, or cannot be read to its end, is a warning.
 */
int source_tree_data_read(struct source_tree_data *, int, const struct stat *,
    struct sink *, struct entry *, struct err *);

#endif /* !SOURCE_TREE_SOURCE_TREE_DATA_H_ */
