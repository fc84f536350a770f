#ifndef REPO_REPO_SEGMENTS_H_
#define REPO_REPO_SEGMENTS_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_pack.h"
#include "repo/repo_reader.h"

/* Opaque types. */
struct err;
struct repo_manifest;
struct repo_packs;
struct repo_segments;

/*
 * Opens the segments of a backup, the frames that hold its entries and its
 * frame list, one after the other: there is one for 50,000 frames, and one
 * for 5,000 entries or so.  One that is lost is read from its copy.
 */

/* What is known of a segment. */
enum repo_segment {
	REPO_SEGMENT_WHOLE = 0, /* Nothing bad, so far. */
	REPO_SEGMENT_MENDED,    /* It is lost, its copy is not. */
	REPO_SEGMENT_LOST,
};

/**
 * repo_segments_new(m, packs, opts, ret, err):
 * Prepare to open segments of the backup ${m}, which lie in ${packs}; of
 * ${opts} what concerns damage.
 */
int repo_segments_new(const struct repo_manifest *, struct repo_packs *,
    const struct repo_reader_opts *, struct repo_segments **, struct err *);
void repo_segments_free(struct repo_segments *);
CLEANUP_DEFINE(repo_segments);

/* Gets the ${n} bytes of a segment; ${p} is NULL if they are lost, and ${why}
 * says why when that was just found. */
typedef int repo_segment_fn(
    void *, const uint8_t *p, size_t n, const struct err *why, struct err *);

/**
 * repo_segments_each(s, kind, refs, states, n, fn, arg, err):
 * Call ${fn} for each of the ${n} segments at ${refs}.  ${states} has an enum
 * repo_segment for each, zero at first, and is kept from call to call.
 */
int repo_segments_each(struct repo_segments *, enum repo_frame_kind,
    const struct repo_ref *, uint8_t *, size_t, repo_segment_fn *, void *,
    struct err *);

#endif /* !REPO_REPO_SEGMENTS_H_ */
