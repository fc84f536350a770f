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

/*
 * The caller's side of a writer: fills frames, hashes files, encodes entries.
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

	/* The file that began last. */
	bool in_file;
	uint64_t file_pos;
	bool hash; /* sha takes its bytes; else the source tells the hash. */
	struct sha256 *sha;

	struct buf segment; /* Entries, or refs, for the next frame of them. */
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
 * repo_writer_entry(w, e, err):
 * Add an entry that is complete.
 */
int repo_writer_entry(struct repo_writer *, const struct entry *, struct err *);

/**
 * repo_writer_note(w, e):
 * Note a file for the next backup.
 */
void repo_writer_note(struct repo_writer *, const struct entry *);

#endif /* !REPO_REPO_WRITER_IMPL_H_ */
