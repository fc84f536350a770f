#include "job/job.h"
#include "base/err.h"

void
job_tell(const struct job *j, const struct job_event *ev)
{
	if (j->on_event != NULL)
		j->on_event(j->arg, ev);
}

void
job_say(const struct job *j, const char *job, enum job_event_kind kind,
    const char *subject, const char *text)
{
	const struct job_event ev = {
		.kind = kind,
		.job = job,
		.subject = subject,
		.text = text,
	};

	job_tell(j, &ev);
}

int
job_check(const struct job *j, struct err *err)
{
	/*
	 * A job that runs beside another one is cancelled from that one's
	 * thread.
	 */
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
