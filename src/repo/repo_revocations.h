#ifndef REPO_REPO_REVOCATIONS_H_
#define REPO_REPO_REVOCATIONS_H_

#include <stdbool.h>
#include <stdint.h>

/* Opaque types. */
struct buf;
struct err;
struct repo;
struct repo_findings;
struct repo_listing;
struct repo_revocation;
struct repo_writers;

/*
 * Who was revoked.  A revocation lies in the store, where whoever may delete
 * could take it away, and with it what keeps a thief's backups out of the
 * catalogue.  So every host keeps those that it has seen, whole, in its local
 * state.  They are signed by the root; one that is gone from the store still
 * counts, and is reported.
 */

/**
 * repo_revocations_load(r, listing, writers, findings, err):
 * Fill in ${writers->revoked}, all zero, from what ${listing} has of "r/" and
 * what is remembered here, and remember what is new.
 */
int repo_revocations_load(struct repo *, const struct repo_listing *,
    struct repo_writers *, struct repo_findings *, struct err *);

/**
 * repo_revocation_local(r, fp, v, err):
 * Read what is remembered of one writer into the zeroed ${v}, which stays so
 * if that is nothing; repo_revocation_remember() keeps the encoded one.
 */
int repo_revocation_local(
    struct repo *, const uint8_t fp[], struct repo_revocation *, struct err *);
int repo_revocation_remember(
    struct repo *, const uint8_t fp[], const struct buf *, struct err *);

/**
 * repo_revocation_mine(r, fp, revoked, err):
 * Was this host, whose fingerprint is ${fp}, revoked, as far as it may know?
 * What does not hold does not count: it may be anybody's.
 */
int repo_revocation_mine(
    struct repo *, const uint8_t fp[], bool *, struct err *);

#endif /* !REPO_REPO_REVOCATIONS_H_ */
