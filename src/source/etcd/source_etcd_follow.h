#ifndef SOURCE_ETCD_SOURCE_ETCD_FOLLOW_H_
#define SOURCE_ETCD_SOURCE_ETCD_FOLLOW_H_

#include <stdint.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct etcd_client;
struct etcd_watch;
struct source;
struct source_etcd_follow;

/*
 * A watch on a cluster whose members come and go: on the member that a backup
 * would be read from, and if that fails, on the next.
 */

/**
 * source_etcd_follow_new(etcd, ret, err):
 * Make one for the source ${etcd}, which must outlive it; HF_EUSAGE if it is
 * none of etcd.
 */
int source_etcd_follow_new(
    struct source *, struct source_etcd_follow **, struct err *);
void source_etcd_follow_free(struct source_etcd_follow *);
CLEANUP_DEFINE(source_etcd_follow);

/**
 * source_etcd_follow_open(f, revision, err):
 * Watch everything from ${revision} on, on a member that can be watched, in
 * place of what was watched before.  Errors as of source_etcd_survey_make.
 */
int source_etcd_follow_open(
    struct source_etcd_follow *, uint64_t, struct err *);

/**
 * source_etcd_follow_close(f):
 * End the watch.
 */
void source_etcd_follow_close(struct source_etcd_follow *);

/* The watch, NULL if none is open, and the member that it is on. */
struct etcd_watch *source_etcd_follow_watch(const struct source_etcd_follow *);
struct etcd_client *source_etcd_follow_client(
    const struct source_etcd_follow *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_FOLLOW_H_ */
