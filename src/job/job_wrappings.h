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
 * The wrapped keys in a store, as its listing tells: which opener opens which
 * data key.
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
 * job_wrappings_load(r, key_id, w, err):
 * List the wrapped keys of one id, or (NULL) all, into the empty ${w}.  What
 * has no such name is a stranger's and left alone.
 */
int job_wrappings_load(
    struct repo *, const uint8_t *, struct job_wrappings *, struct err *);

/**
 * job_wrapping_holds(r, w, err):
 * Read it, and return 1 if it holds as far as can be told without a key, else
 * 0: it is whole, it is what its name says, and the root vouches for its own
 * seed.  A name alone proves nothing: whoever can write can make one.
 */
int job_wrapping_holds(
    struct repo *, const struct job_wrapping *, struct err *);

void job_wrappings_clear(struct job_wrappings *);
static inline void
freep_job_wrappings(struct job_wrappings *w)
{
	job_wrappings_clear(w);
}

#endif /* !JOB_JOB_WRAPPINGS_H_ */
