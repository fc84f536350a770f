#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "source/tree/source_tree_level.h"

void
source_tree_level_clear(struct source_tree_level *l)
{
	if (l->fd >= 0)
		(void)close(l->fd);
	buf_free(&l->text);
	free(l->record);
	*l = (struct source_tree_level){ .fd = -1 };
}

static int
add_name(struct source_tree_level *l, const struct dirent64 *d, struct err *err)
{
	size_t *grown, cap, at = l->text.len;
	int rc;

	if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
		return 0;
	if (l->n == l->cap) {
		cap = l->cap > 0 ? 2 * l->cap : 32;
		grown = reallocarray(l->record, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		l->record = grown;
		l->cap = cap;
	}
	if ((rc = buf_add_u8(&l->text, d->d_type, err)) < 0 ||
	    (rc = buf_add(&l->text, d->d_name, strlen(d->d_name) + 1, err)) < 0)
		return rc;
	l->record[l->n++] = at;
	return 0;
}

/*
 * Names ascend byte by byte; a folder's children come right after it.  So
 * paths ascend with '/' below every other byte.
 */
static int
by_name(const void *a, const void *b, void *text)
{
	const char *t = text;
	const size_t *x = a, *y = b;

	return strcmp(t + *x + 1, t + *y + 1);
}

int
source_tree_level_list(struct source_tree_level *l, void *dents, size_t size,
    int *errnum, struct err *err)
{
	struct dirent64 *d;
	char *p = dents;
	ssize_t n, at;
	int rc;

	while ((n = getdents64(l->fd, dents, size)) > 0) {
		for (at = 0; at < n; at += d->d_reclen) {
			d = (void *)(p + at);
			if ((rc = add_name(l, d, err)) < 0)
				return rc;
		}
	}
	*errnum = n < 0 ? errno : 0;
	if (l->n > 1)
		qsort_r(
		    l->record, l->n, sizeof(*l->record), by_name, l->text.p);
	return 0;
}

const char *
source_tree_level_next(struct source_tree_level *l, unsigned char *type)
{
	const char *record;

	if (l->next == l->n)
		return NULL;
	record = (const char *)l->text.p + l->record[l->next++];
	*type = (unsigned char)record[0];
	return record + 1;
}

int
source_tree_open(int dir, const char *name, int flags)
{
	int fd = openat(dir, name, flags | O_NOATIME);

	if (fd < 0 && errno == EPERM)
		fd = openat(dir, name, flags);
	return fd;
}

/*
 * Take ${*fd} as the descriptor of ${l} if it is the same folder; else set it
 * to -1, and errno.
 */
static int
adopt(struct source_tree_level *l, int *fd)
{
	struct stat st;

	if (*fd < 0 || fstat(*fd, &st) < 0)
		return -1;
	if (st.st_dev != l->st.st_dev || st.st_ino != l->st.st_ino) {
		errno = ENOENT;
		return -1;
	}
	l->fd = *fd;
	*fd = -1;
	return 0;
}

void
source_tree_level_reopen_from(struct source_tree_level *l, int below)
{
	CLEANUP(freep_fd)
	int fd = source_tree_open(below, "..", SOURCE_TREE_OPEN_DIR);

	(void)adopt(l, &fd);
}

int
source_tree_level_reopen(struct source_tree_level *l, int top, char *path)
{
	CLEANUP(freep_fd) int fd = fcntl(top, F_DUPFD_CLOEXEC, 0);
	char *name, *slash;
	int next;

	path[l->path_len] = '\0';
	name = l->path_len > 0 ? path : NULL;
	while (fd >= 0 && name != NULL) {
		if ((slash = strchr(name, '/')) != NULL)
			*slash = '\0';
		next = source_tree_open(fd, name, SOURCE_TREE_OPEN_DIR);
		freep_fd(&fd);
		fd = next;
		if (slash != NULL)
			*slash = '/';
		name = slash != NULL ? slash + 1 : NULL;
	}
	return adopt(l, &fd);
}
