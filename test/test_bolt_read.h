#ifndef TEST_TEST_BOLT_READ_H_
#define TEST_TEST_BOLT_READ_H_

#include <stdint.h>

/* Opaque types. */
struct err;
struct etcd_bolt;

/*
 * What the program does with the records that it has stored, done with those
 * of a database of etcd's own: for tests that compare the two, and for fuzzing
 * what both go through.
 */

/**
 * test_bolt_hashkv(b, revision, compact_revision, ret, err):
 * The hash of a database (etcd_hashkv.h).
 */
int test_bolt_hashkv(
    const struct etcd_bolt *, uint64_t, uint64_t, uint32_t *, struct err *);

/**
 * test_bolt_audit(b, err):
 * Check records, leases and members (etcd_audit.h).
 */
int test_bolt_audit(const struct etcd_bolt *, struct err *);

#endif /* !TEST_TEST_BOLT_READ_H_ */
