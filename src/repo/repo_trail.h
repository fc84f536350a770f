#ifndef REPO_REPO_TRAIL_H_
#define REPO_REPO_TRAIL_H_

#include <stdbool.h>
#include <stdint.h>

#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo;

/*
 * The hash of a source's store at a revision that is in the repository.  The
 * revision's number alone proves nothing: a cluster that is set back to an
 * older snapshot counts the same revisions again.
 */
struct repo_trail_past {
	uint64_t revision; /* 0: nothing is known. */
	uint64_t compact;  /* What it was compacted to then, */
	uint32_t hash;     /* and the hash of the rest: HashKV. */
};

/*
 * What this host has last committed of a source that it follows: a backup and
 * the logs that continue it.  It is local state (doc/format.md): a host that
 * may only write goes on from it alone.  A host that can read the store does
 * not need it, because the manifests say the same.
 */
struct repo_trail {
	uint8_t base[SHA256_LEN]; /* Of the backup's manifest, */
	uint8_t last[SHA256_LEN]; /* and of the last manifest. */
	int64_t base_ms;          /* When the backup began. */
	uint64_t revision;        /* All up to here is in the store, */
	int64_t to_ms;            /* by this time. */
	uint64_t cluster_id;
	char state[64]; /* What its source has to compare, or "". */
	struct repo_trail_past past;
};

/**
 * repo_trail_load(r, source, t, known, err):
 * Read it; ${*known} is false if there is none, or none that can be read.
 */
int repo_trail_load(
    struct repo *, const char *, struct repo_trail *, bool *, struct err *);

/**
 * repo_trail_save(r, source, t, err):
 * Replace it, once what it says is in the store.
 */
int repo_trail_save(
    struct repo *, const char *, const struct repo_trail *, struct err *);

#endif /* !REPO_REPO_TRAIL_H_ */
