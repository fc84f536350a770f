#include <fcntl.h>
#include <stdarg.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "base/params.h"
#include "source/tree/source_tree.h"
#include "source/tree/source_tree_data.h"
#include "source_record.h"
#include "test.h"

static const struct source_driver *const drivers[] = { &source_tree_driver,
	NULL };

/* The path of ${name} in the test's folder; good until the next call but 3. */
static const char *
at(const char *name)
{
	static char path[4][4096];
	static int i;

	i = (i + 1) % 4;
	(void)snprintf(path[i], sizeof(path[i]), "%s/top/%s", test_dir(), name);
	return path[i];
}

static void
put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");

	CHECK(f != NULL);
	CHECK(fputs(text, f) >= 0);
	CHECK(fclose(f) == 0);
}

static void
make_dir(const char *name)
{
	CHECK(mkdir(at(name), 0755) == 0);
}

static struct params *
words(void)
{
	struct params *p = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "type", "tree", &e), &e);
	CHECK_OK(params_add(p, "path", at("."), &e), &e);
	return p;
}

/* Read the tree into ${r}; further words come in pairs. */
static int
read_with(struct record *r, struct err *err, const char *name, ...)
{
	CLEANUP(freep_params) struct params *p = words();
	CLEANUP(freep_source) struct source *s = NULL;
	const char *value;
	va_list ap;

	va_start(ap, name);
	for (; name != NULL; name = va_arg(ap, const char *)) {
		value = va_arg(ap, const char *);
		CHECK_OK(params_add(p, name, value, err), err);
	}
	va_end(ap);
	CHECK_OK(source_open(drivers, p, &s, err), err);
	return source_read(s, &r->sink, err);
}

static void
read_all(struct record *r)
{
	struct err e = ERR_INIT;

	record_init(r);
	CHECK_OK(read_with(r, &e, NULL), &e);
}

/* The paths of ${r} in order, one a line. */
static const char *
paths(const struct record *r)
{
	static char all[8192];
	size_t i, used = 0;

	all[0] = '\0';
	for (i = 0; i < r->n; i++)
		used += (size_t)snprintf(all + used, sizeof(all) - used, "%s%s",
		    i > 0 ? " " : "", r->v[i].e.path);
	return all;
}

TEST(tree__comes_in_the_order_of_the_format)
{
	CLEANUP(freep_record) struct record r;

	make_dir("");
	make_dir("a");
	make_dir("a/x");
	put("a.b", "1");
	put("a-", "2");
	put("a/x/f", "3");
	put("B", "4");
	put("\xff", "5");
	read_all(&r);
	CHECK_STR(paths(&r), ". B a a/x a/x/f a- a.b \xff");
	CHECK(r.nwarnings == 0);
}

TEST(tree__gives_the_bytes_and_the_rights)
{
	CLEANUP(freep_record) struct record r;
	const struct timespec t[2] = { { 1, 2 }, { 1234567890, 123456789 } };
	const struct record_entry *re;

	make_dir("");
	put("f\nnewline", "hello");
	CHECK(chmod(at("f\nnewline"), 04711) == 0);
	CHECK(utimensat(AT_FDCWD, at("f\nnewline"), t, 0) == 0);
	CHECK(symlink("no where", at("l")) == 0);
	CHECK(mkfifo(at("p"), 0600) == 0 && chmod(at("p"), 0604) == 0);
	read_all(&r);
	CHECK((re = record_find(&r, "f\nnewline")) != NULL);
	CHECK(re->e.type == ENTRY_FILE && re->e.mode == 04711);
	CHECK(re->e.mtime_ns == 1234567890123456789);
	CHECK(re->e.uid == geteuid() && re->e.user != NULL);
	CHECK(re->e.size == 5 && memcmp(re->data.p, "hello", 5) == 0);
	CHECK(!re->e.sparse && re->e.nextents == 0);
	CHECK((re = record_find(&r, "l")) != NULL);
	CHECK(re->e.type == ENTRY_SYMLINK);
	CHECK_STR(re->e.target, "no where");
	CHECK((re = record_find(&r, "p")) != NULL);
	CHECK(re->e.type == ENTRY_FIFO && re->e.mode == 0604);
}

