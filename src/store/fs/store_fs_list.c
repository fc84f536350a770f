#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "store/fs/store_fs_dir.h"

/*
 * Listing: a folder's names are read, sorted and gone through, folders as
 * deep as they come.  Memory is what the largest folders on one way down
 * need, not what the store holds.
 */

#define NAME_LEN 256 /* with its NUL */

/* A temporary file this old belongs to a run that was killed. */
#define LEFTOVER_MS (INT64_C(24) * 3600 * 1000)

struct lister {
	struct store_fs *fs;
	store_list_fn *fn;
	void *arg;
	char name[NAME_LEN]; /* Of the folder that is read: "", or "a/b/". */
	size_t len;
	int64_t now; /* 0: leftovers stay. */
	int top;     /* The folder that was asked for; borrowed. */
};

/* The names in a folder; a folder's own ends with '/'. */
struct names {
	struct buf text; /* One behind the other, each with its NUL. */
	const char **v;
	size_t n;
};

static void
names_clear(struct names *n)
{
	buf_free(&n->text);
	free(n->v);
}

static void
freep_dir(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
}

static void
remove_leftover(const struct lister *l, int dir, const char *name)
{
	struct stat st;

	if (l->now != 0 && fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    store_fs_mtime_ms(&st) < l->now - LEFTOVER_MS)
		(void)unlinkat(dir, name, 0);
}

