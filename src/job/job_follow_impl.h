#ifndef JOB_JOB_FOLLOW_IMPL_H_
#define JOB_JOB_FOLLOW_IMPL_H_

#include "etcd/etcd_lease_file.h"
#include "job/job.h"
#include "job/job_follow.h"
#include "repo/repo_key_cache.h"
#include "repo/repo_trail.h"
#include "source/etcd/source_etcd_follow.h"
#include "source/etcd/source_etcd_log.h"
#include "source/etcd/source_etcd_state.h"

/* Opaque types. */
struct follow_base;
struct follow_carried;
struct repo_manifest;

/* Logs that were laid down while a backup was taken, oldest first. */
struct follow_carry {
	struct follow_carried *v;
	size_t n, at; /* Those before ${at} are done with. */
	int64_t after;
};

/*
 * Following a cluster: what the files of job_follow share.  Each calls only
 * those above it:
 *
 *	job_follow_wait.c    what all of them do while they wait
 *	job_follow_resume.c  what is in the store already
 *	job_follow_carry.c   logs that a newer backup is to have, too
 *	job_follow_commit.c  laying a log down
 *	job_follow_base.c    a new backup, taken in a thread of its own
 *	job_follow_switch.c  from the older backup to the newer one
 *	job_follow_watch.c   the watch, and what comes of it
 *	job_follow.c         all of it, again and again
 */
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
	struct etcd_lease_file leases;     /* Of the last log that had some. */
	char state[SOURCE_ETCD_STATE_LEN]; /* As last told, or "". */

	/* A newer backup, and as far as its logs are laid down. */
	struct follow_base *base; /* It is being taken; or NULL. */
	bool have_next;           /* It is there. */
	struct repo_trail next;
	struct follow_carry carry;
	bool unbroken; /* One watch has seen all since before it began. */
	bool compared; /* With what is watched. */

	bool broken;           /* No log can continue what is in the store. */
	const char *why;       /* A new backup is wanted, for this reason, */
	int64_t base_after;    /* not before this, */
	uint64_t gap;          /* and this is the first revision lost. */
	int64_t hash_after;    /* When HashKV may be asked for again. */
	int64_t state_after;   /* Likewise the state; */
	int64_t state_since;   /* so long nobody tells it, */
	bool told_blind;       /* which was said. */
	int64_t due;           /* When a log is to be laid down. */
	bool asked;            /* For progress, since. */
	uint64_t watched_from; /* The revision, by what is watched now. */
	int64_t behind_since;  /* The member is behind what was seen. */
};

/* All times are of time_mono_ms but those in trails and logs. */

#define FOLLOW_STEP_MS 100        /* How soon a wish to stop is heard. */
#define FOLLOW_RETRY_MAX_MS 30000 /* Of the waits, the longest. */

/**
 * job_follow_warn(f, fmt, ...):
 * Tell that something is the matter.
 */
void job_follow_warn(const struct follow *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

/**
 * job_follow_is_over(f):
 * Has the operator asked to stop?
 */
bool job_follow_is_over(const struct follow *);

/**
 * job_follow_wait(f, ms):
 * Wait so long, or until the operator asks to stop.
 */
void job_follow_wait(const struct follow *, int64_t);

/**
 * job_follow_longer(ms):
 * Return how long to wait after a wait of ${ms} was of no use.
 */
int64_t job_follow_longer(int64_t);

/**
 * job_follow_clock_is_back(f):
 * Was this host's clock set back, far behind the times that the logs have?
 */
bool job_follow_clock_is_back(const struct follow *);

/**
 * job_follow_may_pass(err):
 * Is it worth waiting until this is over?
 */
bool job_follow_may_pass(const struct err *);

/**
 * job_follow_report(f, commit, err):
 * Tell whoever listens what was committed.
 */
int job_follow_report(
    const struct follow *, const struct job_follow_commit *, struct err *);

/**
 * job_follow_resume(f, err):
 * Find out what is in the store already.
 */
int job_follow_resume(struct follow *, struct err *);

/**
 * job_follow_remember(f):
 * Note f->trail for a host that cannot ask the store.  The store has the same:
 * this is a convenience, and a failure is only a warning.
 */
void job_follow_remember(const struct follow *);

/**
 * job_follow_carry_add(f, m):
 * Take over the manifest ${m} of f->log, which was just stored, for the newer
 * backup; ${m} is empty then.  If memory runs out, that backup does without it.
 */
void job_follow_carry_add(struct follow *, struct repo_manifest *);

/**
 * job_follow_carry_next(f, done, err):
 * Commit one of them as a log of the newer backup.  ${*done}: no more of them
 * continue it.
 */
int job_follow_carry_next(struct follow *, bool *, struct err *);
void job_follow_carry_clear(struct follow *);

/**
 * job_follow_commit(f, err):
 * Store what is gathered as a log, for as long as that takes.
 */
int job_follow_commit(struct follow *, struct err *);

/**
 * job_follow_renew(f, err):
 * Start a new backup if one is wanted, and hear what has become of it.  A
 * failure is a warning: the logs of the older backup are worth having all the
 * same.
 */
int job_follow_renew(struct follow *, struct err *);

/**
 * job_follow_base_stop(f):
 * Have the backup that is being taken end soon; job_follow_base_end waits for
 * it.
 */
void job_follow_base_stop(struct follow *);
void job_follow_base_end(struct follow *);

/**
 * job_follow_advance(f, err):
 * Take a step towards the newer backup, if there is one; after the last step,
 * logs continue it.
 */
int job_follow_advance(struct follow *, struct err *);

/**
 * job_follow_connect(f, err):
 * Watch the cluster, from behind what was gathered on, for as long as it takes.
 */
int job_follow_connect(struct follow *, struct err *);

/**
 * job_follow_listen(f, ms, stands, err):
 * Wait at most so long for something to happen, and gather it.  ${*stands}: all
 * that there is has come.
 */
int job_follow_listen(struct follow *, long, bool *, struct err *);

/**
 * job_follow_look(f, stands, err):
 * Ask the member where it stands, if it does not tell by itself.
 */
int job_follow_look(struct follow *, bool *, struct err *);

#endif /* !JOB_JOB_FOLLOW_IMPL_H_ */
