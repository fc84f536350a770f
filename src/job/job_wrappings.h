#ifndef JOB_JOB_WRAPPINGS_H_
#define JOB_JOB_WRAPPINGS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "key/key.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct err;
struct repo;

/*
 * The wrapped keys that a store holds, as its listing tells: which opener
 * opens which data key.
 */
struct job_wrapping {
	uint8_t key_id[REPO_ID_LEN];
	uint8_t opener[KEY_FINGERPRINT_LEN];
	int64_t mtime_ms; /* When it was stored, by the store's clock. */
};

struct job_wrappings {
	struct job_wrapping *v;
	size_t n;
};

/**
 * job_wrappings_load(r, w, err):
 * List all wrapped keys into the empty ${w}.  What has no such name is a
 * stranger's and left alone.
 */
int job_wrappings_load(struct repo *, struct job_wrappings *, struct err *);

void job_wrappings_clear(struct job_wrappings *);
static inline void
freep_job_wrappings(struct job_wrappings *w)
{
	job_wrappings_clear(w);
}

#endif /* !JOB_JOB_WRAPPINGS_H_ */
