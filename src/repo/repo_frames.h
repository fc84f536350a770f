#ifndef REPO_REPO_FRAMES_H_
#define REPO_REPO_FRAMES_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct limit;
struct repo_packs;
struct repo_segments;

/*
 * The frames of a backup's stream, and where each begins in it.  Where a part
 * of the frame list is lost there is one frame of no length in its place, a
 * hole: its bytes of the stream cannot be had.
 */
struct repo_frames {
	struct repo_ref *v;
	uint64_t *starts; /* n + 1: the last is the stream's length. */
	size_t n;
	struct err hole; /* Why the hole is one. */
};

/**
 * repo_frames_load(f, segments, packs, priv, limit, err):
 * Read the frame list that the private part ${priv} names into ${f}, all
 * zeroes, which is to be cleared on failure, too.  Its frames lie in ${packs}.
 */
int repo_frames_load(struct repo_frames *, struct repo_segments *,
    const struct repo_packs *, const struct repo_private *, struct limit *,
    struct err *);
void repo_frames_clear(struct repo_frames *);

/**
 * repo_frames_find(f, pos):
 * Return which frame holds the byte at ${pos} of the stream.
 */
size_t repo_frames_find(const struct repo_frames *, uint64_t);

/**
 * repo_frames_is_hole(f, i):
 * Is frame ${i} one of which nobody knows where it is?
 */
bool repo_frames_is_hole(const struct repo_frames *, size_t);

#endif /* !REPO_REPO_FRAMES_H_ */
