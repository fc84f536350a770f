#ifndef BASE_PARALLEL_H_
#define BASE_PARALLEL_H_

#include <stddef.h>

/* Opaque types. */
struct err;

/**
 * parallel_for(n, threads, fn, arg, err):
 * Call ${fn} with ${arg} and 0, 1, ... ${n} - 1, each once, in that order of
 * starting, on up to ${threads} threads (the caller's is one of them).  The
 * first failure ends the handing out of work and is returned once all
 * threads have come back.  Where a thread cannot be had, fewer do the work.
 */
int parallel_for(size_t, unsigned, int (*)(void *, size_t, struct err *),
    void *, struct err *);

/**
 * parallel_cpus():
 * How many processors this process may use; at least 1.
 */
unsigned parallel_cpus(void);

#endif /* !BASE_PARALLEL_H_ */
