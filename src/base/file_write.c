#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <sys/vfs.h>

#include "base/err.h"
#include "base/file.h"

#define WRITE_BEHIND (8u << 20)
#define RESERVE ((uint64_t)32 << 20)

int
file_write_full(int fd, const void *p, size_t n, struct err *err)
{
	const uint8_t *b = p;
	ssize_t w;

	while (n > 0) {
		w = write(fd, b, n);
		if (w < 0 && errno == EINTR)
			continue;
		if (w < 0)
			return err_errno(err, errno, "cannot write");
		b += w;
		n -= (size_t)w;
	}
	return 0;
}

/* Pieces of this size are worth waiting for the disk. */
#define DIRECT_MIN (256u << 10)

static bool
is_direct(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 && (flags & O_DIRECT) != 0;
}

/* Set or clear O_DIRECT; return false if that cannot be. */
static bool
set_direct(int fd, bool on)
{
	int flags = fcntl(fd, F_GETFL);

	return flags >= 0 &&
	       fcntl(fd, F_SETFL, on ? flags | O_DIRECT : flags & ~O_DIRECT) ==
		   0;
}

bool
file_in_memory(int fd)
{
	struct statfs s;

	return fstatfs(fd, &s) == 0 &&
	       (s.f_type == TMPFS_MAGIC || s.f_type == RAMFS_MAGIC);
}

bool
file_direct(int fd, bool on)
{
	/* It would take the flag, and has nothing but the page cache. */
	if (on && file_in_memory(fd))
		return false;
	return set_direct(fd, on);
}

/*
 * Write past the page cache as much as can go there; return 0 if nothing can.
 * The flag stays as it was, but what cannot go there needs it cleared.
 */
static ssize_t
write_direct(int fd, const uint8_t *p, size_t n, uint64_t off)
{
	const bool was = is_direct(fd);
	ssize_t w = 0;
	int errnum;

	if (n >= DIRECT_MIN && ((uintptr_t)p | off) % FILE_PAGE == 0 &&
	    (was || set_direct(fd, true))) {
		w = pwrite(fd, p, n - n % FILE_PAGE, (off_t)off);
		errnum = errno;
		/* Some file systems take the flag and refuse the write. */
		if (w < 0 && errnum == EINVAL)
			w = 0;
		if (!was || w == 0)
			(void)set_direct(fd, false);
		errno = errnum;
	} else if (was) {
		(void)set_direct(fd, false);
	}
	return w;
}

int
file_write_at(int fd, const void *p, size_t n, uint64_t off, struct err *err)
{
	const uint8_t *b = p;
	ssize_t w;

	for (; n > 0; b += w, off += (uint64_t)w, n -= (size_t)w) {
		if ((w = write_direct(fd, b, n, off)) == 0)
			w = pwrite(fd, b, n, (off_t)off);
		if (w < 0 && errno == EINTR)
			w = 0;
		else if (w < 0)
			return err_errno(err, errno, "cannot write");
	}
	return 0;
}

void
file_write_behind(int fd, uint64_t *from, uint64_t to)
{
	if (to < *from || to - *from < WRITE_BEHIND)
		return;
	(void)sync_file_range(
	    fd, (off_t)*from, (off_t)(to - *from), SYNC_FILE_RANGE_WRITE);
	*from = to;
}

void
file_reserve(int fd, uint64_t *from, uint64_t to)
{
	struct rlimit most;

	/* Beyond what files may have there is a signal that kills. */
	if (getrlimit(RLIMIT_FSIZE, &most) < 0 || most.rlim_cur < to + RESERVE)
		return;
	for (; *from < to; *from += RESERVE)
		(void)fallocate(fd, 0, (off_t)*from, (off_t)RESERVE);
}
