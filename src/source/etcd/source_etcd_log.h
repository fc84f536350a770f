#ifndef SOURCE_ETCD_SOURCE_ETCD_LOG_H_
#define SOURCE_ETCD_SOURCE_ETCD_LOG_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "etcd/etcd_clock.h"
#include "etcd/etcd_lease_file.h"
#include "source/source.h"

/* Opaque types. */
struct etcd_event;

/*
 * The changes of a cluster from one revision to another, gathered in memory
 * from a watch.  They are a source: when it is read, it becomes a log that
 * continues a backup (doc/format.md, "etcd logs").  It can be read again if it
 * could not be stored.
 *
 * Evidence: etcd.log.first, etcd.log.last (first - 1: nothing happened),
 * etcd.log.from_ms, etcd.log.to_ms, etcd.log.events, etcd.log.leases (how many,
 * if it lists them), etcd.log.previous, etcd.cluster_id, etcd.state;
 * etcd.hashkv and etcd.hashkv.compact at etcd.log.last, if a member was asked.
 */
struct source_etcd_log {
	struct source base;
	uint64_t first, last;   /* Revisions that are whole. */
	int64_t from_ms, to_ms; /* By this host's clock. */
	uint64_t cluster_id;
	char state[65];    /* Of source_etcd_state, in hex. */
	char previous[65]; /* SHA-256 of the manifest before, in hex. */

	bool hashed; /* HashKV of a member, at ${last}. */
	uint32_t hash;
	uint64_t hash_compact;

	bool has_leases; /* They are not those of the log before. */
	struct etcd_lease_file leases;
	struct etcd_clock clock;
	uint64_t events;

	/* Private. */
	struct buf records; /* Each with its head. */
	struct source_etcd_log_segment *segments;
	size_t nsegments, cap;
};

int source_etcd_log_new(struct source_etcd_log **, struct err *);

static inline void
freep_source_etcd_log(struct source_etcd_log **l)
{
	if (*l != NULL)
		source_free(&(*l)->base);
}

/**
 * source_etcd_log_begin(l, first, ms):
 * Forget what was gathered; what follows begins with revision ${first}, and
 * nothing had happened since ${ms}.  If that is still to come when the first is
 * complete, the clock was set back, and the log begins then.
 */
void source_etcd_log_begin(struct source_etcd_log *, uint64_t, int64_t);

/**
 * source_etcd_log_add(l, ev, err):
 * Take the next event.
 */
int source_etcd_log_add(
    struct source_etcd_log *, const struct etcd_event *, struct err *);

/**
 * source_etcd_log_complete(l, revision, ms, err):
 * All up to ${revision} has been taken, and at ${ms} there was no more.
 */
int source_etcd_log_complete(
    struct source_etcd_log *, uint64_t, int64_t, struct err *);

/**
 * source_etcd_log_bytes(l):
 * How many bytes of records it holds.
 */
size_t source_etcd_log_bytes(const struct source_etcd_log *);

#endif /* !SOURCE_ETCD_SOURCE_ETCD_LOG_H_ */
