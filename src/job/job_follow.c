#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "base/time.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_watch.h"
#include "job/job_follow_impl.h"
#include "source/source.h"

#define STEP_MS 100        /* How soon a wish to stop is heard. */
#define ASK_AGAIN_MS 1000  /* So long a member may take to tell its progress. */
#define RETRY_MAX_MS 30000 /* Of the waits, the longest. */
#define BEHIND_MAX_MS 15000

void
job_follow_warn(const struct follow *f, const char *fmt, ...)
{
	char text[1024];
	const struct job_event ev = {
		.kind = JOB_WARNING,
		.job = "follow",
		.subject = f->opts->source,
		.text = text,
	};
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	job_tell(f->job, &ev);
}

static bool
is_over(const struct follow *f)
{
	return f->job->cancel != NULL && *f->job->cancel != 0;
}

void
job_follow_wait(const struct follow *f, int64_t ms)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };
	int64_t until = time_mono_ms() + ms;

	while (!is_over(f) && time_mono_ms() < until)
		(void)nanosleep(&step, NULL);
}

bool
job_follow_may_pass(const struct err *err)
{
	return err->retry || err->code == -HF_EUNAVAIL ||
	       err->code == -HF_ESOURCE || err->code == -HF_ENOSPC;
}

/* What is in the store cannot be continued: only a new backup can. */
static void
give_up(struct follow *f, const char *why)
{
	source_etcd_follow_close(f->cluster);
	f->broken = true;
	f->why = why;
}

/*
 * The newest backup is no older than it should be, and nothing has happened
 * that only a backup tells of: or take one.  When that fails, what follows
 * the older one is worth having all the same.
 */
static int
renew_base(struct follow *f, struct err *err)
{
	struct err e = ERR_INIT;

	/* What was to come before it can be had no more, and it is there. */
	if (f->broken && f->have_next) {
		f->why = NULL;
		return job_follow_switch(f, err);
	}
	if (f->known && f->why == NULL &&
	    time_now_ms() - f->trail.base_ms >= f->opts->base_every_ms)
		f->why = "the backup is old";
	if (f->why == NULL || f->have_next || time_mono_ms() < f->base_after)
		return 0;
	if (job_follow_base(f, &e) == 0)
		return 0;
	if (!f->known || !job_follow_may_pass(&e)) {
		*err = e;
		return err->code;
	}
	f->base_after = time_mono_ms() + RETRY_MAX_MS;
	job_follow_warn(f,
	    "a new backup is wanted (%s) and cannot be taken, it is tried "
	    "again: %s",
	    f->why, e.msg);
	return 0;
}

/* What is watched must be the cluster that was backed up. */
static void
check_cluster(struct follow *f)
{
	const struct etcd_header *h =
	    etcd_watch_header(source_etcd_follow_watch(f->cluster));

	if (f->trail.cluster_id == 0 || h->cluster_id == 0 ||
	    h->cluster_id == f->trail.cluster_id)
		return;
	give_up(f, "it is another cluster");
}

/*
 * And its past must be what it was: one that was set back to an older
 * snapshot, and has gone on since, would be watched without a word, and the
 * logs would join one history to another.  What cannot be compared, as it was
 * compacted meanwhile, a new backup settles.
 */
static void
check_past(struct follow *f)
{
	const struct follow_past *p = &f->past;
	struct err ignore = ERR_INIT;
	enum etcd_revision gone;
	struct etcd_hashkv h;

	if (f->broken)
		return;
	if (p->revision <= p->compact ||
	    etcd_client_hashkv(source_etcd_follow_client(f->cluster),
		p->revision, &h, &gone, &ignore) < 0 ||
	    h.compact_revision != p->compact) {
		if (f->why == NULL)
			f->why = "whether the cluster was set back cannot be "
				 "told otherwise";
	} else if (h.hash != p->hash) {
		job_follow_warn(f,
		    "the cluster was set back: its revision %" PRIu64
		    " is not the one that was stored; a new backup is taken",
		    p->revision);
		give_up(f, "the cluster was set back");
	}
}

