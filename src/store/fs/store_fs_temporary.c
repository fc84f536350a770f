#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "store/fs/store_fs_dir.h"
#include "store/fs/store_fs_temporary.h"

void
store_fs_temporary_close(struct store_fs_temporary *t)
{
	freep_fd(&t->fd);
	if (t->name[0] != '\0')
		(void)unlinkat(t->dir, t->name, 0);
}

bool
store_fs_is_temporary(const char *name)
{
	const size_t len = strlen(STORE_FS_TEMPORARY);

	return strncmp(name, STORE_FS_TEMPORARY, len) == 0 &&
	       strspn(name + len, "0123456789abcdef") ==
		   STORE_FS_TEMPORARY_DIGITS &&
	       strcmp(name + len + STORE_FS_TEMPORARY_DIGITS, "~") == 0;
}

int
store_fs_temporary_open(
    struct store_fs *fs, int dir, struct store_fs_temporary *t)
{
	if (!fs->named) {
		t->dir = dir;
		t->fd =
		    openat(dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600);
		if (t->fd >= 0)
			return 0;
		/* EISDIR: a kernel that has never heard of it. */
		if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
			return -1;
		fs->named = true;
	}
	return store_fs_temporary_open_named(dir, t);
}

int
store_fs_temporary_open_named(int dir, struct store_fs_temporary *t)
{
	uint64_t rnd;

	t->dir = dir;
	if (getrandom(&rnd, sizeof(rnd), 0) != (ssize_t)sizeof(rnd))
		return -1;
	(void)snprintf(t->name, sizeof(t->name), STORE_FS_TEMPORARY "%0*llx~",
	    STORE_FS_TEMPORARY_DIGITS, (unsigned long long)rnd);
	t->fd =
	    openat(dir, t->name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (t->fd < 0) {
		t->name[0] = '\0';
		return -1;
	}
	return 0;
}

int
store_fs_temporary_publish(struct store_fs *fs, struct store_fs_temporary *t,
    const char *base, struct err *err)
{
	char proc[40];
	int rc;

	if (t->name[0] != '\0') {
		if ((rc = file_publish(t->dir, t->name, base, err)) == 0)
			t->name[0] = '\0';
		return rc;
	}
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", t->fd);
	if (linkat(AT_FDCWD, proc, t->dir, base, AT_SYMLINK_FOLLOW) == 0)
		return 0;
	/* Perhaps /proc is not mounted; a name does without. */
	if (errno != EEXIST)
		fs->named = true;
	return store_fs_error(fs, errno, "name", base, err);
}
