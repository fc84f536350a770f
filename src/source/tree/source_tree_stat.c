#include <stdint.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/entry.h"
#include "source/tree/source_tree_names.h"
#include "source/tree/source_tree_stat.h"

static int64_t
ns_of(const struct timespec *t)
{
	int64_t ns;

	/* A year that does not fit becomes the nearest that does. */
	if (__builtin_mul_overflow(t->tv_sec, INT64_C(1000000000), &ns) ||
	    __builtin_add_overflow(ns, t->tv_nsec, &ns))
		return t->tv_sec < 0 ? INT64_MIN : INT64_MAX;
	return ns;
}

static enum entry_type
type_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return ENTRY_DIR;
	case S_IFLNK:
		return ENTRY_SYMLINK;
	case S_IFIFO:
		return ENTRY_FIFO;
	case S_IFSOCK:
		return ENTRY_SOCKET;
	case S_IFCHR:
		return ENTRY_CHAR;
	case S_IFBLK:
		return ENTRY_BLOCK;
	default:
		return ENTRY_FILE;
	}
}

void
source_tree_describe(struct source_tree_names *names, const char *path,
    const struct stat *st, struct entry *e)
{
	*e = (struct entry){
		.path = (char *)(uintptr_t)path,
		.type = type_of(st->st_mode),
		.mode = st->st_mode & 07777,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.user = source_tree_names_user(names, st->st_uid),
		.group = source_tree_names_group(names, st->st_gid),
		.mtime_ns = ns_of(&st->st_mtim),
		.ctime_ns = ns_of(&st->st_ctim),
		.dev = st->st_dev,
		.ino = st->st_ino,
	};
	if (e->type == ENTRY_CHAR || e->type == ENTRY_BLOCK)
		e->rdev =
		    (uint64_t)major(st->st_rdev) << 32 | minor(st->st_rdev);
}

bool
source_tree_stat_changed(const struct stat *a, const struct stat *b)
{
	return a->st_size != b->st_size ||
	       ns_of(&a->st_mtim) != ns_of(&b->st_mtim) ||
	       ns_of(&a->st_ctim) != ns_of(&b->st_ctim);
}