TEST(tree__gives_files_larger_than_what_the_sink_lends)
{
	CLEANUP(freep_record) struct record r;
	const struct record_entry *re;
	char text[10000];
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)('a' + i % 23);
	text[i] = '\0';
	make_dir("");
	put("f", text);
	record_init(&r);
	r.lend = 7;
	CHECK_OK(read_with(&r, &e, NULL), &e);
	CHECK((re = record_find(&r, "f")) != NULL);
	CHECK(re->data.len == i && memcmp(re->data.p, text, i) == 0);
}

TEST(tree__leaves_access_times_alone)
{
	CLEANUP(freep_record) struct record r;
	const struct timespec t[2] = { { 5, 0 }, { 1234567890, 0 } };
	struct stat st;

	make_dir("");
	put("f", "x");
	CHECK(utimensat(AT_FDCWD, at("f"), t, 0) == 0);
	read_all(&r);
	CHECK(stat(at("f"), &st) == 0 && st.st_atim.tv_sec == 5);
}

TEST(tree__tells_a_second_name_from_a_file)
{
	CLEANUP(freep_record) struct record r;
	const struct record_entry *re;
	struct err e = ERR_INIT;

	make_dir("");
	make_dir("d");
	put("d/first", "x");
	CHECK(link(at("d/first"), at("e")) == 0);
	CHECK(link(at("d/first"), at("f")) == 0);
	read_all(&r);
	CHECK(record_find(&r, "d/first")->e.type == ENTRY_FILE);
	CHECK((re = record_find(&r, "f")) != NULL);
	CHECK(re->e.type == ENTRY_HARDLINK);
	CHECK_STR(re->e.target, "d/first");
	record_clear(&r);

	/* Where the first is left out, the next one has the data. */
	CHECK_OK(read_with(&r, &e, "exclude", "first", NULL), &e);
	CHECK((re = record_find(&r, "e")) != NULL);
	CHECK(re->e.type == ENTRY_FILE && re->data.len == 1);
	CHECK_STR(record_find(&r, "f")->e.target, "e");
}

TEST(tree__keeps_the_holes_of_a_sparse_file)
{
	CLEANUP(freep_record) struct record r;
	const struct record_entry *re;
	int fd;

	make_dir("");
	fd = open(at("s"), O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0);
	CHECK(pwrite(fd, "data", 4, 1 << 20) == 4);
	CHECK(ftruncate(fd, 8 << 20) == 0);
	CHECK(close(fd) == 0);
	fd = open(at("void"), O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0 && ftruncate(fd, 12345) == 0 && close(fd) == 0);
	read_all(&r);
	CHECK((re = record_find(&r, "s")) != NULL);
	CHECK(re->e.sparse && re->e.nextents == 1 && re->e.size == 8 << 20);
	CHECK(re->e.extents[0].off == 1 << 20);
	CHECK(re->data.len == re->e.extents[0].len);
	CHECK(re->data.len < 1 << 20 && memcmp(re->data.p, "data", 4) == 0);
	CHECK((re = record_find(&r, "void")) != NULL);
	CHECK(re->e.sparse && re->e.nextents == 0 && re->e.size == 12345);
}

TEST(tree__bounds_the_number_of_extents)
{
	CLEANUP(freep_record) struct record r;
	const struct record_entry *re;
	size_t i, n = SOURCE_TREE_EXTENTS_MAX + 50;
	struct err e = ERR_INIT;
	int fd;

	make_dir("");
	fd = open(at("s"), O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0);
	for (i = 0; i < n; i++)
		CHECK(pwrite(fd, "x", 1, (off_t)(i << 13)) == 1);
	CHECK(ftruncate(fd, (off_t)(n << 13)) == 0 && close(fd) == 0);
	record_init(&r);
	CHECK_OK(read_with(&r, &e, NULL), &e);
	CHECK((re = record_find(&r, "s")) != NULL);
	CHECK(re->e.nextents == SOURCE_TREE_EXTENTS_MAX);
	CHECK(re->e.size == n << 13);
	i = re->e.nextents - 1;
	CHECK(re->e.extents[i].off + re->e.extents[i].len == n << 13);
}

