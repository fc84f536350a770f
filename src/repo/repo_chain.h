#ifndef REPO_REPO_CHAIN_H_
#define REPO_REPO_CHAIN_H_

#include <stddef.h>
#include <stdint.h>

#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo_findings;
struct repo_heads;

/*
 * Every manifest names the hash of its writer's manifest before, and has the
 * next number: so none can be taken out, put in or shown again without being
 * noticed.  A tombstone carries the same link and stands in for the manifest
 * that it removed.
 */
struct repo_link {
	uint8_t writer[SIGN_FINGERPRINT_LEN];
	uint64_t seq;
	uint8_t sha256[SHA256_LEN], parent[SHA256_LEN];
	const char *object; /* Its name in the store, for the finding. */
};

/**
 * repo_chain_check(links, n, seen, findings, err):
 * Sort ${links} by writer and number, drop duplicates (a manifest and its
 * tombstone), and add a finding for each gap, fork and broken link, and for
 * each writer of ${seen} whose last manifest is not there.  Return the
 * number of links that are left in ${*n}.
 */
int repo_chain_check(struct repo_link *, size_t *, const struct repo_heads *,
    struct repo_findings *, struct err *);

#endif /* !REPO_REPO_CHAIN_H_ */
