#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "source/tree/target_tree_dir.h"

void
target_tree_dirs_init(struct target_tree_dirs *d, int top)
{
	*d = (struct target_tree_dirs){ top, -1, NULL, 0 };
}

void
target_tree_dirs_clear(struct target_tree_dirs *d)
{
	freep_fd(&d->fd);
	free(d->path);
	*d = (struct target_tree_dirs){ -1, -1, NULL, 0 };
}

/* Open one component, after making it if that is asked for. */
static int
open_component(int dir, const char *name, int flags, bool make)
{
	int fd = openat(dir, name, flags | O_NOFOLLOW);

	if (fd >= 0 || errno != ENOENT || !make)
		return fd;
	if (mkdirat(dir, name, 0700) < 0 && errno != EEXIST)
		return -1;
	return openat(dir, name, flags | O_NOFOLLOW);
}

/* Go down component by component, none of which may be a link. */
static int
walk_down(int top, const char *path, size_t len, int flags, bool make)
{
	char name[NAME_MAX + 1];
	const char *end = path + len, *slash;
	int dir = top, fd = -1;
	size_t n;

	for (; path < end; path += n + 1) {
		slash = memchr(path, '/', (size_t)(end - path));
		n = (size_t)((slash != NULL ? slash : end) - path);
		if (n >= sizeof(name)) {
			freep_fd(&fd);
			errno = ENAMETOOLONG;
			return -1;
		}
		memcpy(name, path, n);
		name[n] = '\0';
		dir = open_component(fd >= 0 ? fd : top, name,
		    slash != NULL ? O_PATH | O_DIRECTORY | O_CLOEXEC : flags,
		    make);
		freep_fd(&fd);
		if ((fd = dir) < 0)
			return -1;
	}
	return fd;
}

int
target_tree_open(int top, const char *path, size_t len, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
			   RESOLVE_NO_MAGICLINKS,
	};
	char copy[PATH_MAX];
	long fd;

	if (len == 0)
		return openat(top, ".", flags);
	if (len < sizeof(copy)) {
		memcpy(copy, path, len);
		copy[len] = '\0';
		fd = syscall(SYS_openat2, top, copy, &how, sizeof(how));
		/* The kernel is old, or a filter does not know the call. */
		if (fd >= 0 || (errno != ENOSYS && errno != EPERM))
			return (int)fd;
	}
	return walk_down(top, path, len, flags, false);
}

static int
cannot_open(const char *path, size_t len, struct err *err)
{
	int errnum = errno;

	if (errnum == ELOOP || errnum == ENOTDIR)
		return err_set(err, HF_ECORRUPT,
		    "'%s' lies below something that is no folder", path);
	return err_errno(err, errnum, "open the folder '%.*s'",
	    len < PATH_MAX ? (int)len : PATH_MAX, path);
}

int
target_tree_parent(struct target_tree_dirs *d, const char *path, int *ret,
    const char **base, struct err *err)
{
	const int flags = O_PATH | O_DIRECTORY | O_CLOEXEC;
	CLEANUP(freep_mem) char *copy = NULL;
	const char *slash = strrchr(path, '/');
	size_t len = slash != NULL ? (size_t)(slash - path) : 0;
	int fd;

	*base = slash != NULL ? slash + 1 : path;
	if (d->fd >= 0 && d->len == len && memcmp(d->path, path, len) == 0) {
		*ret = d->fd;
		return 0;
	}
	if ((copy = strndup(path, len)) == NULL)
		return err_nomem(err);
	fd = target_tree_open(d->top, path, len, flags);
	if (fd < 0 && errno == ENOENT)
		fd = walk_down(d->top, path, len, flags, true);
	if (fd < 0)
		return cannot_open(path, len, err);
	freep_fd(&d->fd);
	free(d->path);
	d->path = TAKE(copy);
	d->len = len;
	*ret = d->fd = fd;
	return 0;
}
