#ifndef ETCD_ETCD_ITEMS_H_
#define ETCD_ETCD_ITEMS_H_

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/*
 * A file of ETCD_MAGIC_LEN bytes that say what it is, and then items, each a
 * head of a fixed length and a body whose length the head tells; it comes in
 * pieces cut anywhere.  That is what record segments and bucket files have in
 * common.  A body that lies whole in a piece is not copied, and memory for
 * one that does not grows as its bytes come.
 */
#define ETCD_MAGIC_LEN 8

struct etcd_items {
	const uint8_t *magic;
	const char *what; /* For messages: "segment of etcd records". */
	size_t head;
	/* How long the body behind the head at ${head} is; HF_ECORRUPT if
	 * the head breaks a rule. */
	int (*measure)(
	    void *arg, const uint8_t *head, uint64_t *len, struct err *);
	int (*item)(void *arg, const uint8_t *head, const uint8_t *body,
	    size_t len, struct err *);
	void *arg;

	/* Private. */
	size_t nmagic;   /* Bytes of it that came. */
	struct buf part; /* Of an item that spans pieces. */
};

/**
 * etcd_items_feed(it, p, n, err):
 * Take the next ${n} bytes, and hand on each item that is whole.
 */
int etcd_items_feed(struct etcd_items *, const uint8_t *, size_t, struct err *);

/**
 * etcd_items_end(it, err):
 * HF_ECORRUPT if it was cut.
 */
int etcd_items_end(const struct etcd_items *, struct err *);

static inline void
etcd_items_clear(struct etcd_items *it)
{
	buf_free(&it->part);
}

#endif /* !ETCD_ETCD_ITEMS_H_ */
