#include <signal.h>

#include "base/err.h"
#include "base/thread.h"

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
