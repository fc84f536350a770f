#ifndef CMD_CMD_PROGRESS_H_
#define CMD_CMD_PROGRESS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * How far something is, how fast it goes and when it will be done.  Pure:
 * time is given, text is returned.
 */

#define PROGRESS_TEXT_MAX 160

struct progress {
	int64_t start_ms; /* When ${what} began ... */
	int64_t shown_ms; /* ... and when it was last shown; 0: never. */
	char what[40];
	int64_t mark_ms;    /* The rate counts from this ... */
	uint64_t mark_done; /* ... and what was done by then. */
	double rate;        /* Bytes a second, smoothed. */
};

/**
 * progress_due(p, what, now_ms, interval_ms):
 * Return true if ${p} should be shown again: at first, when ${what} has
 * changed, or when ${interval_ms} have passed.
 */
bool progress_due(struct progress *, const char *, int64_t, int64_t);

/**
 * progress_update(p, now_ms, done):
 * Take note of ${done} bytes.
 */
void progress_update(struct progress *, int64_t, uint64_t);

/**
 * progress_text(p, now_ms, done, total, to):
 * Write "pack  12.0 MiB of 1.0 GiB  1 %  96.0 MiB/s  11s left" into ${to} of
 * PROGRESS_TEXT_MAX bytes; return ${to}.
 */
char *progress_text(
    const struct progress *, int64_t, uint64_t, uint64_t, char *);

#endif /* !CMD_CMD_PROGRESS_H_ */
