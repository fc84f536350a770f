#ifndef BASE_THREAD_H_
#define BASE_THREAD_H_

#include <pthread.h>

/* Opaque types. */
struct err;

/**
 * thread_start(fn, arg, ret, err):
 * Start a thread that runs ${fn} with ${arg}, and gets no signals: those
 * belong to the thread that asks whether the operator wants to stop.
 */
int thread_start(void *(*)(void *), void *, pthread_t *, struct err *);

#endif /* !BASE_THREAD_H_ */
