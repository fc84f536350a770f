#ifndef REPO_REPO_HEADS_H_
#define REPO_REPO_HEADS_H_

#include <stddef.h>
#include <stdint.h>

#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo_local;

/*
 * The last manifest that this host saw of every writer.  A store that shows
 * an older one now has lost or hidden something.
 */
struct repo_head_seen {
	uint8_t writer[SIGN_FINGERPRINT_LEN];
	uint64_t seq;
	uint8_t sha256[SHA256_LEN];
};

struct repo_heads {
	struct repo_head_seen *v;
	size_t n;
};

/**
 * repo_heads_load(l, h, err):
 * Read them into the empty ${h}; it stays empty if there is no such file yet.
 */
int repo_heads_load(
    const struct repo_local *, struct repo_heads *, struct err *);
int repo_heads_save(
    const struct repo_local *, const struct repo_heads *, struct err *);
void repo_heads_clear(struct repo_heads *);

const struct repo_head_seen *repo_heads_find(
    const struct repo_heads *, const uint8_t writer[]);

/**
 * repo_heads_raise(h, writer, seq, sha256, err):
 * Remember a manifest, unless a later one of the writer is known.  Return 1
 * if ${h} has changed.
 */
int repo_heads_raise(struct repo_heads *, const uint8_t writer[], uint64_t,
    const uint8_t sha256[], struct err *);

#endif /* !REPO_REPO_HEADS_H_ */
