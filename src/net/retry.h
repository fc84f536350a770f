#ifndef NET_RETRY_H_
#define NET_RETRY_H_

#include <stdbool.h>
#include <stdint.h>

/* Opaque types. */
struct err;

/*
 * Exponential backoff with full jitter: before try n (from 0) wait a random
 * time between nothing and base * 2^(n-1), at most cap.  Many clients that
 * failed together then do not come back together.
 */
struct retry {
	unsigned tries;   /* In all, the first one counted. */
	uint32_t base_ms; /* Longest wait before the second try. */
	uint32_t cap_ms;  /* Longest wait of all. */
	unsigned done;    /* Tries so far: begins at 0. */
};

/* Seven tries, at most about half a minute of waiting. */
#define RETRY_INIT                                                             \
	{                                                                      \
		.tries = 7, .base_ms = 200, .cap_ms = 10000                    \
	}

/**
 * retry_longest_ms(r):
 * Return the longest that the next wait may take, in ms.
 */
uint32_t retry_longest_ms(const struct retry *);

/**
 * retry_wait(r, err):
 * A try has failed with ${err}: if another one may help and is left, wait and
 * return true.  False otherwise; ${err} then says what to report, and after
 * net_cancel() that is HF_EINTR.
 */
bool retry_wait(struct retry *, struct err *);

#endif /* !NET_RETRY_H_ */
