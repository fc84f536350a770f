#ifndef JOB_JOB_VERIFY_H_
#define JOB_JOB_VERIFY_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct err;
struct job;
struct job_verify_logs;
struct job_verify_shared;
struct repo;
struct repo_backup;

/*
 * What a verification proves.  Each level includes those below it.
 */
enum job_verify_level {
	/* Every object is there with its length, the data keys are wrapped,
	 * the signature holds.  No key, no data read. */
	VERIFY_PRESENT = 0,
	/* Every object has the bytes that the signed manifest names.  No key.
	 */
	VERIFY_BYTES = 1,
	/* Everything decrypts and decompresses. */
	VERIFY_OPENS = 2,
	/* It is what the source gave: every file's hash; of an etcd the
	 * SHA-256 that it put at the end of its snapshot, the pages, every
	 * record, and HashKV (job_etcd_db_check); of a log of an etcd that it
	 * can be replayed (job_verify_log.h). */
	VERIFY_CONTENT = 3,
};

struct job_verify_opts {
	enum job_verify_level level;
	bool attest; /* Store what was found, signed. */
	/* Of the catalogue that has the backup; NULL: no log is replayed. */
	struct job_verify_logs *logs;
	/* What it has in common with others; NULL: it is verified alone. */
	struct job_verify_shared *shared;
};

struct job_verify_report {
	uint64_t objects, bytes; /* Looked at. */
	uint64_t files;          /* Hashed, at level 3. */
	uint64_t bad;            /* Findings, each told as JOB_FOUND. */
	/* What was proven: of a log that is behind a damaged one, or that no
	 * chain needs, VERIFY_OPENS where VERIFY_CONTENT was wanted. */
	enum job_verify_level level;
	bool attested;
	uint64_t took_ms;
};

/**
 * job_verify(j, r, b, opts, rep, err):
 * Verify the backup ${b}.  Findings do not make this fail: it fails when it
 * could not look (store out of reach, no key for level 2).  ${rep->bad} is
 * the caller's to judge.
 */
int job_verify(const struct job *, struct repo *, const struct repo_backup *,
    const struct job_verify_opts *, struct job_verify_report *, struct err *);

/**
 * job_verify_each(j, r, v, n, opts, fn, arg, err):
 * Verify the ${n} backups of ${v}, and call ${fn} with each and its report, in
 * this order and from the caller's thread, as events are.  Small logs are
 * verified several at once.  Where one could not be looked at, ${fn} has NULL
 * for its report and the failure in ${err}; the first negative return of
 * ${fn} ends it and is returned.
 */
typedef int job_verify_fn(void *arg, const struct repo_backup *,
    const struct job_verify_report *, struct err *);
int job_verify_each(const struct job *, struct repo *,
    const struct repo_backup *const *, size_t, const struct job_verify_opts *,
    job_verify_fn *, void *, struct err *);

#endif /* !JOB_JOB_VERIFY_H_ */
