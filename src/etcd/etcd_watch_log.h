#ifndef ETCD_ETCD_WATCH_LOG_H_
#define ETCD_ETCD_WATCH_LOG_H_

#include "base/buf.h"
#include "etcd/etcd_watch.h"

/*
 * The rules of etcd_watch.h, for one stream: feed takes each message, and take
 * gives out what is complete.
 */
struct etcd_watch_log {
	uint64_t first; /* Of the revisions that can be taken. */
	uint64_t next;  /* The first that is not complete. */
	bool partial;   /* Some of its events have come. */
	struct buf in;  /* Events: WatchResponse's fields, verbatim; */
	size_t whole;   /* so much of them can be taken. */
	struct buf out; /* What was taken. */
	bool created, progress, cancelled;
	unsigned ahead; /* Claims in a row that no events bore out. */
	uint64_t compacted;
	char reason[256]; /* Of a cancellation. */
	struct etcd_header header;
};

void etcd_watch_log_init(struct etcd_watch_log *, uint64_t);
void etcd_watch_log_clear(struct etcd_watch_log *);

/**
 * etcd_watch_log_feed(log, p, n, err):
 * Take a WatchResponse.
 */
int etcd_watch_log_feed(void *, const uint8_t *, size_t, struct err *);

/**
 * etcd_watch_log_full(log):
 * Is there so much to take that the server should wait?
 */
bool etcd_watch_log_full(void *);

/**
 * etcd_watch_log_take(log, ret, err):
 * Return 1 and the events, progress or gap that there is to tell, or 0.
 */
int etcd_watch_log_take(
    struct etcd_watch_log *, struct etcd_batch *, struct err *);

#endif /* !ETCD_ETCD_WATCH_LOG_H_ */
