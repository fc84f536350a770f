#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/err.h"
#include "base/file.h"
#include "source/source.h"
#include "source/tree/source_tree_base.h"
#include "source/tree/source_tree_data.h"
#include "source/tree/source_tree_level.h"
#include "source/tree/source_tree_links.h"
#include "source/tree/source_tree_names.h"
#include "source/tree/source_tree_stat.h"
#include "source/tree/source_tree_walk.h"
#include "source/tree/source_tree_xattr.h"

#define LEVELS_OPEN 64 /* Descriptors held, however deep the tree is. */
#define DENTS_SIZE 65536

/* With O_NONBLOCK, opening never waits, should it have become a fifo. */
#define OPEN_FILE (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)
#define OPEN_OTHER (O_PATH | O_NOFOLLOW | O_CLOEXEC)

struct walk {
	const struct source_tree_walk_opts *opts;
	struct sink *sink;
	int top;
	struct buf path; /* Of what is looked at, with its NUL. */
	struct source_tree_level *level;
	size_t depth, cap;
	void *dents;
	struct source_tree_names names;
	struct source_tree_links links;
	struct source_tree_xattrs xattrs;
	struct source_tree_data data;
	struct source_tree_base base;
};

static const char *
path_of(const struct walk *w)
{
	return (const char *)w->path.p;
}

/* Set the path to that of ${name} in a folder whose path has ${len} bytes. */
static int
set_path(struct walk *w, size_t len, const char *name, struct err *err)
{
	int rc;

	w->path.len = len;
	if (len > 0 && (rc = buf_add_u8(&w->path, '/', err)) < 0)
		return rc;
	return buf_add(&w->path, name, strlen(name) + 1, err);
}

/*
 * Warn that the current path cannot be read, because of errno.  It is an error
 * only if it would befall every other file as well.
 */
static int
give_up(struct walk *w, const char *what, struct err *err)
{
	int errnum = errno;

	if (errnum == EMFILE || errnum == ENFILE || errnum == ENOMEM)
		return err_errno(err, errnum, "open '%s'", path_of(w));
	if (errnum == ENOENT)
		sink_warn(w->sink, path_of(w), "vanished before it was read");
	else if (errnum == ELOOP || errnum == ENOTDIR || errnum == ENXIO)
		sink_warn(w->sink, path_of(w),
		    "became another kind of file before it was read");
	else {
		errno = errnum;
		sink_warn(w->sink, path_of(w), "cannot be %s: %m", what);
	}
	return 0;
}

/*
 * Add the entry as a link to an earlier one, if it is the same file; ${*done}
 * says whether it is.
 */
static int
add_link(struct walk *w, const struct stat *st, struct entry *e, bool *done,
    struct err *err)
{
	struct source_tree_link *first;
	int rc;

	*done = false;
	if (st->st_nlink < 2 || (first = source_tree_links_find(&w->links,
				     st->st_dev, st->st_ino)) == NULL)
		return 0;
	e->type = ENTRY_HARDLINK;
	e->target = first->path;
	e->rdev = 0;
	if ((rc = sink_add(w->sink, e, err)) < 0)
		return rc;
	source_tree_links_met(&w->links, first);
	*done = true;
	return 0;
}

/* Remember an entry of the backup if its file has more names. */
static int
note_names(struct walk *w, const struct stat *st, const struct entry *e,
    struct err *err)
{
	if (st->st_nlink < 2)
		return 0;
	return source_tree_links_add(
	    &w->links, st->st_dev, st->st_ino, st->st_nlink, e->path, err);
}

static int
add_first(struct walk *w, const struct stat *st, const struct entry *e,
    struct err *err)
{
	int rc = sink_add(w->sink, e, err);

	return rc < 0 ? rc : note_names(w, st, e, err);
}

/*
 * Keep the file as the last backup has it; ${*done} says whether that has it.
 */
static int
keep(struct walk *w, const struct stat *st, const struct entry *e, bool *done,
    struct err *err)
{
	int rc;

	rc = source_tree_base_has(&w->base, w->sink, st, e, err);
	*done = rc > 0;
	if (rc <= 0)
		return rc;
	if ((rc = sink_keep(w->sink, e->path, NULL, 0, err)) < 0)
		return rc;
	return note_names(w, st, e, err);
}

