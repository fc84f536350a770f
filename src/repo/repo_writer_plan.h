#ifndef REPO_REPO_WRITER_PLAN_H_
#define REPO_REPO_WRITER_PLAN_H_

#include <stddef.h>

/* How a writer spends its memory: see repo_writer_plan.c for the sum. */
struct repo_writer_plan {
	unsigned workers;   /* Threads that compress and seal. */
	unsigned uploaders; /* Threads that put packs. */
	unsigned frames;    /* Buffers of REPO_FRAME_MAX. */
	unsigned packs;     /* Buffers of ${pack_size}. */
	size_t pack_size;
};

/**
 * repo_writer_plan_make(memory, workers, level):
 * Divide ${memory} bytes (0: the default) for at most ${workers} threads (0:
 * one for each processor) that compress at ${level}.
 */
struct repo_writer_plan repo_writer_plan_make(size_t, unsigned, int);

#endif /* !REPO_REPO_WRITER_PLAN_H_ */
