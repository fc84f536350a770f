#ifndef JOB_JOB_ETCD_CHAIN_H_
#define JOB_JOB_ETCD_CHAIN_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct repo_backup;
struct repo_catalogue;

/*
 * A backup of an etcd and the logs that continue it without a gap: which
 * revisions there are, as the manifests tell.  Logs overlap if two followers
 * have continued the same backup, or if one has stored again what it did not
 * know to be stored; a change that comes twice counts once.
 */
struct job_etcd_log {
	const struct repo_backup *backup;
	uint64_t first, last;
	int64_t from_ms, to_ms;
	bool hashed; /* HashKV at ${last}, as compacted to ${hash_compact}. */
	uint32_t hash;
	uint64_t hash_compact;
};

struct job_etcd_chain {
	const struct repo_backup *base;
	uint64_t revision; /* Of the base. */
	uint64_t compact;  /* The first that is known. */
	struct job_etcd_log *logs;
	size_t n;
	uint64_t last;   /* The last one that the logs come to. */
	uint64_t beyond; /* Where the logs behind a gap begin; 0: none. */
};

/* As of when; both 0: as of the end of the logs. */
struct job_etcd_at {
	uint64_t revision;
	int64_t time_ms; /* The last revision that was known by then. */
};

/**
 * job_etcd_fact(b, name):
 * Return the value of the evidence ${name}, or NULL.
 */
const char *job_etcd_fact(const struct repo_backup *, const char *);

/**
 * job_etcd_number(b, name, base, ret):
 * Likewise as a number; false if there is none.
 */
bool job_etcd_number(const struct repo_backup *, const char *, int, uint64_t *);

/**
 * job_etcd_refuse_log(b, err):
 * HF_EUSAGE, saying what to name instead, if ${b} is a log.
 */
int job_etcd_refuse_log(const struct repo_backup *, struct err *);

/**
 * job_etcd_chain_find(cat, base, ret, err):
 * Find the logs of the backup ${base}.  HF_EUSAGE if it is none of an etcd in
 * the form of records.
 */
int job_etcd_chain_find(const struct repo_catalogue *,
    const struct repo_backup *, struct job_etcd_chain *, struct err *);
void job_etcd_chain_clear(struct job_etcd_chain *);

/**
 * job_etcd_chain_move(to, from):
 * Put ${from} in the place of ${to}; ${from} is empty then.
 */
void job_etcd_chain_move(struct job_etcd_chain *, struct job_etcd_chain *);

static inline void
freep_job_etcd_chain(struct job_etcd_chain *c)
{
	job_etcd_chain_clear(c);
}

/**
 * job_etcd_chain_base(cat, log):
 * Return the backup that the log ${log} continues, good or bad; NULL if it is
 * not there any more.
 */
const struct repo_backup *job_etcd_chain_base(
    const struct repo_catalogue *, const struct repo_backup *);

/**
 * job_etcd_one_cluster(a, b):
 * Do both backups say that they are of one cluster?
 */
bool job_etcd_one_cluster(
    const struct repo_backup *, const struct repo_backup *);

/**
 * job_etcd_chain_log_at(c, ms):
 * Return the log that was being gathered at that time, or NULL; if the clock
 * was set back, and it was that time twice, the later one.
 */
const struct job_etcd_log *job_etcd_chain_log_at(
    const struct job_etcd_chain *, int64_t);

/**
 * job_etcd_chain_furthest(cat, newest, ret, err):
 * Find the chain that reaches the latest state: that of ${newest}, the newest
 * backup of its source, or that of an older one.  While a backup is taken, and
 * until the logs that were stored meanwhile belong to it, too, it is the older
 * one's chain that goes on; and somebody may need it just then.
 */
int job_etcd_chain_furthest(const struct repo_catalogue *,
    const struct repo_backup *, struct job_etcd_chain *, struct err *);

/**
 * job_etcd_chain_followed(cat, newest, ret, err):
 * Find the chain to which a log was added last before ${newest} came, the
 * newest backup of its source, if that chain ends no later than it.  Leave
 * ${ret}->base NULL if there is none.
 */
int job_etcd_chain_followed(const struct repo_catalogue *,
    const struct repo_backup *, struct job_etcd_chain *, struct err *);

/**
 * job_etcd_chain_newest(cat, source):
 * Return the newest backup of ${source} that logs can continue, or NULL.
 */
const struct repo_backup *job_etcd_chain_newest(
    const struct repo_catalogue *, const char *);

#endif /* !JOB_JOB_ETCD_CHAIN_H_ */
