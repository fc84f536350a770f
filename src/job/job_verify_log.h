#ifndef JOB_JOB_VERIFY_LOG_H_
#define JOB_JOB_VERIFY_LOG_H_

#include <stdbool.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct job;
struct job_verify_logs;
struct repo;
struct repo_backup;
struct repo_catalogue;

/*
 * Level 3 of the logs of an etcd.  A log is what its cluster told if it can
 * be replayed behind the backup that it continues and all logs before it, and
 * what comes out has the HashKV that a member had (job_etcd_replay.h).  Each
 * chain is replayed once, however many of its logs are verified.
 */
struct job_verify_log {
	/* It was replayed; else it is behind one that could not be, or no
	 * chain needs it. */
	bool replayed;
	/* What is wrong with it, or, if it alone is verified, with one before
	 * it; NULL: nothing.  Valid as long as the struct job_verify_logs. */
	const char *what;
};

/**
 * job_verify_logs_new(cat, alone, ret, err):
 * Make room for the logs of ${cat}, which must outlive it.  ${alone}: a single
 * backup is verified; else, of a chain, all logs are.
 */
int job_verify_logs_new(const struct repo_catalogue *, bool,
    struct job_verify_logs **, struct err *);
void job_verify_logs_free(struct job_verify_logs *);
CLEANUP_DEFINE(job_verify_logs);

/**
 * job_verify_logs_replay(v, j, r, log, err):
 * Replay the chain of ${log}, one of the catalogue's, if it was not yet.  That
 * something is wrong with it is no failure.
 */
int job_verify_logs_replay(struct job_verify_logs *, const struct job *,
    struct repo *, const struct repo_backup *, struct err *);

/**
 * job_verify_logs_judge(v, j, r, log, ret, err):
 * Judge ${log}; its chain is replayed if it was not yet.  Any number of
 * threads may do this at once.
 */
int job_verify_logs_judge(struct job_verify_logs *, const struct job *,
    struct repo *, const struct repo_backup *, struct job_verify_log *,
    struct err *);

#endif /* !JOB_JOB_VERIFY_LOG_H_ */
