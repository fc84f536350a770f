#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/entry.h"
#include "base/err.h"
#include "base/params.h"
#include "source/source.h"
#include "source/target.h"
#include "source/tree/source_tree.h"

/*
 * What reading a tree costs before anything is done with it, and what a
 * restore costs when its data is already at hand:
 *
 *	bench_tree read DIR             to compare with tar cf - DIR | cat
 *	bench_tree small TO COUNT       COUNT files of 2 KiB, 100 to a folder
 *	bench_tree large TO MIB         one file
 */

static uint8_t room[1 << 20];

struct counting {
	struct sink sink;
	unsigned long long entries, bytes, warnings;
};

static int
on_begin(struct sink *s, const char *path, uint64_t size, enum sink_hash hash,
    struct err *err)
{
	(void)s, (void)path, (void)size, (void)hash, (void)err;
	return 0;
}

static int
on_space(struct sink *s, uint8_t **p, size_t *n, struct err *err)
{
	(void)s, (void)err;
	*p = room;
	*n = sizeof(room);
	return 0;
}

static int
on_wrote(struct sink *s, size_t n, struct err *err)
{
	(void)err;
	((struct counting *)s)->bytes += n;
	return 0;
}

static int
on_add(struct sink *s, const struct entry *e, struct err *err)
{
	(void)e, (void)err;
	((struct counting *)s)->entries++;
	return 0;
}

static void
on_warn(struct sink *s, const char *path, const char *what)
{
	fprintf(stderr, "%s: %s\n", path, what);
	((struct counting *)s)->warnings++;
}

static int
on_check(struct sink *s, struct err *err)
{
	(void)s, (void)err;
	return 0;
}

static const struct sink_ops counting_ops = {
	.begin = on_begin,
	.space = on_space,
	.wrote = on_wrote,
	.add = on_add,
	.warn = on_warn,
	.check = on_check,
};

static const struct source_driver *const drivers[] = { &source_tree_driver,
	NULL };

static int
bench_read(const char *dir, struct err *err)
{
	struct counting c = { .sink = { .ops = &counting_ops } };
	CLEANUP(freep_params) struct params *p = NULL;
	CLEANUP(freep_source) struct source *s = NULL;
	int rc;

	if ((rc = params_new(&p, err)) < 0 ||
	    (rc = params_add(p, "type", "tree", err)) < 0 ||
	    (rc = params_add(p, "path", dir, err)) < 0 ||
	    (rc = source_open(drivers, p, &s, err)) < 0 ||
	    (rc = source_read(s, &c.sink, err)) < 0)
		return rc;
	printf("%llu entries, %llu bytes, %llu warnings\n", c.entries, c.bytes,
	    c.warnings);
	return 0;
}

static void
on_target_warn(void *arg, const char *path, const char *what)
{
	(void)arg;
	fprintf(stderr, "%s: %s\n", path, what);
}

static int
put(struct target *t, const char *path, uint64_t size, struct err *err)
{
	char copy[64];
	struct entry e = { .path = copy,
		.type = size > 0 ? ENTRY_FILE : ENTRY_DIR,
		.mode = 0755,
		.size = size,
		.data_len = size };
	uint64_t off;
	size_t n;
	int rc;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	if ((rc = target_begin(t, &e, err)) < 0)
		return rc;
	for (off = 0; off < size; off += n) {
		n = size - off < sizeof(room) ? size - off : sizeof(room);
		if ((rc = target_write(t, off, room, n, err)) < 0)
			return rc;
	}
	return target_end(t, &e, err);
}

static int
bench_small(struct target *t, long count, struct err *err)
{
	char path[64];
	long i;
	int rc;

	for (i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "d%06ld", i / 100);
		if (i % 100 == 0 && (rc = put(t, path, 0, err)) < 0)
			return rc;
		(void)snprintf(
		    path, sizeof(path), "d%06ld/f%02ld", i / 100, i % 100);
		if ((rc = put(t, path, 2048, err)) < 0)
			return rc;
	}
	return 0;
}

static double
now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
bench_restore(const char *how, const char *to, long n, struct err *err)
{
	const struct target_opts opts = { .path = to, .warn = on_target_warn };
	CLEANUP(freep_target) struct target *t = NULL;
	double start = now(), written;
	int rc;

	memset(room, 'x', sizeof(room));
	if ((rc = target_tree_new(&opts, &t, err)) < 0)
		return rc;
	rc = strcmp(how, "small") == 0
		 ? bench_small(t, n, err)
		 : put(t, "large", (uint64_t)n << 20, err);
	if (rc < 0)
		return rc;
	written = now();
	if ((rc = target_finish(t, err)) < 0)
		return rc;
	printf("written in %.2f s, durable after %.2f s\n", written - start,
	    now() - start);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct err err = ERR_INIT;
	int rc;

	if (argc == 3 && strcmp(argv[1], "read") == 0)
		rc = bench_read(argv[2], &err);
	else if (argc == 4)
		rc = bench_restore(argv[1], argv[2], atol(argv[3]), &err);
	else
		return 2;
	if (rc < 0)
		fprintf(stderr, "bench_tree: %s\n", err.msg);
	return rc < 0;
}
