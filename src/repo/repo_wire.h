#ifndef REPO_REPO_WIRE_H_
#define REPO_REPO_WIRE_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "repo/repo_format.h"

/* Opaque types. */
struct secret;

/*
 * What all small objects have in common (doc/format.md, "Signed objects"):
 * four magic bytes, a version, a body, and, of the signed ones, a signature
 * over all that is before it.
 */

#define REPO_VERSION 1
#define REPO_TIME_MAX INT64_C(253402300799999) /* The end of 9999, in ms. */
#define REPO_HOUR_MAX 70389527u                /* The same in hours. */

struct repo_wire {
	const char *magic; /* 4 bytes */
	const char *what;  /* In messages: "manifest". */
};

/**
 * repo_wire_begin(k, b, err):
 * Append magic and version.
 */
int repo_wire_begin(const struct repo_wire *, struct buf *, struct err *);

/**
 * repo_wire_sign(b, from, seed, err):
 * Append ${seed}'s signature over the bytes of ${b} from ${from} on.
 */
int repo_wire_sign(struct buf *, size_t, const struct secret *, struct err *);

/**
 * repo_wire_open(k, p, n, pk, c, err):
 * Check magic, the signature by ${pk} (NULL: it is left unchecked) and the
 * version, in this order, and set ${c} to the body between version and
 * signature.
 */
int repo_wire_open(const struct repo_wire *, const uint8_t *, size_t,
    const uint8_t[], struct cur *, struct err *);

/**
 * repo_wire_end(k, c, err):
 * HF_ECORRUPT unless all of the body was read and none of it was missing.
 */
int repo_wire_end(const struct repo_wire *, const struct cur *, struct err *);

/**
 * repo_wire_rule(k, code, broken, err):
 * Return 0 if ${broken} is NULL; else it is the rule that the object breaks,
 * and ${code} says whose fault that is: HF_EBUG when we encode, HF_ECORRUPT
 * when we decode.
 */
int repo_wire_rule(
    const struct repo_wire *, enum hf_code, const char *, struct err *);

/**
 * repo_wire_count(c, min):
 * Read a list's count.  One that cannot fit, each element having at least
 * ${min} bytes, makes ${c} bad and gives 0.
 */
size_t repo_wire_count(struct cur *, size_t);

/**
 * repo_wire_array(n, size, ret, err):
 * Give ${n} zeroed elements of ${size} bytes, or NULL for none.
 */
int repo_wire_array(size_t, size_t, void *, struct err *);

bool repo_time_ok(int64_t);
bool repo_all_zero(const uint8_t *, size_t);

/* list(str | str): evidence, facts, warnings.  More than ${max} of them make
 * the cursor bad. */
int repo_facts_encode(
    const struct repo_fact *, size_t, struct buf *, struct err *);
int repo_facts_decode(
    struct cur *, size_t max, struct repo_fact **, size_t *, struct err *);
void repo_facts_free(struct repo_fact *, size_t);

#endif /* !REPO_REPO_WIRE_H_ */
