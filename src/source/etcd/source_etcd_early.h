#ifndef SOURCE_ETCD_SOURCE_ETCD_EARLY_H_
#define SOURCE_ETCD_SOURCE_ETCD_EARLY_H_

#include "base/cleanup.h"
#include "source/etcd/source_etcd_survey.h"

/* Opaque types. */
struct source_etcd_early;

/*
 * A member's hash, asked for while its snapshot still comes.  Over a slow link
 * a snapshot can take longer than the cluster keeps its history (Kubernetes has
 * it compacted every five minutes); then nobody can say any more what there was
 * at the snapshot's revision.  So when a stream takes long, its member is
 * asked, on a connection of its own, for HashKV at the revision that it had
 * just before; the snapshot has all of that, too.  A stream that is over soon
 * costs nothing.
 */

/**
 * source_etcd_early_start(s, m, ret, err):
 * The first bytes of ${m} have come, so what its snapshot has is fixed: ask
 * after s->long_ms, unless the snapshot has ended by then.
 */
int source_etcd_early_start(const struct source_etcd *,
    const struct source_etcd_member *, struct source_etcd_early **,
    struct err *);
void source_etcd_early_free(struct source_etcd_early *);
CLEANUP_DEFINE(source_etcd_early);

/**
 * source_etcd_early_over(e):
 * The stream is over: ask no more.
 */
void source_etcd_early_over(struct source_etcd_early *);

/**
 * source_etcd_early_answer(e, ret):
 * Wait for the answer, after source_etcd_early_over.  Return false if there
 * is none.
 */
bool source_etcd_early_answer(struct source_etcd_early *, struct etcd_hashkv *);

/**
 * source_etcd_early_revision(e):
 * Return the revision that it is, or would have been, asked about.
 */
uint64_t source_etcd_early_revision(const struct source_etcd_early *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_EARLY_H_ */
