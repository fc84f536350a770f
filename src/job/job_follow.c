#include "base/err.h"
#include "base/time.h"
#include "etcd/etcd_watch.h"
#include "job/job_follow_impl.h"

#define ASK_AGAIN_MS 1000 /* So long a member may take to tell its progress. */

static bool
is_full(const struct follow *f)
{
	return source_etcd_log_bytes(f->log) >= f->opts->bytes;
}

static void
begin_interval(struct follow *f)
{
	int64_t now = time_mono_ms();

	/* Keep to the interval, unless this log was early or late. */
	f->due += f->opts->interval_ms;
	if (f->due <= now || f->due > now + f->opts->interval_ms)
		f->due = now + f->opts->interval_ms;
	f->asked = false;
}

static void
tell_progress(const struct follow *f)
{
	const struct job_event ev = {
		.kind = JOB_PROGRESS,
		.job = "follow",
		.done = source_etcd_log_bytes(f->log),
		.entries = f->log->last,
	};

	job_tell(f->job, &ev);
}

/* Once a log is due, ask the member how far it is; then store the log. */
static int
step(struct follow *f, struct err *err)
{
	const int64_t now = time_mono_ms();
	int64_t ms = f->due > now ? f->due - now : FOLLOW_STEP_MS;
	struct err ignore = ERR_INIT;
	bool stands = false;
	int rc;

	if (now >= f->due && !f->asked) {
		f->asked = true;
		/* If the watch has ended, listening finds out. */
		(void)etcd_watch_ask(
		    source_etcd_follow_watch(f->cluster), &ignore);
		if ((rc = job_follow_look(f, &stands, err)) < 0)
			return rc;
	}
	if (source_etcd_follow_watch(f->cluster) == NULL)
		return 0;
	if (ms > FOLLOW_STEP_MS)
		ms = FOLLOW_STEP_MS;
	if ((rc = job_follow_listen(f, (long)ms, &stands, err)) < 0)
		return rc;
	tell_progress(f);
	if (!is_full(f) && (!f->asked || !stands) &&
	    time_mono_ms() < f->due + ASK_AGAIN_MS)
		return 0;
	begin_interval(f);
	/* There is no clock of a time in which nobody answered. */
	if (f->log->clock.n == 0)
		return 0;
	return job_follow_commit(f, err);
}

static bool
can_follow(const struct follow *f)
{
	return f->known && !f->broken;
}

static int
go_on(struct follow *f, struct err *err)
{
	int rc;

	/* Start the watch first: what happens until the next backup belongs to
	 * the one that is there. */
	if (can_follow(f) && source_etcd_follow_watch(f->cluster) == NULL)
		return job_follow_connect(f, err);
	if ((rc = job_follow_renew(f, err)) < 0 ||
	    (rc = job_follow_advance(f, err)) < 0)
		return rc;
	if (!can_follow(f))
		job_follow_wait(f, FOLLOW_STEP_MS);
	else if (source_etcd_follow_watch(f->cluster) != NULL)
		return step(f, err);
	return 0;
}

static int
run(struct follow *f, struct err *err)
{
	int rc;

	if ((rc = job_follow_resume(f, err)) < 0)
		return rc;
	if (!f->known)
		f->why = "there is none yet";
	else
		source_etcd_log_begin(
		    f->log, f->trail.revision + 1, f->trail.to_ms);
	f->due = time_mono_ms() + f->opts->interval_ms;
	while (rc == 0 && !job_follow_is_over(f))
		rc = go_on(f, err);
	job_follow_base_stop(f);
	if (!job_follow_is_over(f))
		return rc;
	*err = (struct err)ERR_INIT;
	if (f->known && f->log->last >= f->log->first)
		return job_follow_commit(f, err);
	return 0;
}

int
job_follow(const struct job *j, struct repo *r, struct source *etcd,
    const struct job_follow_opts *opts, struct err *err)
{
	struct follow f = { .job = j, .opts = opts, .repo = r, .source = etcd };
	int rc;

	if ((rc = source_etcd_follow_new(etcd, &f.cluster, err)) == 0 &&
	    (rc = source_etcd_log_new(&f.log, err)) == 0)
		rc = run(&f, err);
	job_follow_base_end(&f);
	job_follow_carry_clear(&f);
	freep_source_etcd_log(&f.log);
	source_etcd_follow_free(f.cluster);
	etcd_lease_file_clear(&f.leases);
	repo_key_cache_clear(&f.keys);
	return rc;
}
