#ifndef REPO_REPO_READER_H_
#define REPO_REPO_READER_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct entry;
struct err;
struct repo;
struct repo_packs;
struct repo_reader;

/*
 * Reads one backup: its entries in order, and ranges of its stream.  Threads
 * fetch packs (the span of a pack that is needed, in one request) and open
 * frames ahead of the caller; memory is bounded by ${opts->memory} (but for
 * 32 bytes for each MiB of the stream, and 16 for each range that is wanted:
 * HF_ENOSPC if these come to more than LIMIT_FLOOR and ${opts->memory}).
 * One thread at a time may call it; entries and the stream may be read by
 * turns, so that a callback for an entry can read its data.
 */

enum repo_damage {
	REPO_MENDED,       /* The copy served: nothing is lost. */
	REPO_ENTRIES_LOST, /* Some entries will not come. */
	REPO_FRAMES_LOST,  /* The place of some data is not known. */
};

struct repo_reader_opts {
	size_t memory;    /* Bytes for all buffers; 0: 46 MiB. */
	unsigned workers; /* 0: one for each processor. */
	/* Packs of the backup that are here already (repo_ahead.h), which must
	 * outlive the reader; or NULL. */
	struct repo_packs *packs;
	/*
	 * A frame with entries, or with the frame list, that is lost is read
	 * from its copy.  If there is none that is an error, unless
	 * ${keep_going}: then the entries in it are passed over, and data
	 * whose place is not known is lost.  ${damaged} (may be NULL) is told
	 * once of each such frame.
	 */
	bool keep_going;
	void (*damaged)(void *arg, enum repo_damage, const char *what);
	void *arg;
};

/**
 * repo_reader_new(r, m, opts, ret, err):
 * Open the private part and the frame list of the backup ${m}, which must
 * outlive the reader.
 */
int repo_reader_new(struct repo *, const struct repo_manifest *,
    const struct repo_reader_opts *, struct repo_reader **, struct err *);
void repo_reader_free(struct repo_reader *);
CLEANUP_DEFINE(repo_reader);

/**
 * repo_reader_entries(rd, fn, arg, err):
 * Call ${fn} for every entry in order; a negative return ends it and is
 * returned.
 */
typedef int repo_entry_fn(void *, const struct entry *, struct err *);
int repo_reader_entries(
    struct repo_reader *, repo_entry_fn *, void *, struct err *);

/*
 * Reading the stream: want() says what is going to be read, range by range
 * and ascending; then read() delivers those ranges piece by piece, in the
 * same order.  Frames are fetched and opened ahead.  Once read() has come to
 * the end, more may be wanted, from any place: another round begins.
 * HF_ECORRUPT if the stream has no such range or it lies before the last.
 */
int repo_reader_want(
    struct repo_reader *, uint64_t pos, uint64_t len, struct err *);

/**
 * repo_reader_read(rd, pos, p, n, err):
 * Give the next piece: ${*n} bytes at ${*p}, which lie at ${*pos} of the
 * stream, valid until the next call; ${*n} is 0 at the end.  A piece never
 * crosses a frame or the end of a wanted range.  When a frame cannot be had
 * (pack missing, damaged) this is the error, ${*pos} and ${*n} are the bytes
 * that are lost, and the next call goes on behind them: so `--keep-going`
 * can restore the rest.
 */
int repo_reader_read(struct repo_reader *, uint64_t *pos, const uint8_t **p,
    size_t *n, struct err *);

/**
 * repo_reader_is_loss(rc):
 * Is this failure of repo_reader_read() one that a restore may go on behind?
 */
bool repo_reader_is_loss(int);

#endif /* !REPO_REPO_READER_H_ */
