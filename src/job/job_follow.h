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
 * error: every change to it is in the repository soon after it has happened,
 * in logs that continue a backup.
 *
 * It goes on from the newest backup and its logs, if the cluster has all that
 * has happened since; else, and whenever there was something that a watch does
 * not tell (a change of users, members or alarms, or that these could not be
 * asked for), and when the backup is old, it takes another one.  Of what was lost between, if anything, it warns.
 * Meanwhile logs go on to continue the older one; what they have in common
 * with the newer one is its own, too, and that is not told once more.
 *
 * A log is there or it is not; killed anywhere, the next run goes on behind
 * the last one.  What is known of that comes from the catalogue, or, on a host
 * that cannot read it, from the local state, which is written after each
 * commit: killed just before, it stores once more what is there already, and
 * what is there twice counts once.  Where the newest backup's logs end before
 * those of an older one, it was killed between the two, and the older one is
 * continued.
 *
 * When the cluster or the store does not answer, it tries again, for as long
 * as it takes; meanwhile no more than ${opts->bytes} are held, and the rest
 * waits with the cluster.
 */
int job_follow(const struct job *, struct repo *, struct source *,
    const struct job_follow_opts *, struct err *);

#endif /* !JOB_JOB_FOLLOW_H_ */
