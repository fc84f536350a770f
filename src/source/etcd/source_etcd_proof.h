#ifndef SOURCE_ETCD_SOURCE_ETCD_PROOF_H_
#define SOURCE_ETCD_SOURCE_ETCD_PROOF_H_

#include <stdint.h>

#include "base/cleanup.h"
#include "source/etcd/source_etcd_early.h"
#include "source/etcd/source_etcd_survey.h"

/* Opaque types. */
struct source_etcd_proof;

/*
 * What the living members say that the store amounts to at the revision of a
 * snapshot: each is asked for its HashKV there, while the snapshot is read.
 * The member that it came from has to vouch for it; one that does not answer
 * counts as one that does not agree, and nothing more.  A learner is not
 * asked, for etcd lets none hash: for what came from one, another vouches.
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
 * What the snapshot's records hash to: those up to ${revision}, when they are
 * compacted to ${compact}, which the snapshot itself may be less far.
 */
typedef int source_etcd_ours(
    void *, uint64_t revision, uint64_t compact, uint32_t *hash, struct err *);

struct source_etcd_verdict {
	size_t agreed, members; /* So many of so many. */
	/* Which revision the member that was read has vouched for: the
	 * snapshot's, or one before. */
	uint64_t revision;
};

/**
 * source_etcd_proof_hear(p, early, ours, arg, ret, err):
 * Wait for the answers and compare them with ${ours}.  If history has been
 * compacted away meanwhile, what ${early} was told counts.  HF_ESOURCE, with
 * the member's name, if one has another hash or answers what cannot be;
 * HF_EUNAVAIL if nobody can vouch.
 */
int source_etcd_proof_hear(struct source_etcd_proof *,
    struct source_etcd_early *, source_etcd_ours *, void *,
    struct source_etcd_verdict *, struct err *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_PROOF_H_ */
