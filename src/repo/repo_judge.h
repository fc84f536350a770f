#ifndef REPO_REPO_JUDGE_H_
#define REPO_REPO_JUDGE_H_

#include <stdbool.h>

#include "repo/repo.h"

/* Opaque types. */
struct buf;
struct err;
struct repo_listed;

/*
 * Judging the bytes of one object that decides what there is: name,
 * signature, writer, role, repository.  HF_ECORRUPT says what does not hold.
 */

/* The writers whose certificates hold; roles 0: there is none at [i]. */
struct repo_writers {
	struct repo_cert *cert;
	uint8_t (*fp)[SIGN_FINGERPRINT_LEN];
	struct repo_revocation *revoked; /* time_ms 0: he is not. */
	size_t n;
};

/**
 * repo_judge_writer(writers, fp):
 * Find the number of a writer; ${writers->n} if there is no such.
 */
size_t repo_judge_writer(const struct repo_writers *, const uint8_t fp[]);

/**
 * repo_judge_cert(r, listed, bytes, cert, fp, err):
 * Fill in the zeroed ${cert} and its fingerprint; of another vault's they
 * stay zero.
 */
int repo_judge_cert(struct repo *, const struct repo_listed *,
    const struct buf *, struct repo_cert *, uint8_t[SIGN_FINGERPRINT_LEN],
    struct err *);

/**
 * repo_judge_manifest(r, writers, listed, bytes, b, err):
 * Fill in the zeroed ${b}, but for what tombstones and attestations say.  One
 * that was signed before its writer's certificate ended, and stored after
 * that, is ${b->late}.
 */
int repo_judge_manifest(struct repo *, const struct repo_writers *,
    const struct repo_listed *, const struct buf *, struct repo_backup *,
    struct err *);
/*
 * Likewise the others.  ${sha256} is of the whole tombstone; ${*revoked} is
 * set for what was signed by who was revoked and does not stay.
 */
int repo_judge_tombstone(struct repo *, const struct repo_writers *,
    const struct repo_listed *, const struct buf *, struct repo_tombstone *,
    uint8_t sha256[SHA256_LEN], bool *, struct err *);
int repo_judge_undo(struct repo *, const struct repo_writers *,
    const struct repo_listed *, const struct buf *, struct repo_undo *, bool *,
    struct err *);
int repo_judge_attest(struct repo *, const struct repo_writers *,
    const struct repo_listed *, const struct buf *, struct repo_attest *,
    bool *, struct err *);

/**
 * repo_cert_allows(w, source):
 * Return true if the writer may back up ${source}.
 */
bool repo_cert_allows(const struct repo_cert *, const char *);

#endif /* !REPO_REPO_JUDGE_H_ */
