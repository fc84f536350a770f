#ifndef REPO_REPO_SQUEEZE_H_
#define REPO_REPO_SQUEEZE_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_pack.h"

/* Opaque types. */
struct err;
struct repo_squeezer;

/*
 * Compresses frames of at most REPO_FRAME_MAX bytes, each for itself.  It
 * belongs to one thread at a time.
 */

/**
 * repo_squeezer_new(level, ret, err):
 * Make one for a ${level} of zstd, 1 to 19.
 */
int repo_squeezer_new(int, struct repo_squeezer **, struct err *);
void repo_squeezer_free(struct repo_squeezer *);
CLEANUP_DEFINE(repo_squeezer);

/**
 * repo_squeeze(s, p, n, ret, len, codec, err):
 * Compress the ${n} (at least 1) bytes at ${p}.  ${*ret} is what came of it,
 * good until the next call, or ${p} itself, if that would not be smaller.
 */
int repo_squeeze(struct repo_squeezer *, const uint8_t *, size_t,
    const uint8_t **, size_t *, enum repo_codec *, struct err *);

#endif /* !REPO_REPO_SQUEEZE_H_ */
