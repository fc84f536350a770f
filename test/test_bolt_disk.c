#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "test_bolt_disk.h"

struct test_bolt_disk {
	struct etcd_bolt_file file;
	int fd;
};

static int
disk_read(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	const struct test_bolt_disk *d = arg;

	if (pread(d->fd, to, n, (off_t)off) != (ssize_t)n)
		return err_set(err, HF_ECORRUPT, "the file is shorter now");
	return 0;
}

int
test_bolt_disk_open(
    const char *path, struct test_bolt_disk **ret, struct err *err)
{
	CLEANUP(freep_test_bolt_disk)
	struct test_bolt_disk *d = calloc(1, sizeof(*d));
	struct stat st;

	if (d == NULL)
		return err_nomem(err);
	d->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (d->fd < 0 || fstat(d->fd, &st) < 0)
		return err_errno(err, errno, "open '%s'", path);
	d->file = (struct etcd_bolt_file){
		.size = (uint64_t)st.st_size,
		.read = disk_read,
		.arg = d,
	};
	*ret = TAKE(d);
	return 0;
}

void
test_bolt_disk_free(struct test_bolt_disk *d)
{
	if (d == NULL)
		return;
	freep_fd(&d->fd);
	free(d);
}

const struct etcd_bolt_file *
test_bolt_disk_file(const struct test_bolt_disk *d)
{
	return &d->file;
}
