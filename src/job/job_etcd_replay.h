#ifndef JOB_JOB_ETCD_REPLAY_H_
#define JOB_JOB_ETCD_REPLAY_H_

#include <stddef.h>
#include <stdint.h>

#include "etcd/etcd_record.h"

/* Opaque types. */
struct err;
struct job;
struct job_etcd_chain;
struct job_etcd_db;
struct repo;

/* What was replayed although its HashKV is not the one that a member had. */
struct job_etcd_unproven {
	uint64_t from, to; /* These revisions; both 0: all is proven. */
	/* The last one before them that is proven, of the backup or by the
	 * HashKV at the end of a log; 0: none. */
	uint64_t proven;
};

/*
 * The records of a backup and of the logs that continue it, in one pass.
 * Nothing in a log is believed: each revision must be there, in its order,
 * with all its records; and wherever a member's HashKV is known, of the
 * backup and at the end of each log, what was replayed by then must have it.
 * (But where all keys are deleted, and history is compacted, nobody can tell
 * what a member hashed: etcd_hashkv_points.h.)
 */
struct job_etcd_replay_opts {
	const struct job_etcd_chain *chain;
	struct job_etcd_db *base; /* The database in the chain's backup. */
	uint64_t revision;        /* To which; the log that has it is read, and
				     checked, to its end. */
	etcd_record_fn *fn;       /* Gets the records; NULL: nobody does. */
	void *arg;
	/* A wrong HashKV is told here; NULL: it is an error.  All else that
	 * can be wrong is one in any case. */
	struct job_etcd_unproven *unproven;
};

struct job_etcd_replayed {
	size_t logs; /* That held; 0 if not even the backup did. */
	/* Up to this revision can be restored: that of the last HashKV that
	 * was right, if one is wrong, else the last one there is; 0: none. */
	uint64_t restorable;
};

/**
 * job_etcd_replay(j, r, opts, ret, err):
 * Replay.  HF_ECORRUPT or HF_ENOTFOUND, saying what can be restored and
 * naming the log, where the first thing is wrong.  ${*ret} is set on failure
 * as well.
 */
int job_etcd_replay(const struct job *, struct repo *,
    const struct job_etcd_replay_opts *, struct job_etcd_replayed *,
    struct err *);

#endif /* !JOB_JOB_ETCD_REPLAY_H_ */
