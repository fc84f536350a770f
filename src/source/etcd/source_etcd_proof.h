#ifndef SOURCE_ETCD_SOURCE_ETCD_PROOF_H_
#define SOURCE_ETCD_SOURCE_ETCD_PROOF_H_

#include <stdint.h>

#include "base/cleanup.h"
#include "source/etcd/source_etcd_survey.h"

/* Opaque types. */
struct source_etcd_proof;

/*
 * What the living members say that the store amounts to at the revision of a
 * snapshot: each is asked for its HashKV there, while the snapshot is read.
 */

/**
 * source_etcd_proof_ask(v, picked, revision, compact, ret, err):
 * Ask every member that answered the survey what it has at ${revision} of a
 * store that is compacted to ${compact}, in threads of their own; until
 * source_etcd_proof_hear their clients are in use.
 */
int source_etcd_proof_ask(const struct source_etcd_survey *, size_t, uint64_t,
    uint64_t, struct source_etcd_proof **, struct err *);
void source_etcd_proof_free(struct source_etcd_proof *);
CLEANUP_DEFINE(source_etcd_proof);

/**
 * source_etcd_proof_hear(p, ours, arg, agreed, asked, err):
 * Wait for the answers and compare them.  A member may be compacted further
 * than the snapshot: ${ours} gives what the snapshot's records hash to when
 * compacted to that revision.  HF_ESOURCE, naming the member, if one has
 * another hash; HF_EUNAVAIL if the member that the snapshot came from could
 * not say.  ${*agreed} of the ${*asked} members did.
 */
int source_etcd_proof_hear(struct source_etcd_proof *,
    int (*)(void *, uint64_t compact, uint32_t *hash, struct err *), void *,
    size_t *, size_t *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_PROOF_H_ */
