#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/file.h"
#include "base/stage.h"
#include "base/str.h"
#include "source/target.h"
#include "source/tree/target_tree_dir.h"
#include "source/tree/target_tree_folders.h"
#include "source/tree/target_tree_meta.h"

/*
 * A folder that came as an entry has the sticky bit until it gets its own
 * mode, at the end; one that was made because something lies in it does not.
 * This tells a folder whose entry comes late, which is allowed, from one that
 * comes twice, which is not, without a list of either.
 */
#define MODE_CAME 01700

struct target_tree {
	struct target base;
	struct target_opts opts;
	char *path;
	struct stage stage;
	struct target_tree_dirs dirs;
	struct target_tree_folders folders;
	struct target_tree_meta meta;
	uint64_t left_out; /* Entries that links may name in vain. */

	/* The file that is being written. */
	int fd;
	char name[NAME_MAX + 1];
	uint64_t size, end;
	uint64_t behind; /* How far the disk was told of it. */
};

static struct target_tree *
of(struct target *t)
{
	return (struct target_tree *)t;
}

static int
twice(const struct entry *e, struct err *err)
{
	return err_set(err, HF_ECORRUPT, "'%s' is there twice", e->path);
}

/* Make an error of errno, which making ${e} has left. */
static int
cannot_make(const struct entry *e, struct err *err)
{
	int errnum = errno;

	if (errnum == EEXIST)
		return twice(e, err);
	return err_errno(err, errnum, "restore '%s'", e->path);
}

