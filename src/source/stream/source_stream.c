#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "source/source.h"
#include "source/stream/source_stream.h"
#include "source/stream/source_stream_exec.h"

#define CHECK_MS 200 /* How soon a wish to stop is heard. */

struct source_stream {
	struct source base;
	char *command; /* NULL: standard input. */
	char *name;
};

/* Read ${fd} to its end; ${*total} is how many bytes came. */
static int
read_all(int fd, struct sink *sink, uint64_t *total, struct err *err)
{
	struct pollfd pfd = { .fd = fd, .events = POLLIN };
	uint8_t *p;
	ssize_t got = -1;
	size_t n;
	int rc;

	for (*total = 0; got != 0;) {
		if ((rc = sink_check(sink, err)) < 0)
			return rc;
		/*
		 * The writer may be silent for long, so never simply wait.  A
		 * signal ends poll, too; a read would not return.
		 */
		if (poll(&pfd, 1, CHECK_MS) != 1)
			continue;
		if ((rc = sink_space(sink, &p, &n, err)) < 0)
			return rc;
		got = read(fd, p, n);
		if (got < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (got < 0)
			return err_set(err, HF_ESOURCE,
			    "the stream broke off after %llu bytes: %s",
			    (unsigned long long)*total, strerror(errno));
		if (got > 0 && (rc = sink_wrote(sink, (size_t)got, err)) < 0)
			return rc;
		*total += (uint64_t)got;
	}
	return 0;
}

static int
add(const struct source_stream *x, uint64_t size, struct sink *sink,
    struct err *err)
{
	struct timespec now;
	struct entry e = {
		.path = x->name,
		.type = ENTRY_FILE,
		.mode = 0600,
		.uid = geteuid(),
		.gid = getegid(),
		.size = size,
	};

	(void)clock_gettime(CLOCK_REALTIME, &now);
	e.mtime_ns = now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
	e.ctime_ns = e.mtime_ns;
	if (size == 0)
		sink_warn(sink, x->name, "the stream was empty");
	return sink_add(sink, &e, err);
}

/* A hint for the sink: a file that was redirected has a size. */
static uint64_t
size_of(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	return (uint64_t)st.st_size;
}

static int
check_stdin(struct err *err)
{
	struct stat st;

	if (fstat(STDIN_FILENO, &st) < 0)
		return err_errno(err, errno, "standard input");
	if (!isatty(STDIN_FILENO))
		return 0;
	(void)err_set(err, HF_EUSAGE, "standard input is a terminal");
	return err_hint(
	    err, "pipe something into it, or say stream:exec:COMMAND");
}

static int
stream_read(struct source *s, struct sink *sink, struct err *err)
{
	struct source_stream *x = (struct source_stream *)s;
	CLEANUP(freep_source_stream_exec)
	struct source_stream_exec run = SOURCE_STREAM_EXEC_INIT;
	int fd = STDIN_FILENO, rc;
	uint64_t size;

	if (x->command == NULL) {
		if ((rc = check_stdin(err)) < 0)
			return rc;
	} else {
		rc = source_stream_exec_start(&run, x->command, err);
		if (rc < 0)
			return rc;
		fd = run.fd;
	}
	if ((rc = sink_begin(sink, x->name, size_of(fd), SINK_HASHES, err)) <
		0 ||
	    (rc = read_all(fd, sink, &size, err)) < 0)
		return rc;
	/* Only what ended well counts: the entry comes last. */
	if (x->command != NULL &&
	    (rc = source_stream_exec_wait(&run, sink, err)) < 0)
		return rc;
	return add(x, size, sink, err);
}

static int
stream_probe(struct source *s, struct err *err)
{
	if (((struct source_stream *)s)->command != NULL)
		return 0; /* Running it is not for a look. */
	return check_stdin(err);
}

static void
stream_free(struct source *s)
{
	struct source_stream *x = (struct source_stream *)s;

	free(x->command);
	free(x->name);
	free(x);
}

static const struct source_ops source_stream_ops = {
	.name = "stream",
	.read = stream_read,
	.probe = stream_probe,
	.free = stream_free,
};

/* Find the command to run, or NULL for standard input. */
static int
command_of(const char *word, const char **ret, struct err *err)
{
	const char *command = NULL;

	if (word == NULL) {
		(void)err_set(err, HF_ECONFIG, "the stream has no 'command'");
		return err_hint(err, "say stream:- or stream:exec:COMMAND");
	}
	if (strcmp(word, "-") != 0 &&
	    ((command = str_has_prefix(word, "exec:")) == NULL ||
		*command == '\0')) {
		(void)err_set(err, HF_ECONFIG, "'%s' is not a stream", word);
		return err_hint(err, "say stream:- or stream:exec:COMMAND");
	}
	*ret = command;
	return 0;
}

static int
stream_open(const struct params *params, struct source **ret, struct err *err)
{
	const char *name = params_get(params, "name"), *command;
	CLEANUP(freep_source) struct source *s = NULL;
	struct source_stream *x;
	int rc;

	if ((rc = command_of(params_get(params, "command"), &command, err)) < 0)
		return rc;
	if (name == NULL)
		name = "stream";
	if (!entry_path_ok(name) || strchr(name, '/') != NULL ||
	    strcmp(name, ".") == 0) {
		(void)err_set(err, HF_ECONFIG,
		    "'%s' cannot be the name of a stream", name);
		return err_hint(err, "give a file name without '/'");
	}
	if ((x = calloc(1, sizeof(*x))) == NULL)
		return err_nomem(err);
	s = &x->base;
	s->ops = &source_stream_ops;
	(void)snprintf(s->label, sizeof(s->label), "%s",
	    command != NULL ? "stream:exec" : "stream:-");
	if ((rc = str_dup(command, &x->command, err)) < 0 ||
	    (rc = str_dup(name, &x->name, err)) < 0)
		return rc;
	*ret = TAKE(s);
	return 0;
}

const struct source_driver source_stream_driver = {
	.type = "stream",
	.word = "command",
	.open = stream_open,
};
