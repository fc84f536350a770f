#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/entry.h"
#include "source/target.h"
#include "test.h"

static void
on_warn(void *arg, const char *path, const char *what)
{
	(void)arg, (void)path, (void)what;
}

static const char *
at(const char *name)
{
	static char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
	return path;
}

static int
open_target(const char *path, int overwrite, struct target **t, struct err *err)
{
	const struct target_opts opts = {
		.path = path, .overwrite = overwrite, .warn = on_warn
	};

	return target_file_new(&opts, t, err);
}

/* The entry "f" of ${size} bytes. */
static struct entry
file_of(uint64_t size)
{
	static char path[] = "f";

	return (struct entry){ .path = path, .type = ENTRY_FILE, .size = size };
}

/* Read the file at ${path} and compare. */
static bool
holds(const char *path, const void *want, size_t len)
{
	static char got[4096];
	FILE *f = fopen(path, "r");
	size_t n;

	if (f == NULL)
		return false;
	n = fread(got, 1, sizeof(got), f);
	return fclose(f) == 0 && n == len && memcmp(got, want, len) == 0;
}

static int
give(struct target *t, struct err *err)
{
	struct entry e = file_of(5);
	int rc;

	if ((rc = target_begin(t, &e, err)) < 0 ||
	    (rc = target_write(t, 0, (const uint8_t *)"ab", 2, err)) < 0 ||
	    (rc = target_write(t, 3, (const uint8_t *)"c", 1, err)) < 0)
		return rc;
	return target_end(t, &e, err);
}

TEST(target_file__is_whole_or_absent)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;
	struct stat st;

	CHECK_OK(open_target(at("f"), 0, &t, &e), &e);
	CHECK_OK(give(t, &e), &e);
	CHECK(stat(at("f"), &st) < 0);
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(holds(at("f"), "ab\0c\0", 5));
	CHECK(stat(at("f"), &st) == 0 && (st.st_mode & 07777) == 0600);
	target_free(TAKE(t));

	CHECK_OK(open_target(at("g"), 0, &t, &e), &e);
	CHECK_OK(give(t, &e), &e);
	target_free(TAKE(t));
	CHECK(unlink(at("f")) == 0 && rmdir(test_dir()) == 0);
}

TEST(target_file__replaces_only_when_told)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;

	CHECK(close(open(at("f"), O_CREAT | O_WRONLY, 0644)) == 0);
	CHECK_FAIL(open_target(at("f"), 0, &t, &e), &e, HF_EEXISTS);
	CHECK_FAIL(open_target(test_dir(), 1, &t, &e), &e, HF_EEXISTS);
	CHECK_OK(open_target(at("f"), 1, &t, &e), &e);
	CHECK_OK(give(t, &e), &e);
	CHECK(holds(at("f"), "", 0));
	CHECK_OK(target_finish(t, &e), &e);
	CHECK(holds(at("f"), "ab\0c\0", 5));
}

TEST(target_file__never_replaces_what_is_no_file)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;
	struct stat st;

	CHECK(mkfifo(at("pipe"), 0600) == 0);
	CHECK_FAIL(open_target(at("pipe"), 1, &t, &e), &e, HF_EEXISTS);
	CHECK(t == NULL && strstr(e.msg, "a device, a pipe") != NULL);
	CHECK(lstat(at("pipe"), &st) == 0 && S_ISFIFO(st.st_mode));
}

TEST(target_file__does_not_replace_what_appears_meanwhile)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(open_target(at("f"), 0, &t, &e), &e);
	CHECK_OK(give(t, &e), &e);
	CHECK(close(open(at("f"), O_CREAT | O_WRONLY, 0644)) == 0);
	CHECK_FAIL(target_finish(t, &e), &e, HF_EEXISTS);
	CHECK(holds(at("f"), "", 0));
}

TEST(target_file__takes_one_file_and_nothing_else)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;
	struct entry dir = file_of(0), f = file_of(3);

	dir.type = ENTRY_DIR;
	CHECK_OK(open_target(at("f"), 0, &t, &e), &e);
	CHECK_FAIL(target_begin(t, &dir, &e), &e, HF_EUSAGE);
	CHECK_FAIL(target_finish(t, &e), &e, HF_ENOTFOUND);
	CHECK_OK(target_begin(t, &f, &e), &e);
	CHECK_FAIL(
	    target_write(t, 2, (const uint8_t *)"xy", 2, &e), &e, HF_ECORRUPT);
	CHECK_OK(target_drop(t, &e), &e);
	CHECK_FAIL(target_begin(t, &f, &e), &e, HF_EUSAGE);
	CHECK_FAIL(target_finish(t, &e), &e, HF_ENOTFOUND);
}

/* Standard output has no holes: they come as zeroes. */
TEST(target_file__streams_to_standard_output)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct err e = ERR_INIT;
	int saved, fd, rc;

	(void)fflush(stdout);
	fd = open(at("out"), O_CREAT | O_WRONLY, 0600);
	CHECK(fd >= 0 && (saved = dup(STDOUT_FILENO)) >= 0);
	CHECK(dup2(fd, STDOUT_FILENO) == STDOUT_FILENO);
	if ((rc = open_target("-", 0, &t, &e)) == 0 && (rc = give(t, &e)) == 0)
		rc = target_finish(t, &e);
	CHECK(dup2(saved, STDOUT_FILENO) == STDOUT_FILENO);
	(void)close(saved), (void)close(fd);
	CHECK_OK(rc, &e);
	CHECK(holds(at("out"), "ab\0c\0", 5));
}
