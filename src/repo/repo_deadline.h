#ifndef REPO_REPO_DEADLINE_H_
#define REPO_REPO_DEADLINE_H_

#include <stdint.h>

/* Opaque types. */
struct err;
struct repo;
struct repo_manifest;

/**
 * repo_deadline_check(r, start_ms, now_ms, err):
 * HF_ECLOCK if a backup that began at ${start_ms} may not be stored any more
 * at ${now_ms}, both by the store's clock (doc/design/format.md, rule W2).
 */
int repo_deadline_check(const struct repo *, int64_t, int64_t, struct err *);

/**
 * repo_in_time(r, m, err):
 * Likewise for ${m} at the store's time.  Its commit time is not read.
 */
int repo_in_time(struct repo *, const struct repo_manifest *, struct err *);

#endif /* !REPO_REPO_DEADLINE_H_ */
