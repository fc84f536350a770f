#include <string.h>
#include <unistd.h>

#include "base/entry.h"
#include "source/etcd/source_etcd_out.h"

static int
settle(struct source_etcd_out *o, struct err *err)
{
	size_t n = o->used;

	if (n == 0)
		return 0;
	o->p += n;
	o->room -= n;
	o->used = 0;
	return sink_wrote(o->sink, n, err);
}

int
source_etcd_out_begin(
    struct source_etcd_out *o, const char *path, uint64_t size, struct err *err)
{
	o->room = 0;
	o->used = 0;
	o->size = 0;
	return sink_begin(o->sink, path, size, SINK_HASHES, err);
}

int
source_etcd_out_write(
    struct source_etcd_out *o, const void *from, size_t n, struct err *err)
{
	const uint8_t *p = from;
	size_t k;
	int rc;

	for (o->size += n; n > 0; p += k, n -= k, o->used += k) {
		if (o->used == o->room) {
			if ((rc = settle(o, err)) < 0 ||
			    (rc = sink_space(o->sink, &o->p, &o->room, err)) <
				0)
				return rc;
		}
		k = n < o->room - o->used ? n : o->room - o->used;
		memcpy(o->p + o->used, p, k);
	}
	return 0;
}

static int
add(struct source_etcd_out *o, const char *path, enum entry_type type,
    uint32_t mode, struct err *err)
{
	struct entry e = {
		.path = (char *)(uintptr_t)path, /* It is only read. */
		.type = type,
		.mode = mode,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime_ns = o->time_ns,
		.ctime_ns = o->time_ns,
		.size = type == ENTRY_FILE ? o->size : 0,
	};

	return sink_add(o->sink, &e, err);
}

int
source_etcd_out_end(
    struct source_etcd_out *o, const char *path, struct err *err)
{
	int rc;

	if ((rc = settle(o, err)) < 0)
		return rc;
	return add(o, path, ENTRY_FILE, 0600, err);
}

int
source_etcd_out_folder(
    struct source_etcd_out *o, const char *path, struct err *err)
{
	return add(o, path, ENTRY_DIR, 0700, err);
}
