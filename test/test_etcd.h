#ifndef TEST_TEST_ETCD_H_
#define TEST_TEST_ETCD_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "etcd/etcd_index.h"
#include "etcd/etcd_record.h"
#include "source/source.h"

/* Opaque types. */
struct repo;
struct source_etcd_log;

/*
 * An etcd that was never there: what was put and deleted, as a source that
 * stores it in any form, and wrong if a test wants it so.
 */
#define TEST_ETCD_RECORDS 40
#define TEST_ETCD_SEGMENT 4 /* Records in each segment. */
#define TEST_ETCD_PAGE 4096

struct test_etcd {
	struct source source;
	struct test_etcd_change {
		struct etcd_record r;
		struct buf key, message;
		uint64_t create, version;
	} v[TEST_ETCD_RECORDS];
	size_t n;
	uint64_t revision; /* Of the last change; 1 at first. */
	uint64_t compact;  /* Of what is older, the records are yet there. */
	uint64_t lease;    /* Exists; 0: none does. */
	/* That the backup tells, in the form of records; NULL: none. */
	const char *version;

	bool snapshot;     /* The form: the snapshot's bytes, */
	bool paged;        /* and these as pages. */
	bool other_digest; /* At their end is not that of what is before. */
	/* What to do to a file before it is stored, under its right hashes;
	 * of "snapshot.db" all but the digest at its end. */
	void (*spoil)(struct test_etcd *, const char *path, struct buf *);
	/* And to the index before it is a file. */
	void (*spoil_index)(struct test_etcd *, struct etcd_index *);
};

void test_etcd_init(struct test_etcd *);
void test_etcd_clear(struct test_etcd *);

/* Each is the next revision. */
void test_etcd_put(struct test_etcd *, const char *key, const char *value);
void test_etcd_put_bytes(
    struct test_etcd *, const void *, size_t, const void *, size_t, uint64_t);
void test_etcd_delete(struct test_etcd *, const char *key);

/**
 * test_etcd_watch(t, done, log, ms):
 * Let the log see, at the time ${ms}, all changes but the first ${*done},
 * which it has seen already; ${*done} is then how many there are.
 */
void test_etcd_watch(
    const struct test_etcd *, size_t *, struct source_etcd_log *, int64_t);

/**
 * test_etcd_backup(t, r, err):
 * Back it up as "cp".
 */
int test_etcd_backup(struct test_etcd *, struct repo *, struct err *);

#endif /* !TEST_TEST_ETCD_H_ */
