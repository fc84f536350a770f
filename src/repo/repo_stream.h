#ifndef REPO_REPO_STREAM_H_
#define REPO_REPO_STREAM_H_

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct key;

/*
 * The sealed stream, .hfs: one self-contained object from one file
 * descriptor to another, pipes or files (doc/format.md, ".hfs").
 *
 * Reading, sealing or opening, and writing go on at the same time; frames are
 * written in their order.  Memory is bounded, however long the stream is: it
 * takes about 6 MiB for each processor.
 */

/*
 * Open the keys; ${salt} is what a passphrase is mixed with.  The array and
 * the keys in it become the stream's to free, with free and key_free.
 */
typedef int repo_stream_keys_fn(void *, const uint8_t salt[16],
    struct key ***keys, size_t *nkeys, struct err *);

struct repo_stream_opts {
	repo_stream_keys_fn *keys;
	void *keys_arg;
	int level; /* Of zstd, for sealing. */

	/* Set to stop: HF_EINTR.  Or NULL. */
	const volatile sig_atomic_t *cancel;
	/* Called after each frame, from another thread.  Or NULL. */
	void (*progress)(void *, uint64_t bytes);
	void *progress_arg;
};

/**
 * repo_stream_seal(in, out, opts, bytes, err):
 * Seal what comes from ${in} to ${out}, so that each of the keys opens it;
 * HF_EDENIED if one cannot wrap.  ${*bytes} of plaintext were read.
 */
int repo_stream_seal(
    int, int, const struct repo_stream_opts *, uint64_t *, struct err *);

/**
 * repo_stream_open(in, out, opts, bytes, err):
 * Undo it: HF_EKEY if none of the keys opens it; HF_ECORRUPT says what is
 * damaged, and at which byte.  Only what passed its check is written, frame
 * after frame, but the end may still turn out to be missing: the caller then
 * throws away what came.
 */
int repo_stream_open(
    int, int, const struct repo_stream_opts *, uint64_t *, struct err *);

#endif /* !REPO_REPO_STREAM_H_ */
