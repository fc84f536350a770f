#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "power_meta.h"

/* It is followed by attributes: name, NUL, length, value. */
struct fixed {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
};

static size_t
put(uint8_t *to, size_t n, const void *p, size_t len)
{
	if (len > POWER_META_MAX - n)
		errx(2, "too many attributes");
	memcpy(to + n, p, len);
	return n + len;
}

static size_t
put_attribute(uint8_t *to, size_t n, const char *path, const char *name)
{
	char value[POWER_META_MAX];
	ssize_t len = getxattr(path, name, value, sizeof(value));

	if (len < 0)
		err(2, "%s of %s", name, path);
	n = put(to, n, name, strlen(name) + 1);
	n = put(to, n, &len, sizeof(len));
	return put(to, n, value, (size_t)len);
}

size_t
power_meta_get(int fd, uint8_t *to)
{
	char path[32], names[POWER_META_MAX];
	struct fixed f;
	struct stat st;
	ssize_t all, i;
	size_t n;

	if (fstat(fd, &st) < 0)
		err(2, "cannot look");
	/* Also the padding. */
	memset(&f, 0, sizeof(f));
	f.mode = st.st_mode & 07777;
	f.uid = st.st_uid;
	f.gid = st.st_gid;
	f.mtime = st.st_mtim;
	n = put(to, 0, &f, sizeof(f));
	/* What is open with O_PATH is reached in this way alone. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	all = listxattr(path, names, sizeof(names));
	for (i = 0; i < all; i += (ssize_t)strlen(names + i) + 1)
		if (strncmp(names + i, "user.", 5) == 0)
			n = put_attribute(to, n, path, names + i);
	return n;
}

void
power_meta_set(const char *path, const uint8_t *p, size_t n)
{
	struct timespec t[2] = { { .tv_nsec = UTIME_OMIT } };
	const char *name;
	struct fixed f;
	ssize_t len;
	size_t at;

	memcpy(&f, p, sizeof(f));
	if (lchown(path, f.uid, f.gid) < 0)
		err(2, "the owner of %s", path);
	for (at = sizeof(f); at < n; at += (size_t)len) {
		name = (const char *)p + at;
		at += strlen(name) + 1;
		memcpy(&len, p + at, sizeof(len));
		at += sizeof(len);
		if (lsetxattr(path, name, p + at, (size_t)len, 0) < 0)
			err(2, "%s of %s", name, path);
	}
	/* A link has no mode of its own. */
	if (fchmodat(AT_FDCWD, path, f.mode, AT_SYMLINK_NOFOLLOW) < 0 &&
	    f.mode != 0777)
		err(2, "the mode of %s", path);
	t[1] = f.mtime;
	if (utimensat(AT_FDCWD, path, t, AT_SYMLINK_NOFOLLOW) < 0)
		err(2, "the time of %s", path);
}
