#include <inttypes.h>

#include "base/err.h"
#include "etcd/etcd_client.h"
#include "job/job_follow_impl.h"

/*
 * From the older backup to the newer one.  Logs are laid down of the older
 * one, at their interval, while the newer one is taken, while what happened up
 * to its revision is still to come, and while the logs that reach beyond that
 * become its own, too.  Only then it is the one that logs continue.
 *
 * Killed between any two steps, the older one's chain has all that was
 * gathered until the last interval; what is known of the newer one's ends
 * sooner.  Who asks for the latest gets the chain that goes furthest
 * (job_etcd_chain.h), and so does the next run, which goes on behind it.  What
 * the newer one had by then can be restored to where its logs end, and is
 * removed with it.
 */

static void
tell_gap(struct follow *f)
{
	const uint64_t gap = f->gap, compact = f->next.past.compact;

	f->gap = 0;
	if (gap == 0 || compact <= gap)
		return;
	job_follow_warn(f,
	    "the revisions %" PRIu64 " to %" PRIu64
	    " are lost: the cluster had compacted them before they were read",
	    gap, compact - 1);
}

/*
 * Are the logs of what is watched those of the newer backup?  It was read
 * from another member perhaps, and hashed to what the members had.  If the one
 * that is watched cannot tell any more, as it was compacted, then it must have
 * been there all the time, with one history: a member that is set back breaks
 * the watch.
 */
static bool
is_one_history(const struct follow *f)
{
	const struct repo_trail_past *p = &f->next.past;
	enum etcd_revision gone = 0;
	struct err e = ERR_INIT;
	struct etcd_hashkv h;
	int rc;

	if (source_etcd_follow_watch(f->cluster) == NULL ||
	    f->next.cluster_id != f->trail.cluster_id)
		return false;
	rc = etcd_client_hashkv(
	    source_etcd_follow_client(f->cluster), p->revision, &h, &gone, &e);
	if (rc == 0 && h.compact_revision == p->compact)
		return h.hash == p->hash;
	return f->unbroken && (rc == 0 || (rc == -HF_ENOTFOUND &&
					      gone == ETCD_REVISION_COMPACTED));
}

/*
 * Now logs continue the newer backup.  ${*joins}: they do where the last of
 * the older one ended, and what was gathered since is the next.  Else the
 * watch is begun anew, behind the newer one, which compares their history.
 */
static int
go_over(struct follow *f, bool joins, struct err *err)
{
	int rc;

	tell_gap(f);
	if (f->known && !joins && f->log->last >= f->log->first &&
	    (rc = job_follow_commit(f, err)) < 0)
		return rc;
	f->trail = f->next;
	f->known = true;
	f->have_next = f->broken = false;
	f->why = NULL; /* Whatever was wrong with the older one. */
	job_follow_carry_clear(f);
	etcd_lease_file_clear(&f->leases);
	job_follow_remember(f);
	if (joins)
		return 0;
	source_etcd_log_begin(f->log, f->trail.revision + 1, f->trail.to_ms);
	source_etcd_follow_close(f->cluster);
	return 0;
}

int
job_follow_advance(struct follow *f, struct err *err)
{
	bool done = true;
	int rc;

	if (!f->have_next)
		return 0;
	/* What was to come before it can be had no more, and it is there. */
	if (!f->known || f->broken)
		return go_over(f, false, err);
	if (f->log->last < f->next.revision)
		return 0;
	if (!f->compared) {
		f->compared = true;
		f->unbroken = is_one_history(f);
	}
	if (!f->unbroken)
		return go_over(f, false, err);
	/* So that every revision between the two can be restored. */
	if (f->log->first <= f->next.revision &&
	    (rc = job_follow_commit(f, err)) < 0)
		return rc;
	if ((rc = job_follow_carry_next(f, &done, err)) < 0 || !done)
		return rc;
	return go_over(f, f->next.revision + 1 == f->log->first, err);
}
