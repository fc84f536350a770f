#ifndef SOURCE_ETCD_SOURCE_ETCD_PROOF_H_
#define SOURCE_ETCD_SOURCE_ETCD_PROOF_H_

#include <stdint.h>

#include "base/cleanup.h"
#include "source/etcd/source_etcd_early.h"
#include "source/etcd/source_etcd_survey.h"

/* Opaque types. */
struct source_etcd_proof;

/*
 * What the members say that the store hashes to at the revision of a snapshot:
 * each is asked for its HashKV there, while the snapshot is read.  The member
 * that it came from has to confirm it; another one that does not answer just
 * does not count as agreeing.  Learners are not asked, because etcd does not
 * let them hash: what came from a learner must be confirmed by another member.
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

/*
 * Computes the hash of the snapshot's records up to ${revision}, as compacted
 * to ${compact}; the snapshot itself may be compacted less far.
 */
typedef int source_etcd_ours(
    void *, uint64_t revision, uint64_t compact, uint32_t *hash, struct err *);

struct source_etcd_verdict {
	size_t agreed, members; /* So many of so many. */
	/* The revision that the member which was read has confirmed: the
	 * snapshot's, or one before. */
	uint64_t revision;
};

/**
 * source_etcd_proof_hear(p, early, ours, arg, ret, err):
 * Wait for the answers and compare them with ${ours}.  If history has been
 * compacted away meanwhile, the answer of ${early} counts.  HF_ESOURCE, with
 * the member's name, if one has another hash or answers what cannot be;
 * HF_EUNAVAIL if no member confirms it.
 */
int source_etcd_proof_hear(struct source_etcd_proof *,
    struct source_etcd_early *, source_etcd_ours *, void *,
    struct source_etcd_verdict *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_PROOF_H_ */
