#include <inttypes.h>

#include "base/err.h"
#include "etcd/etcd_client.h"
#include "job/job_follow_impl.h"

/*
 * Going over from an older backup to a newer one.  Logs continue the older one,
 * at their interval, while the newer one is taken, while changes up to its
 * revision are still to come, and while the logs that reach beyond it are
 * committed as logs of the newer one, too.  Only then do logs continue the
 * newer one.
 *
 * If the follower is killed between any two of these steps, the older chain has
 * all that was gathered up to the last interval, and the newer one's may end
 * sooner.  Who asks for the latest gets the chain that goes furthest
 * (job_etcd_chain.h), and so does the next run, which goes on behind it.  The
 * newer backup can then be restored to where its own logs end, which are
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
 * Do the watched member and the newer backup have one history?  The backup may
 * have been read from another member, and its hash was that of the members
 * then.  A member that was compacted meanwhile can no longer be compared; but
 * if one watch has seen all since before the backup, it has one history:
 * setting a member back breaks the watch.
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
 * From now on, logs continue the newer backup.  If ${joins}, they go on where
 * the last log of the older one ended, and what was gathered since then is the
 * next log.  If not, the watch is begun anew behind the newer backup, which
 * compares the histories.
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
	/*
	 * The older backup's chain does not go on: there is nothing to wait
	 * for.
	 */
	if (!f->known || f->broken)
		return go_over(f, false, err);
	if (f->log->last < f->next.revision)
		return 0;
	if (!f->compared) {
		f->compared = true;
		f->unbroken = is_one_history(f);
	}
	if (!f->unbroken || job_follow_clock_is_back(f))
		return go_over(f, false, err);
	/* So that every revision between the two can be restored. */
	if (f->log->first <= f->next.revision &&
	    (rc = job_follow_commit(f, err)) < 0)
		return rc;
	if ((rc = job_follow_carry_next(f, &done, err)) < 0 || !done)
		return rc;
	return go_over(f, f->next.revision + 1 == f->log->first, err);
}
