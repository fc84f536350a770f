#ifndef JOB_JOB_PACKS_H_
#define JOB_JOB_PACKS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct job_packs;
struct repo;
struct repo_manifest;
struct repo_pack_row;

/*
 * The packs in a store, as its listing tells: verification compares manifests
 * with them, and prune collects from them.  They take 48 bytes each.
 */

struct job_pack {
	uint8_t oid[REPO_OID_LEN];
	uint32_t hour; /* The folder's, since 1970. */
	uint64_t len;
	int64_t mtime_ms; /* When it was stored, by the store's clock. */
	bool named;       /* For the caller: some manifest names it. */
};

/**
 * job_packs_load(r, m, ret, err):
 * List the packs in the folders that the manifest ${m} names, or all of them
 * if ${m} is NULL.
 */
int job_packs_load(struct repo *, const struct repo_manifest *,
    struct job_packs **, struct err *);
void job_packs_free(struct job_packs *);
CLEANUP_DEFINE(job_packs);

/**
 * job_packs_find(p, row):
 * Find the pack that a manifest's ${row} names, or NULL.
 */
struct job_pack *job_packs_find(
    const struct job_packs *, const struct repo_pack_row *);

/**
 * job_packs_at(p, i):
 * Pack ${i}, or NULL behind the last.
 */
struct job_pack *job_packs_at(const struct job_packs *, size_t);

#endif /* !JOB_JOB_PACKS_H_ */
