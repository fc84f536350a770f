#ifndef SOURCE_SOURCE_SCRATCH_H_
#define SOURCE_SOURCE_SCRATCH_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct source_scratch;

/*
 * A file without a name (O_TMPFILE), for what does not fit in memory: it is
 * gone when the process is, however that ends.  What is written to it is
 * encrypted by its users (source_spill, source_pages), unless it lies where
 * the plaintext is to be anyway.  Reading and writing may go on at once.
 */

/**
 * source_scratch_new(dir, ret, err):
 * Make ready to have a file in ${dir} (NULL: $TMPDIR, or /var/tmp); the first
 * write makes it.
 */
int source_scratch_new(const char *, struct source_scratch **, struct err *);
void source_scratch_free(struct source_scratch *);
CLEANUP_DEFINE(source_scratch);

/**
 * source_scratch_write(s, off, p, n, err):
 * Write ${n} bytes at ${off}.  HF_ENOSPC names the folder.
 */
int source_scratch_write(
    struct source_scratch *, uint64_t, const uint8_t *, size_t, struct err *);

/**
 * source_scratch_read(s, off, p, n, err):
 * Read ${n} bytes at ${off}, all of which were written.
 */
int source_scratch_read(
    struct source_scratch *, uint64_t, uint8_t *, size_t, struct err *);

/**
 * source_scratch_fd(s):
 * Return the file itself, to be handed to another program; -1 if nothing was
 * written to it.
 */
int source_scratch_fd(const struct source_scratch *);

/**
 * source_scratch_drop(s, off, n):
 * Give the room of ${n} bytes at ${off} back to the disk, if the file system
 * can do that.
 */
void source_scratch_drop(struct source_scratch *, uint64_t, size_t);

#endif /* !SOURCE_SOURCE_SCRATCH_H_ */
