#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/time.h"
#include "job/job_follow_impl.h"

#define CLOCK_BACK_MS 60000 /* By less, a clock is put right at any time. */

void
job_follow_warn(const struct follow *f, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	job_say(f->job, "follow", JOB_WARNING, f->opts->source, text);
}

bool
job_follow_is_over(const struct follow *f)
{
	return f->job->cancel != NULL && *f->job->cancel != 0;
}

void
job_follow_wait(const struct follow *f, int64_t ms)
{
	const struct timespec step = { .tv_nsec = FOLLOW_STEP_MS * 1000000L };
	int64_t until = time_mono_ms() + ms;

	while (!job_follow_is_over(f) && time_mono_ms() < until)
		(void)nanosleep(&step, NULL);
}

int64_t
job_follow_longer(int64_t ms)
{
	return 2 * ms < FOLLOW_RETRY_MAX_MS ? 2 * ms : FOLLOW_RETRY_MAX_MS;
}

bool
job_follow_clock_is_back(const struct follow *f)
{
	return f->known && f->log->to_ms > time_now_ms() + CLOCK_BACK_MS;
}

bool
job_follow_may_pass(const struct err *err)
{
	return err->retry || err->code == -HF_EUNAVAIL ||
	       err->code == -HF_ESOURCE || err->code == -HF_ENOSPC;
}

int
job_follow_report(
    const struct follow *f, const struct job_follow_commit *c, struct err *err)
{
	if (f->opts->committed == NULL)
		return 0;
	return f->opts->committed(f->opts->arg, c, err);
}
