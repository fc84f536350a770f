#include <inttypes.h>

#include "base/err.h"
#include "base/time.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_watch.h"
#include "job/job_follow_impl.h"

#define BEHIND_MAX_MS 15000

/* The chain cannot be continued: only a new backup can go on. */
static void
give_up(struct follow *f, const char *why)
{
	source_etcd_follow_close(f->cluster);
	f->broken = true;
	f->why = why;
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
 * Check that its past is what it was.  A cluster that was set back to an older
 * snapshot and has gone on since would be watched without an error, and the
 * logs would join one history to another.  If it can no longer be compared,
 * because it was compacted meanwhile, a new backup is taken.
 */
static void
check_past(struct follow *f)
{
	const struct repo_trail_past *p = &f->trail.past;
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

int
job_follow_connect(struct follow *f, struct err *err)
{
	struct err e = ERR_INIT;
	int64_t wait = FOLLOW_STEP_MS;

	f->unbroken = false;
	while (!job_follow_is_over(f)) {
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
		wait = job_follow_longer(wait);
	}
	return 0;
}

static int
take_events(struct follow *f, struct etcd_batch *batch, struct err *err)
{
	struct etcd_event ev;
	int rc;

	while (etcd_batch_next(batch, &ev))
		if ((rc = source_etcd_log_add(f->log, &ev, err)) < 0)
			return rc;
	return 0;
}

/* All changes up to ${revision} have come. */
static int
complete(struct follow *f, uint64_t revision, struct err *err)
{
	return source_etcd_log_complete(f->log, revision, time_now_ms(), err);
}

/*
 * Is the member behind?  One that has just started may know less than what
 * others have told.  One that stays behind belongs to a cluster that was set
 * back: it counts the same revisions again, for other changes.
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

/*
 * There is a gap between what was gathered and this batch: a new backup has to
 * follow.
 */
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

int
job_follow_listen(struct follow *f, long ms, bool *stands, struct err *err)
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

/*
 * While nothing has happened yet, etcd tells no progress of a watch, as its
 * first revision is still to come: so the member is asked where it stands.
 */
int
job_follow_look(struct follow *f, bool *stands, struct err *err)
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
