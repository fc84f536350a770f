#ifndef REPO_REPO_STREAM_H_
#define REPO_REPO_STREAM_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct key;

/*
 * The sealed stream, .hfs: one self-contained object from one file
 * descriptor to another (doc/format.md, ".hfs").
 */

typedef int repo_stream_keys_fn(void *, const uint8_t salt[16],
    struct key ***keys, size_t *nkeys, struct err *);

/**
 * repo_stream_seal(in, out, keys, arg, level, bytes, err):
 * Seal what comes from ${in} to ${out}, for every key that ${keys} opens.
 * The keys stay the callee's to free, with key_free and free.
 */
int repo_stream_seal(int, int, repo_stream_keys_fn *, void *, int,
    uint64_t *, struct err *);

/**
 * repo_stream_open(in, out, keys, arg, bytes, err):
 * Undo it.  Only bytes that passed the check are written, but the end may
 * still turn out to be missing: HF_ECORRUPT then, and the caller throws
 * away what came.
 */
int repo_stream_open(int, int, repo_stream_keys_fn *, void *, uint64_t *,
    struct err *);

#endif /* !REPO_REPO_STREAM_H_ */
