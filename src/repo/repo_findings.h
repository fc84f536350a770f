#ifndef REPO_REPO_FINDINGS_H_
#define REPO_REPO_FINDINGS_H_

#include <pthread.h>

#include "repo/repo.h"

/* Opaque types. */
struct err;

/* What is wrong with a repository, collected by several threads. */
struct repo_findings {
	pthread_mutex_t lock;
	struct repo_finding *v;
	size_t n;
};

/**
 * repo_findings_add(f, err, object, remedy, fmt, ...):
 * Add a finding about ${object} ("": about the whole).
 */
int repo_findings_add(struct repo_findings *, struct err *, const char *,
    const char *, const char *, ...) __attribute__((format(printf, 5, 6)));

/**
 * repo_findings_settled(f, object, remedy, what, err):
 * Add one that is settled (repo.h).
 */
int repo_findings_settled(struct repo_findings *, const char *, const char *,
    const char *, struct err *);

void repo_findings_free(struct repo_finding *, size_t);

#endif /* !REPO_REPO_FINDINGS_H_ */
