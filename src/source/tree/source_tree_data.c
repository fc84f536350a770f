#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/err.h"
#include "source/source.h"
#include "source/tree/source_tree_data.h"
#include "source/tree/source_tree_stat.h"

#define READ_AHEAD_MIN (1 << 20)

/* The result of reading a run of bytes. */
struct outcome {
	uint64_t got;
	int errnum; /* Why it ended early; 0: the file did. */
};

void
source_tree_data_clear(struct source_tree_data *d)
{
	free(d->extents);
	*d = (struct source_tree_data){ NULL, 0 };
}

/* Read ${len} bytes from ${off} straight into what the sink lends. */
static int
read_run(int fd, uint64_t off, uint64_t len, struct sink *sink,
    struct outcome *o, struct err *err)
{
	uint8_t *p;
	ssize_t got;
	size_t n;
	int rc;

	for (*o = (struct outcome){ 0, 0 }; o->got < len;) {
		if ((rc = sink_check(sink, err)) < 0 ||
		    (rc = sink_space(sink, &p, &n, err)) < 0)
			return rc;
		if (n > len - o->got)
			n = (size_t)(len - o->got);
		do
			got = pread(fd, p, n, (off_t)(off + o->got));
		while (got < 0 && errno == EINTR);
		if (got <= 0) {
			o->errnum = got < 0 ? errno : 0;
			break;
		}
		if ((rc = sink_wrote(sink, (size_t)got, err)) < 0)
			return rc;
		o->got += (uint64_t)got;
	}
	return 0;
}

/*
 * Find the next data at or behind ${*off}, and set ${*end} to its end; false if
 * only a hole is left.  If the file system cannot tell, all is data.
 */
static bool
next_data(int fd, uint64_t size, bool last, uint64_t *off, uint64_t *end)
{
	off_t data, hole;

	*end = size;
	if ((data = lseek(fd, (off_t)*off, SEEK_DATA)) < 0)
		return errno != ENXIO;
	if ((uint64_t)data >= size)
		return false;
	*off = (uint64_t)data;
	if (!last && (hole = lseek(fd, data, SEEK_HOLE)) > data &&
	    (uint64_t)hole < size)
		*end = (uint64_t)hole;
	return true;
}

static int
add_extent(struct source_tree_data *d, struct entry *e, uint64_t off,
    uint64_t len, struct err *err)
{
	struct entry_extent *last, *grown;
	size_t cap;

	/* A hole may have been filled while the data before it was read. */
	last = e->nextents > 0 ? &d->extents[e->nextents - 1] : NULL;
	if (last != NULL && last->off + last->len == off) {
		last->len += len;
		return 0;
	}
	if (d->extents == NULL || e->nextents == d->cap) {
		cap = d->cap > 0 ? 2 * d->cap : 16;
		grown = reallocarray(d->extents, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		d->extents = grown;
		d->cap = cap;
	}
	d->extents[e->nextents++] = (struct entry_extent){ off, len };
	return 0;
}

/* Read what lies between the holes. */
static int
read_sparse(struct source_tree_data *d, int fd, struct sink *sink,
    struct entry *e, struct outcome *o, struct err *err)
{
	uint64_t off, end, size = e->size;
	bool last;
	int rc;

	*o = (struct outcome){ size, 0 };
	for (off = 0; off < size; off = end) {
		last = e->nextents == SOURCE_TREE_EXTENTS_MAX - 1;
		if (!next_data(fd, size, last, &off, &end))
			break;
		if ((rc = read_run(fd, off, end - off, sink, o, err)) < 0)
			return rc;
		if (o->got > 0 && (rc = add_extent(d, e, off, o->got, err)) < 0)
			return rc;
		o->got += off;
		if (o->got < end)
			break;
		o->got = size;
	}
	e->sparse = e->nextents != 1 || d->extents[0].off > 0 ||
		    d->extents[0].len < o->got;
	if (!e->sparse)
		e->nextents = 0;
	e->extents = d->extents;
	return 0;
}

/* Tell what happened to the file while it was read. */
static void
judge(int fd, const struct stat *st, const struct outcome *o, struct sink *sink,
    const char *path)
{
	struct stat now;

	if (o->errnum != 0) {
		errno = o->errnum;
		sink_warn(sink, path,
		    "only its first %llu bytes can be read: %m",
		    (unsigned long long)o->got);
	} else if (o->got < (uint64_t)st->st_size) {
		sink_warn(sink, path,
		    "became shorter while it was read: %llu bytes are kept",
		    (unsigned long long)o->got);
	} else if (fstat(fd, &now) < 0 || source_tree_stat_changed(st, &now)) {
		sink_warn(sink, path, "changed while it was read");
	}
}

int
source_tree_data_read(struct source_tree_data *d, int fd, const struct stat *st,
    struct sink *sink, struct entry *e, struct err *err)
{
	uint64_t held = (uint64_t)st->st_blocks * 512;
	struct outcome o;
	int rc;

	e->size = (uint64_t)st->st_size;
	if ((rc = sink_begin(sink, e->path, held < e->size ? held : e->size,
		 SINK_HASHES, err)) < 0)
		return rc;
	if (e->size >= READ_AHEAD_MIN)
		(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	rc = held < e->size ? read_sparse(d, fd, sink, e, &o, err)
			    : read_run(fd, 0, e->size, sink, &o, err);
	if (rc < 0)
		return rc;
	judge(fd, st, &o, sink, e->path);
	e->size = o.got;
	return 0;
}
