#include <stdint.h>
#include <sys/stat.h>

#include "base/entry.h"
#include "source/tree/source_tree_base.h"

#define TICK_NS INT64_C(2000000000)

/* Step on to the first file of the base that is not before ${path}. */
static int
seek(struct source_tree_base *b, struct sink *sink, const char *path,
    struct err *err)
{
	int rc;

	while (!b->ended &&
	       (!b->known || entry_path_cmp(b->next.entry->path, path) < 0)) {
		if ((rc = sink_recall(sink, &b->next, err)) < 0)
			return rc;
		b->known = rc > 0;
		b->ended = rc == 0;
	}
	return 0;
}

static bool
is_same(const struct sink_kept *k, const struct stat *st, const struct entry *e)
{
	const struct entry *old = k->entry;
	int64_t settled;

	if (__builtin_sub_overflow(k->began_ns, TICK_NS, &settled))
		return false;
	return old->dev == e->dev && old->ino == e->ino &&
	       old->size == (uint64_t)st->st_size &&
	       old->mtime_ns == e->mtime_ns && old->ctime_ns == e->ctime_ns &&
	       e->mtime_ns < settled && e->ctime_ns < settled;
}

int
source_tree_base_has(struct source_tree_base *b, struct sink *sink,
    const struct stat *st, const struct entry *e, struct err *err)
{
	int rc;

	if ((rc = seek(b, sink, e->path, err)) < 0)
		return rc;
	return !b->ended && entry_path_cmp(b->next.entry->path, e->path) == 0 &&
	       is_same(&b->next, st, e);
}
