#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "cmd/cmd_ctx.h"
#include "cmd/cmd_open.h"
#include "cmd/cmd_stream.h"
#include "crypto/secret.h"
#include "repo/repo_stream.h"

/* A file that is being written beside its name. */
struct output {
	int fd;           /* -1: standard output. */
	char *path, *tmp; /* tmp is NULL once it has its name. */
};

static void
output_clear(struct output *o)
{
	if (o->tmp != NULL && o->fd >= 0)
		(void)unlink(o->tmp);
	freep_fd(&o->fd);
	free(o->path);
	free(o->tmp);
}

static int
taken(const char *path, struct err *err)
{
	(void)err_set(err, HF_EEXISTS, "'%s' exists", path);
	return err_hint(err, "give another name, or --overwrite");
}

static int
output_open(struct ctx *ctx, struct output *o, struct err *err)
{
	const char *to = ctx_option(ctx, "to");
	int rc;

	if (to == NULL || strcmp(to, "-") == 0)
		return 0;
	/*
	 * Check this early, so that hours of work are not wasted; the check
	 * that counts comes at the end.
	 */
	if (!ctx_flag(ctx, "overwrite") && access(to, F_OK) == 0)
		return taken(to, err);
	if ((rc = str_dup(to, &o->path, err)) < 0 ||
	    (rc = str_printf(&o->tmp, err, "%s.XXXXXX", to)) < 0)
		return rc;
	if ((o->fd = mkostemp(o->tmp, O_CLOEXEC)) < 0)
		return err_errno(err, errno, "cannot write beside '%s'", to);
	return 0;
}

/* Give the written file its name, durably. */
static int
name_it(struct output *o, bool overwrite, int dir, struct err *err)
{
	const char *from = strrchr(o->tmp, '/');
	const char *to = strrchr(o->path, '/');

	from = from == NULL ? o->tmp : from + 1;
	to = to == NULL ? o->path : to + 1;
	if (fsync(o->fd) < 0)
		return err_errno(err, errno, "cannot sync '%s'", o->tmp);
	if (overwrite) {
		if (renameat(dir, from, dir, to) < 0)
			return err_errno(
			    err, errno, "cannot make '%s'", o->path);
	} else if (file_publish(dir, from, to, err) < 0) {
		return err->code == -HF_EEXISTS ? taken(o->path, err)
						: err->code;
	}
	free(TAKE(o->tmp));
	return file_sync_dir(dir, err);
}

static int
output_finish(struct ctx *ctx, struct output *o, struct err *err)
{
	CLEANUP(freep_mem) char *copy = NULL;
	CLEANUP(freep_fd) int dir = -1;
	int rc;

	/* Who seals to `> FILE` may erase the plaintext next. */
	if (o->fd < 0)
		return file_sync_output(STDOUT_FILENO, err);
	if ((rc = str_dup(o->path, &copy, err)) < 0)
		return rc;
	if ((dir = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		return err_errno(err, errno, "cannot open '%s'", copy);
	return name_it(o, ctx_flag(ctx, "overwrite"), dir, err);
}

/* Open the input; ${*total} is its length, or 0 if that is not known. */
static int
input_open(int argc, char *argv[], int *fd, uint64_t *total, struct err *err)
{
	const bool named = argc > 0 && strcmp(argv[0], "-") != 0;
	struct stat st;

	*fd = -1;
	if (named && (*fd = open(argv[0], O_RDONLY | O_CLOEXEC)) < 0)
		return err_errno(err, errno, "cannot read '%s'", argv[0]);
	*total = 0;
	if (fstat(named ? *fd : STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode))
		*total = (uint64_t)st.st_size;
	return 0;
}

static int
no_terminal(const struct cmd_stream *s, const struct output *o, struct err *err)
{
	if (!s->seals || o->fd >= 0 || !isatty(STDOUT_FILENO))
		return 0;
	(void)err_set(err, HF_EUSAGE,
	    "'%s' writes binary data, and standard output is a terminal",
	    s->verb);
	return err_hint(err, "redirect it, as in > FILE, or give --to FILE");
}

/* What the progress line needs, in the thread that writes. */
struct progress {
	struct ctx *ctx;
	const char *verb;
	uint64_t total;
};

static void
show(void *arg, uint64_t bytes)
{
	const struct progress *p = arg;

	ctx_progress(p->ctx, p->verb, bytes, p->total);
}

/* No other secret will be named: a stream may wait for its input for days. */
static int
open_keys(void *arg, const uint8_t salt[16], struct key ***keys, size_t *nkeys,
    struct err *err)
{
	int rc = cmd_keys_open(arg, salt, keys, nkeys, err);

	secret_forget(NULL);
	return rc;
}

int
cmd_stream_run(struct ctx *ctx, const struct cmd_stream *s, int argc,
    char *argv[], struct err *err)
{
	CLEANUP(output_clear) struct output out = { .fd = -1 };
	CLEANUP(freep_fd) int in = -1;
	struct cmd_keys keys = { .ctx = ctx };
	struct progress p = { .ctx = ctx, .verb = s->verb };
	const struct repo_stream_opts opts = {
		.keys = open_keys,
		.keys_arg = &keys,
		.level = s->seals ? (int)ctx_number(ctx, "compression", 1) : 0,
		.cancel = ctx_cancel(ctx),
		.progress = show,
		.progress_arg = &p,
	};
	uint64_t bytes;
	int rc;

	if ((rc = input_open(argc, argv, &in, &p.total, err)) < 0 ||
	    (rc = output_open(ctx, &out, err)) < 0 ||
	    (rc = no_terminal(s, &out, err)) < 0 ||
	    (rc = s->run(in < 0 ? STDIN_FILENO : in,
		 out.fd < 0 ? STDOUT_FILENO : out.fd, &opts, &bytes, err)) <
		0 ||
	    (rc = output_finish(ctx, &out, err)) < 0)
		return rc;
	ctx_detail(ctx, "%" PRIu64 " bytes of plaintext", bytes);
	return ctx_json(
	    ctx, json_pack("{s:I}", "bytes", (json_int_t)bytes), err);
}
