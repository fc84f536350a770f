#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/entry.h"
#include "base/err.h"
#include "base/file.h"
#include "base/stage.h"
#include "base/str.h"
#include "source/target.h"

#define ZEROES_MAX 65536

struct target_file {
	struct target base;
	char *path;
	struct stage stage; /* Unless it goes to standard output. */
	bool begun, done;
	uint64_t size, pos; /* Of the file; how far it was written, */
	uint64_t behind;    /* and how far the disk was told of it. */
};

static int
begin(struct target *t, const struct entry *e, struct err *err)
{
	struct target_file *f = (struct target_file *)t;

	if (f->begun || e->type != ENTRY_FILE) {
		(void)err_set(err, HF_EUSAGE,
		    f->begun ? "'%s' would be a second file in '%s'"
			     : "'%s' is no file: it cannot go to '%s'",
		    e->path, f->path);
		return err_hint(err, "name one file, or restore to a folder");
	}
	if (e->size > INT64_MAX)
		return err_set(err, HF_ECORRUPT,
		    "'%s' cannot have so many bytes", e->path);
	f->begun = true;
	f->size = e->size;
	return 0;
}

/* Is the write within the file that was begun? */
static int
check_range(
    const struct target_file *f, uint64_t off, size_t n, struct err *err)
{
	if (!f->begun || f->done)
		return err_set(err, HF_EBUG, "data without a file");
	if (off < f->pos || off > f->size || n > f->size - off)
		return err_set(err, HF_ECORRUPT,
		    "'%s' has data outside its size", f->path);
	return 0;
}

static int
file_write(
    struct target *t, uint64_t off, const uint8_t *p, size_t n, struct err *err)
{
	struct target_file *f = (struct target_file *)t;
	int rc;

	if ((rc = check_range(f, off, n, err)) < 0)
		return rc;
	if (file_write_at(f->stage.fd, p, n, off, err) < 0)
		return err_wrap(err, "write '%s'", f->path);
	f->pos = off + n;
	file_write_behind(f->stage.fd, &f->behind, f->pos);
	return 0;
}

static int
file_end(struct target *t, const struct entry *e, struct err *err)
{
	struct target_file *f = (struct target_file *)t;

	(void)e;
	if (f->pos < f->size && ftruncate(f->stage.fd, (off_t)f->size) < 0)
		return err_errno(err, errno, "write '%s'", f->path);
	f->done = true;
	return 0;
}

static int
drop(struct target *t, struct err *err)
{
	(void)t, (void)err;
	return 0; /* finish says that nothing came. */
}

static int
check_done(const struct target_file *f, struct err *err)
{
	return f->done ? 0
		       : err_set(err, HF_ENOTFOUND,
			     "no whole file came for '%s'", f->path);
}

static int
file_finish(struct target *t, struct err *err)
{
	struct target_file *f = (struct target_file *)t;
	int rc;

	if ((rc = check_done(f, err)) < 0)
		return rc;
	return stage_commit(&f->stage, err);
}

static void
file_free(struct target *t)
{
	struct target_file *f = (struct target_file *)t;

	stage_close(&f->stage);
	free(f->path);
	free(f);
}

/* A stream has no holes: write zeroes up to ${pos}. */
static int
fill(struct target_file *f, uint64_t pos, struct err *err)
{
	static const uint8_t zeroes[ZEROES_MAX];
	size_t n;

	for (; f->pos < pos; f->pos += n) {
		n = sizeof(zeroes);
		if (n > pos - f->pos)
			n = (size_t)(pos - f->pos);
		if (file_write_full(STDOUT_FILENO, zeroes, n, err) < 0)
			return err_wrap(err, "write standard output");
	}
	return 0;
}

static int
stdout_write(
    struct target *t, uint64_t off, const uint8_t *p, size_t n, struct err *err)
{
	struct target_file *f = (struct target_file *)t;
	int rc;

	if ((rc = check_range(f, off, n, err)) < 0 ||
	    (rc = fill(f, off, err)) < 0)
		return rc;
	if (file_write_full(STDOUT_FILENO, p, n, err) < 0)
		return err_wrap(err, "write standard output");
	f->pos = off + n;
	return 0;
}

static int
stdout_end(struct target *t, const struct entry *e, struct err *err)
{
	struct target_file *f = (struct target_file *)t;
	int rc;

	(void)e;
	if ((rc = fill(f, f->size, err)) < 0)
		return rc;
	f->done = true;
	return 0;
}

static int
stdout_finish(struct target *t, struct err *err)
{
	int rc = check_done((struct target_file *)t, err);

	return rc < 0 ? rc : file_sync_output(STDOUT_FILENO, err);
}

static const struct target_ops target_file_ops = {
	.begin = begin,
	.write = file_write,
	.end = file_end,
	.drop = drop,
	.finish = file_finish,
	.free = file_free,
};

static const struct target_ops target_stdout_ops = {
	.begin = begin,
	.write = stdout_write,
	.end = stdout_end,
	.drop = drop,
	.finish = stdout_finish,
	.free = file_free,
};

int
target_file_new(
    const struct target_opts *opts, struct target **ret, struct err *err)
{
	CLEANUP(freep_target) struct target *t = NULL;
	struct stage_opts at = { .overwrite = opts->overwrite,
		.remedy = TARGET_TAKEN,
		.warn = opts->warn,
		.arg = opts->arg };
	struct target_file *f;
	int rc;

	if ((f = calloc(1, sizeof(*f))) == NULL)
		return err_nomem(err);
	t = &f->base;
	t->ops = &target_file_ops;
	f->stage = (struct stage){ .parent = -1, .fd = -1 };
	if ((rc = str_dup(opts->path, &f->path, err)) < 0)
		return rc;
	at.path = f->path;
	if (strcmp(f->path, "-") == 0)
		t->ops = &target_stdout_ops;
	else if ((rc = stage_open(&f->stage, &at, err)) < 0)
		return rc;
	*ret = TAKE(t);
	return 0;
}