static int
make_dir(struct target_tree *t, int dir, const char *base,
    const struct entry *e, struct err *err)
{
	struct stat st;

	if (mkdirat(dir, base, MODE_CAME) < 0) {
		if (errno != EEXIST ||
		    fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return cannot_make(e, err);
		if (!S_ISDIR(st.st_mode) || (st.st_mode & S_ISVTX) != 0)
			return twice(e, err);
		if (fchmodat(dir, base, MODE_CAME, 0) < 0)
			return cannot_make(e, err);
	}
	return target_tree_folders_add(&t->folders, e, err);
}

static int
make_top(struct target_tree *t, const struct entry *e, struct err *err)
{
	struct stat st;

	if (e->type != ENTRY_DIR)
		return err_set(err, HF_ECORRUPT, "the top is no folder");
	if (fstat(t->stage.fd, &st) < 0)
		return cannot_make(e, err);
	if ((st.st_mode & S_ISVTX) != 0)
		return twice(e, err);
	if (fchmod(t->stage.fd, MODE_CAME) < 0)
		return cannot_make(e, err);
	return target_tree_folders_add(&t->folders, e, err);
}

static int
make_file(struct target_tree *t, int dir, const char *base,
    const struct entry *e, struct err *err)
{
	if (e->size > INT64_MAX)
		return err_set(err, HF_ECORRUPT,
		    "'%s' cannot have so many bytes", e->path);
	t->fd = openat(dir, base,
	    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (t->fd < 0)
		return cannot_make(e, err);
	(void)snprintf(t->name, sizeof(t->name), "%s", base);
	t->size = e->size;
	t->end = t->behind = 0;
	return 0;
}

static int
make_symlink(struct target_tree *t, int dir, const char *base,
    const struct entry *e, struct err *err)
{
	if (e->target == NULL || *e->target == '\0')
		return err_set(
		    err, HF_ECORRUPT, "the link '%s' has no target", e->path);
	if (symlinkat(e->target, dir, base) < 0)
		return cannot_make(e, err);
	target_tree_meta_set_at(&t->meta, dir, base, e);
	return 0;
}

static void
leave_out(struct target_tree *t, const struct entry *e, const char *why)
{
	t->left_out++;
	target_tree_meta_warn(&t->meta, e->path, "is left out: %s", why);
}

static int
make_node(struct target_tree *t, int dir, const char *base,
    const struct entry *e, struct err *err)
{
	mode_t type = e->type == ENTRY_FIFO     ? S_IFIFO
		      : e->type == ENTRY_SOCKET ? S_IFSOCK
		      : e->type == ENTRY_CHAR   ? S_IFCHR
						: S_IFBLK;
	dev_t dev = makedev((unsigned)(e->rdev >> 32), (unsigned)e->rdev);
	bool device = type == S_IFCHR || type == S_IFBLK;

	if (device && !t->meta.is_root) {
		leave_out(t, e, "only root makes devices");
		return 0;
	}
	if (mknodat(dir, base, type | 0600, device ? dev : 0) < 0) {
		if (errno != EPERM && errno != EOPNOTSUPP)
			return cannot_make(e, err);
		leave_out(t, e, strerror(errno));
		return 0;
	}
	target_tree_meta_set_at(&t->meta, dir, base, e);
	return 0;
}

/*
 * The file that a link names is not there.  That is damage, unless entries
 * were left out: it may have been one of them.
 */
static int
no_target(struct target_tree *t, const struct entry *e, struct err *err)
{
	if (t->left_out == 0 && !t->opts.incomplete)
		return err_set(err, HF_ECORRUPT,
		    "'%s' is a link to '%s', which did not come", e->path,
		    e->target);
	leave_out(t, e, "the file that it is a link to is not there");
	return 0;
}

static int
make_hardlink(struct target_tree *t, int dir, const char *base,
    const struct entry *e, struct err *err)
{
	CLEANUP(freep_fd) int from = -1;
	const char *slash, *name;
	struct stat st;

	if (e->target == NULL || !entry_path_ok(e->target) ||
	    strcmp(e->target, ".") == 0)
		return err_set(
		    err, HF_ECORRUPT, "the link '%s' leads nowhere", e->path);
	slash = strrchr(e->target, '/');
	name = slash != NULL ? slash + 1 : e->target;
	from = target_tree_open(t->stage.fd, e->target,
	    slash != NULL ? (size_t)(slash - e->target) : 0,
	    O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (from < 0 || fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
	    S_ISDIR(st.st_mode))
		return no_target(t, e, err);
	if (linkat(from, name, dir, base, 0) == 0)
		return 0;
	if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK)
		return cannot_make(e, err);
	leave_out(t, e, strerror(errno));
	return 0;
}

static int
tree_begin(struct target *base_t, const struct entry *e, struct err *err)
{
	struct target_tree *t = of(base_t);
	const char *base;
	int dir, rc;

	if (t->fd >= 0)
		return err_set(err, HF_EBUG,
		    "'%s' begins before the last file has ended", e->path);
	if (!entry_path_ok(e->path))
		return err_set(
		    err, HF_ECORRUPT, "'%s' is no path of a backup", e->path);
	if (strcmp(e->path, ".") == 0)
		return make_top(t, e, err);
	rc = target_tree_parent(&t->dirs, e->path, &dir, &base, err);
	if (rc < 0)
		return rc;
	switch (e->type) {
	case ENTRY_FILE:
		return make_file(t, dir, base, e, err);
	case ENTRY_DIR:
		return make_dir(t, dir, base, e, err);
	case ENTRY_SYMLINK:
		return make_symlink(t, dir, base, e, err);
	case ENTRY_HARDLINK:
		return make_hardlink(t, dir, base, e, err);
	case ENTRY_FIFO:
	case ENTRY_SOCKET:
	case ENTRY_CHAR:
	case ENTRY_BLOCK:
		return make_node(t, dir, base, e, err);
	}
	return err_set(err, HF_ECORRUPT, "'%s' is of an unknown kind", e->path);
}

static int
tree_write(struct target *base_t, uint64_t off, const uint8_t *p, size_t n,
    struct err *err)
{
	struct target_tree *t = of(base_t);

	if (t->fd < 0)
		return err_set(err, HF_EBUG, "data without a file");
	if (off > t->size || n > t->size - off)
		return err_set(err, HF_ECORRUPT,
		    "'%s' has data outside its size", t->name);
	if (file_write_at(t->fd, p, n, off, err) < 0)
		return err_wrap(err, "write '%s'", t->name);
	if (off + n > t->end)
		t->end = off + n;
	file_write_behind(t->fd, &t->behind, t->end);
	return 0;
}

static int
tree_end(struct target *base_t, const struct entry *e, struct err *err)
{
	struct target_tree *t = of(base_t);
	CLEANUP(freep_fd) int fd = t->fd;

	if (e->type != ENTRY_FILE)
		return 0;
	if (fd < 0)
		return err_set(err, HF_EBUG, "an end without a begin");
	t->fd = -1;
	/* It ends with a hole, or is nothing but one. */
	if (t->end < t->size && ftruncate(fd, (off_t)t->size) < 0)
		return err_errno(err, errno, "restore '%s'", e->path);
	target_tree_meta_set(&t->meta, fd, e);
	return 0;
}

static int
tree_drop(struct target *base_t, struct err *err)
{
	struct target_tree *t = of(base_t);

	if (t->fd < 0)
		return err_set(err, HF_EBUG, "no file to drop");
	freep_fd(&t->fd);
	t->fd = -1;
	t->left_out++;
	if (unlinkat(t->dirs.fd, t->name, 0) < 0)
		return err_errno(err, errno, "remove '%s'", t->name);
	return 0;
}

static int
tree_finish(struct target *base_t, struct err *err)
{
	struct target_tree *t = of(base_t);
	int rc;

	if (t->fd >= 0)
		return err_set(err, HF_EBUG, "the last file has not ended");
	if ((rc = target_tree_folders_finish(
		 &t->folders, t->stage.fd, &t->meta, err)) < 0)
		return rc;
	return stage_commit(&t->stage, err);
}

static void
tree_free(struct target *base_t)
{
	struct target_tree *t = of(base_t);

	freep_fd(&t->fd);
	target_tree_dirs_clear(&t->dirs);
	target_tree_meta_clear(&t->meta);
	stage_close(&t->stage);
	target_tree_folders_clear(&t->folders);
	free(t->path);
	free(t);
}

static const struct target_ops target_tree_ops = {
	.begin = tree_begin,
	.write = tree_write,
	.end = tree_end,
	.drop = tree_drop,
	.finish = tree_finish,
	.free = tree_free,
};

int
target_tree_new(
    const struct target_opts *opts, struct target **ret, struct err *err)
{
	CLEANUP(freep_target) struct target *base = NULL;
	struct stage_opts at = { .is_dir = true,
		.overwrite = opts->overwrite,
		.remedy = TARGET_TAKEN,
		.warn = opts->warn,
		.arg = opts->arg };
	struct target_tree *t;
	int rc;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return err_nomem(err);
	base = &t->base;
	base->ops = &target_tree_ops;
	t->fd = -1;
	t->stage = (struct stage){ .parent = -1, .fd = -1 };
	target_tree_dirs_init(&t->dirs, -1);
	t->opts = *opts;
	target_tree_folders_init(&t->folders, opts->memory);
	target_tree_meta_init(&t->meta, &t->opts);
	if ((rc = str_dup(opts->path, &t->path, err)) < 0)
		return rc;
	t->opts.path = t->path;
	at.path = t->path;
	if ((rc = stage_open(&t->stage, &at, err)) < 0)
		return rc;
	target_tree_dirs_init(&t->dirs, t->stage.fd);
	*ret = TAKE(base);
	return 0;
}
