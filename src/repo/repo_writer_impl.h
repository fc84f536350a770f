#ifndef REPO_REPO_WRITER_IMPL_H_
#define REPO_REPO_WRITER_IMPL_H_

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "repo/repo_base.h"
#include "repo/repo_key_cache.h"
#include "repo/repo_pipe.h"
#include "repo/repo_writer.h"

/* The inside of a writer, for repo_writer*.c alone. */

/* Entries, or refs, for a frame of them. */
struct repo_writer_segment {
	struct repo_pipe_frame *frame; /* Or NULL. */
	size_t needs;     /* It is whole once so many of data are sealed. */
	struct buf notes; /* Of each file: where its entry lies, its memo. */
};

/*
 * The caller's side of a writer: fills frames and encodes entries.  It hashes
 * files that lie in several frames.  A file that lies in one frame is hashed by
 * the worker that gets the frame, while the caller reads on.  Its entry has
 * room for the hash; so a frame of entries is submitted, and its files are
 * noted for the next backup, only some frames of data after it is full.
 *
 * No lock is taken for a small file that fits into the frame at hand.
 */
struct repo_writer {
	struct repo *repo;
	struct repo_pipe *pipe;

	/* Those of the manifest; the first is the one that seals. */
	struct repo_base_key *keys;
	size_t nkeys;
	const struct secret *data_key;
	struct secret *own_key; /* The same, unless it is from a cache. */

	struct repo_pipe_frame *frame; /* Being filled, or NULL. */
	uint64_t pos;                  /* Bytes of the stream so far. */
	uint64_t frame_pos;            /* Those before this frame. */
	size_t nframes;                /* Frames of the stream before it. */

	/* The file that began last. */
	bool in_file;
	uint64_t file_pos;
	bool hash; /* sha takes its bytes; else the source tells the hash. */
	struct sha256 *sha;
	bool hashing;  /* It has begun with this file. */
	size_t hashed; /* Of the frame: what sha has seen, or another file. */

	struct buf record; /* An entry, or a ref, encoded. */
	struct repo_writer_segment full, filling;
	uint64_t entries, plain;

	/* Where files are kept from, and what is told of all of them. */
	struct repo_base *base;            /* Or NULL. */
	struct repo_base_writer *remember; /* Or NULL. */
	struct buf memo;                   /* Of the next file. */
	struct err forgot;                 /* Why ${remember} is not whole. */
	uint32_t *packs; /* What number each of the base's has here. */
	bool kept;       /* A frame of the base is in the stream. */
	bool sharing;    /* It ends the stream: number ${last} ... */
	size_t last;
	uint64_t last_pos; /* ... and begins here. */
};

/**
 * repo_writer_flush(w, err):
 * Hand the frame at hand over, however full.
 */
int repo_writer_flush(struct repo_writer *, struct err *);

/**
 * repo_writer_entry(w, e, n, err):
 * Add an entry.  If ${n} is not 0 its hash is still to be computed, from the
 * last ${n} bytes of the frame at hand; else it is complete.
 */
int repo_writer_entry(
    struct repo_writer *, const struct entry *, size_t, struct err *);

/**
 * repo_writer_record(w, kind, end, err):
 * Append the record to a segment of ${kind}; ${*end} is its end there.
 */
int repo_writer_record(
    struct repo_writer *, enum repo_frame_kind, uint8_t **, struct err *);

/**
 * repo_writer_note(w, err):
 * The entry recorded last is a file that the next backup may want to keep.
 */
int repo_writer_note(struct repo_writer *, struct err *);

/**
 * repo_writer_segment_ready(w, err):
 * Submit a full segment of entries, if all its hashes are there by now.
 */
int repo_writer_segment_ready(struct repo_writer *, struct err *);

/**
 * repo_writer_segment_end(w, kind, err):
 * No more records of ${kind} come: submit all that are left.
 */
int repo_writer_segment_end(
    struct repo_writer *, enum repo_frame_kind, struct err *);

#endif /* !REPO_REPO_WRITER_IMPL_H_ */
