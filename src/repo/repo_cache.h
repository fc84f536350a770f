#ifndef REPO_REPO_CACHE_H_
#define REPO_REPO_CACHE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct buf;
struct repo_cache;
struct repo_listed;
struct repo_listing;

/*
 * Copies of objects that decide what there is and never change: manifests and
 * attestations.  They lie in one file of the local state (doc/format.md), so
 * that a command asks the store only for what it has not seen before: a host
 * that is followed leaves 8640 of them a day.
 *
 * A copy is bytes and no verdict.  The store's listing says what there is, and
 * a copy is judged as the object itself is: its signature, its writer, and that
 * its name is the one of these bytes.  So whoever writes to the file can do no
 * more than who writes to the store; what does not hold is read from the store
 * instead.  Nothing here fails: where there is no memory, no disk, no right, or
 * no sense in what is there, there are fewer copies.
 */

/* One copy begins with this: the name and the length of an object. */
struct repo_cache_row {
	char name[REPO_NAME_MAX];
	uint32_t len;
};

/* No object has more before it; and what is larger is not kept. */
#define REPO_CACHE_ROW_MAX (4 + REPO_NAME_MAX + 4)
#define REPO_CACHE_OBJECT_MAX (1u << 20) /* bytes */

/**
 * repo_cache_row(p, n, row):
 * Read it; return how many of these ${n} bytes it takes, and 0 if they are
 * none or too few.
 */
size_t repo_cache_row(const uint8_t *, size_t, struct repo_cache_row *);

/**
 * repo_cache_open(dir, vault_id, max):
 * Open the copies in the folder ${dir}; they take ${max} bytes at most.  NULL
 * if there can be none, which all functions here take for an empty cache.
 */
struct repo_cache *repo_cache_open(
    const char *, const uint8_t vault_id[REPO_ID_LEN], uint64_t);
void repo_cache_free(struct repo_cache *);
CLEANUP_DEFINE(repo_cache);

/**
 * repo_cache_look(c, v, n):
 * Note in these ${n} listings which objects there are copies of.
 */
void repo_cache_look(struct repo_cache *, struct repo_listing *const *, size_t);

/**
 * repo_cache_get(c, at, len, out):
 * Append the copy of ${len} bytes at ${at} (struct repo_listed) to ${out};
 * false if it cannot be read.  Any thread may do so.
 */
bool repo_cache_get(const struct repo_cache *, uint64_t, size_t, struct buf *);

/**
 * repo_cache_add(c, o, b):
 * Keep a copy of the object ${o}, whose bytes ${b} hold.  Any thread may do so.
 * Another process that is at it already keeps this one out.
 */
void repo_cache_add(
    struct repo_cache *, struct repo_listed *, const struct buf *);

/**
 * repo_cache_settle(c, v, n):
 * All of these listings have been read: write down what was added, and if much
 * is kept that they do not have, let go of that.
 */
void repo_cache_settle(
    struct repo_cache *, struct repo_listing *const *, size_t);

#endif /* !REPO_REPO_CACHE_H_ */