TEST(tree__keeps_extended_attributes_by_name)
{
	CLEANUP(freep_record) struct record r;
	const struct record_entry *re;
	char big[2000] = "";

	make_dir("");
	put("f", "");
	if (setxattr(at("f"), "user.zz", "1", 1, 0) < 0)
		SKIP("/tmp has no user attributes");
	CHECK(setxattr(at("f"), "user.aa", "", 0, 0) == 0);
	CHECK(setxattr(at("f"), "user.mm", big, sizeof(big), 0) == 0);
	read_all(&r);
	CHECK((re = record_find(&r, "f")) != NULL);
	CHECK(re->e.nxattrs == 3);
	CHECK_STR(re->e.xattrs[0].name, "user.aa");
	CHECK(re->e.xattrs[0].len == 0);
	CHECK_STR(re->e.xattrs[1].name, "user.mm");
	CHECK(re->e.xattrs[1].len == sizeof(big));
	CHECK_STR(re->e.xattrs[2].name, "user.zz");
}

TEST(tree__keeps_devices_and_sockets)
{
	CLEANUP(freep_record) struct record r;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	make_dir("");
	CHECK(fd >= 0);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", at("sock"));
	CHECK(bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0);
	CHECK(close(fd) == 0);
	read_all(&r);
	CHECK(record_find(&r, "sock")->e.type == ENTRY_SOCKET);
	record_clear(&r);
	if (mknod(at("dev"), S_IFCHR | 0600, makedev(1, 3)) < 0)
		SKIP("only root makes devices");
	read_all(&r);
	CHECK(record_find(&r, "dev")->e.type == ENTRY_CHAR);
	CHECK(record_find(&r, "dev")->e.rdev == ((uint64_t)1 << 32 | 3));
}

TEST(tree__leaves_out_what_is_excluded)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	make_dir("");
	make_dir("a");
	make_dir("a/cache");
	put("a/cache/x", "");
	put("a/y.o", "");
	put("a/z", "");
	put("z", "");
	record_init(&r);
	CHECK_OK(read_with(&r, &e, "exclude", "cache", "exclude", "*.o",
		     "exclude", "/z", NULL),
	    &e);
	CHECK_STR(paths(&r), ". a a/z");
}

TEST(tree__keeps_only_what_is_included)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	make_dir("");
	make_dir("a");
	make_dir("a/b");
	put("a/b/x", "");
	put("a/y", "");
	make_dir("c");
	put("c/f.conf", "");
	put("c/g", "");
	put("c/no.conf", "");
	record_init(&r);
	CHECK_OK(read_with(&r, &e, "include", "a/b", "include", "*.conf",
		     "exclude", "no.conf", NULL),
	    &e);
	CHECK_STR(paths(&r), ". a a/b a/b/x c c/f.conf");
}

TEST(tree__says_that_a_missing_top_is_missing)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	record_init(&r);
	CHECK_FAIL(read_with(&r, &e, NULL), &e, HF_ENOTFOUND);
	CHECK(r.n == 0);
}

TEST(tree__says_how_to_back_up_a_single_file)
{
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_source) struct source *s = NULL;
	struct err e = ERR_INIT;

	make_dir("");
	put("f", "");
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "type", "tree", &e), &e);
	CHECK_OK(params_add(p, "path", at("f"), &e), &e);
	CHECK_OK(source_open(drivers, p, &s, &e), &e);
	CHECK_FAIL(source_probe(s, &e), &e, HF_EUSAGE);
	CHECK(e.hint[0] != '\0');
}

static void
append(void *arg, const char *path)
{
	FILE *f = fopen(at(path), "a");

	(void)arg;
	CHECK(f != NULL && fputs("more", f) >= 0 && fclose(f) == 0);
}

TEST(tree__reads_a_growing_file_up_to_where_it_was)
{
	CLEANUP(freep_record) struct record r;
	const struct record_entry *re;
	struct err e = ERR_INIT;

	make_dir("");
	put("f", "grows");
	record_init(&r);
	r.on_begin = append;
	CHECK_OK(read_with(&r, &e, NULL), &e);
	CHECK((re = record_find(&r, "f")) != NULL);
	CHECK(re->e.size == 5 && re->data.len == 5);
	CHECK_STR(record_warned(&r, "f"), "changed while it was read");
}

static void
cut(void *arg, const char *path)
{
	(void)arg;
	CHECK(truncate(at(path), 3) == 0);
}