static int
connect(struct follow *f, struct err *err)
{
	struct err e = ERR_INIT;
	int64_t wait = STEP_MS;

	while (!is_over(f)) {
		e = (struct err)ERR_INIT;
		if (source_etcd_follow_open(f->cluster, f->log->last + 1, &e) ==
		    0) {
			f->behind_since = 0;
			f->watched_from = f->log->last + 1;
			check_cluster(f);
			check_past(f);
			return 0;
		}
		if (!job_follow_may_pass(&e) && e.code != -HF_EDENIED) {
			*err = e;
			return err->code;
		}
		if (wait >= 1000)
			job_follow_warn(f,
			    "the cluster cannot be watched, it is tried "
			    "again: %s",
			    e.msg);
		job_follow_wait(f, wait);
		wait = 2 * wait < RETRY_MAX_MS ? 2 * wait : RETRY_MAX_MS;
	}
	return 0;
}

static int
take_events(struct follow *f, struct etcd_batch *batch, struct err *err)
{
	struct etcd_event ev;
	int rc;

	while (etcd_batch_next(batch, &ev)) {
		if (f->have_next && ev.kv.mod_revision > f->next.revision) {
			rc = source_etcd_log_complete(
			    f->log, f->next.revision, time_now_ms(), err);
			if (rc < 0 || (rc = job_follow_switch(f, err)) < 0)
				return rc;
		}
		if ((rc = source_etcd_log_add(f->log, &ev, err)) < 0)
			return rc;
	}
	return 0;
}

/* All up to ${revision} has come. */
static int
complete(struct follow *f, uint64_t revision, struct err *err)
{
	int rc;

	rc = source_etcd_log_complete(f->log, revision, time_now_ms(), err);
	if (rc == 0 && f->have_next && revision >= f->next.revision)
		rc = job_follow_switch(f, err);
	return rc;
}

/*
 * A member that was just started again may know less than what others have
 * told.  One that stays so belongs to a cluster that was set back: it counts
 * the same revisions once more, for other events.
 */
static bool
is_behind(struct follow *f, uint64_t revision)
{
	if (revision >= f->log->last) {
		f->behind_since = 0;
		return false;
	}
	if (f->behind_since == 0)
		f->behind_since = time_mono_ms();
	if (time_mono_ms() - f->behind_since > BEHIND_MAX_MS)
		give_up(f, "the cluster was set back to an older revision");
	return true;
}

static bool
is_full(const struct follow *f)
{
	return source_etcd_log_bytes(f->log) >= f->opts->bytes;
}

static void
begin_interval(struct follow *f)
{
	int64_t now = time_mono_ms();

	/* In step with the clock, unless this one was early or late. */
	f->due += f->opts->interval_ms;
	if (f->due <= now || f->due > now + f->opts->interval_ms)
		f->due = now + f->opts->interval_ms;
	f->asked = false;
}

/* Between what was taken there is a gap: go on behind a new backup. */
static void
note_gap(struct follow *f, const struct etcd_batch *batch)
{
	job_follow_warn(f,
	    "the cluster was compacted to revision %" PRIu64
	    " before revision %" PRIu64 " was read: a new backup is taken",
	    batch->compacted, f->log->last + 1);
	f->gap = f->log->last + 1;
	give_up(f, "the logs have a gap");
}

/*
 * Wait for something to happen, and take it.  ${*stands}: all that there is
 * has come.
 */
