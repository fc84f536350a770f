#ifndef JOB_JOB_DRILL_ETCD_H_
#define JOB_JOB_DRILL_ETCD_H_

#include <stdbool.h>
#include <stdint.h>

#include "job/job_etcd_rebuild.h"

/* Opaque types. */
struct err;
struct job;
struct job_etcd_chain;
struct repo;
struct repo_backup;

/*
 * A drill: what would happen on the worst day, done today.  The backup is
 * restored into a scratch folder, an etcd is started from it, and what that
 * serves is compared with the backup: HashKV, the number of keys, and some
 * keys, chosen by lot, with all that they hold.  The result is stored as a
 * signed attestation of level 4, good or bad.
 *
 * With its logs, it is the state at their end that is restored, as it would be
 * then.  Logs that cannot be replayed make no backup bad: the backup is then
 * drilled without them.
 *
 * Only our user can reach the scratch folder and the server's sockets, because
 * the copy has no authentication.  Both are removed at the end, also when the
 * operator asks to stop; if we are killed, the server goes with us, and the
 * folder stays.
 */
struct job_drill_etcd_opts {
	const char *program;                /* "etcd", or its path. */
	bool keep;                          /* Leave the scratch folder. */
	const struct job_etcd_chain *chain; /* Its logs; NULL: without. */
};

struct job_drill_etcd_report {
	bool good, attested;
	char reason[512];      /* Why it is bad, or "". */
	uint64_t logs;         /* So many were replayed; 0 if ... */
	char logs_reason[768]; /* ... they cannot be, and why; or "". */
	char version[32];      /* Of the etcd that was started. */
	char scratch[512];     /* The folder, if it was kept; or "". */
	struct job_etcd_digest digest;
	uint64_t keys, sampled;
	uint64_t restore_ms; /* Until the data directory was there, */
	uint64_t start_ms;   /* then until etcd served, */
	uint64_t compare_ms; /* then until all was compared. */
	uint64_t took_ms;    /* In all. */
};

/**
 * job_drill_etcd(j, r, b, opts, rep, err):
 * Drill the backup ${b}.  A backup that is bad does not make this fail; it
 * fails, and attests nothing, when it could not try: no such program, an
 * older one than the backup needs, no room, the store out of reach.
 */
int job_drill_etcd(const struct job *, struct repo *,
    const struct repo_backup *, const struct job_drill_etcd_opts *,
    struct job_drill_etcd_report *, struct err *);

#endif /* !JOB_JOB_DRILL_ETCD_H_ */
