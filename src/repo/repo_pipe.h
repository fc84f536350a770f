#ifndef REPO_REPO_PIPE_H_
#define REPO_REPO_PIPE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_pack.h"
#include "repo/repo_writer_plan.h"

/* Opaque types. */
struct err;
struct repo;
struct repo_pipe;
struct secret;
struct sha256;

/*
 * Turns frames into packs in a store: workers, each with a pack under
 * construction, compress and seal frames; uploaders put finished packs.  One
 * thread, the caller's, hands frames in, and gets their places back in the
 * order in which it handed them in, whatever the workers did.
 *
 * The frames that lead to the data, entries and the frame list, are sealed
 * twice, the second time in another pack: a pack that is lost costs only what
 * lies in it.  A pipe that makes a single pack makes no copies, because they
 * would save nothing.
 *
 * The first failure of any thread ends all of them, and every later call
 * returns it.
 */

/*
 * A file that a frame holds whole.  The worker that seals the frame hashes
 * it, and writes the hash where the caller wants it.
 */
struct repo_pipe_file {
	uint32_t off, len;
	uint8_t *sha256;
};
#define REPO_PIPE_FILES 1024 /* so many at most in one frame */

/* A buffer for the plaintext of one frame. */
struct repo_pipe_frame {
	struct repo_pipe_frame *next;
	uint8_t *p; /* REPO_FRAME_MAX bytes. */
	size_t len;
	struct repo_pipe_file files[REPO_PIPE_FILES];
	size_t nfiles;
	enum repo_frame_kind kind;
	size_t index;   /* Among the frames of its kind. */
	bool submitted; /* Waits, or is with a worker. */
	uint32_t apart; /* Of a copy: the pack that it must not lie in. */
};

struct repo_pipe_opts {
	struct repo *repo;
	uint8_t key_id[REPO_ID_LEN];
	const struct secret *data_key; /* Must outlive the pipe. */
	struct repo_writer_plan plan;
	int level;
	void (*stored)(void *arg, uint64_t bytes); /* May be NULL. */
	void *arg;
};

/**
 * repo_pipe_new(opts, ret, err):
 * Start the threads.
 */
int repo_pipe_new(
    const struct repo_pipe_opts *, struct repo_pipe **, struct err *);

/**
 * repo_pipe_free(p):
 * Stop the threads where they are, after the puts that are under way.
 */
void repo_pipe_free(struct repo_pipe *);
CLEANUP_DEFINE(repo_pipe);

/**
 * repo_pipe_frame(p, ret, err):
 * Wait for a free frame; it is to be filled and given to repo_pipe_submit, or
 * kept until the pipe is freed.
 */
int repo_pipe_frame(
    struct repo_pipe *, struct repo_pipe_frame **, struct err *);

/**
 * repo_pipe_hash(f, sha, err):
 * Hash the files of ${f} now; none is left to the worker.
 */
int repo_pipe_hash(struct repo_pipe_frame *, struct sha256 *, struct err *);

/* The most bytes of a frame that is copied: the copy has a tail. */
#define REPO_PIPE_COPIED_MAX (REPO_FRAME_MAX - REPO_COPY_TAIL_LEN)

/**
 * repo_pipe_submit(p, f, kind, err):
 * Have the ${f->len} (at least 1) bytes of ${f} sealed as a frame of ${kind}.
 * Unless they are data, they are at most REPO_PIPE_COPIED_MAX.
 */
int repo_pipe_submit(struct repo_pipe *, struct repo_pipe_frame *,
    enum repo_frame_kind, struct err *);

/**
 * repo_pipe_known(p, row, index, err):
 * Give a pack that is in the store already a number, like those to come; the
 * caller sees to its key.
 */
int repo_pipe_known(
    struct repo_pipe *, const struct repo_pack_row *, uint32_t *, struct err *);

/**
 * repo_pipe_again(p, ref, err):
 * Take a frame of kind 1 that is sealed already, in a pack that has its number
 * from repo_pipe_known, as the next one submitted.
 */
int repo_pipe_again(struct repo_pipe *, const struct repo_ref *, struct err *);

/**
 * repo_pipe_sealed(p, kind, n):
 * Are the first ${n} frames of ${kind} sealed and their files hashed?  All of
 * them were submitted, or sealed before.  repo_pipe_wait waits until they are.
 */
bool repo_pipe_sealed(struct repo_pipe *, enum repo_frame_kind, size_t);
int repo_pipe_wait(
    struct repo_pipe *, enum repo_frame_kind, size_t, struct err *);

/**
 * repo_pipe_drain(p, err):
 * Wait until all frames submitted so far are sealed.
 */
int repo_pipe_drain(struct repo_pipe *, struct err *);

/**
 * repo_pipe_refs(p, kind, n):
 * Return where the ${*n} frames of ${kind} went, in the order of their
 * submission; only after repo_pipe_drain.  They stay the pipe's.
 */
const struct repo_ref *repo_pipe_refs(
    const struct repo_pipe *, enum repo_frame_kind, size_t *);

/**
 * repo_pipe_close(p, rows, n, bytes, err):
 * Finish all packs, wait until the store has them, and end the threads.  The
 * ${*n} rows in ${*rows} are the caller's to free; ${*bytes} is their sum.
 */
int repo_pipe_close(struct repo_pipe *, struct repo_pack_row **, size_t *,
    uint64_t *, struct err *);

#endif /* !REPO_REPO_PIPE_H_ */
