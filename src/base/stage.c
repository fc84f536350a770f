#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/file.h"
#include "base/remove_tree.h"
#include "base/stage.h"
#include "base/str.h"

#define OPEN_DIR (O_RDONLY | O_DIRECTORY | O_CLOEXEC)
#define SUFFIX_LEN (sizeof(".holdfast-01234567") - 1)
#define TRIES 100

/*
 * Split where to restore to into folder and name.  What exists is taken
 * where its links lead, so that a link to it stays a link to it.
 */
static int
split(const char *path, char **dir, char **base, struct err *err)
{
	CLEANUP(freep_mem) char *full = realpath(path, NULL);
	char *slash;
	size_t n;
	int rc;

	if (full == NULL) {
		if (errno != ENOENT)
			return err_errno(err, errno, "look at '%s'", path);
		if ((rc = str_dup(path, &full, err)) < 0)
			return rc;
	}
	for (n = strlen(full); n > 1 && full[n - 1] == '/'; n--)
		full[n - 1] = '\0';
	slash = strrchr(full, '/');
	if ((rc = str_dup(slash != NULL ? slash + 1 : full, base, err)) < 0)
		return rc;
	if (**base == '\0') {
		(void)err_set(err, HF_EUSAGE, "cannot restore to '%s'", path);
		return err_hint(err, "name a new folder in it");
	}
	if (slash == NULL)
		return str_dup(".", dir, err);
	slash[slash == full] = '\0';
	return str_dup(full, dir, err);
}

static int
taken(const struct stage *s, const char *what, struct err *err)
{
	(void)err_set(err, HF_EEXISTS, "'%s' %s", s->opts.path, what);
	return err_hint(err, "%s",
	    s->opts.remedy != NULL ? s->opts.remedy : "choose a new place");
}

static int
is_mount(const struct stage *s, struct err *err)
{
	(void)err_set(err, HF_EUSAGE,
	    "'%s' is where a file system is mounted: it cannot be replaced "
	    "in one step",
	    s->opts.path);
	return err_hint(
	    err, "restore to a new folder in it: %s/NAME", s->opts.path);
}

