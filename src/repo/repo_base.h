#ifndef REPO_REPO_BASE_H_
#define REPO_REPO_BASE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/entry.h"
#include "repo/repo_base_tail.h"

/* Opaque types. */
struct err;
struct repo;
struct repo_base_writer;

/*
 * What this host remembers of its last backup of a source, so that the next
 * one can be an increment: the files, and where their bytes lie in the store.
 * It is local state (doc/format.md): a host that may only write makes
 * increments from it alone, and opens nothing.
 *
 * It is a memory and no more.  Without it, or with one that is damaged,
 * foreign or too old, a backup is full; nothing is ever lost by that.  It is
 * written as a stream and read as one: in memory are the packs, and 32 bytes
 * for each MiB of the source.
 */
struct repo_base {
	struct repo_base_tail tail;
	bool *usable;     /* Of each pack: rule W1 lets a backup name it. */
	uint64_t *starts; /* nframes + 1: where in the stream each begins. */
	/* The file that repo_base_next gave. */
	struct entry entry;
	struct buf memo;

	/* Private. */
	int fd;
	uint64_t at, end; /* Of the files in it: what is unread. */
	struct buf window;
	size_t used; /* Of the window. */
};

/* The session that wants to build on a base. */
struct repo_base_session {
	const char *source, *type;
	int64_t start_ms; /* By the store's time, */
	int64_t began_ns; /* and by this host's. */
};

/**
 * repo_base_open(r, session, ret, why, err):
 * Open the base of a source.  ${*ret} is NULL if there is none that may be
 * built on; if there was one all the same, ${*why} says what is wrong with
 * it (a constant), else that is NULL too.  An error is one of memory or of
 * the store alone.
 */
int repo_base_open(struct repo *, const struct repo_base_session *,
    struct repo_base **, const char **why, struct err *);
void repo_base_free(struct repo_base *);
CLEANUP_DEFINE(repo_base);

/**
 * repo_base_next(b, err):
 * Step on to the next file, in order, of those whose bytes may be named
 * again: 1, or 0 at the end.
 */
int repo_base_next(struct repo_base *, struct err *);

/**
 * repo_base_frames(b, pos, len, first, n):
 * Find the frames that hold ${len} (at least 1) bytes from ${pos}; false if
 * the stream has no such range.
 */
bool repo_base_frames(
    const struct repo_base *, uint64_t, uint64_t, size_t *, size_t *);

/**
 * repo_base_writer_new(r, session, ret, err):
 * Begin the base that the backup to come will leave.  HF_EEXISTS if another
 * process is just backing up the same source.
 */
int repo_base_writer_new(struct repo *, const struct repo_base_session *,
    struct repo_base_writer **, struct err *);
void repo_base_writer_free(struct repo_base_writer *);
CLEANUP_DEFINE(repo_base_writer);

/**
 * repo_base_writer_add(w, entry, len, memo, n, err):
 * Note a file that is in the backup, with its entry as it is encoded there.
 */
int repo_base_writer_add(struct repo_base_writer *, const uint8_t *, size_t,
    const uint8_t *, size_t, struct err *);

/**
 * repo_base_writer_commit(w, m, keys, frames, nframes, err):
 * Make it the base of the next backup, in the place of the one before: the
 * manifest ${m} is in the store.  ${keys} are those of ${m}, with their
 * times.  Killed before, the older base stays, and is as good as it was.
 */
int repo_base_writer_commit(struct repo_base_writer *,
    const struct repo_manifest *, const struct repo_base_key *,
    const struct repo_ref *, size_t, struct err *);

/**
 * repo_base_path(r, source, ret, err):
 * Give the path of the file, for messages too.
 */
int repo_base_path(struct repo *, const char *, char **, struct err *);

#define REPO_BASE_MAGIC "HFLB\1\0\0\0"
#define REPO_BASE_MAGIC_LEN 8
#define REPO_BASE_TRAILER_LEN (8 + SHA256_LEN)
#define REPO_BASE_MEMO_MAX (4u << 20)

#endif /* !REPO_REPO_BASE_H_ */
