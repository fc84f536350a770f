#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/file.h"
#include "source/tree/target_tree_dir.h"
#include "source/tree/target_tree_folders.h"
#include "source/tree/target_tree_meta.h"

void
target_tree_folders_init(struct target_tree_folders *f, size_t memory)
{
	*f = (struct target_tree_folders){ .limit = limit_of(memory) };
}

void
target_tree_folders_clear(struct target_tree_folders *f)
{
	buf_free(&f->entries);
	free(f->at);
	*f = (struct target_tree_folders){ 0 };
}

int
target_tree_folders_add(
    struct target_tree_folders *f, const struct entry *e, struct err *err)
{
	size_t *grown, cap, at = f->entries.len;
	int rc;

	if (f->n == f->cap) {
		cap = f->cap > 0 ? 2 * f->cap : 64;
		grown = reallocarray(f->at, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		f->at = grown;
		f->cap = cap;
	}
	/* One folder may have a MiB of attributes, and many may. */
	if ((rc = entry_encode(e, &f->entries, err)) < 0 ||
	    (rc = limit_take(&f->limit, f->entries.len - at + sizeof(at),
		 "the list of the backup's folders", err)) < 0)
		return rc;
	f->at[f->n++] = at;
	return 0;
}

/* Finish the folder that was encoded at ${at}. */
static int
finish_one(const struct target_tree_folders *f, size_t at, int top,
    struct target_tree_meta *meta, struct err *err)
{
	CLEANUP(freep_entry) struct entry e = { 0 };
	CLEANUP(freep_fd) int fd = -1;
	struct cur c;
	int rc;

	cur_init(&c, f->entries.p + at, f->entries.len - at);
	if ((rc = entry_decode(&c, &e, err)) < 0)
		return rc;
	fd = target_tree_open(top, e.path,
	    strcmp(e.path, ".") == 0 ? 0 : strlen(e.path),
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, errno, "open '%s'", e.path);
	target_tree_meta_set(meta, fd, &e);
	return 0;
}

int
target_tree_folders_finish(struct target_tree_folders *f, int top,
    struct target_tree_meta *meta, struct err *err)
{
	int rc;

	/* A folder comes before what lies in it. */
	while (f->n > 0) {
		rc = finish_one(f, f->at[--f->n], top, meta, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}
