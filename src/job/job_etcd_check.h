#ifndef JOB_JOB_ETCD_CHECK_H_
#define JOB_JOB_ETCD_CHECK_H_

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "etcd/etcd_client.h"
#include "job/job_etcd_rebuild.h"

/* Opaque types. */
struct job;
struct job_etcd_db;
struct source;

/*
 * Comparing the members of a cluster that runs with the backup that it was
 * restored from: each must have the same history of keys up to the backup's
 * revision, which its HashKV shows.
 */
enum job_etcd_verdict {
	JOB_ETCD_SAME,
	JOB_ETCD_DIFFERENT, /* Another hash, or it is not that far. */
	JOB_ETCD_COMPACTED, /* Beyond the revision: nobody can tell any more. */
	JOB_ETCD_SILENT,    /* It did not answer: see cause. */
};

struct job_etcd_checked {
	char url[256];
	uint64_t id; /* 0: it did not tell. */
	enum job_etcd_verdict verdict;
	char version[32];
	uint64_t revision;         /* Its newest. */
	uint64_t compact_revision; /* As which it hashed, ... */
	uint32_t hash, wanted;     /* ... what came out, and what should. */
	struct err cause;
};

struct job_etcd_check_report {
	struct job_etcd_digest digest; /* As a member starts with it. */
	struct job_etcd_checked *members;
	size_t n;
	/* Members, of the endpoints or not, for which CORRUPT is raised. */
	uint64_t corrupt[ETCD_ALARMS_MAX];
	size_t ncorrupt;
};

/**
 * job_etcd_check(j, db, opts, source, rep, err):
 * Ask every endpoint of ${source}, which must be an etcd, also while the alarm
 * CORRUPT is raised.  ${opts} are those that the members were restored with,
 * from ${db}.
 * What the members answer does not make this fail: ${rep}, which the caller
 * clears, is the caller's to judge.
 */
int job_etcd_check(const struct job *, struct job_etcd_db *,
    const struct job_etcd_rebuild_opts *, const struct source *,
    struct job_etcd_check_report *, struct err *);
void job_etcd_check_clear(struct job_etcd_check_report *);

#endif /* !JOB_JOB_ETCD_CHECK_H_ */
