#ifndef TEST_TEST_ETCD_DB_H_
#define TEST_TEST_ETCD_DB_H_

#include <stddef.h>
#include <stdint.h>

/* Opaque types. */
struct buf;

/*
 * Databases as etcd would have them, after changes of our choosing.
 */
struct test_db_change {
	uint64_t main;
	const char *key, *value; /* No value: it was deleted. */
};

struct test_db_plan {
	const struct test_db_change *changes;
	size_t n;
	uint64_t scheduled, finished; /* Compaction; 0: never. */
	const char *extra;            /* A bucket of this name, or NULL. */
	int leave_out;                /* Of the changes, or -1. */
};

/**
 * test_db(p, ret):
 * Append the database of ${p} to ${ret}.
 */
void test_db(const struct test_db_plan *, struct buf *);

#endif /* !TEST_TEST_ETCD_DB_H_ */
