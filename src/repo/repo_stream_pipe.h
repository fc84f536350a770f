#ifndef REPO_REPO_STREAM_PIPE_H_
#define REPO_REPO_STREAM_PIPE_H_

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

/*
 * Passes frames through three stages at the same time: they are filled in order
 * by the caller's thread, worked on side by side, and drained in order by a
 * thread of its own.  Failures are found in order, too: of several, that of the
 * first frame is returned, whichever thread was faster, and all frames before
 * it have been drained.
 */

/* A frame on its way. */
struct repo_stream_slot {
	uint64_t i;        /* Its number. */
	uint8_t *in, *out; /* in_cap and out_cap bytes. */
	size_t nin, nout;

	/* What the frame's own header says. */
	uint64_t off; /* Where it lies in the sealed stream. */
	uint32_t plain;
	uint8_t codec, last;

	/* The pipe's own. */
	bool done;
	int rc;
	struct err err;
};

struct repo_stream_pipe {
	size_t in_cap, out_cap; /* Bytes for each slot. */
	void *arg;

	/*
	 * Make what one thread of the middle stage has for itself; also after
	 * a failure ${*worker} is freed.
	 */
	int (*worker_new)(void *arg, void **worker, struct err *);
	void (*worker_free)(void *worker);

	/* Return 1 and a filled slot, 0 at the end, or an error. */
	int (*fill)(void *arg, struct repo_stream_slot *, struct err *);
	int (*work)(
	    void *arg, void *worker, struct repo_stream_slot *, struct err *);
	int (*drain)(void *arg, struct repo_stream_slot *, struct err *);

	/* Set when a later stage failed: fill may give up waiting. */
	atomic_bool stopped;
};

/**
 * repo_stream_pipe_run(p, threads, err):
 * Run, with up to ${threads} of the middle stage, until fill returns 0 and
 * all is drained, or something fails.
 */
int repo_stream_pipe_run(struct repo_stream_pipe *, unsigned, struct err *);

#endif /* !REPO_REPO_STREAM_PIPE_H_ */
