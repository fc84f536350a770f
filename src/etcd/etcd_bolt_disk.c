#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "etcd/etcd_bolt.h"

struct etcd_bolt_disk {
	struct etcd_bolt_file file;
	int fd;
	char *path;
};

static int
disk_read(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	const struct etcd_bolt_disk *d = arg;
	uint8_t *p = to;
	ssize_t got;

	for (; n > 0; p += got, off += (uint64_t)got, n -= (size_t)got) {
		got = pread(d->fd, p, n, (off_t)off);
		if (got < 0 && errno == EINTR)
			got = 0;
		else if (got < 0)
			return err_errno(err, errno, "read '%s'", d->path);
		else if (got == 0)
			return err_set(err, HF_ECORRUPT,
			    "'%s' ends at byte %" PRIu64
			    " now, and was longer when it was opened",
			    d->path, off);
	}
	return 0;
}

static int
open_regular(struct etcd_bolt_disk *d, struct err *err)
{
	struct stat st;

	/* Not to wait for the writer of a pipe, before it is refused. */
	d->fd = open(d->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (d->fd < 0 || fstat(d->fd, &st) < 0)
		return err_errno(err, errno, "open '%s'", d->path);
	if (!S_ISREG(st.st_mode))
		return err_set(
		    err, HF_EUSAGE, "'%s' is not a regular file", d->path);
	d->file.size = (uint64_t)st.st_size;
	return 0;
}

int
etcd_bolt_disk_open(
    const char *path, struct etcd_bolt_disk **ret, struct err *err)
{
	CLEANUP(freep_etcd_bolt_disk) struct etcd_bolt_disk *d = NULL;
	int rc;

	if ((d = calloc(1, sizeof(*d))) == NULL)
		return err_nomem(err);
	d->fd = -1;
	d->file = (struct etcd_bolt_file){ .read = disk_read, .arg = d };
	if ((rc = str_dup(path, &d->path, err)) < 0 ||
	    (rc = open_regular(d, err)) < 0)
		return rc;
	*ret = TAKE(d);
	return 0;
}

void
etcd_bolt_disk_free(struct etcd_bolt_disk *d)
{
	if (d == NULL)
		return;
	freep_fd(&d->fd);
	free(d->path);
	free(d);
}

const struct etcd_bolt_file *
etcd_bolt_disk_file(const struct etcd_bolt_disk *d)
{
	return &d->file;
}
