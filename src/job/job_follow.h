#ifndef JOB_JOB_FOLLOW_H_
#define JOB_JOB_FOLLOW_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "job/job_backup.h"

/* Opaque types. */
struct err;
struct job;
struct repo;
struct source;

/* What was committed: a log, or a backup that logs are to continue. */
struct job_follow_commit {
	const struct job_backup_report *report;
	bool base;
	uint64_t first, last; /* Of a backup, both are its revision. */
	uint64_t events;
	int64_t from_ms, to_ms; /* By this host's clock. */
	uint64_t behind; /* Revisions that the member has and nobody else. */
};

struct job_follow_opts {
	const char *source, *type, *label; /* As of a backup. */
	int64_t interval_ms;               /* A log is laid down so often, */
	size_t bytes;                      /* or when it holds so many bytes. */
	int64_t base_every_ms; /* No older is the backup they continue. */
	/* Hears of each commit; a failure ends all. */
	int (*committed)(
	    void *arg, const struct job_follow_commit *, struct err *);
	void *arg;
};

/**
 * job_follow(j, r, etcd, opts, err):
 * Follow the cluster ${etcd} until the operator asks to stop, which is no
 * error.  Every change is in the repository soon after it has happened, in logs
 * that continue a backup.
 *
 * It goes on from the newest backup and its logs, if the cluster still has all
 * that has happened since.  If not, it takes another backup, and warns of what
 * was lost in between.  It also takes one when something changes that a watch
 * does not tell (users, members, alarms, or that these could not be asked for),
 * and when the backup is old.
 * Meanwhile logs go on to continue the older backup; those that reach beyond
 * the newer one's revision are committed as its logs, too, without being
 * reported again.
 *
 * A log is there or it is not; if the follower is killed anywhere, the next run
 * goes on behind the last log.  That is known from the catalogue; on a host
 * that cannot read it, from the local state, which is written after each
 * commit.  If it is killed just before that, it stores again what is already
 * there, and a change that comes twice counts once.  If the newest backup has
 * no logs yet, or they end before those of an older one, it was killed before
 * it had gone over: the older one is continued until it has all up to the
 * newest one's revision, if the cluster can still tell it.
 *
 * When the cluster or the store does not answer, it tries again for as long as
 * it takes.  Meanwhile it holds no more than ${opts->bytes}; the rest waits in
 * the cluster.
 */
int job_follow(const struct job *, struct repo *, struct source *,
    const struct job_follow_opts *, struct err *);

#endif /* !JOB_JOB_FOLLOW_H_ */
