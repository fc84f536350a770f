#ifndef TEST_TEST_BOLT_DISK_H_
#define TEST_TEST_BOLT_DISK_H_

#include "base/cleanup.h"
#include "etcd/etcd_bolt.h"

/* Opaque types. */
struct err;
struct test_bolt_disk;

/**
 * test_bolt_disk_open(path, ret, err):
 * Open the file ${path}, which is read piece by piece.
 */
int test_bolt_disk_open(const char *, struct test_bolt_disk **, struct err *);
void test_bolt_disk_free(struct test_bolt_disk *);
CLEANUP_DEFINE(test_bolt_disk);
const struct etcd_bolt_file *test_bolt_disk_file(const struct test_bolt_disk *);

#endif /* !TEST_TEST_BOLT_DISK_H_ */