static int
visit_file(struct walk *w, int dir, const char *name, struct err *err)
{
	CLEANUP(freep_fd) int fd = source_tree_open(dir, name, OPEN_FILE);
	struct entry e;
	struct stat st;
	bool done;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return give_up(w, "opened", err);
	if (!S_ISREG(st.st_mode)) {
		errno = ENXIO;
		return give_up(w, "opened", err);
	}
	source_tree_describe(&w->names, path_of(w), &st, &e);
	if ((rc = add_link(w, &st, &e, &done, err)) < 0 || done ||
	    (rc = keep(w, &st, &e, &done, err)) < 0 || done)
		return rc;
	rc = source_tree_xattrs_read(&w->xattrs, fd, false, w->sink, &e, err);
	if (rc < 0)
		return rc;
	rc = source_tree_data_read(&w->data, fd, &st, w->sink, &e, err);
	return rc < 0 ? rc : add_first(w, &st, &e, err);
}

static int
visit_other(struct walk *w, int dir, const char *name, struct err *err)
{
	CLEANUP(freep_fd) int fd = openat(dir, name, OPEN_OTHER);
	char target[PATH_MAX + 1];
	struct entry e;
	struct stat st;
	ssize_t n;
	bool done;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return give_up(w, "opened", err);
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)) {
		errno = ENXIO;
		return give_up(w, "opened", err);
	}
	source_tree_describe(&w->names, path_of(w), &st, &e);
	if (e.type == ENTRY_SYMLINK) {
		n = readlinkat(fd, "", target, sizeof(target) - 1);
		if (n < 0)
			return give_up(w, "read", err);
		target[n] = '\0';
		e.target = target;
	}
	if ((rc = add_link(w, &st, &e, &done, err)) < 0 || done)
		return rc;
	rc = source_tree_xattrs_read(&w->xattrs, fd, true, w->sink, &e, err);
	return rc < 0 ? rc : add_first(w, &st, &e, err);
}

/* Put the folder ${*fd} on top of the levels and list it. */
static int
enter(
    struct walk *w, int *fd, const struct stat *st, bool kept, struct err *err)
{
	struct source_tree_level *grown, *l;
	int errnum, rc;

	if (w->depth == w->cap) {
		grown = reallocarray(
		    w->level, w->cap + LEVELS_OPEN, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		w->level = grown;
		w->cap += LEVELS_OPEN;
	}
	if (w->depth >= LEVELS_OPEN) {
		l = &w->level[w->depth - LEVELS_OPEN];
		freep_fd(&l->fd);
		l->fd = -1;
	}
	l = &w->level[w->depth++];
	*l = (struct source_tree_level){
		.fd = *fd,
		.st = *st,
		.path_len = w->depth == 1 ? 0 : w->path.len - 1,
		.kept = kept,
	};
	*fd = -1;
	rc = source_tree_level_list(l, w->dents, DENTS_SIZE, &errnum, err);
	if (rc == 0 && errnum != 0) {
		errno = errnum;
		sink_warn(
		    w->sink, path_of(w), "cannot be listed to its end: %m");
	}
	return rc;
}

/* Add a folder that may be seen but not opened. */
static int
add_closed_dir(struct walk *w, int dir, const char *name, struct err *err)
{
	CLEANUP(freep_fd) int fd = openat(dir, name, OPEN_OTHER);
	struct entry e;
	struct stat st;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISDIR(st.st_mode))
		return give_up(w, "opened", err);
	sink_warn(w->sink, path_of(w),
	    "what is in this folder is left out: permission denied");
	source_tree_describe(&w->names, path_of(w), &st, &e);
	rc = source_tree_xattrs_read(&w->xattrs, fd, true, w->sink, &e, err);
	return rc < 0 ? rc : sink_add(w->sink, &e, err);
}

static int
add_dir(struct walk *w, int *fd, bool kept, struct err *err)
{
	struct entry e;
	struct stat st;
	int rc;

	if (fstat(*fd, &st) < 0)
		return give_up(w, "opened", err);
	source_tree_describe(&w->names, path_of(w), &st, &e);
	rc = source_tree_xattrs_read(&w->xattrs, *fd, false, w->sink, &e, err);
	if (rc < 0 || (rc = sink_add(w->sink, &e, err)) < 0)
		return rc;
	if (w->opts->one_file_system && w->depth > 0 &&
	    st.st_dev != w->level[0].st.st_dev)
		return 0;
	return enter(w, fd, &st, kept, err);
}

