#ifndef SOURCE_SOURCE_PAGES_H_
#define SOURCE_SOURCE_PAGES_H_

#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct source_pages;

/*
 * A file that is first received and then read at any place: the tree of a
 * database can be walked only once all of it is there.  Its beginning lies in
 * memory, and the rest in a source_scratch, each block encrypted under a key
 * that exists in this process alone: plaintext never reaches the disk.  One
 * thread writes; when it is done, one reads.
 */
struct source_pages_opts {
	size_t memory;   /* Bytes of it that may lie in memory. */
	const char *dir; /* Of the file; NULL: $TMPDIR, or /var/tmp. */
};

int source_pages_new(
    const struct source_pages_opts *, struct source_pages **, struct err *);
void source_pages_free(struct source_pages *);
CLEANUP_DEFINE(source_pages);

/**
 * source_pages_put(s, p, n, err):
 * Append ${n} bytes.  HF_ENOSPC, with the remedy, if the file has no room.
 */
int source_pages_put(
    struct source_pages *, const uint8_t *, size_t, struct err *);

/**
 * source_pages_seek(s, off, err):
 * What is put next belongs at ${off}, a multiple of SOURCE_PAGES_BLOCK (as the
 * memory is).  No byte may be put twice, because a nonce would be used again.
 * What was not put cannot be read.
 */
#define SOURCE_PAGES_BLOCK ((size_t)4096)
int source_pages_seek(struct source_pages *, uint64_t, struct err *);

/**
 * source_pages_end(s, err):
 * All is there: from now on it can be read.
 */
int source_pages_end(struct source_pages *, struct err *);

uint64_t source_pages_size(const struct source_pages *);

/**
 * source_pages_read(s, off, to, n, err):
 * Read the ${n} bytes at ${off}, which lie within the size.  The signature is
 * that of a struct etcd_bolt_file.
 */
int source_pages_read(void *, uint64_t, void *, size_t, struct err *);

#endif /* !SOURCE_SOURCE_PAGES_H_ */
