#ifndef REPO_REPO_WRITER_H_
#define REPO_REPO_WRITER_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct entry;
struct err;
struct repo;
struct repo_base;
struct repo_base_writer;
struct repo_key_cache;
struct repo_writer;

/*
 * Writes one backup.  The caller's thread fills frames of 1 MiB with what a
 * source reads; worker threads, each with a pack of its own, compress and seal
 * them; uploader threads put finished packs.  All queues are bounded: it takes
 * the memory that ${opts->memory} says, whatever is backed up (but for 24 bytes
 * for each MiB of it, in the frame list).
 *
 * A crash at any point leaves packs that no manifest names, and nothing else.
 * Every later call returns the first failure of any thread.
 */

struct repo_writer_opts {
	size_t memory;    /* Bytes for all buffers; 0: 46 MiB. */
	int level;        /* Of zstd; 1 unless told. */
	unsigned workers; /* 0: one for each processor. */
	int64_t start_ms; /* When the session began, by the store's time. */
	/* Where the data key comes from; NULL: a new one.  Must outlive the
	 * writer, and serve no other meanwhile. */
	struct repo_key_cache *keys;
	/* What was stored so far; called from any thread, quick. */
	void (*stored)(void *arg, uint64_t bytes);
	void *arg;
};

int repo_writer_new(struct repo *, const struct repo_writer_opts *,
    struct repo_writer **, struct err *);
void repo_writer_free(struct repo_writer *);
CLEANUP_DEFINE(repo_writer);

/*
 * As in struct sink_ops (source/source.h); the bool of begin says that the
 * writer is to compute the file's hash.  An entry of more than 1 MiB (60,000
 * extents, say) is HF_ESOURCE: the source must do with fewer.
 */
int repo_writer_begin(struct repo_writer *, uint64_t, bool, struct err *);
int repo_writer_space(struct repo_writer *, uint8_t **, size_t *, struct err *);
int repo_writer_wrote(struct repo_writer *, size_t, struct err *);
int repo_writer_add(struct repo_writer *, const struct entry *, struct err *);

/**
 * repo_writer_base(w, base, remember, err):
 * Before the first file: keep files from ${base}, and have every file noted
 * in ${remember}.  Each may be NULL, and must outlive the writer.
 */
int repo_writer_base(struct repo_writer *, struct repo_base *,
    struct repo_base_writer *, struct err *);

/**
 * repo_writer_remember(w, memo, n, err):
 * Note ${n} bytes with the file that is added or kept next.
 */
int repo_writer_remember(
    struct repo_writer *, const uint8_t *, size_t, struct err *);

/**
 * repo_writer_keep(w, path, err):
 * Put the file that the base has given last (repo_base_next) in again, as
 * ${path}: the frames that hold its data are named, and nothing is stored.
 * This needs no key but the writer's own.
 */
int repo_writer_keep(struct repo_writer *, const char *, struct err *);

/**
 * repo_writer_finish(w, m, priv, err):
 * Put what is left and complete ${m} (kind, ids, keys, packs, sizes, entries,
 * private part) from what was written; the caller has set source, type,
 * class, program, evidence and warnings in ${m}, label and warnings in
 * ${priv}, and commits it with repo_commit.  It is an increment if a frame
 * of the base is in it, else full; a caller that has set REPO_LOG, and the
 * base, gets that.
 */
int repo_writer_finish(struct repo_writer *, struct repo_manifest *,
    struct repo_private *, struct err *);

/**
 * repo_writer_commit_base(w, m, err):
 * Once ${m} is committed: make what was noted the base of the next backup.
 */
int repo_writer_commit_base(
    struct repo_writer *, const struct repo_manifest *, struct err *);

#endif /* !REPO_REPO_WRITER_H_ */
