#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/params.h"
#include "base/str.h"
#include "source/etcd/source_etcd.h"
#include "source/source.h"

/*
 * etcd_read FILE NAME=VALUE...: read an etcd source with these parameters
 * into FILE, all of it in a row.  With "-" it is probed, not read.  Prints
 * "NAME=VALUE" for each piece of evidence and for what came as an entry; an
 * error goes to stderr, its hint in a line of its own.  The exit status is
 * err.c's.
 *
 * From the environment: ON_FIRST_BYTES, a command to run when data begins to
 * come; SLOW_MS, to wait so long after each MiB.
 */
struct file_sink {
	struct sink sink;
	int fd;
	uint8_t buf[1 << 20];
	uint64_t size, begun; /* Of all, and when the last file began. */
};

static int
on_begin(struct sink *s, const char *path, uint64_t size, enum sink_hash hash,
    struct err *err)
{
	struct file_sink *f = (struct file_sink *)s;

	(void)path, (void)size, (void)hash, (void)err;
	f->begun = f->size;
	return 0;
}

static int
on_space(struct sink *s, uint8_t **p, size_t *n, struct err *err)
{
	struct file_sink *f = (struct file_sink *)s;

	(void)err;
	*p = f->buf;
	*n = sizeof(f->buf);
	return 0;
}

static void
dawdle(uint64_t before, uint64_t after)
{
	const char *ms = getenv("SLOW_MS");
	long nap = ms == NULL ? 0 : strtol(ms, NULL, 10);
	const struct timespec t = { nap / 1000, nap % 1000 * 1000000 };

	if (nap > 0 && before >> 20 != after >> 20)
		(void)nanosleep(&t, NULL);
}

static int
on_wrote(struct sink *s, size_t n, struct err *err)
{
	struct file_sink *f = (struct file_sink *)s;
	const char *command = getenv("ON_FIRST_BYTES");

	if (f->size == 0 && command != NULL && system(command) != 0)
		return err_set(err, HF_EBUG, "'%s' has failed", command);
	if (write(f->fd, f->buf, n) != (ssize_t)n)
		return err_errno(err, errno, "write the file");
	dawdle(f->size, f->size + n);
	f->size += n;
	return 0;
}

static int
on_add(struct sink *s, const struct entry *e, struct err *err)
{
	struct file_sink *f = (struct file_sink *)s;
	char hex[65];

	if (e->type != ENTRY_FILE)
		return 0;
	if (e->size != f->size - f->begun)
		return err_set(err, HF_EBUG, "a wrong size");
	printf("entry.path=%s\nentry.size=%llu\nentry.mode=%o\n"
	       "entry.sha256=%s\n",
	    e->path, (unsigned long long)e->size, e->mode,
	    str_hex(hex, e->sha256, sizeof(e->sha256)));
	return 0;
}

static int
on_evidence(
    struct sink *s, const char *name, const char *value, struct err *err)
{
	(void)s, (void)err;
	printf("%s=%s\n", name, value);
	return 0;
}

static void
on_warn(struct sink *s, const char *path, const char *what)
{
	(void)s;
	printf("warning=%s: %s\n", path, what);
}

static int
on_check(struct sink *s, struct err *err)
{
	(void)s, (void)err;
	return 0;
}

static const struct sink_ops file_sink_ops = {
	.begin = on_begin,
	.space = on_space,
	.wrote = on_wrote,
	.add = on_add,
	.evidence = on_evidence,
	.warn = on_warn,
	.check = on_check,
};

static int
read_params(int argc, char *argv[], struct params *p, struct err *err)
{
	char *value;
	int i, rc;

	if ((rc = params_add(p, "type", "etcd", err)) < 0)
		return rc;
	for (i = 2; i < argc; i++) {
		if ((value = strchr(argv[i], '=')) == NULL)
			return err_set(
			    err, HF_EUSAGE, "'%s' is no NAME=VALUE", argv[i]);
		*value++ = '\0';
		if ((rc = params_add(p, argv[i], value, err)) < 0)
			return rc;
	}
	return 0;
}

static int
read_source(struct source *source, const char *path, struct err *err)
{
	static struct file_sink f = { .sink = { .ops = &file_sink_ops } };
	int rc;

	f.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (f.fd < 0)
		return err_errno(err, errno, "open '%s'", path);
	rc = source_read(source, &f.sink, err);
	(void)close(f.fd);
	return rc;
}

static int
run(int argc, char *argv[], struct err *err)
{
	static const struct source_driver *const drivers[] = {
		&source_etcd_driver, NULL
	};
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_source) struct source *source = NULL;
	int rc;

	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = read_params(argc, argv, p, err)) < 0 ||
	    (rc = source_open(drivers, p, &source, err)) < 0)
		return rc;
	if (strcmp(argv[1], "-") == 0)
		return source_probe(source, err);
	return read_source(source, argv[1], err);
}

int
main(int argc, char *argv[])
{
	struct err err = ERR_INIT;
	int rc;

	if (argc < 3) {
		fprintf(stderr, "usage: etcd_read FILE|- NAME=VALUE...\n");
		return 2;
	}
	(void)signal(SIGPIPE, SIG_IGN);
	if ((rc = run(argc, argv, &err)) == 0)
		return 0;
	fprintf(stderr, "%s: %s\n", err_class_of(rc)->word, err.msg);
	if (err.hint[0] != '\0')
		fprintf(stderr, "hint: %s\n", err.hint);
	return err_class_of(rc)->exit_status;
}
