#ifndef JOB_JOB_DRILL_SAMPLE_H_
#define JOB_JOB_DRILL_SAMPLE_H_

#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_client;
struct etcd_record;
struct job_drill_sample;

/*
 * Some keys of a database, chosen by lot, with what they hold, and how many
 * keys there are in all.  The lot of a key is its keyed hash, and those with
 * the lowest lots are kept.  So one pass over the records is enough: a key that
 * is kept at the end was kept from its first record on.
 */
#define JOB_DRILL_SAMPLE 512 /* keys */

int job_drill_sample_new(struct job_drill_sample **, struct err *);
void job_drill_sample_free(struct job_drill_sample *);
CLEANUP_DEFINE(job_drill_sample);

/**
 * job_drill_sample_add(s, r, err):
 * Take the next record, as an etcd_record_fn.
 */
int job_drill_sample_add(void *, const struct etcd_record *, struct err *);

/**
 * job_drill_sample_keys(s):
 * How many keys are there.
 */
uint64_t job_drill_sample_keys(const struct job_drill_sample *);

/**
 * job_drill_sample_compare(s, c, revision, compared, wrong, err):
 * Ask a server for each of them as of ${revision}: ${*compared} is how many
 * were asked for, ${*wrong} how many differ.
 */
int job_drill_sample_compare(const struct job_drill_sample *,
    struct etcd_client *, uint64_t, uint64_t *, uint64_t *, struct err *);

#endif /* !JOB_JOB_DRILL_SAMPLE_H_ */
