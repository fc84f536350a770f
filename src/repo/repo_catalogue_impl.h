#ifndef REPO_REPO_CATALOGUE_IMPL_H_
#define REPO_REPO_CATALOGUE_IMPL_H_

#include "repo/repo_budget.h"
#include "repo/repo_findings.h"
#include "repo/repo_heads.h"
#include "repo/repo_impl.h"
#include "repo/repo_judge.h"
#include "repo/repo_listing.h"

/* What a catalogue is made of: between repo_catalogue*.c, nobody else's. */

struct repo_load {
	struct repo *repo;
	struct repo_listing manifests, certs, tombs, attests, undos, revoked;
	/* One for each manifest that is listed, zero where it did not hold;
	 * then those that hold, by time, and the same by hash. */
	struct repo_backup *backup, **by_hash;
	size_t nbackups;
	struct repo_writers writers;
	struct repo_tombstone *tomb;
	uint8_t (*tomb_sha256)[SHA256_LEN];
	struct repo_undo *undo;
	struct repo_attest *attest;
	struct repo_findings findings;
	struct repo_heads seen;
	struct repo_budget budget;
	bool prove; /* Copies do not count. */
	bool unsure;
};

/**
 * repo_catalogue_apply(l, err):
 * All objects are judged: let tombstones, undos and attestations say what
 * they do of manifests, and check the chains.
 */
int repo_catalogue_apply(struct repo_load *, struct err *);

/**
 * repo_backups_by_hash(v, n, ret, err):
 * Make the index of these ${n} backups, for repo_backup_by_hash: NULL if it
 * has none with the hash.
 */
int repo_backups_by_hash(
    struct repo_backup *, size_t, struct repo_backup ***, struct err *);
struct repo_backup *repo_backup_by_hash(
    struct repo_backup *const *, size_t, const uint8_t sha256[]);

#endif /* !REPO_REPO_CATALOGUE_IMPL_H_ */