/* Has the folder ${base} anything in it?  Return 0, 1 or -errno. */
static int
has_content(int parent, const char *base)
{
	int fd = openat(parent, base, OPEN_DIR | O_NOFOLLOW), rc = 0;
	const struct dirent *d;
	DIR *dir;

	if (fd < 0)
		return -errno;
	if ((dir = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return -ENOMEM;
	}
	while (rc == 0 && (d = readdir(dir)) != NULL)
		rc =
		    strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
	(void)closedir(dir);
	return rc;
}

/* May the final place be filled, and what must go for that? */
static int
look(struct stage *s, struct err *err)
{
	struct stat st, around;
	int rc;

	if (fstatat(s->parent, s->base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0
				       : err_errno(err, errno, "look at '%s'",
					     s->opts.path);
	if (S_ISLNK(st.st_mode))
		return taken(s, "is a link to nothing", err);
	if (fstat(s->parent, &around) == 0 && around.st_dev != st.st_dev)
		return is_mount(s, err);
	/* What else there is serves others, such as /dev/null. */
	if (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
		(void)err_set(err, HF_EEXISTS,
		    "'%s' is a device, a pipe or a socket", s->opts.path);
		return err_hint(err, "choose a new place");
	}
	if (!s->opts.is_dir && S_ISDIR(st.st_mode)) {
		(void)err_set(
		    err, HF_EEXISTS, "'%s' is a folder", s->opts.path);
		return err_hint(err, "name a new file in it");
	}
	if (s->opts.is_dir && S_ISDIR(st.st_mode)) {
		if ((rc = has_content(s->parent, s->base)) < 0)
			return err_errno(
			    err, -rc, "look into '%s'", s->opts.path);
		if (rc == 0)
			return 0;
		if (!s->opts.overwrite)
			return taken(s, "is not empty", err);
	} else if (!s->opts.overwrite) {
		return taken(s, "exists", err);
	}
	s->replaces = true;
	return 0;
}

/* Put a staging name that is likely free at ${*ret}. */
static int
new_name(const struct stage *s, char **ret, struct err *err)
{
	int keep = NAME_MAX - (int)SUFFIX_LEN;
	uint32_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		return err_errno(err, errno, "get random bytes");
	return str_printf(
	    ret, err, "%.*s.holdfast-%08" PRIx32, keep, s->base, r);
}

static int
create(const struct stage *s, const char *name)
{
	if (!s->opts.is_dir)
		return openat(s->parent, name,
		    O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (mkdirat(s->parent, name, 0700) < 0)
		return -1;
	return openat(s->parent, name, OPEN_DIR | O_NOFOLLOW);
}

static int
make_beside(struct stage *s, struct err *err)
{
	int i, rc;

	for (i = 0; i < TRIES; i++) {
		CLEANUP(freep_mem) char *name = NULL;

		if ((rc = new_name(s, &name, err)) < 0)
			return rc;
		if ((s->fd = create(s, name)) >= 0) {
			s->name = TAKE(name);
			return 0;
		}
		if (errno != EEXIST)
			break;
	}
	rc = err_errno(err, errno, "stage beside '%s'", s->opts.path);
	if (rc == -HF_EDENIED)
		return err_hint(err, "the folder around it must be writable");
	return rc;
}

/*
 * What the folder around hands down to new ones (an ACL, the setgid bit) is
 * not part of the backup, and would go further down.
 */
static void
shed_inherited(int fd)
{
	(void)fremovexattr(fd, "system.posix_acl_default");
	(void)fremovexattr(fd, "system.posix_acl_access");
	(void)fchmod(fd, 0700);
}

int
stage_open(struct stage *s, const struct stage_opts *opts, struct err *err)
{
	CLEANUP(freep_mem) char *dir = NULL;
	int rc;

	*s = (struct stage){ *opts, false, -1, NULL, NULL, -1 };
	if ((rc = split(opts->path, &dir, &s->base, err)) < 0)
		return rc;
	if ((s->parent = open(dir, OPEN_DIR)) < 0) {
		rc = err_errno(err, errno, "open the folder '%s'", dir);
		return rc == -HF_ENOTFOUND
			   ? err_hint(err, "make it: mkdir -p '%s'", dir)
			   : rc;
	}
	if ((rc = look(s, err)) < 0 || (rc = make_beside(s, err)) < 0)
		return rc;
	if (opts->is_dir)
		shed_inherited(s->fd);
	return 0;
}

static int
cannot_place(const struct stage *s, struct err *err)
{
	int errnum = errno;

	if (errnum == EBUSY)
		return is_mount(s, err);
	if (errnum == EEXIST || errnum == ENOTEMPTY || errnum == ENOTDIR)
		return taken(s, "was filled by somebody else meanwhile", err);
	(void)err_errno(err, errnum, "put '%s' into place", s->opts.path);
	/* The folder around has the sticky bit, or it would not be staged. */
	if (errnum == EPERM)
		(void)err_hint(err,
		    "what is there belongs to somebody else; name a new place");
	return err->code;
}

/* Put what is staged where nothing, or an empty folder, is. */
static int
place_new(struct stage *s, struct err *err)
{
	/* A folder gives way to a folder only if it is empty. */
	if (s->opts.is_dir &&
	    renameat(s->parent, s->name, s->parent, s->base) < 0)
		return cannot_place(s, err);
	if (!s->opts.is_dir)
		return file_publish(s->parent, s->name, s->base, err);
	return 0;
}

/* Where the file system cannot swap: the old one steps aside first. */
static int
place_aside(struct stage *s, char **old, struct err *err)
{
	CLEANUP(freep_mem) char *aside = NULL;
	int rc;

	if ((rc = new_name(s, &aside, err)) < 0)
		return rc;
	if (renameat(s->parent, s->base, s->parent, aside) < 0)
		return cannot_place(s, err);
	if (renameat(s->parent, s->name, s->parent, s->base) < 0) {
		rc = cannot_place(s, err);
		(void)renameat(s->parent, aside, s->parent, s->base);
		return rc;
	}
	*old = TAKE(aside);
	return 0;
}

/* Swap old and new; the name of what is to be removed goes to ${*old}. */
static int
place_over(struct stage *s, char **old, struct err *err)
{
	if (!s->opts.is_dir) {
		/* A file gives way in one step. */
		if (renameat(s->parent, s->name, s->parent, s->base) < 0)
			return cannot_place(s, err);
		return 0;
	}
	if (renameat2(
		s->parent, s->name, s->parent, s->base, RENAME_EXCHANGE) == 0) {
		*old = TAKE(s->name);
		return 0;
	}
	if (errno == ENOENT)
		return place_new(s, err);
	if (errno == EINVAL || errno == ENOSYS)
		return place_aside(s, old, err);
	return cannot_place(s, err);
}

int
stage_commit(struct stage *s, struct err *err)
{
	CLEANUP(freep_mem) char *old = NULL;
	char what[512];
	int rc;

	/* One call for a whole tree: thousands of fsyncs would take hours. */
	if ((s->opts.is_dir && !s->opts.synced ? syncfs(s->fd) : fsync(s->fd)) <
	    0)
		return err_errno(err, errno, "sync '%s'", s->opts.path);
	rc = s->replaces ? place_over(s, &old, err) : place_new(s, err);
	if (rc < 0)
		return rc;
	free(TAKE(s->name));
	if ((rc = file_sync_dir(s->parent, err)) < 0)
		return err_wrap(err, "sync the folder of '%s'", s->opts.path);
	/* The new one is there for good: only now may the old one go. */
	if (old != NULL && (rc = remove_tree(s->parent, old)) < 0) {
		(void)snprintf(what, sizeof(what),
		    "what was here before is still beside it as '%s': %s", old,
		    strerror(-rc));
		s->opts.warn(s->opts.arg, s->opts.path, what);
	}
	return 0;
}

void
stage_close(struct stage *s)
{
	freep_fd(&s->fd);
	if (s->name != NULL)
		(void)remove_tree(s->parent, s->name);
	freep_fd(&s->parent);
	free(s->base);
	free(s->name);
	*s = (struct stage){ .parent = -1, .fd = -1 };
}
