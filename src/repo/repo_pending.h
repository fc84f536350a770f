#ifndef REPO_REPO_PENDING_H_
#define REPO_REPO_PENDING_H_

/* Opaque types. */
struct buf;
struct err;
struct repo;

/*
 * The manifest that is being stored, kept in the local state until it is known
 * whether it was.  Without this, a host whose connection broke at the wrong
 * moment would give its next manifest the same number, which is a fork, or one
 * too high, which is a gap.  All of this happens under the local lock.
 */

/**
 * repo_pending_keep(r, name, bytes, err):
 * Remember the manifest that is about to be stored as ${name}.
 */
int repo_pending_keep(
    struct repo *, const char *, const struct buf *, struct err *);

/**
 * repo_pending_landed(r, bytes, err):
 * The manifest is in the store: it becomes this host's head, and is no longer
 * pending.
 */
int repo_pending_landed(struct repo *, const struct buf *, struct err *);

/**
 * repo_pending_settle(r, err):
 * Find out what became of the last one.  If the store may not be asked, it is
 * stored again as long as its commit deadline allows that: under the same name,
 * so that it can exist only once.
 */
int repo_pending_settle(struct repo *, struct err *);

#endif /* !REPO_REPO_PENDING_H_ */
