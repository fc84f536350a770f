#ifndef CMD_CMD_STREAM_H_
#define CMD_CMD_STREAM_H_

#include <stdbool.h>
#include <stdint.h>

/* Opaque types. */
struct ctx;
struct err;
struct repo_stream_opts;

/* What seal and open have in common: from one file or pipe to another. */
struct cmd_stream {
	const char *verb; /* "seal", for the progress line. */
	int (*run)(int, int, const struct repo_stream_opts *, uint64_t *,
	    struct err *);
	bool seals; /* Takes --compression; its output is binary. */
};

/**
 * cmd_stream_run(ctx, s, argc, argv, err):
 * Run ${s} from the file that ${argv} names, else standard input, to the one
 * of --to, else standard output.  A file of --to appears under its name once
 * all of it is there and on disk: until then, and for ever after a failure,
 * nothing has that name, unless --overwrite finds an older one, which stays.
 */
int cmd_stream_run(
    struct ctx *, const struct cmd_stream *, int, char *[], struct err *);

#endif /* !CMD_CMD_STREAM_H_ */
