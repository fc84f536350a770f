#ifndef ETCD_ETCD_CLOCK_H_
#define ETCD_ETCD_CLOCK_H_

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * Which revision a store had at which time, as seen by the host that watched
 * it: the file "clock" of a log (doc/format.md, "etcd logs").  A row says that
 * by its time all changes up to its revision had come, and none after it.
 */
struct etcd_clock_row {
	uint64_t revision;
	int64_t ms;
};

struct etcd_clock {
	struct etcd_clock_row *v; /* Times ascend, revisions never fall. */
	size_t n, cap;
};

/*
 * Rows are at least this far apart, which bounds what a day of changes costs.
 */
#define ETCD_CLOCK_TICK_MS 10

void etcd_clock_clear(struct etcd_clock *);

static inline void
freep_etcd_clock(struct etcd_clock *c)
{
	etcd_clock_clear(c);
}

/**
 * etcd_clock_add(c, revision, ms, err):
 * Note that the store is at ${revision} now.  The row's time is the end of the
 * tick in which ${ms} lies; if this host's clock went back, it is that of the
 * last row.
 */
int etcd_clock_add(struct etcd_clock *, uint64_t, int64_t, struct err *);

/**
 * etcd_clock_at(c, ms):
 * Return the last row that is not after ${ms}, or NULL.
 */
const struct etcd_clock_row *etcd_clock_at(const struct etcd_clock *, int64_t);

int etcd_clock_encode(const struct etcd_clock *, struct buf *, struct err *);

/**
 * etcd_clock_decode(p, n, ret, err):
 * Read one into the empty ${ret}.  HF_ECORRUPT if a rule is broken: the head,
 * order, numbers beyond INT64_MAX, bytes left over.
 */
int etcd_clock_decode(
    const uint8_t *, size_t, struct etcd_clock *, struct err *);

#endif /* !ETCD_ETCD_CLOCK_H_ */
