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
	/* What is wrong with it, or, told once, with one before it; NULL:
	 * nothing.  Valid as long as the struct job_verify_logs. */
	const char *what;
};

/**
 * job_verify_logs_new(cat, ret, err):
 * Make room for the logs of ${cat}, which must outlive it.
 */
int job_verify_logs_new(
    const struct repo_catalogue *, struct job_verify_logs **, struct err *);
void job_verify_logs_free(struct job_verify_logs *);
CLEANUP_DEFINE(job_verify_logs);

/**
 * job_verify_logs_judge(v, j, r, log, ret, err):
 * Judge ${log}, one of the catalogue's.  That something is wrong with it is
 * no failure.
 */
int job_verify_logs_judge(struct job_verify_logs *, const struct job *,
    struct repo *, const struct repo_backup *, struct job_verify_log *,
    struct err *);

#endif /* !JOB_JOB_VERIFY_LOG_H_ */
