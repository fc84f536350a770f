#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/file.h"
#include "base/remove_tree.h"

#define DENTS_SIZE 32768
#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/*
 * A folder is emptied by moving the folders in it up to the top, where they
 * wait for their turn: so the depth does not matter.  A folder on which
 * something is mounted cannot be moved, which stops us there.
 */
struct removal {
	int top;
	unsigned long long next; /* For names at the top. */
};

static bool
is_dots(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

/* Open a folder of which we may lack the rights, but not the power. */
static int
open_dir(int dir, const char *name)
{
	int fd = openat(dir, name, OPEN_DIR);

	if (fd < 0 && errno == EACCES &&
	    fchmodat(dir, name, 0700, AT_SYMLINK_NOFOLLOW) == 0)
		fd = openat(dir, name, OPEN_DIR);
	if (fd >= 0)
		(void)fchmod(fd, 0700);
	return fd;
}

/* Move a folder to the top under a name of ours, which is put at ${name}. */
static int
lift(struct removal *r, int dir, const char *from, char *name, size_t max)
{
	for (;;) {
		(void)snprintf(name, max, ".holdfast-%llu", r->next++);
		if (renameat(dir, from, r->top, name) == 0)
			return 0;
		if (errno == EACCES &&
		    fchmodat(dir, from, 0700, AT_SYMLINK_NOFOLLOW) == 0 &&
		    renameat(dir, from, r->top, name) == 0)
			return 0;
		/* The name may be taken; an empty folder gave way. */
		if (errno != ENOTEMPTY && errno != EEXIST && errno != ENOTDIR)
			return -errno;
	}
}

/*
 * Remove what is not a folder; return 0, 1 if it is a folder, or a negative
 * errno.
 */
static int
unlink_file(int dir, const char *name)
{
	if (unlinkat(dir, name, 0) == 0 || errno == ENOENT)
		return 0;
	return errno == EISDIR ? 1 : -errno;
}

typedef int each_fn(struct removal *, int, const char *);

/* Call ${fn} for all names in ${dir} until there are none. */
static int
until_empty(struct removal *r, int dir, each_fn *fn)
{
	CLEANUP(freep_mem) char *dents = malloc(DENTS_SIZE);
	const struct dirent64 *d;
	ssize_t n, at;
	bool some;
	int rc;

	if (dents == NULL)
		return -ENOMEM;
	do {
		/* Names come and go meanwhile, so begin anew each time. */
		if (lseek(dir, 0, SEEK_SET) < 0 ||
		    (n = getdents64(dir, dents, DENTS_SIZE)) < 0)
			return -errno;
		for (some = false, at = 0; at < n; at += d->d_reclen) {
			d = (const void *)(dents + at);
			if (is_dots(d->d_name))
				continue;
			some = true;
			if ((rc = fn(r, dir, d->d_name)) < 0)
				return rc;
		}
	} while (some);
	return 0;
}

/* In a folder below the top. */
static int
remove_below(struct removal *r, int dir, const char *name)
{
	char moved[64];
	int rc = unlink_file(dir, name);

	return rc > 0 ? lift(r, dir, name, moved, sizeof(moved)) : rc;
}

static int
remove_at_top(struct removal *r, int top, const char *name)
{
	CLEANUP(freep_fd) int fd = -1;
	char moved[64];
	int rc;

	if ((rc = unlink_file(top, name)) <= 0 ||
	    (rc = lift(r, top, name, moved, sizeof(moved))) < 0)
		return rc;
	if ((fd = open_dir(top, moved)) < 0)
		return -errno;
	if ((rc = until_empty(r, fd, remove_below)) < 0)
		return rc;
	return unlinkat(top, moved, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int
remove_tree(int dir, const char *name)
{
	CLEANUP(freep_fd) int top = -1;
	struct removal r = { -1, 0 };
	int rc;

	if ((rc = unlink_file(dir, name)) <= 0)
		return rc;
	if ((top = open_dir(dir, name)) < 0)
		return -errno;
	r.top = top;
	if ((rc = until_empty(&r, top, remove_at_top)) < 0)
		return rc;
	return unlinkat(dir, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}
