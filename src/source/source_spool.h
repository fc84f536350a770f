#ifndef SOURCE_SOURCE_SPOOL_H_
#define SOURCE_SOURCE_SPOOL_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct source_spool;

/*
 * A queue of bytes between one thread that reads a live server and one that
 * feeds slow storage.  The reader of the server must not wait long: an etcd
 * that streams a snapshot cannot reuse freed pages until that is over.  So a
 * bounded part of the queue lies in memory and the rest in an unlinked file,
 * encrypted under a key that exists in this process alone: plaintext never
 * reaches the disk, and nothing is left behind, however we end.
 *
 * The file costs processor time, which a server on the same machine lacks then.
 * So put first waits for memory, but all in all no longer than ${patience}
 * percent of the time since the spool was made.  If there is no room for the
 * file, put waits anyway, and note says why.
 */
struct source_spool_opts {
	size_t block;      /* Bytes are moved in blocks of so many. */
	size_t nblocks;    /* So many of them in memory, at least 1. */
	unsigned patience; /* Percent. */
	const char *dir;   /* Of the file; NULL: $TMPDIR, or /var/tmp. */
};

int source_spool_new(
    const struct source_spool_opts *, struct source_spool **, struct err *);

/**
 * source_spool_free(s):
 * Forget everything.  Both threads must have left.
 */
void source_spool_free(struct source_spool *);
CLEANUP_DEFINE(source_spool);

/**
 * source_spool_put(s, p, n, err):
 * Append ${n} bytes.  HF_EINTR if the taker has cancelled.
 */
int source_spool_put(
    struct source_spool *, const uint8_t *, size_t, struct err *);

/**
 * source_spool_end(s, cause):
 * Nothing more comes; ${cause} is why, if it ended badly, and NULL otherwise.
 * The giver's last call.
 */
void source_spool_end(struct source_spool *, const struct err *);

/**
 * source_spool_get(s, p, n, ms, got, err):
 * Take at most ${n} bytes, waiting ${ms} milliseconds at most for the first.
 * Return 0 with ${*got} bytes, which are none if the time is over; return 1
 * at the end.  If the giver ended badly, fail with its cause at once: what
 * has not been taken is worthless.
 */
int source_spool_get(
    struct source_spool *, uint8_t *, size_t, int, size_t *, struct err *);

/**
 * source_spool_cancel(s):
 * The taker wants no more: put fails from now on.
 */
void source_spool_cancel(struct source_spool *);
bool source_spool_cancelled(struct source_spool *);

/**
 * source_spool_note(s):
 * Why the file could not be used, or NULL.  Ask after the end.
 */
const char *source_spool_note(const struct source_spool *);

#endif /* !SOURCE_SOURCE_SPOOL_H_ */
