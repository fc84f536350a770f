#ifndef BASE_PARAMS_H_
#define BASE_PARAMS_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

/* Opaque types. */
struct err;
struct params;

/*
 * The words with which a thing was described: names, each with one or more
 * values, in the order given.  Every driver (source, key, store) is opened
 * from one of these, so that a new driver needs no new plumbing: its options
 * are rows of the option table, its values arrive here under the row's name
 * ("endpoint", "path_style"), already checked for type and range.
 */

int params_new(struct params **, struct err *);
void params_free(struct params *);
CLEANUP_DEFINE(params);

/**
 * params_add(p, name, value, err):
 * Add one more value under ${name}; both are copied.
 */
int params_add(struct params *, const char *, const char *, struct err *);

/**
 * params_set(p, name, value, err):
 * Make ${value} the only value of ${name}.
 */
int params_set(struct params *, const char *, const char *, struct err *);

/**
 * params_copy(to, from, err):
 * Add every pair of ${from} to ${to}.
 */
int params_copy(struct params *, const struct params *, struct err *);

/**
 * params_get(p, name):
 * Return the first value of ${name}, or NULL.  ${p} keeps it.
 */
const char *params_get(const struct params *, const char *);

/**
 * params_at(p, name, i):
 * Return value ${i} of ${name}, or NULL behind the last.
 */
const char *params_at(const struct params *, const char *, size_t);

/**
 * params_flag(p, name, absent):
 * Return true for "true", false for "false", ${absent} if there is none.
 */
bool params_flag(const struct params *, const char *, bool);

/**
 * params_name(p, i):
 * Return the name of pair ${i} in the order of adding (a name with several
 * values comes several times), or NULL behind the last.
 */
const char *params_name(const struct params *, size_t);

#endif /* !BASE_PARAMS_H_ */
