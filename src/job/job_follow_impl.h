#ifndef JOB_JOB_FOLLOW_IMPL_H_
#define JOB_JOB_FOLLOW_IMPL_H_

#include "etcd/etcd_lease_file.h"
#include "job/job.h"
#include "job/job_follow.h"
#include "repo/repo_key_cache.h"
#include "repo/repo_trail.h"
#include "source/etcd/source_etcd_follow.h"
#include "source/etcd/source_etcd_log.h"

/*
 * What the cluster's store amounted to at a revision that is in the
 * repository; its number alone proves nothing, for a cluster that is set back
 * to an older snapshot counts the same revisions once more.
 */
struct follow_past {
	uint64_t revision; /* 0: nothing is known. */
	uint64_t compact;
	uint32_t hash; /* HashKV. */
};

/* Following a cluster: what the files of job_follow share. */
struct follow {
	const struct job *job;
	const struct job_follow_opts *opts;
	struct repo *repo;
	struct source *source;
	struct source_etcd_follow *cluster;
	struct repo_key_cache keys;

	/* What is in the store, and what is gathered behind it. */
	bool known; /* There is a backup to continue. */
	struct repo_trail trail;
	struct source_etcd_log *log;
	struct etcd_lease_file leases; /* Of the last log that had some. */

	/*
	 * A newer backup: what happens up to its revision still belongs to
	 * the older one, so that every revision between them can be restored.
	 */
	bool have_next;
	struct repo_trail next;
	struct follow_past past, next_past;

	bool broken;           /* No log can continue what is in the store. */
	const char *why;       /* A new backup is wanted, for this reason, */
	int64_t base_after;    /* not before this, */
	uint64_t gap;          /* and this is the first revision lost. */
	int64_t hash_after;    /* When HashKV may be asked for again. */
	int64_t state_after;   /* Likewise the state. */
	int64_t due;           /* When a log is to be laid down. */
	bool asked;            /* For progress, since. */
	uint64_t watched_from; /* The revision, by what is watched now. */
	int64_t behind_since;  /* The member is behind what was seen. */
};

/* All times are of time_mono_ms but those in trails and logs. */

/**
 * job_follow_warn(f, fmt, ...):
 * Tell that something is the matter.
 */
void job_follow_warn(const struct follow *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * job_follow_wait(f, ms):
 * Wait so long, or until the operator asks to stop.
 */
void job_follow_wait(const struct follow *, int64_t);

/**
 * job_follow_may_pass(err):
 * Is it worth waiting until this is over?
 */
bool job_follow_may_pass(const struct err *);

/**
 * job_follow_resume(f, err):
 * Find out what is in the store already.
 */
int job_follow_resume(struct follow *, struct err *);

/**
 * job_follow_base(f, err):
 * Take a new backup.
 */
int job_follow_base(struct follow *, struct err *);

/**
 * job_follow_switch(f, err):
 * Lay down what belongs to the older backup, and go on behind the newer one.
 */
int job_follow_switch(struct follow *, struct err *);

/**
 * job_follow_commit(f, err):
 * Lay down what is gathered, for as long as it takes.
 */
int job_follow_commit(struct follow *, struct err *);

#endif /* !JOB_JOB_FOLLOW_IMPL_H_ */