/* Find out what ${d} is: DT_UNKNOWN if it has vanished. */
static unsigned char
type_of(int dir, const struct dirent *d)
{
	struct stat st;

	if (d->d_type != DT_UNKNOWN)
		return d->d_type;
	if (fstatat(dir, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_UNKNOWN;
	return (unsigned char)IFTODT(st.st_mode);
}

/* Add what an object, or a folder of objects, can be called. */
static int
add_name(const struct lister *l, int dir, const struct dirent *d,
    struct names *names, struct err *err)
{
	size_t len = strlen(d->d_name);
	unsigned char type;
	int rc;

	if (store_fs_is_temporary(d->d_name)) {
		remove_leftover(l, dir, d->d_name);
		return 0;
	}
	if (!store_name_ok(d->d_name) || l->len + len + 1 > NAME_LEN)
		return 0;
	type = type_of(dir, d);
	if (type == DT_UNKNOWN)
		return 0;
	if ((rc = buf_add(&names->text, d->d_name, len, err)) < 0 ||
	    (type == DT_DIR && (rc = buf_add(&names->text, "/", 1, err)) < 0) ||
	    (rc = buf_add(&names->text, "", 1, err)) < 0)
		return rc;
	names->n++;
	return 0;
}

static int
by_bytes(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/*
 * The order of a folder's names is that of the whole names, because a
 * folder's ends with the '/' that follows it there: "a-b" < "a/b" < "a0".
 */
static int
sort(struct names *names, struct err *err)
{
	const char *p = (const char *)names->text.p;
	size_t i;

	if (names->n == 0)
		return 0;
	names->v = calloc(names->n, sizeof(names->v[0]));
	if (names->v == NULL)
		return err_nomem(err);
	for (i = 0; i < names->n; i++) {
		names->v[i] = p;
		p += strlen(p) + 1;
	}
	qsort(names->v, names->n, sizeof(names->v[0]), by_bytes);
	return 0;
}

static int
read_names(
    const struct lister *l, int dir, struct names *names, struct err *err)
{
	CLEANUP(freep_dir) DIR *d = NULL;
	const struct dirent *e;
	int fd, rc;

	if ((fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return store_fs_error(l->fs, errno, "list", l->name, err);
	if ((d = fdopendir(fd)) == NULL) {
		(void)close(fd);
		return store_fs_error(l->fs, errno, "list", l->name, err);
	}
	while (errno = 0, (e = readdir(d)) != NULL)
		if ((rc = add_name(l, dir, e, names, err)) < 0)
			return rc;
	if (errno != 0)
		return store_fs_error(l->fs, errno, "list", l->name, err);
	return sort(names, err);
}

/*
 * Who has put what was read here may have died before the sync.  For the
 * caller it is there: it says that all keys are rotated, and the old one is
 * destroyed, or that a backup was imported, or it notes that a manifest must
 * never be missing again.  A power cut may take nothing of that back.  All of
 * these lie in the folder that was asked for; the folders below it are of
 * packs, which count for nothing until a manifest names them.
 *
 * If the disk takes no writes any more, who only reads may still do so.
 */
static int
settle(const struct lister *l, struct err *err)
{
	struct err e = ERR_INIT;

	if (file_sync_dir(l->top, &e) == 0 ||
	    !(l->fs->base.power & STORE_WRITE))
		return 0;
	*err = e;
	return store_fs_wrap(l->fs, "list", l->name, err);
}

static int list_folder(struct lister *, int, const char *, struct err *);

/* Go down into the folder ${name} ("x/") of the folder ${dir}. */
static int
list_below(struct lister *l, int dir, const char *name, struct err *err)
{
	CLEANUP(freep_fd) int fd = -1;
	const size_t before = l->len, n = strlen(name);
	struct err e = ERR_INIT;
	char part[NAME_LEN];
	int rc;

	memcpy(part, name, n - 1);
	part[n - 1] = '\0';
	if (store_fs_step(l->fs, dir, part, &fd, &e) < 0)
		return store_fs_unless_absent(&e, err); /* Just deleted? */
	memcpy(l->name + before, name, n + 1);
	l->len = before + n;
	rc = list_folder(l, fd, "", err);
	l->len = before;
	l->name[before] = '\0';
	return rc;
}

static int
list_object(struct lister *l, int dir, const char *base, struct err *err)
{
	const struct store_fs_at at = { dir, base };
	struct store_info info = { .name = NULL };
	char name[2 * NAME_LEN];
	struct err e = ERR_INIT;
	struct stat st;

	memcpy(name, l->name, l->len);
	memcpy(name + l->len, base, strlen(base) + 1);
	if (store_fs_look(l->fs, &at, name, &st, &e) < 0)
		return store_fs_unless_absent(&e, err); /* Just deleted? */
	info.name = name;
	info.len = (uint64_t)st.st_size;
	info.mtime_ms = store_fs_mtime_ms(&st);
	return l->fn(l->arg, &info, err);
}

/* List what lies in the folder ${dir} and begins with ${prefix}. */
static int
list_folder(struct lister *l, int dir, const char *prefix, struct err *err)
{
	CLEANUP(names_clear) struct names names = { .text = BUF_INIT };
	const char *name;
	size_t i;
	int rc;

	if ((rc = read_names(l, dir, &names, err)) < 0 ||
	    (dir == l->top && (rc = settle(l, err)) < 0))
		return rc;
	for (i = 0; i < names.n; i++) {
		name = names.v[i];
		if (str_has_prefix(name, prefix) == NULL)
			continue;
		if (name[strlen(name) - 1] == '/')
			rc = list_below(l, dir, name, err);
		else
			rc = list_object(l, dir, name, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int
store_fs_list(struct store *s, const char *prefix, store_list_fn *fn, void *arg,
    struct err *err)
{
	CLEANUP(store_fs_at_close) struct store_fs_at at = STORE_FS_AT_INIT;
	struct lister l = { .fs = (struct store_fs *)s, .fn = fn, .arg = arg };
	struct err e = ERR_INIT;
	int rc;

	if (store_fs_find(l.fs, prefix, &at, &e) < 0)
		return store_fs_unless_absent(&e, err);
	/* Who may only read deletes nothing. */
	if ((s->power & STORE_WRITE) && (rc = store_fs_now(s, &l.now, err)) < 0)
		return rc;
	l.top = at.dir;
	l.len = (size_t)(at.base - prefix);
	memcpy(l.name, prefix, l.len);
	return list_folder(&l, at.dir, at.base, err);
}