TEST(tree__keeps_what_is_left_of_a_file_that_shrinks)
{
	CLEANUP(freep_record) struct record r;
	const struct record_entry *re;
	struct err e = ERR_INIT;
	int fd;

	make_dir("");
	put("f", "shrinks");
	fd = open(at("sparse"), O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0 && pwrite(fd, "abcd", 4, 0) == 4);
	CHECK(ftruncate(fd, 1 << 20) == 0 && close(fd) == 0);
	record_init(&r);
	r.on_begin = cut;
	CHECK_OK(read_with(&r, &e, NULL), &e);
	CHECK((re = record_find(&r, "f")) != NULL);
	CHECK(re->e.size == 3 && memcmp(re->data.p, "shr", 3) == 0);
	CHECK(record_warned(&r, "f") != NULL);
	/* The codec of the recorder has checked extents against size. */
	CHECK(record_find(&r, "sparse") != NULL);
	CHECK(record_warned(&r, "sparse") != NULL);
}

static void
remove_next(void *arg, const char *path)
{
	(void)path;
	(void)unlink(at(arg));
}

TEST(tree__tells_of_what_vanishes_and_goes_on)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	make_dir("");
	put("a", "1");
	put("b", "2");
	put("c", "3");
	record_init(&r);
	r.on_begin = remove_next;
	r.arg = (char[]){ "b" };
	CHECK_OK(read_with(&r, &e, NULL), &e);
	CHECK_STR(paths(&r), ". a c");
	CHECK(record_warned(&r, "b") != NULL);
	CHECK_STR(record_warned(&r, "."), "changed while it was read");
}

static void
swap_for_link(void *arg, const char *path)
{
	(void)arg;
	if (strcmp(path, "a") != 0)
		return;
	CHECK(rename(at("d"), at("moved")) == 0);
	CHECK(symlink("/etc", at("d")) == 0);
	CHECK(unlink(at("f")) == 0);
	CHECK(symlink("/etc/passwd", at("f")) == 0);
}

TEST(tree__is_not_led_out_by_links_that_appear)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	make_dir("");
	put("a", "1");
	make_dir("d");
	put("d/x", "2");
	put("f", "3");
	record_init(&r);
	r.on_begin = swap_for_link;
	CHECK_OK(read_with(&r, &e, NULL), &e);
	CHECK_STR(paths(&r), ". a");
	CHECK(record_warned(&r, "d") != NULL);
	CHECK(record_warned(&r, "f") != NULL);
}

/* Run as nobody in a child, since root may read everything. */
static void
as_nobody(void (*run)(void))
{
	int status;
	pid_t pid;

	if (geteuid() != 0) {
		run();
		return;
	}
	CHECK(chmod(test_dir(), 0777) == 0);
	(void)fflush(stdout);
	if ((pid = fork()) == 0) {
		if (setgid(65534) < 0 || setuid(65534) < 0)
			_exit(2);
		run();
		_exit(0);
	}
	CHECK(pid > 0 && waitpid(pid, &status, 0) == pid && status == 0);
}

static void
read_denied(void)
{
	CLEANUP(freep_record) struct record r;

	read_all(&r);
	if (strcmp(paths(&r), ". open shut") != 0 || r.nwarnings != 2 ||
	    record_warned(&r, "secret") == NULL ||
	    record_warned(&r, "shut") == NULL)
		_exit(1);
}

TEST(tree__tells_of_what_may_not_be_read_and_goes_on)
{
	make_dir("");
	put("open", "1");
	put("secret", "2");
	make_dir("shut");
	put("shut/x", "3");
	CHECK(chmod(at("secret"), 0) == 0 && chmod(at("shut"), 0) == 0);
	as_nobody(read_denied);
	CHECK(chmod(at("shut"), 0700) == 0);
}

TEST(tree__needs_no_descriptor_for_each_level)
{
	CLEANUP(freep_record) struct record r;
	struct record_entry *last;
	int i, fd, next;

	make_dir("");
	CHECK((fd = open(at("."), O_RDONLY | O_DIRECTORY)) >= 0);
	for (i = 0; i < 1500; i++) {
		CHECK(mkdirat(fd, "d", 0700) == 0);
		next = openat(fd, "d", O_RDONLY | O_DIRECTORY);
		CHECK(next >= 0);
		CHECK(mknodat(fd, "e", S_IFREG | 0600, 0) == 0);
		(void)close(fd);
		fd = next;
	}
	(void)close(fd);
	read_all(&r);
	CHECK(r.n == 1 + 2 * 1500 && r.nwarnings == 0);
	last = &r.v[r.n - 1];
	CHECK_STR(last->e.path, "e");
}

