#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_mvcc.h"
#include "test_bolt_disk.h"
#include "test_bolt_read.h"

/*
 * bench_hashkv FILE [REVISION [COMPACT_REVISION]]: HashKV of a database or
 * snapshot, how long it took, and how long the checks take.  Without a
 * revision it is the newest's, as compacted as a server that starts on it.
 */
static double
now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int
hash(const struct etcd_bolt *b, uint64_t revision, uint64_t compact,
    struct err *err)
{
	double start = now();
	uint32_t h;
	int rc;

	if ((rc = test_bolt_hashkv(b, revision, compact, &h, err)) < 0)
		return rc;
	printf("hashkv %" PRIu32 "\ncompact_revision %" PRIu64
	       "\nhashkv_seconds %.3f\n",
	    h, compact, now() - start);
	return 0;
}

static int
bench(int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_test_bolt_disk) struct test_bolt_disk *d = NULL;
	CLEANUP(etcd_meta_clear) struct etcd_meta m = ETCD_META_INIT;
	uint64_t revision = INT64_MAX, compact;
	struct etcd_bolt b;
	double start;
	int rc;

	if ((rc = test_bolt_disk_open(argv[1], &d, err)) < 0 ||
	    (rc = etcd_bolt_open(&b, test_bolt_disk_file(d), err)) < 0 ||
	    (rc = etcd_meta_read(&b, &m, err)) < 0)
		return rc;
	compact = etcd_meta_compact_revision(&m);
	if (argc > 2)
		revision = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		compact = strtoull(argv[3], NULL, 10);
	if ((rc = hash(&b, revision, compact, err)) < 0)
		return rc;
	start = now();
	if ((rc = etcd_bolt_check(&b, err)) < 0)
		return rc;
	printf("pages_seconds %.3f\n", now() - start);
	start = now();
	if ((rc = test_bolt_audit(&b, err)) < 0)
		return rc;
	printf("records_seconds %.3f\n", now() - start);
	return 0;
}

int
main(int argc, char *argv[])
{
	struct err err = ERR_INIT;

	if (argc < 2) {
		fprintf(stderr,
		    "usage: bench_hashkv FILE [REVISION [COMPACT_REVISION]]\n");
		return 2;
	}
	if (bench(argc, argv, &err) < 0) {
		fprintf(stderr, "bench_hashkv: %s\n", err.msg);
		return 1;
	}
	return 0;
}
