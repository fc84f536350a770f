#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/params.h"
#include "base/remove_tree.h"
#include "source/target.h"
#include "source/tree/source_tree.h"
#include "source_record.h"
#include "test.h"

static const struct source_driver *const drivers[] = { &source_tree_driver,
	NULL };

static long warnings;
static char last_warning[512];

static void
on_warn(void *arg, const char *path, const char *what)
{
	(void)arg;
	warnings++;
	(void)snprintf(
	    last_warning, sizeof(last_warning), "%s: %s", path, what);
}

/* The path of ${name} in the test's folder; good for three more calls. */
static const char *
at(const char *name)
{
	static char path[4][4096];
	static int i;

	i = (i + 1) % 4;
	(void)snprintf(path[i], sizeof(path[i]), "%s/%s", test_dir(), name);
	return path[i];
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	CHECK(f != NULL && fputs(text, f) >= 0 && fclose(f) == 0);
}

/* Does the file ${name} hold exactly ${text}? */
static bool
holds(const char *name, const char *text)
{
	char got[256] = "";
	FILE *f = fopen(at(name), "r");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(got, 1, sizeof(got) - 1, f);
	got[n] = '\0';
	return fclose(f) == 0 && strcmp(got, text) == 0;
}

static bool
exists(const char *name)
{
	struct stat st;

	return lstat(at(name), &st) == 0;
}

/* How many things lie in the test's folder itself? */
static int
count(void)
{
	CLEANUP(freep_record) struct record r;
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_source) struct source *s = NULL;
	struct err e = ERR_INIT;
	size_t i;
	int n = 0;

	record_init(&r);
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "type", "tree", &e), &e);
	CHECK_OK(params_add(p, "path", test_dir(), &e), &e);
	CHECK_OK(source_open(drivers, p, &s, &e), &e);
	CHECK_OK(source_read(s, &r.sink, &e), &e);
	for (i = 1; i < r.n; i++)
		n += strchr(r.v[i].e.path, '/') == NULL;
	return n;
}

static int
open_target(const char *name, int overwrite, struct target **t, struct err *err)
{
	const struct target_opts opts = {
		.path = at(name),
		.overwrite = overwrite,
		.warn = on_warn,
	};

	warnings = 0;
	return target_tree_new(&opts, t, err);
}

static struct target *
new_target(const char *name)
{
	struct target *t = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(open_target(name, 0, &t, &e), &e);
	return t;
}

static void
read_tree(const char *name, struct record *r)
{
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_source) struct source *s = NULL;
	struct err e = ERR_INIT;

	record_init(r);
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "type", "tree", &e), &e);
	CHECK_OK(params_add(p, "path", at(name), &e), &e);
	CHECK_OK(source_open(drivers, p, &s, &e), &e);
	CHECK_OK(source_read(s, &r->sink, &e), &e);
}

/* begin, data and end of one entry. */
static int
give(struct target *t, enum entry_type type, const char *path, const char *text,
    struct err *err)
{
	char p[4096], to[4096];
	struct entry e = {
		.path = p,
		.type = type,
		.mode = type == ENTRY_DIR ? 0755 : 0644,
		.uid = geteuid(),
		.gid = getegid(),
	};
	int rc;

	(void)snprintf(p, sizeof(p), "%s", path);
	(void)snprintf(to, sizeof(to), "%s", text);
	if (type == ENTRY_SYMLINK || type == ENTRY_HARDLINK)
		e.target = to;
	if (type == ENTRY_FILE)
		e.size = e.data_len = strlen(text);
	if ((rc = target_begin(t, &e, err)) < 0)
		return rc;
	if (e.size > 0 && (rc = target_write(t, 0, (const uint8_t *)text,
			       strlen(text), err)) < 0)
		return rc;
	return target_end(t, &e, err);
}

