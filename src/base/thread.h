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

/**
 * thread_stand_back():
 * Let the calling thread, one of many that work for a single one, give way to
 * it.  If they are as many as processors, it gets no more than its fair share
 * of them, and now and then all wait for it.  They give way to other programs,
 * too, but by little.
 */
void thread_stand_back(void);

#endif /* !BASE_THREAD_H_ */
