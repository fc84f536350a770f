#include <errno.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

#include "base/entry.h"
#include "base/err.h"
#include "source/source.h"
#include "source/tree/source_tree_xattr.h"

/*
 * The kernel allocates as many bytes as are asked for, and for a value clears
 * them.  Nearly all files have a few short attributes or none, so a small
 * buffer is tried first.
 */
#define NAMES_FIRST 1024
#define VALUE_FIRST 256

/* How an attribute is reached: by descriptor, or, for one that was opened
 * with O_PATH, by the name that /proc gives it. */
struct reach {
	int fd;
	char path[32]; /* "" if ${fd} will do. */
};

int
source_tree_xattrs_init(struct source_tree_xattrs *x, struct err *err)
{
	x->names = malloc(XATTR_LIST_MAX);
	x->values = malloc(SOURCE_TREE_XATTR_MAX);
	if (x->names == NULL || x->values == NULL)
		return err_nomem(err);
	return 0;
}

void
source_tree_xattrs_clear(struct source_tree_xattrs *x)
{
	free(x->names);
	free(x->values);
	free(x->v);
	*x = (struct source_tree_xattrs){ NULL };
}

static ssize_t
list(const struct reach *r, char *names, size_t max)
{
	return r->path[0] != '\0' ? listxattr(r->path, names, max)
				  : flistxattr(r->fd, names, max);
}

static ssize_t
get(const struct reach *r, const char *name, uint8_t *p, size_t max)
{
	return r->path[0] != '\0' ? getxattr(r->path, name, p, max)
				  : fgetxattr(r->fd, name, p, max);
}

/* List the names; a file system without attributes has none. */
static size_t
read_names(struct source_tree_xattrs *x, const struct reach *r,
    struct sink *sink, const char *path)
{
	ssize_t n = list(r, x->names, NAMES_FIRST);

	if (n < 0 && errno == ERANGE)
		n = list(r, x->names, XATTR_LIST_MAX);
	if (n < 0 && errno != ENOTSUP)
		sink_warn(
		    sink, path, "its extended attributes cannot be listed: %m");
	return n < 0 ? 0 : (size_t)n;
}

/* Put the value of ${name} at ${to}, where ${left} bytes are free. */
static ssize_t
get_value(const struct reach *r, const char *name, uint8_t *to, size_t left)
{
	ssize_t n;

	/* If no bytes are asked for, the kernel tells only the length. */
	if (left == 0) {
		errno = ERANGE;
		return -1;
	}
	n = get(r, name, to, left < VALUE_FIRST ? left : VALUE_FIRST);
	if (n < 0 && errno == ERANGE)
		n = get(
		    r, name, to, left < XATTR_SIZE_MAX ? left : XATTR_SIZE_MAX);
	return n;
}

static int
read_value(struct source_tree_xattrs *x, const struct reach *r, char *name,
    struct sink *sink, const char *path, struct err *err)
{
	uint8_t *to = x->values + x->used;
	struct entry_xattr *grown;
	size_t cap;
	ssize_t n;

	n = get_value(r, name, to, SOURCE_TREE_XATTR_MAX - x->used);
	if (n < 0 && errno == ENODATA)
		return 0; /* Removed since it was listed. */
	if (n < 0 && errno == ERANGE) {
		sink_warn(sink, path,
		    "its extended attribute '%s' is left out: together "
		    "they are longer than %d KiB",
		    name, SOURCE_TREE_XATTR_MAX >> 10);
		return 0;
	}
	if (n < 0) {
		sink_warn(sink, path,
		    "its extended attribute '%s' cannot be read: %m", name);
		return 0;
	}
	if (x->n == x->cap) {
		cap = x->cap > 0 ? 2 * x->cap : 16;
		if ((grown = reallocarray(x->v, cap, sizeof(*grown))) == NULL)
			return err_nomem(err);
		x->v = grown;
		x->cap = cap;
	}
	x->v[x->n++] = (struct entry_xattr){ name, to, (size_t)n };
	x->used += (size_t)n;
	return 0;
}

static int
by_name(const void *a, const void *b)
{
	const struct entry_xattr *x = a, *y = b;

	return strcmp(x->name, y->name);
}

int
source_tree_xattrs_read(struct source_tree_xattrs *x, int fd, bool is_path,
    struct sink *sink, struct entry *e, struct err *err)
{
	struct reach r = { .fd = fd };
	size_t len, at;
	int rc;

	if (is_path)
		(void)snprintf(r.path, sizeof(r.path), "/proc/self/fd/%d", fd);
	x->n = x->used = 0;
	len = read_names(x, &r, sink, e->path);
	for (at = 0; at < len; at += strlen(x->names + at) + 1) {
		rc = read_value(x, &r, x->names + at, sink, e->path, err);
		if (rc < 0)
			return rc;
	}
	if (x->n > 1)
		qsort(x->v, x->n, sizeof(*x->v), by_name);
	e->xattrs = x->v;
	e->nxattrs = x->n;
	return 0;
}