/* Some of everything, with odd rights and times. */
static void
make_everything(void)
{
	static const char acl[] = "\2\0\0\0\1\0\7\0\xff\xff\xff\xff"
				  "\2\0\4\0\1\0\0\0\4\0\5\0\xff\xff\xff\xff"
				  "\20\0\5\0\xff\xff\xff\xff"
				  "\40\0\0\0\xff\xff\xff\xff";
	const struct timespec old[2] = { { 7, 0 }, { -5, 123456789 } };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	CHECK(mkdir(at("from"), 0711) == 0);
	put("from/f", "one");
	CHECK(chmod(at("from/f"), 04755) == 0);
	CHECK(mkdir(at("from/d"), 0755) == 0);
	put("from/d/\xff\n", "two");
	CHECK(link(at("from/d/\xff\n"), at("from/z")) == 0);
	CHECK(symlink("../outside", at("from/l")) == 0);
	CHECK(link(at("from/l"), at("from/l2")) == 0);
	CHECK(mkfifo(at("from/p"), 0640) == 0);
	fd = socket(AF_UNIX, SOCK_STREAM, 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", at("from/s"));
	CHECK(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	CHECK(close(fd) == 0);
	fd = open(at("from/holes"), O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0 && pwrite(fd, "x", 1, 3 << 20) == 1);
	CHECK(ftruncate(fd, 9 << 20) == 0 && close(fd) == 0);
	if (geteuid() == 0) {
		CHECK(mknod(at("from/dev"), S_IFBLK | 0604,
			  makedev(300, 70000)) == 0);
		CHECK(lchown(at("from/l"), 12, 34) == 0);
		CHECK(chown(at("from/f"), 56, 78) == 0);
		CHECK(chmod(at("from/f"), 06755) == 0);
		CHECK(setxattr(at("from/f"), "trusted.t", "v", 1, 0) == 0);
		CHECK(lsetxattr(at("from/l"), "trusted.l", "w", 1, 0) == 0);
	}
	(void)setxattr(at("from/f"), "user.u", "", 0, 0);
	(void)setxattr(
	    at("from/d"), "system.posix_acl_access", acl, sizeof(acl) - 1, 0);
	(void)setxattr(
	    at("from/d"), "system.posix_acl_default", acl, sizeof(acl) - 1, 0);
	CHECK(utimensat(AT_FDCWD, at("from/f"), old, 0) == 0);
	CHECK(utimensat(AT_FDCWD, at("from/l"), old, AT_SYMLINK_NOFOLLOW) == 0);
	CHECK(chmod(at("from/d"), 0555) == 0);
	CHECK(utimensat(AT_FDCWD, at("from/d"), old, 0) == 0);
	CHECK(utimensat(AT_FDCWD, at("from"), old, 0) == 0);
}

static void
check_same(const struct record_entry *a, const struct record_entry *b)
{
	size_t i;

	CHECK_STR(a->e.path, b->e.path);
	CHECK(a->e.type == b->e.type && a->e.mode == b->e.mode);
	CHECK(a->e.uid == b->e.uid && a->e.gid == b->e.gid);
	CHECK(a->e.mtime_ns == b->e.mtime_ns);
	CHECK(a->e.size == b->e.size && a->e.rdev == b->e.rdev);
	CHECK((a->e.target == NULL) == (b->e.target == NULL));
	if (a->e.target != NULL)
		CHECK_STR(a->e.target, b->e.target);
	CHECK(a->e.nxattrs == b->e.nxattrs);
	for (i = 0; i < a->e.nxattrs; i++) {
		CHECK_STR(a->e.xattrs[i].name, b->e.xattrs[i].name);
		CHECK(a->e.xattrs[i].len == b->e.xattrs[i].len);
		if (a->e.xattrs[i].len > 0)
			CHECK(memcmp(a->e.xattrs[i].value, b->e.xattrs[i].value,
				  a->e.xattrs[i].len) == 0);
	}
	CHECK(a->e.sparse == b->e.sparse);
	CHECK(a->e.nextents == b->e.nextents);
	for (i = 0; i < a->e.nextents; i++)
		CHECK(a->e.extents[i].off == b->e.extents[i].off &&
		      a->e.extents[i].len == b->e.extents[i].len);
	CHECK(a->data.len == b->data.len);
	if (a->data.len > 0)
		CHECK(memcmp(a->data.p, b->data.p, a->data.len) == 0);
}

static void
check_round_trip(void)
{
	CLEANUP(freep_record) struct record from;
	CLEANUP(freep_record) struct record to;
	CLEANUP(freep_target) struct target *t = new_target("to");
	struct err e = ERR_INIT;
	size_t i;

	read_tree("from", &from);
	CHECK(from.nwarnings == 0);
	CHECK_OK(record_replay(&from, t, &e), &e);
	CHECK(!exists("to"));
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(warnings == 0);
	read_tree("to", &to);
	CHECK(to.n == from.n);
	for (i = 0; i < from.n; i++)
		check_same(&from.v[i], &to.v[i]);
}

TEST(target_tree__gives_back_everything)
{
	struct stat a, b;

	make_everything();
	check_round_trip();
	CHECK(stat(at("from/holes"), &a) == 0);
	CHECK(stat(at("to/holes"), &b) == 0);
	CHECK(b.st_blocks == a.st_blocks && b.st_blocks * 512 < 1 << 20);
	CHECK(count() == 2);
}

/* In a child, since the rights of root cannot be had back. */
static void
as_nobody(void (*run)(void))
{
	int status;
	pid_t pid;

	CHECK(chmod(test_dir(), 0777) == 0);
	if (geteuid() != 0) {
		run();
		return;
	}
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		run();
		_exit(warnings == 0 ? 0 : 1);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void
everything_by_nobody(void)
{
	make_everything();
	check_round_trip();
}

TEST(target_tree__needs_no_root_for_files_of_one_owner)
{
	as_nobody(everything_by_nobody);
}

static void
owners_by_nobody(void)
{
	CLEANUP(freep_target) struct target *t = new_target("to");
	struct entry e = {
		.path = (char[]){ "f" }, .type = ENTRY_FILE, .mode = 06755
	};
	struct err err = ERR_INIT;
	struct stat st;

	CHECK_OK(target_begin(t, &e, &err), &err);
	CHECK_OK(target_end(t, &e, &err), &err);
	e.path = (char[]){ "g" };
	CHECK_OK(target_begin(t, &e, &err), &err);
	CHECK_OK(target_end(t, &e, &err), &err);
	e.path = (char[]){ "tty" };
	e.type = ENTRY_CHAR;
	CHECK_OK(target_begin(t, &e, &err), &err);
	CHECK_OK(target_end(t, &e, &err), &err);
	CHECK_OK(target_finish(t, &err), &err);
	/* One for all owners and one for the device. */
	CHECK(warnings == 2 && !exists("to/tty"));
	CHECK(stat(at("to/f"), &st) == 0);
	CHECK((st.st_mode & 07777) == 0755);
	warnings = 0;
}

TEST(target_tree__gives_a_strangers_setuid_to_nobody)
{
	if (geteuid() != 0)
		SKIP("needs root, to become somebody else");
	as_nobody(owners_by_nobody);
}

TEST(target_tree__makes_parents_that_do_not_come)
{
	CLEANUP(freep_target) struct target *t = new_target("to");
	struct err e = ERR_INIT;
	struct stat st;

	CHECK_OK(give(t, ENTRY_FILE, "a/b/c", "x", &e), &e);
	/* A link may take the place of a file and so come early. */
	CHECK_OK(give(t, ENTRY_FILE, "z/early", "y", &e), &e);
	CHECK_OK(give(t, ENTRY_DIR, "z", "", &e), &e);
	CHECK_FAIL(give(t, ENTRY_DIR, "z", "", &e), &e, HF_ECORRUPT);
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(holds("to/a/b/c", "x") && holds("to/z/early", "y"));
	CHECK(stat(at("to/a"), &st) == 0 && (st.st_mode & 07777) == 0700);
	CHECK(stat(at("to/z"), &st) == 0 && (st.st_mode & 07777) == 0755);
}

TEST(target_tree__lets_nothing_out)
{
	static const char *const bad[] = { "", "..", "../x", "/etc/x", "a/../b",
		"a//b", "./a", "a/", "a/." };
	CLEANUP(freep_target) struct target *t = new_target("to");
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(
		    give(t, ENTRY_FILE, bad[i], "x", &e), &e, HF_ECORRUPT);
		CHECK_FAIL(
		    give(t, ENTRY_HARDLINK, "h", bad[i], &e), &e, HF_ECORRUPT);
	}
	/* Through a link that came before: to a folder, and to the top. */
	CHECK(mkdir(at("outside"), 0755) == 0);
	put("outside/secret", "s");
	CHECK_OK(give(t, ENTRY_SYMLINK, "l", at("outside"), &e), &e);
	CHECK_FAIL(give(t, ENTRY_FILE, "l/x", "x", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_DIR, "l/d", "", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_DIR, "l", "", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_FILE, "l", "x", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_SYMLINK, "l/m", "x", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_FIFO, "l/p", "", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_FILE, "l/d/e/f", "x", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(
	    give(t, ENTRY_HARDLINK, "h", "l/secret", &e), &e, HF_ECORRUPT);
	CHECK_OK(give(t, ENTRY_SYMLINK, "up", ".", &e), &e);
	CHECK_FAIL(give(t, ENTRY_FILE, "up/x", "x", &e), &e, HF_ECORRUPT);
	/* The link itself may have a second name; it is not followed. */
	CHECK_OK(give(t, ENTRY_HARDLINK, "l2", "l", &e), &e);
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(exists("to/l2") && !exists("outside/x") && !exists("x"));
	CHECK(!exists("outside/d") && !exists("outside/m"));
	CHECK(holds("outside/secret", "s") && count() == 2);
}

TEST(target_tree__refuses_what_cannot_be)
{
	CLEANUP(freep_target) struct target *t = new_target("to");
	char path[] = "n", top[] = ".";
	struct entry huge = {
		.path = path, .type = ENTRY_FILE, .size = UINT64_MAX
	};
	struct entry odd = { .path = path, .type = (enum entry_type)'x' };
	struct entry file = { .path = top, .type = ENTRY_FILE };
	struct err e = ERR_INIT;

	CHECK_OK(give(t, ENTRY_FILE, "f", "x", &e), &e);
	CHECK_FAIL(give(t, ENTRY_FILE, "f", "x", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_FILE, "f/x", "x", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_DIR, "f", "", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(
	    give(t, ENTRY_HARDLINK, "h", "nothing", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_HARDLINK, "h", ".", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_HARDLINK, "h", "h", &e), &e, HF_ECORRUPT);
	CHECK_OK(give(t, ENTRY_DIR, "d", "", &e), &e);
	CHECK_FAIL(give(t, ENTRY_HARDLINK, "h", "d", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(give(t, ENTRY_SYMLINK, "s", "", &e), &e, HF_ECORRUPT);
	CHECK_FAIL(target_begin(t, &huge, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(target_begin(t, &odd, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(target_begin(t, &file, &e), &e, HF_ECORRUPT);
}

TEST(target_tree__refuses_data_outside_a_file)
{
	CLEANUP(freep_target) struct target *t = new_target("to");
	char path[] = "f";
	struct entry f = { .path = path, .type = ENTRY_FILE, .size = 4 };
	const uint8_t *p = (const uint8_t *)"12345";
	struct err e = ERR_INIT;

	CHECK_FAIL(target_write(t, 0, p, 1, &e), &e, HF_EBUG);
	CHECK_OK(target_begin(t, &f, &e), &e);
	CHECK_FAIL(target_write(t, 0, p, 5, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(target_write(t, 4, p, 1, &e), &e, HF_ECORRUPT);
	CHECK_FAIL(target_write(t, UINT64_MAX, p, 2, &e), &e, HF_ECORRUPT);
	CHECK_OK(target_write(t, 3, p, 1, &e), &e);
}

TEST(target_tree__goes_on_without_a_file_that_was_dropped)
{
	CLEANUP(freep_target) struct target *t = new_target("to");
	char path[] = "a/f";
	struct entry f = { .path = path, .type = ENTRY_FILE, .size = 4 };
	struct err e = ERR_INIT;

	CHECK_OK(target_begin(t, &f, &e), &e);
	CHECK_OK(target_drop(t, &e), &e);
	CHECK_OK(give(t, ENTRY_HARDLINK, "link", "a/f", &e), &e);
	CHECK_OK(give(t, ENTRY_FILE, "z", "x", &e), &e);
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(exists("to/a") && !exists("to/a/f") && !exists("to/link"));
	CHECK(holds("to/z", "x") && warnings == 1);
}

TEST(target_tree__fills_an_empty_folder)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;

	CHECK(mkdir(at("to"), 0755) == 0);
	t = new_target("to");
	CHECK_OK(give(t, ENTRY_FILE, "f", "x", &e), &e);
	CHECK(!exists("to/f"));
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(holds("to/f", "x") && count() == 1);
}

TEST(target_tree__leaves_a_place_that_is_taken)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;

	CHECK(mkdir(at("to"), 0755) == 0);
	put("to/mine", "x");
	put("file", "y");
	CHECK(symlink("nowhere", at("dangling")) == 0);
	CHECK_FAIL(open_target("to", 0, &t, &e), &e, HF_EEXISTS);
	CHECK(e.hint[0] != '\0');
	CHECK_FAIL(open_target("file", 0, &t, &e), &e, HF_EEXISTS);
	CHECK_FAIL(open_target("dangling", 1, &t, &e), &e, HF_EEXISTS);
	CHECK_FAIL(open_target("no/where", 0, &t, &e), &e, HF_ENOTFOUND);
	CHECK_FAIL(open_target("../../proc", 1, &t, &e), &e, HF_EUSAGE);
	CHECK_FAIL(open_target("../..", 1, &t, &e), &e, HF_EUSAGE);
	CHECK(t == NULL && count() == 3);
}

TEST(target_tree__leaves_a_place_that_is_taken_meanwhile)
{
	CLEANUP(freep_target) struct target *t = new_target("to");
	struct err e = ERR_INIT;

	CHECK_OK(give(t, ENTRY_FILE, "f", "x", &e), &e);
	CHECK(mkdir(at("to"), 0755) == 0);
	put("to/mine", "x");
	CHECK_FAIL(target_finish(t, &e), &e, HF_EEXISTS);
	target_free(TAKE(t));
	CHECK(holds("to/mine", "x") && !exists("to/f") && count() == 1);
}

TEST(target_tree__replaces_a_full_folder_at_the_end)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;

	CHECK(mkdir(at("to"), 0755) == 0);
	CHECK(mkdir(at("to/shut"), 0755) == 0);
	put("to/shut/old", "old");
	CHECK(chmod(at("to/shut"), 0) == 0);
	CHECK(symlink("to", at("link")) == 0);
	CHECK_OK(open_target("link", 1, &t, &e), &e);
	CHECK_OK(give(t, ENTRY_FILE, "new", "new", &e), &e);
	CHECK(exists("to/shut"));
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(holds("to/new", "new") && !exists("to/shut"));
	CHECK(holds("link/new", "new") && count() == 2 && warnings == 0);
}

TEST(target_tree__removes_what_it_staged_when_it_ends_early)
{
	CLEANUP(freep_target) struct target *t = new_target("to");
	struct err e = ERR_INIT;

	CHECK_OK(give(t, ENTRY_FILE, "a/b/c/d", "x", &e), &e);
	CHECK_OK(give(t, ENTRY_SYMLINK, "a/l", "/etc", &e), &e);
	CHECK(count() == 1);
	target_free(TAKE(t));
	CHECK(count() == 0);
}

TEST(target_tree__killed_leaves_the_old_place_as_it_was)
{
	struct target *t = NULL;
	struct err e = ERR_INIT;
	int status, fds[2];
	pid_t pid;
	char c;

	CHECK(mkdir(at("to"), 0755) == 0);
	put("to/old", "old");
	CHECK(pipe(fds) == 0);
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (open_target("to", 1, &t, &e) < 0 ||
		    give(t, ENTRY_FILE, "new", "new", &e) < 0 ||
		    write(fds[1], "x", 1) != 1)
			_exit(1);
		(void)pause();
		_exit(0);
	}
	CHECK(pid > 0 && read(fds[0], &c, 1) == 1);
	CHECK(kill(pid, SIGKILL) == 0);
	CHECK(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	CHECK(holds("to/old", "old") && !exists("to/new") && count() == 2);
	(void)close(fds[0]), (void)close(fds[1]);
}

TEST(target_tree__keeps_nothing_of_the_folder_around_it)
{
	static const char acl[] = "\2\0\0\0\1\0\7\0\xff\xff\xff\xff"
				  "\2\0\7\0\1\0\0\0\4\0\5\0\xff\xff\xff\xff"
				  "\20\0\7\0\xff\xff\xff\xff"
				  "\40\0\0\0\xff\xff\xff\xff";
	CLEANUP(freep_target) struct target *t = NULL;
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;
	size_t i;

	record_init(&r);
	CHECK(mkdir(at("in"), 02777) == 0);
	if (setxattr(at("in"), "system.posix_acl_default", acl, sizeof(acl) - 1,
		0) < 0)
		SKIP("/tmp has no ACLs");
	t = new_target("in/to");
	CHECK_OK(give(t, ENTRY_FILE, "d/f", "x", &e), &e);
	CHECK_OK(target_finish(t, &e), &e);
	read_tree("in/to", &r);
	for (i = 0; i < r.n; i++)
		CHECK(r.v[i].e.nxattrs == 0 &&
		      (r.v[i].e.mode & 07077) ==
			  (r.v[i].e.type == ENTRY_FILE ? 0044 : 0));
}

TEST(target_tree__goes_as_deep_as_the_source)
{
	CLEANUP(freep_target) struct target *t = new_target("to");
	CLEANUP(freep_record) struct record r;
	char *path = malloc(2 * 3000 + 1);
	struct entry d = { .path = path, .type = ENTRY_DIR, .mode = 0755 };
	struct err e = ERR_INIT;
	int i;

	record_init(&r);
	CHECK(path != NULL);
	d.uid = geteuid(), d.gid = getegid();
	/* Beyond PATH_MAX. */
	for (i = 0; i < 3000; i++) {
		path[2 * i] = 'd';
		path[2 * i + 1] = '\0';
		if (i % 100 == 99 || i > 2990) {
			CHECK_OK(target_begin(t, &d, &e), &e);
			CHECK_OK(target_end(t, &d, &e), &e);
		}
		path[2 * i + 1] = '/';
	}
	free(path);
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(warnings == 0);
	read_tree("to", &r);
	CHECK(r.n == 3001 && r.nwarnings == 0);
	CHECK(remove_tree(AT_FDCWD, at("to")) == 0 && count() == 0);
}

TEST(target_tree__says_when_there_is_no_room_and_cleans_up)
{
	CLEANUP(freep_target) struct target *t = NULL;
	CLEANUP(freep_record) struct record r;
	static uint8_t block[1 << 16];
	char path[] = "big";
	struct entry f = { .path = path, .type = ENTRY_FILE, .size = 8 << 20 };
	struct err e = ERR_INIT;
	uint64_t off;
	int rc = 0;

	record_init(&r);
	CHECK(mkdir(at("small"), 0755) == 0);
	if (mount("tmpfs", at("small"), "tmpfs", 0, "size=1m") < 0)
		SKIP("needs root, to mount a small file system");
	if (open_target("small/to", 0, &t, &e) == 0 &&
	    target_begin(t, &f, &e) == 0)
		for (off = 0; off < f.size && rc == 0; off += sizeof(block))
			rc = target_write(t, off, block, sizeof(block), &e);
	target_free(TAKE(t));
	read_tree("small", &r);
	CHECK(umount2(at("small"), MNT_DETACH) == 0);
	CHECK(r.n == 1);
	CHECK(rc == -HF_ENOSPC && e.hint[0] != '\0');
}

TEST(target_tree__is_not_put_over_a_file_system)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;
	int rc;

	CHECK(mkdir(at("m"), 0755) == 0);
	if (mount("tmpfs", at("m"), "tmpfs", 0, "size=1m") < 0)
		SKIP("needs root, to mount a file system");
	rc = open_target("m", 0, &t, &e);
	CHECK(umount2(at("m"), MNT_DETACH) == 0);
	CHECK(rc == -HF_EUSAGE && e.hint[0] != '\0');
}

TEST(remove_tree__stops_at_what_is_mounted)
{
	int rc;

	CHECK(mkdir(at("old"), 0755) == 0);
	CHECK(mkdir(at("old/m"), 0755) == 0);
	CHECK(mkdir(at("other"), 0755) == 0);
	put("other/f", "x");
	if (mount(at("other"), at("old/m"), "", MS_BIND, NULL) < 0)
		SKIP("needs root, to mount a file system");
	rc = remove_tree(AT_FDCWD, at("old"));
	CHECK(umount2(at("old/m"), MNT_DETACH) == 0);
	CHECK(rc == -EBUSY && holds("other/f", "x"));
}

TEST(target_tree__survives_running_out_of_memory)
{
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_target) struct target *t = NULL;

		test_malloc_fail(n);
		rc = open_target("to", 0, &t, &e);
		if (rc == 0 && (rc = give(t, ENTRY_DIR, "d", "", &e)) == 0 &&
		    (rc = give(t, ENTRY_FILE, "d/f", "x", &e)) == 0)
			rc = target_finish(t, &e);
		if (!test_malloc_failed())
			break;
		test_malloc_fail(0);
		CHECK(rc == -HF_ENOMEM && !exists("to"));
		target_free(TAKE(t));
		CHECK(count() == 0);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
	CHECK(holds("to/d/f", "x") && count() == 1);
}

TEST(tree_target__is_not_exhausted_by_folders_that_are_all_attributes)
{
	CLEANUP(freep_target) struct target *t = NULL;
	CLEANUP(freep_mem) uint8_t *value = calloc(1, 1 << 20);
	char name[] = "user.junk", path[16];
	struct entry_xattr x = { .name = name, .value = value, .len = 1 << 20 };
	struct entry e = {
		.path = path, .type = ENTRY_DIR, .xattrs = &x, .nxattrs = 1
	};
	struct err err = ERR_INIT;
	unsigned i;
	int rc = 0;

	CHECK(value != NULL);
	t = new_target("out");
	for (i = 0; i < 300 && rc == 0; i++) {
		(void)snprintf(path, sizeof(path), "d%u", i);
		rc = target_begin(t, &e, &err);
	}
	CHECK(rc == -HF_ENOSPC && i > 200);
}
