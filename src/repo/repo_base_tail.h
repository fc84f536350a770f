#ifndef REPO_REPO_BASE_TAIL_H_
#define REPO_REPO_BASE_TAIL_H_

#include <stddef.h>
#include <stdint.h>

#include "repo/repo_format.h"

/* Opaque types. */
struct buf;
struct err;

/*
 * The end of a base file (doc/format.md, "Local state"): which backup it is
 * of, and where the frames of its stream lie.
 */

/* A data key, and a time of the store's before which it was not there. */
struct repo_base_key {
	uint8_t id[REPO_ID_LEN];
	int64_t made_ms;
};

struct repo_base_tail {
	char *source, *type, *host;
	uint8_t repo_id[REPO_ID_LEN];
	uint8_t sha256[SHA256_LEN]; /* Of the manifest. */
	char *manifest;             /* Its name in the store. */
	int64_t start_ms; /* When its session began, by the store's time, */
	int64_t began_ns; /* and by this host's. */
	struct repo_base_key *keys;
	size_t nkeys;
	struct repo_pack_row *packs;
	size_t npacks;
	struct repo_ref *frames; /* Of kind 1: they make the stream. */
	size_t nframes;
};
void repo_base_tail_clear(struct repo_base_tail *);
int repo_base_tail_encode(
    const struct repo_base_tail *, struct buf *, struct err *);

/**
 * repo_base_tail_decode(p, n, t, err):
 * HF_ECORRUPT unless keys, packs and frames fit together.
 */
int repo_base_tail_decode(
    const uint8_t *, size_t, struct repo_base_tail *, struct err *);

#endif /* !REPO_REPO_BASE_TAIL_H_ */
