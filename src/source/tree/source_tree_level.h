#ifndef SOURCE_TREE_SOURCE_TREE_LEVEL_H_
#define SOURCE_TREE_SOURCE_TREE_LEVEL_H_

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/buf.h"

/* Opaque types. */
struct err;

#define SOURCE_TREE_OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/*
 * One open folder of the walk: its names, sorted, and how far the walk has
 * come.  A folder deep above the current one lends its descriptor (fd is -1
 * then) and is opened anew when the walk comes back to it.
 */
struct source_tree_level {
	int fd;
	struct stat st;
	size_t path_len; /* Its path is so much of the walk's path. */
	bool kept;       /* An include glob matched it or a folder above. */
	struct buf text; /* Records: d_type, name, NUL. */
	size_t *record;  /* Where they begin, ascending by name. */
	size_t n, cap, next;
};

void source_tree_level_clear(struct source_tree_level *);

/**
 * source_tree_level_list(l, dents, size, errnum, err):
 * Read and sort the names in ${l->fd}, using the ${size} bytes at ${dents}.
 * If the folder cannot be read to its end ${*errnum} says why (else 0), and
 * ${l} has the names that could be read.
 */
int source_tree_level_list(
    struct source_tree_level *, void *, size_t, int *, struct err *);

/**
 * source_tree_level_next(l, type):
 * Return the next name, or NULL behind the last, and its d_type.
 */
const char *source_tree_level_next(struct source_tree_level *, unsigned char *);

/**
 * source_tree_open(dir, name, flags):
 * Open ${name} in ${dir} without leaving a trace on it, where that is allowed.
 */
int source_tree_open(int, const char *, int);

/**
 * source_tree_level_reopen(l, top, path):
 * Open a folder anew that had to lend its descriptor: from ${top}, one
 * component of ${path} after the other, and only if it is still the same
 * folder.  ${path} is cut to its path.  Return 0, or -1 with errno.
 */
int source_tree_level_reopen(struct source_tree_level *, int, char *);

/**
 * source_tree_level_reopen_from(l, below):
 * The same from an open folder in it, which knows the way unless it was
 * moved; then nothing happens.
 */
void source_tree_level_reopen_from(struct source_tree_level *, int);

#endif /* !SOURCE_TREE_SOURCE_TREE_LEVEL_H_ */
