#ifndef SOURCE_SOURCE_SPILL_H_
#define SOURCE_SOURCE_SPILL_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "crypto/aead.h"

/* Opaque types. */
struct err;
struct source_spill;

/*
 * The file behind a source_spool: numbered blocks, encrypted under a random
 * key that is never stored, in a source_scratch.  One thread writes and one
 * reads.
 */
#define SOURCE_SPILL_OVERHEAD AEAD_TAG_LEN

/**
 * source_spill_new(block, dir, ret, err):
 * Make ready to keep blocks of at most ${block} bytes in a file in ${dir}
 * (NULL: $TMPDIR, or /var/tmp).  The file is made by the first write.
 */
int source_spill_new(
    size_t, const char *, struct source_spill **, struct err *);
void source_spill_free(struct source_spill *);
CLEANUP_DEFINE(source_spill);

/**
 * source_spill_write(s, i, p, n, err):
 * Keep ${n} bytes as block ${i}, which was not written before.  The
 * SOURCE_SPILL_OVERHEAD bytes behind them must be writable.  Success spoils
 * what is at ${p}; failure (HF_ENOSPC and others) leaves the bytes whole.
 */
int source_spill_write(
    struct source_spill *, uint64_t, uint8_t *, size_t, struct err *);

/**
 * source_spill_read(s, i, p, n, err):
 * Read block ${i} of ${n} bytes back into ${p}, with room for the overhead
 * behind it, and give its place on the disk back.
 */
int source_spill_read(
    struct source_spill *, uint64_t, uint8_t *, size_t, struct err *);

#endif /* !SOURCE_SOURCE_SPILL_H_ */
