#ifndef STORE_TRACE_STORE_TRACE_H_
#define STORE_TRACE_STORE_TRACE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/store_op.h"

/* Opaque types. */
struct err;
struct store;

/*
 * A store in front of another one that tells what is asked of it and what
 * came of that: for tests of an order, and for `--verbose`.
 */

/* An operation begins, or is done. */
struct store_event {
	enum store_op op;
	const char *name; /* A prefix for list, "" for now and probe. */
	uint64_t off;     /* get: where from. */
	size_t len;       /* Bytes to put; those that get gave, once done. */
	bool done;
	int rc;     /* Once done: what the operation returned, ... */
	int64_t us; /* ... and how long it took, in microseconds. */
};

/* Called one at a time, in the order in which things happen. */
typedef void store_trace_fn(void *, const struct store_event *);

/**
 * store_trace_new(inner, fn, arg, ret, err):
 * Stand in front of ${inner}, which from then on belongs to ${*ret}, and tell
 * ${fn}.  With NULL in its place, keep a text of what happens.
 */
int store_trace_new(
    struct store *, store_trace_fn *, void *, struct store **, struct err *);

/**
 * store_trace_text(s):
 * Return that text, to be freed, or NULL if memory has run out: a line for
 * each event.  "put NAME" is a begin, "put NAME ok" an end; in the place of
 * "ok" is the word of the error's class ("not-found").
 */
char *store_trace_text(struct store *);

#endif /* !STORE_TRACE_STORE_TRACE_H_ */
