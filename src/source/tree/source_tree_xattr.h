#ifndef SOURCE_TREE_SOURCE_TREE_XATTR_H_
#define SOURCE_TREE_SOURCE_TREE_XATTR_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct entry;
struct entry_xattr;
struct err;
struct sink;

/* The values of one file's attributes together; what is beyond is left out
 * with a warning.  An entry has to fit into a frame. */
#define SOURCE_TREE_XATTR_MAX (256 << 10)

/* Room for the extended attributes of one file, used again for the next. */
struct source_tree_xattrs {
	char *names;     /* As listed: one behind the other. */
	uint8_t *values; /* Likewise. */
	size_t used;     /* Of ${values}. */
	struct entry_xattr *v;
	size_t n, cap;
};

int source_tree_xattrs_init(struct source_tree_xattrs *, struct err *);
void source_tree_xattrs_clear(struct source_tree_xattrs *);

/**
 * source_tree_xattrs_read(x, fd, is_path, sink, e, err):
 * Point ${e} at the attributes of ${fd}, sorted by name, POSIX ACLs among
 * them; ${x} keeps them until the next call.  ${is_path} says that ${fd} was
 * opened with O_PATH.  What cannot be read is a warning.
 */
int source_tree_xattrs_read(struct source_tree_xattrs *, int, bool,
    struct sink *, struct entry *, struct err *);

#endif /* !SOURCE_TREE_SOURCE_TREE_XATTR_H_ */
