#ifndef REPO_REPO_COMMIT_H_
#define REPO_REPO_COMMIT_H_

/* Opaque types. */
struct err;
struct repo;
struct repo_manifest;

/**
 * repo_commit_in_time(r, m, err):
 * HF_ECLOCK if the store's time is past the last moment at which ${m} may be
 * stored (doc/design/format.md, rule W2).  Its commit time is not read.
 */
int repo_commit_in_time(
    struct repo *, const struct repo_manifest *, struct err *);

#endif /* !REPO_REPO_COMMIT_H_ */
