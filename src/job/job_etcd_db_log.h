#ifndef JOB_JOB_ETCD_DB_LOG_H_
#define JOB_JOB_ETCD_DB_LOG_H_

/* Opaque types. */
struct err;
struct job;
struct job_etcd_at;
struct job_etcd_chain;
struct job_etcd_db;
struct job_etcd_unproven;
struct repo;

/**
 * job_etcd_db_open_log(j, r, chain, at, unproven, ret, err):
 * Open the database in a backup as the logs of ${chain}, which must outlive
 * it, continue it: its newest revision is that of ${at}.  HF_ENOTFOUND, saying
 * what there is, if the revision or the time is not in it.  What is in the
 * logs is checked when the records are asked for (job_etcd_replay.h); then, if
 * ${unproven} is not NULL, a wrong HashKV is told there and is no error.
 *
 * Leases are those of their list that is not newer, and those of the next
 * one, which were granted in between; users and roles are the backup's.
 */
int job_etcd_db_open_log(const struct job *, struct repo *,
    const struct job_etcd_chain *, const struct job_etcd_at *,
    struct job_etcd_unproven *, struct job_etcd_db **, struct err *);

#endif /* !JOB_JOB_ETCD_DB_LOG_H_ */
