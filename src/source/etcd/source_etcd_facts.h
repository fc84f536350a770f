#ifndef SOURCE_ETCD_SOURCE_ETCD_FACTS_H_
#define SOURCE_ETCD_SOURCE_ETCD_FACTS_H_

#include "etcd/etcd_snapshot.h"
#include "source/etcd/source_etcd_survey.h"

/*
 * The evidence of an etcd backup (source_etcd.h lists it): what the member
 * and the cluster said of themselves, and what came of it.
 */

/**
 * source_etcd_fact(sink, err, name, fmt, ...):
 * Tell one fact.
 */
int source_etcd_fact(struct sink *, struct err *, const char *, const char *,
    ...) __attribute__((format(printf, 4, 5)));

/* What the member said of itself just before. */
int source_etcd_tell_member(
    const struct source_etcd_member *, struct sink *, struct err *);

/**
 * source_etcd_tell_cluster(v, client, note, sink, err):
 * Tell the alarms and members, and the ${note} of what is not as it should be
 * (source_etcd_pick).
 */
int source_etcd_tell_cluster(const struct source_etcd_survey *,
    struct etcd_client *, const char *, struct sink *, struct err *);

int source_etcd_tell_snapshot(
    const struct etcd_snapshot *, struct sink *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_FACTS_H_ */
