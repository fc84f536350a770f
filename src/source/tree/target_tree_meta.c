#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/file.h"
#include "source/target.h"
#include "source/tree/target_tree_meta.h"

#define NS INT64_C(1000000000)

void
target_tree_meta_init(
    struct target_tree_meta *m, const struct target_opts *opts)
{
	*m = (struct target_tree_meta){ .opts = opts,
		.is_root = geteuid() == 0 };
}

void
target_tree_meta_clear(struct target_tree_meta *m)
{
	while (m->ntold > 0)
		free(m->told[--m->ntold]);
}

void
target_tree_meta_warn(
    struct target_tree_meta *m, const char *path, const char *fmt, ...)
{
	char what[512];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	m->opts->warn(m->opts->arg, path, what);
}

/* Is the attribute ${name} one that was not told of yet?  Note it. */
static bool
is_new(struct target_tree_meta *m, const char *name)
{
	int errnum = errno;
	size_t i;

	for (i = 0; i < m->ntold; i++)
		if (strcmp(m->told[i], name) == 0)
			return false;
	if (m->ntold < TARGET_TREE_META_TOLD_MAX &&
	    (m->told[m->ntold] = strdup(name)) != NULL)
		m->ntold++;
	errno = errnum;
	return true;
}

/*
 * Give ${base} in ${dir} (or, if it is "", ${dir} itself) its owner.  Return
 * false if it is not the recorded one now.
 */
static bool
set_owner(struct target_tree_meta *m, int dir, const char *base,
    const struct entry *e)
{
	const int flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;

	if (!m->is_root && e->uid != geteuid())
		errno = EPERM;
	else if (fchownat(dir, base, m->is_root ? e->uid : (uid_t)-1, e->gid,
		     flags) == 0)
		return true;
	if (!m->told_owner)
		target_tree_meta_warn(m, e->path,
		    "its owner %u:%u is not restored, nor are others': %m",
		    e->uid, e->gid);
	m->told_owner = true;
	return false;
}

/* This comes after the owner: changing that takes file capabilities away. */
static void
set_xattrs(
    struct target_tree_meta *m, int fd, const char *link, const struct entry *e)
{
	size_t i;
	int rc;

	for (i = 0; i < e->nxattrs; i++) {
		const struct entry_xattr *x = &e->xattrs[i];

		rc = link != NULL ? setxattr(link, x->name, x->value, x->len, 0)
				  : fsetxattr(fd, x->name, x->value, x->len, 0);
		if (rc < 0 && is_new(m, x->name))
			target_tree_meta_warn(m, e->path,
			    "its extended attribute '%s' is not restored, "
			    "nor are others' of this name: %m",
			    x->name);
	}
}

/* A stranger's setuid bit must not become ours. */
static mode_t
mode_of(const struct entry *e, bool owned)
{
	return owned ? e->mode & 07777 : e->mode & 01777;
}

static void
times_of(const struct entry *e, struct timespec t[2])
{
	int64_t s = e->mtime_ns / NS, ns = e->mtime_ns % NS;

	if (ns < 0) {
		s--;
		ns += NS;
	}
	t[0] = (struct timespec){ .tv_nsec = UTIME_OMIT };
	t[1] = (struct timespec){ .tv_sec = s, .tv_nsec = ns };
}

void
target_tree_meta_set(struct target_tree_meta *m, int fd, const struct entry *e)
{
	struct timespec t[2];
	bool owned = set_owner(m, fd, "", e);

	set_xattrs(m, fd, NULL, e);
	/* This comes after the ACLs, which change the mode, and after the
	 * owner, whose change takes setuid away. */
	if (fchmod(fd, mode_of(e, owned)) < 0)
		target_tree_meta_warn(
		    m, e->path, "its mode %o is not restored: %m", e->mode);
	times_of(e, t);
	if (futimens(fd, t) < 0)
		target_tree_meta_warn(
		    m, e->path, "its time is not restored: %m");
}

void
target_tree_meta_set_at(struct target_tree_meta *m, int dir, const char *base,
    const struct entry *e)
{
	CLEANUP(freep_fd) int fd = -1;
	struct timespec t[2];
	char link[32];
	bool owned = set_owner(m, dir, base, e);

	if (e->nxattrs > 0 &&
	    (fd = openat(dir, base, O_PATH | O_NOFOLLOW | O_CLOEXEC)) >= 0) {
		(void)snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		set_xattrs(m, fd, link, e);
	}
	/* A link has no mode of its own.  Nobody else reaches into the staging
	 * folder, so the name stands for what was just made. */
	if (e->type != ENTRY_SYMLINK &&
	    fchmodat(dir, base, mode_of(e, owned), 0) < 0)
		target_tree_meta_warn(
		    m, e->path, "its mode %o is not restored: %m", e->mode);
	times_of(e, t);
	if (utimensat(dir, base, t, AT_SYMLINK_NOFOLLOW) < 0)
		target_tree_meta_warn(
		    m, e->path, "its time is not restored: %m");
}
