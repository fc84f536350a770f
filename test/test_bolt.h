#ifndef TEST_TEST_BOLT_H_
#define TEST_TEST_BOLT_H_

#include "etcd/etcd_bolt.h"

/*
 * bbolt files made by hand, page by page, so that a test can make each wrong
 * in its own way.  Numbers are little endian.
 */
#define TEST_BOLT_PAGE 512U
#define TEST_BOLT_PAGES 32U

struct test_bolt {
	uint8_t p[TEST_BOLT_PAGE * TEST_BOLT_PAGES];
	struct etcd_bolt_file file;
};

/* Has no bytes but zeroes; the file is in memory, or is read. */
void test_bolt_init(struct test_bolt *, bool in_memory);
uint8_t *test_bolt_page(struct test_bolt *, unsigned int);

/* Meta page ${n}, 0 or 1. */
void test_bolt_meta(struct test_bolt *, unsigned int n, uint64_t txid,
    uint64_t root, uint64_t freelist, uint64_t pages);
/* Make the checksum of a meta page right again. */
void test_bolt_sum(struct test_bolt *, unsigned int n);

void test_bolt_header(uint8_t *, uint64_t id, unsigned int type,
    unsigned int count, uint32_t overflow);

/* A leaf at ${p}; return its length.  A value may be made by the next two. */
size_t test_bolt_leaf(uint8_t *, uint64_t id, uint32_t overflow,
    const struct etcd_bolt_item *, unsigned int);

/* The item of a bucket whose root is page ${root}, or, its bytes in ${room},
 * an inline leaf. */
struct etcd_bolt_item test_bolt_at(
    const char *name, uint8_t room[16], uint64_t root);
struct etcd_bolt_item test_bolt_inline(const char *name, uint8_t *room,
    const struct etcd_bolt_item *, unsigned int);
struct etcd_bolt_item test_bolt_item(const char *key, const char *value);

void test_bolt_branch(uint8_t *, uint64_t id, const char *const keys[],
    const uint64_t *children, unsigned int);

#endif /* !TEST_TEST_BOLT_H_ */