TEST(tree__stops_when_asked)
{
	CLEANUP(freep_record) struct record r;
	struct err e = ERR_INIT;

	make_dir("");
	put("a", "1");
	put("b", "2");
	record_init(&r);
	r.stop_after = 2;
	CHECK_FAIL(read_with(&r, &e, NULL), &e, HF_EINTR);
	CHECK(r.n < 3);
}

#define SECOND INT64_C(1000000000)

/* Read the tree once more, beside ${base}, which began ${ago} ns ago. */
static void
read_again(struct record *r, const struct record *base, int64_t ago)
{
	struct timespec now;
	struct err e = ERR_INIT;

	CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
	record_init(r);
	r->base = base;
	r->began_ns = now.tv_sec * SECOND + now.tv_nsec - ago;
	CHECK_OK(read_with(r, &e, NULL), &e);
	CHECK(r->nwarnings == 0);
}

/* The paths of what was kept. */
static const char *
kept(const struct record *r)
{
	static char all[256];
	size_t i, used = 0;

	all[0] = '\0';
	for (i = 0; i < r->n; i++)
		if (r->v[i].kept)
			used += (size_t)snprintf(all + used, sizeof(all) - used,
			    "%s%s", used > 0 ? " " : "", r->v[i].e.path);
	return all;
}

TEST(tree__keeps_the_files_that_have_not_changed)
{
	CLEANUP(freep_record) struct record first, r;

	make_dir("");
	make_dir("d");
	put("a", "1");
	put("d/f", "22");
	put("d/g", "333");
	put("gone", "4");
	put("z", "5");
	CHECK(link(at("a"), at("link")) == 0);
	read_all(&first);
	CHECK(unlink(at("gone")) == 0);
	put("d/e", "new");
	put("d/g", "334");
	CHECK(chmod(at("z"), 0600) == 0);
	/* As if the first had begun in an hour: all of it has settled. */
	read_again(&r, &first, -3600 * SECOND);
	CHECK_STR(paths(&r), ". a d d/e d/f d/g link z");
	CHECK_STR(kept(&r), "a d/f");
	CHECK(record_find(&r, "link")->e.type == ENTRY_HARDLINK);
	CHECK(record_find(&r, "z")->e.mode == 0600);
	CHECK(memcmp(record_find(&r, "d/g")->data.p, "334", 3) == 0);
}

TEST(tree__reads_again_what_was_young_when_the_last_backup_began)
{
	CLEANUP(freep_record) struct record first, r, third;
	const struct timespec old[2] = { { .tv_sec = 1 }, { .tv_sec = 1 } };

	make_dir("");
	put("a", "1");
	/* Whoever sets the time of a file back does not deceive us. */
	put("b", "1");
	CHECK(utimensat(AT_FDCWD, at("b"), old, 0) == 0);
	read_all(&first);
	read_again(&r, &first, 0);
	CHECK_STR(kept(&r), "");
	read_again(&third, &r, -3 * SECOND);
	CHECK_STR(kept(&third), "a b");
}

TEST(tree__reads_another_file_of_the_same_name_and_times)
{
	CLEANUP(freep_record) struct record first, r;

	make_dir("");
	put("a", "1");
	put("b", "2");
	put("c", "3");
	read_all(&first);
	first.v[1].e.ino++;
	first.v[2].e.dev++;
	first.v[3].e.ctime_ns--;
	read_again(&r, &first, -3600 * SECOND);
	CHECK_STR(kept(&r), "");
}

TEST(tree__survives_running_out_of_memory)
{
	CLEANUP(freep_params) struct params *p = words();
	struct err e = ERR_INIT;
	int rc;

	make_dir("");
	make_dir("d");
	put("d/f", "1");
	CHECK(link(at("d/f"), at("g")) == 0);
	CHECK(symlink("x", at("l")) == 0);
	TEST_TORTURE (n) {
		CLEANUP(freep_source) struct source *s = NULL;
		CLEANUP(freep_record) struct record r;

		record_init(&r);
		test_malloc_fail(n);
		if ((rc = source_open(drivers, p, &s, &e)) == 0)
			rc = source_read(s, &r.sink, &e);
		if (!test_malloc_failed())
			break;
		/* A name that cannot be looked up is no name. */
		CHECK(rc == -HF_ENOMEM || rc == 0);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
}
