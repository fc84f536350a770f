#include "job/job.h"
#include "base/err.h"
#include "source/source_pages.h"

void
job_tell(const struct job *j, const struct job_event *ev)
{
	if (j->on_event != NULL)
		j->on_event(j->arg, ev);
}

int
job_check(const struct job *j, struct err *err)
{
	/* A job beside another one is ended by that one's thread. */
	if (j->cancel != NULL &&
	    __atomic_load_n(j->cancel, __ATOMIC_RELAXED) != 0)
		return err_set(err, HF_EINTR, "interrupted");
	return 0;
}

size_t
job_memory(const struct job *j)
{
	return j->memory > 0 ? j->memory : JOB_MEMORY_DEFAULT;
}

size_t
job_pages_memory(const struct job *j)
{
	return job_memory(j) / 8 / SOURCE_PAGES_BLOCK * SOURCE_PAGES_BLOCK;
}
