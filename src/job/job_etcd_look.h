#ifndef JOB_JOB_ETCD_LOOK_H_
#define JOB_JOB_ETCD_LOOK_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "crypto/hash.h"

/* Opaque types. */
struct buf;
struct err;
struct job_etcd_db;
struct job_etcd_look;

/*
 * Looking into the etcd in a backup, without an etcd: the keys as they were
 * at a revision, sorted.
 *
 * It is one pass over the records, and nothing is told before its end, when
 * the whole is known to be good.  Only then is it known which version of a
 * key is the newest, so that for each key there ever was below the prefix its
 * name and up to 250 bytes are kept in memory.  Values, if they are wanted,
 * go into a file without a name, encrypted (source_pages.h), past versions
 * too: it is at most as large as the database.
 */

/* A key as it was. */
struct job_etcd_item {
	uint8_t *key; /* Any bytes. */
	size_t nkey;
	uint64_t create_revision, mod_revision, version;
	uint64_t lease; /* 0: none. */
	uint64_t size;  /* Of the value, in bytes. */

	/* Private. */
	uint8_t sha256[SHA256_LEN]; /* Of the value, if wanted. */
	uint64_t at;                /* Where the value lies, if wanted. */
};

struct job_etcd_look_opts {
	uint64_t revision;  /* 0: the newest. */
	const void *prefix; /* Only keys that begin so; */
	size_t nprefix;     /* 0: all. */
	bool values;        /* For job_etcd_look_value, and ... */
	bool compare;       /* ... for job_etcd_look_diff. */
};

/**
 * job_etcd_look_new(db, opts, ret, err):
 * Read the keys.  HF_ENOTFOUND if the revision is compacted or still to come.
 */
int job_etcd_look_new(struct job_etcd_db *, const struct job_etcd_look_opts *,
    struct job_etcd_look **, struct err *);
void job_etcd_look_free(struct job_etcd_look *);
CLEANUP_DEFINE(job_etcd_look);

/**
 * job_etcd_look_at(l, i):
 * Key ${i} in the order of their bytes, or NULL behind the last.
 */
const struct job_etcd_item *job_etcd_look_at(
    const struct job_etcd_look *, size_t);

/**
 * job_etcd_look_value(l, item, to, err):
 * Put the value of ${item} into ${to}, in place of what was in it.
 */
int job_etcd_look_value(const struct job_etcd_look *,
    const struct job_etcd_item *, struct buf *, struct err *);

/**
 * job_etcd_look_diff(a, b, fn, arg, err):
 * Call ${fn} for every key that differs between ${a} and ${b}, in the order of
 * keys, with NULL for the item of a side that does not have it.  A key whose
 * value is the same does not differ.
 */
typedef int job_etcd_diff_fn(void *arg, const struct job_etcd_item *,
    const struct job_etcd_item *, struct err *);
int job_etcd_look_diff(const struct job_etcd_look *,
    const struct job_etcd_look *, job_etcd_diff_fn *, void *, struct err *);

/**
 * job_etcd_look_get(db, revision, key, n, ret, value, err):
 * Find one key as it was at ${revision} (0: the newest): its numbers in
 * ${ret}, whose key stays NULL, and its value in the empty ${value}; only
 * that is kept in memory.  If there is none, HF_ENOTFOUND says when it was
 * deleted, or what key is nearest.
 */
int job_etcd_look_get(struct job_etcd_db *, uint64_t, const void *, size_t,
    struct job_etcd_item *, struct buf *, struct err *);

#endif /* !JOB_JOB_ETCD_LOOK_H_ */
