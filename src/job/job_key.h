#ifndef JOB_JOB_KEY_H_
#define JOB_JOB_KEY_H_

#include <stdint.h>

#include "key/key.h"

/* Opaque types. */
struct err;
struct job;
struct repo;

/**
 * job_key_remove(j, r, fp, done, err):
 * Take the opener ${fp} away from everything.  HF_EDENIED, with nothing
 * removed, if no other opener opens some data key or the root seed.  ${*done}
 * counts the wrappings erased; if it is killed, it is simply run again.
 *
 * Who held the key may have kept the data keys: against him, only what is
 * backed up from now on is protected.
 */
int job_key_remove(const struct job *, struct repo *,
    const uint8_t[KEY_FINGERPRINT_LEN], uint64_t *, struct err *);

#endif /* !JOB_JOB_KEY_H_ */