static int
listen(struct follow *f, long ms, bool *stands, struct err *err)
{
	struct etcd_watch *w = source_etcd_follow_watch(f->cluster);
	struct etcd_batch batch = { .what = ETCD_WATCH_TIMEOUT };
	struct err e = ERR_INIT;
	int rc = 0;

	if (etcd_watch_next(w, ms, &batch, &e) < 0) {
		if (e.code == -HF_ENOMEM) {
			*err = e;
			return err->code;
		}
		source_etcd_follow_close(f->cluster);
		return 0;
	}
	switch (batch.what) {
	case ETCD_WATCH_TIMEOUT:
		break;
	case ETCD_WATCH_EVENTS:
		if ((rc = take_events(f, &batch, err)) == 0)
			rc = complete(f, batch.complete, err);
		break;
	case ETCD_WATCH_PROGRESS:
		if (is_behind(f, etcd_watch_header(w)->revision))
			break;
		*stands = true;
		rc = complete(f, batch.complete, err);
		break;
	case ETCD_WATCH_COMPACTED:
		note_gap(f, &batch);
		break;
	}
	return rc;
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

/*
 * etcd tells no progress of a watch whose first revision is still to come: as
 * long as nothing has happened, the member is asked where it stands.
 */
static int
look(struct follow *f, bool *stands, struct err *err)
{
	const struct etcd_watch *w = source_etcd_follow_watch(f->cluster);
	const int64_t now = time_now_ms();
	struct etcd_status status;
	struct err ignore = ERR_INIT;

	if (etcd_watch_next_revision(w) != f->watched_from ||
	    etcd_client_status(
		source_etcd_follow_client(f->cluster), &status, &ignore) < 0 ||
	    is_behind(f, status.revision) || status.revision != f->log->last)
		return 0;
	*stands = true;
	return source_etcd_log_complete(f->log, f->log->last, now, err);
}

/* Ask how far the member is once a log is due, and lay it down then. */
static int
step(struct follow *f, struct err *err)
{
	int64_t now = time_mono_ms();
	struct etcd_watch *w = source_etcd_follow_watch(f->cluster);
	long ms = f->due > now ? (long)(f->due - now) : STEP_MS;
	struct err ignore = ERR_INIT;
	bool stands = false;
	int rc;

	if (now >= f->due && !f->asked) {
		f->asked = true;
		/* That it has ended, listening tells. */
		(void)etcd_watch_ask(w, &ignore);
		if ((rc = look(f, &stands, err)) < 0)
			return rc;
	}
	if (source_etcd_follow_watch(f->cluster) == NULL)
		return 0;
	if ((rc = listen(f, ms < STEP_MS ? ms : STEP_MS, &stands, err)) < 0)
		return rc;
	tell_progress(f);
	if (!is_full(f) && (!f->asked || !stands) &&
	    time_mono_ms() < f->due + ASK_AGAIN_MS)
		return 0;
	begin_interval(f);
	/* Nothing is known of a time in which nobody answered. */
	if (f->log->clock.n == 0)
		return 0;
	return job_follow_commit(f, err);
}

static int
run(struct follow *f, struct err *err)
{
	bool can_go_on;
	int rc;

	if ((rc = job_follow_resume(f, err)) < 0)
		return rc;
	if (!f->known)
		f->why = "there is none yet";
	else
		source_etcd_log_begin(
		    f->log, f->trail.revision + 1, f->trail.to_ms);
	f->due = time_mono_ms() + f->opts->interval_ms;
	while (rc == 0 && !is_over(f)) {
		can_go_on = f->known && !f->broken;
		/* First the watch: what happens until there is another
		 * backup belongs to the old one. */
		if (can_go_on && source_etcd_follow_watch(f->cluster) == NULL)
			rc = connect(f, err);
		else if ((rc = renew_base(f, err)) == 0 && can_go_on)
			rc = step(f, err);
		else if (rc == 0)
			job_follow_wait(f, STEP_MS);
	}
	if (!is_over(f))
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
	freep_source_etcd_log(&f.log);
	source_etcd_follow_free(f.cluster);
	etcd_lease_file_clear(&f.leases);
	repo_key_cache_clear(&f.keys);
	return rc;
}
