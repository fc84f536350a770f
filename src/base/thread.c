#include <signal.h>
#include <sys/resource.h>

#include "base/err.h"
#include "base/thread.h"

#define STAND_BACK 3 /* In steps of nice(1). */

int
thread_start(void *(*fn)(void *), void *arg, pthread_t *ret, struct err *err)
{
	sigset_t all, old;
	int rc;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	rc = pthread_create(ret, NULL, fn, arg);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0 ? 0 : err_errno(err, rc, "start a thread");
}

void
thread_stand_back(void)
{
	/* On Linux this is the thread's priority, not the process's. */
	(void)setpriority(
	    PRIO_PROCESS, 0, getpriority(PRIO_PROCESS, 0) + STAND_BACK);
}
