#ifndef REPO_REPO_FETCH_H_
#define REPO_REPO_FETCH_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo_fetch;
struct repo_packs;

/*
 * Brings data frames in a given order, fetched and opened ahead by threads.
 *
 * Of a pack, the span that holds the wanted frames is fetched by one request
 * into one of a few buffers, and is given up when the last of them is open.
 * Writers seal frames in turn into several packs, so several spans must be at
 * hand at once.  If there are more than there are buffers, so that the frame
 * that is due next has none, it is fetched by itself: slower, never stuck.
 *
 * The frames of a small backup (repo_packs_small) are opened by the caller's
 * thread, one by one.
 */

/**
 * repo_fetch_new(packs, largest, memory, workers, ret, err):
 * Start the threads: ${workers} (0: one for each processor) that open frames,
 * fewer if ${memory} bytes (0: 46 MiB) do not allow that.  ${largest} is the
 * length of the largest pack.  ${packs} must outlive it.
 */
int repo_fetch_new(struct repo_packs *, size_t, size_t, unsigned,
    struct repo_fetch **, struct err *);
void repo_fetch_free(struct repo_fetch *);
CLEANUP_DEFINE(repo_fetch);

/**
 * repo_fetch_start(f, refs, frames, n, err):
 * Begin to bring the ${n} frames refs[frames[0]], refs[frames[1]], ...; both
 * arrays must stay.  Only when all frames of the run before were taken.
 */
int repo_fetch_start(struct repo_fetch *, const struct repo_ref *,
    const uint32_t *, size_t, struct err *);

/**
 * repo_fetch_next(f, p, err):
 * Give the next frame, valid until the next call.  After a failure the one
 * behind it comes next.
 */
int repo_fetch_next(struct repo_fetch *, const uint8_t **, struct err *);

#endif /* !REPO_REPO_FETCH_H_ */