static int
visit_dir(struct walk *w, int dir, const char *name, bool kept, struct err *err)
{
	CLEANUP(freep_fd)
	int fd = source_tree_open(dir, name, SOURCE_TREE_OPEN_DIR);

	if (fd < 0 && errno == EACCES)
		return add_closed_dir(w, dir, name, err);
	if (fd < 0)
		return give_up(w, "opened", err);
	return add_dir(w, &fd, kept, err);
}

static int
visit(struct walk *w, const char *name, unsigned char type, struct err *err)
{
	struct source_tree_level *l = &w->level[w->depth - 1];
	struct stat st;
	bool kept;
	int rc;

	if ((rc = set_path(w, l->path_len, name, err)) < 0 ||
	    (rc = sink_check(w->sink, err)) < 0)
		return rc;
	if (source_tree_rules_skip(w->opts->rules, path_of(w)))
		return 0;
	if (type == DT_UNKNOWN) {
		if (fstatat(l->fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return give_up(w, "opened", err);
		type = IFTODT(st.st_mode);
	}
	kept = l->kept || source_tree_rules_want(w->opts->rules, path_of(w));
	if (type == DT_DIR)
		return visit_dir(w, l->fd, name, kept, err);
	if (!kept)
		return 0;
	if (type == DT_REG)
		return visit_file(w, l->fd, name, err);
	return visit_other(w, l->fd, name, err);
}

/* Leave the deepest folder. */
static void
leave(struct walk *w)
{
	struct source_tree_level *l = &w->level[--w->depth];
	struct stat now;

	if (l->fd >= 0 && fstat(l->fd, &now) == 0 &&
	    source_tree_stat_changed(&l->st, &now)) {
		w->path.p[l->path_len] = '\0';
		sink_warn(w->sink, l->path_len > 0 ? path_of(w) : ".",
		    "changed while it was read");
	}
	if (w->depth > 0 && l[-1].fd < 0 && l->fd >= 0)
		source_tree_level_reopen_from(&l[-1], l->fd);
	source_tree_level_clear(l);
}

static int
go_on(struct walk *w, struct err *err)
{
	struct source_tree_level *l = &w->level[w->depth - 1];
	const char *name;
	unsigned char type;

	if (l->fd < 0 &&
	    source_tree_level_reopen(l, w->top, (char *)w->path.p) < 0) {
		sink_warn(w->sink, path_of(w),
		    "the rest of this folder is left out: "
		    "it cannot be opened again: %m");
		l->next = l->n;
	}
	if ((name = source_tree_level_next(l, &type)) != NULL)
		return visit(w, name, type, err);
	leave(w);
	return 0;
}

static int
walk(struct walk *w, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	int rc;

	if ((w->dents = malloc(DENTS_SIZE)) == NULL)
		return err_nomem(err);
	if ((rc = source_tree_xattrs_init(&w->xattrs, err)) < 0 ||
	    (rc = set_path(w, 0, ".", err)) < 0)
		return rc;
	if ((fd = fcntl(w->top, F_DUPFD_CLOEXEC, 0)) < 0)
		return err_errno(err, errno, "open the top folder");
	rc = add_dir(w, &fd, w->opts->rules->nincludes == 0, err);
	while (rc == 0 && w->depth > 0)
		rc = go_on(w, err);
	return rc;
}

int
source_tree_walk(const struct source_tree_walk_opts *opts, int top,
    struct sink *sink, struct err *err)
{
	struct walk w = { .opts = opts, .sink = sink, .top = top };
	int rc;

	rc = walk(&w, err);
	while (w.depth > 0)
		source_tree_level_clear(&w.level[--w.depth]);
	free(w.level);
	free(w.dents);
	buf_free(&w.path);
	source_tree_names_clear(&w.names);
	source_tree_links_clear(&w.links);
	source_tree_xattrs_clear(&w.xattrs);
	source_tree_data_clear(&w.data);
	return rc;
}
