#ifndef ETCD_ETCD_WATCH_H_
#define ETCD_ETCD_WATCH_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "etcd/etcd_kv.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_response.h"

/* Opaque types. */
struct err;
struct etcd_client;
struct etcd_watch;

/*
 * Everything that happens to all keys from some revision on, gapless:
 * every revision that etcd's store has had consists of events, so that the
 * one that follows revision N is N + 1.  A server that skips one, goes back,
 * or tells of one twice is found out; what it says of its progress counts
 * only as far as events have come.
 *
 * Events are handed over when all those of their revision have come.  Memory
 * holds some MiB of them, or one revision if that is larger (a deletion of a
 * million keys is one), and the server is made to wait for a slow taker.
 *
 * When a watch fails, another one, on whichever member, from
 * etcd_watch_next_revision goes on where it ended: without gap, and without
 * any event twice.
 *
 * Two things a watch cannot know.  A store of etcd before 3.4.34 or 3.5.16
 * that was compacted at the very revision the watch starts from has forgotten
 * what was deleted in it; and a cluster that was set back to an old snapshot
 * uses its revisions again: ask the header for the cluster and the revision.
 */
struct etcd_event {
	bool deleted;
	/*
	 * The database's key and value for it: the revision is
	 * (kv.mod_revision, sub), a deletion's is marked 't'.
	 */
	uint64_t sub;
	const uint8_t *record;
	size_t nrecord;
	struct etcd_kv kv; /* A deletion has key and mod_revision alone. */
};

enum etcd_watch_what {
	ETCD_WATCH_TIMEOUT,   /* Nothing came. */
	ETCD_WATCH_EVENTS,    /* Take them by etcd_batch_next. */
	ETCD_WATCH_PROGRESS,  /* Nothing is missing up to ${complete}. */
	ETCD_WATCH_COMPACTED, /* There is a gap, up to ${compacted}: the
	                         watch has ended, a new base is needed. */
};

struct etcd_batch {
	enum etcd_watch_what what;
	uint64_t first, complete; /* Every revision of these, whole. */
	uint64_t compacted;

	/* Private: the events that are still to be taken. */
	struct pb rest;
	uint64_t main, sub;
};

/**
 * etcd_watch_open(c, start, ret, err):
 * Watch all keys from revision ${start} on; the first that any store has
 * events of is 2.  When this returns 0, the member has said that it watches.
 * Logs in, and again if the member refuses because a login has expired.  ${c}
 * must outlive the watch, and can still be used for calls.
 */
int etcd_watch_open(
    struct etcd_client *, uint64_t, struct etcd_watch **, struct err *);
void etcd_watch_free(struct etcd_watch *);
CLEANUP_DEFINE(etcd_watch);

/**
 * etcd_watch_next(w, ms, ret, err):
 * Wait at most ${ms} milliseconds for something to happen, and give it in
 * ${ret}; its events stay until the next call.  Once the watch has ended, each
 * call fails with the same error: HF_EUNAVAIL (the connection broke or
 * stalled, the member lost its leader, or the server ended it: watch on, on
 * any member), HF_EDENIED, or HF_ESOURCE (a rule above is broken).
 */
int etcd_watch_next(
    struct etcd_watch *, long, struct etcd_batch *, struct err *);

/**
 * etcd_batch_next(batch, ret):
 * Take the next event, in the order of revisions; false if there is none.
 */
bool etcd_batch_next(struct etcd_batch *, struct etcd_event *);

/**
 * etcd_watch_ask(w, err):
 * Ask the server for its progress: ETCD_WATCH_PROGRESS follows once all
 * events up to its newest revision have been handed over.  A server before
 * 3.4.25 or 3.5.8 may answer too soon; that answer is not passed on, so ask
 * again after a while.
 */
int etcd_watch_ask(struct etcd_watch *, struct err *);

/**
 * etcd_watch_next_revision(w):
 * Return the first revision that has not been handed over.
 */
uint64_t etcd_watch_next_revision(const struct etcd_watch *);

/**
 * etcd_watch_header(w):
 * Return what the server last said of itself: its store's revision, which
 * cluster and which member it is.
 */
const struct etcd_header *etcd_watch_header(const struct etcd_watch *);

#endif /* !ETCD_ETCD_WATCH_H_ */
