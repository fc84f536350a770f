#ifndef STORE_FAULT_STORE_FAULT_H_
#define STORE_FAULT_STORE_FAULT_H_

#include <stdint.h>

#include "base/err.h"
#include "store/store_op.h"

/* Opaque types. */
struct store;

/*
 * A store in front of another one that goes wrong as it is told: for tests.
 * Without faults it is the other one.
 */

enum store_fault_kind {
	STORE_FAULT_FAIL,       /* Do nothing and fail with ${code}. */
	STORE_FAULT_LOST,       /* Do it, then fail: the answer got lost. */
	STORE_FAULT_CUT,        /* get: give half of it, as if that was all. */
	STORE_FAULT_FLIP,       /* get: flip bit ${value}, modulo the length. */
	STORE_FAULT_DROP,       /* put, del: only say that it was done. */
				/* get, head: HF_ENOTFOUND. */
	STORE_FAULT_DELAY,      /* Wait ${value} ms first. */
	STORE_FAULT_KILL,       /* End the process before it is done ... */
	STORE_FAULT_KILL_AFTER, /* ... or right after that. */
};

/* The exit status of a process that was killed, as a shell shows SIGKILL. */
#define STORE_FAULT_KILLED 137

struct store_fault {
	enum store_fault_kind kind;
	unsigned ops;       /* Of enum store_op: which ones count. */
	const char *prefix; /* Only objects of such names; NULL: all. */
	uint64_t nth;       /* The first that is hit; 1 (or 0) is the next. */
	uint64_t times;     /* How many are hit from there; 0: all. */
	enum hf_code code;
	uint64_t value;
};

/**
 * store_fault_new(inner, ret, err):
 * Stand in front of ${inner}, which from then on belongs to ${*ret}.
 */
int store_fault_new(struct store *, struct store **, struct err *);

/**
 * store_fault_add(s, fault, err):
 * Add a fault; they count apart.  The prefix must live as long as ${s}.
 */
int store_fault_add(struct store *, const struct store_fault *, struct err *);

/**
 * store_fault_clear(s):
 * Take all faults back.
 */
void store_fault_clear(struct store *);

/**
 * store_fault_hook(s, fn, arg):
 * Call ${fn} before each operation, from the thread that does it; the name
 * is a prefix for list and NULL for now and probe.  A negative return is what
 * the operation returns; a fault that ${fn} adds may hit it already.
 */
typedef int store_fault_fn(void *, enum store_op, const char *, struct err *);
void store_fault_hook(struct store *, store_fault_fn *, void *);

/**
 * store_fault_clock(s, ms):
 * Let the clock of ${s}, by which objects are stamped, be ${ms} ahead.
 */
void store_fault_clock(struct store *, int64_t);

/**
 * store_fault_count(s, ops):
 * Return how many operations of the set ${ops} were asked for so far.
 */
uint64_t store_fault_count(struct store *, unsigned);

#endif /* !STORE_FAULT_STORE_FAULT_H_ */
