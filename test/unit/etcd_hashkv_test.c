#include "base/buf.h"
#include "base/crc32c.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_hashkv_points.h"
#include "etcd/etcd_keys.h"
#include "etcd/etcd_mvcc.h"
#include "etcd/etcd_pb.h"
#include "test.h"
#include "test_bolt.h"
#include "test_bolt_read.h"

/*
 * Histories at random, hashed as the server's code reads: with all records at
 * hand, over and over.  test/scenario/ compares with servers.
 */
#define RECORDS 120
#define KEYS 20

struct history {
	struct etcd_record r[RECORDS];
	char key[RECORDS];
	struct buf value[RECORDS];
};

static uint32_t seed;

static uint32_t
chance(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

static void
make(struct history *h, uint32_t s, uint32_t deletions)
{
	struct err e = ERR_INIT;
	uint64_t main = 2, sub = 0;
	struct etcd_record *r;
	char value[700];
	int i;

	seed = s;
	memset(h, 0, sizeof(*h));
	memset(value, 'v', sizeof(value));
	for (i = 0; i < RECORDS; i++) {
		r = &h->r[i];
		/* As in a transaction: other keys, the same revision. */
		if (i > 0 && h->key[i - 1] < 'a' + KEYS - 1 && chance(3) == 0) {
			h->key[i] = (char)(h->key[i - 1] + 1);
			sub++;
		} else {
			h->key[i] = (char)('a' + chance(KEYS));
			main++;
			sub = 0;
		}
		r->main = main;
		r->sub = sub;
		r->tombstone = chance(10) < deletions;
		CHECK_OK(pb_add_bytes(&h->value[i], 1, &h->key[i], 1, &e), &e);
		if (!r->tombstone)
			CHECK_OK(pb_add_bytes(&h->value[i], 5, value,
				     chance(sizeof(value)), &e),
			    &e);
		r->value = h->value[i].p;
		r->len = h->value[i].len;
	}
}

static void
clear(struct history *h)
{
	int i;

	for (i = 0; i < RECORDS; i++)
		buf_free(&h->value[i]);
}

/* Is record ${i} the newest of its key at ${rev}, and no deletion? */
static bool
kept(const struct history *h, int i, uint64_t rev)
{
	int j;

	for (j = i + 1; j < RECORDS && h->r[j].main <= rev; j++)
		if (h->key[j] == h->key[i])
			return false;
	return !h->r[i].tombstone && h->r[i].main <= rev;
}

static uint32_t
naive(const struct history *h, uint64_t rev, uint64_t compact)
{
	uint32_t hash = crc32c_portable(0, "key", 3);
	uint8_t key[ETCD_MVCC_KEY_MAX];
	const struct etcd_record *r;
	bool any = false;
	int i;

	for (i = 0; i < RECORDS; i++)
		any = any || kept(h, i, rev);
	for (i = 0; i < RECORDS; i++) {
		r = &h->r[i];
		if (r->main > rev ||
		    (r->main <= compact && any && !kept(h, i, rev)) ||
		    (r->main == compact && r->tombstone))
			continue;
		hash = crc32c_portable(hash, key, etcd_mvcc_key(r, key));
		hash = crc32c_portable(hash, r->value, r->len);
	}
	return hash;
}

static uint32_t
hash_of(const struct history *h, uint64_t rev, uint64_t compact)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *s = NULL;
	struct err e = ERR_INIT;
	int i;

	CHECK_OK(etcd_hashkv_sum_new(rev, compact, &s, &e), &e);
	for (i = 0; i < RECORDS; i++)
		CHECK_OK(etcd_hashkv_sum_add(s, &h->r[i], &e), &e);
	return etcd_hashkv_sum_end(s);
}

static void
compare(uint32_t s, uint32_t deletions)
{
	struct history h;
	uint64_t rev, compact, last;

	make(&h, s, deletions);
	last = h.r[RECORDS - 1].main;
	for (rev = 2; rev <= last + 1; rev += 1 + chance(7))
		for (compact = 0; compact <= rev; compact += 1 + chance(3))
			CHECK(hash_of(&h, rev, compact) ==
			      naive(&h, rev, compact));
	clear(&h);
}

TEST(hashkv__is_what_the_rule_says_at_any_revision)
{
	uint32_t s;

	for (s = 1; s < 12; s++) {
		compare(s, 0);
		compare(s, 2);
		compare(s, 6);
	}
}

TEST(hashkv__takes_everything_if_every_key_is_deleted)
{
	struct history h;
	uint64_t last;

	make(&h, 5, 10);
	last = h.r[RECORDS - 1].main;
	CHECK(hash_of(&h, last, last) == naive(&h, last, last));
	CHECK(hash_of(&h, last, 5) == naive(&h, last, 5));
	CHECK(hash_of(&h, last, 5) != crc32c(0, "key", 3));
	clear(&h);
}

TEST(hashkv__refuses_a_record_that_is_no_message)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *s = NULL;
	const struct etcd_record bad = { 3, 0, false, (const uint8_t *)"\x0a",
		1 };
	struct err e = ERR_INIT;

	CHECK_OK(etcd_hashkv_sum_new(9, 1, &s, &e), &e);
	CHECK_FAIL(etcd_hashkv_sum_add(s, &bad, &e), &e, HF_ECORRUPT);
}

/* At each revision, as compacted to each that is asked for and not newer. */
static int
all_points(
    const struct history *h, const uint64_t *compact, size_t n, struct err *err)
{
	CLEANUP(freep_etcd_hashkv_points) struct etcd_hashkv_points *p = NULL;
	uint64_t rev;
	size_t k;
	int i, rc;

	if ((rc = etcd_hashkv_points_new(compact, n, &p, err)) < 0)
		return rc;
	for (i = 0; i < RECORDS; i++) {
		if ((rc = etcd_hashkv_points_add(p, &h->r[i], err)) < 0)
			return rc;
		rev = h->r[i].main;
		if (i + 1 < RECORDS && h->r[i + 1].main == rev)
			continue;
		for (k = 0; k < n; k++)
			if (compact[k] <= rev && chance(2) == 0)
				CHECK(
				    etcd_hashkv_points_at(p, rev, compact[k]) ==
				    naive(h, rev, compact[k]));
	}
	return 0;
}

/* Many compact revisions in any order, some twice, 0 at times. */
static size_t
choose(uint64_t *compact, uint64_t last)
{
	size_t i, n = 1 + chance(20);

	for (i = 0; i < n; i++)
		compact[i] = chance((uint32_t)last + 1);
	return n;
}

TEST(hashkv_points__are_each_what_the_rule_says)
{
	static const uint32_t deletions[] = { 0, 2, 6, 9, 10 };
	struct err e = ERR_INIT;
	uint64_t compact[32];
	struct history h;
	uint32_t s;
	size_t n;

	for (s = 1; s < 100; s++) {
		make(&h, s, deletions[s % 5]);
		n = choose(compact, h.r[RECORDS - 1].main);
		CHECK_OK(all_points(&h, compact, n, &e), &e);
		clear(&h);
	}
}

TEST(hashkv_points__of_what_was_never_compacted_need_no_message)
{
	CLEANUP(freep_etcd_hashkv_points) struct etcd_hashkv_points *p = NULL;
	const struct etcd_record bad = { 3, 0, false, (const uint8_t *)"\x0a",
		1 };
	const uint64_t zeroes[2] = { 0, 0 }, one = 1;
	struct err e = ERR_INIT;
	struct history h;

	make(&h, 4, 3);
	CHECK_OK(all_points(&h, zeroes, 2, &e), &e);
	clear(&h);
	CHECK_OK(etcd_hashkv_points_new(&one, 1, &p, &e), &e);
	CHECK_FAIL(etcd_hashkv_points_add(p, &bad, &e), &e, HF_ECORRUPT);
}

TEST(hashkv_points__report_that_memory_ran_out)
{
	const uint64_t compact[] = { 60, 7, 30 };
	struct err e = ERR_INIT;
	struct history h;
	int rc;

	make(&h, 1, 2);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = all_points(&h, compact, 3, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
	clear(&h);
}

/* A database of the first ${n} records, in one page. */
static void
make_bolt(struct test_bolt *t, const struct history *h, unsigned int n)
{
	uint8_t keys[4][ETCD_MVCC_KEY_MAX], room[16];
	struct etcd_bolt_item items[4], bucket;
	unsigned int i;

	test_bolt_init(t, false);
	test_bolt_meta(t, 0, 7, 2, ETCD_BOLT_NO_FREELIST, 20);
	test_bolt_meta(t, 1, 6, 2, ETCD_BOLT_NO_FREELIST, 20);
	bucket = test_bolt_at("key", room, 3);
	test_bolt_leaf(test_bolt_page(t, 2), 2, 0, &bucket, 1);
	for (i = 0; i < n; i++)
		items[i] = (struct etcd_bolt_item){ keys[i], h->r[i].value,
			etcd_mvcc_key(&h->r[i], keys[i]), h->r[i].len, 0 };
	test_bolt_leaf(test_bolt_page(t, 3), 3, 9, items, n);
}

TEST(hashkv__of_a_database)
{
	struct err e = ERR_INIT;
	struct test_bolt t;
	struct history h;
	struct etcd_bolt b;
	uint32_t hash = 0;
	uint64_t rev;

	make(&h, 3, 2);
	make_bolt(&t, &h, 4);
	rev = h.r[3].main;
	CHECK_OK(etcd_bolt_open(&b, &t.file, &e), &e);
	CHECK_OK(test_bolt_hashkv(&b, rev, 0, &hash, &e), &e);
	h.r[4].main = INT64_MAX;
	CHECK(hash == naive(&h, rev, 0));
	CHECK_OK(test_bolt_hashkv(&b, rev, 4, &hash, &e), &e);
	CHECK(hash == naive(&h, rev, 4));
	/* '_' of the first key */
	t.p[3 * TEST_BOLT_PAGE + 16 + 4 * 16 + 8] = '-';
	CHECK_FAIL(test_bolt_hashkv(&b, rev, 0, &hash, &e), &e, HF_ECORRUPT);
	clear(&h);
}

static int
all(const struct history *h, uint32_t *ret, struct err *err)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *s = NULL;
	int i, rc;

	if ((rc = etcd_hashkv_sum_new(INT64_MAX, 40, &s, err)) < 0)
		return rc;
	for (i = 0; i < RECORDS; i++)
		if ((rc = etcd_hashkv_sum_add(s, &h->r[i], err)) < 0)
			return rc;
	*ret = etcd_hashkv_sum_end(s);
	return 0;
}

TEST(hashkv__reports_that_memory_ran_out)
{
	struct err e = ERR_INIT;
	struct history h;
	uint32_t hash;
	int rc;

	make(&h, 1, 2);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = all(&h, &hash, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
	CHECK(rc == 0 && hash == naive(&h, INT64_MAX, 40));
	clear(&h);
}

TEST(keys__have_a_number_each_however_many_they_are)
{
	CLEANUP(freep_etcd_keys) struct etcd_keys *k = NULL;
	struct err e = ERR_INIT;
	uint64_t *number;
	uint8_t key[8];
	uint64_t i;

	CHECK_OK(etcd_keys_new(&k, &e), &e);
	for (i = 0; i < 20000; i++) {
		le64_put(key, i % 10000);
		CHECK_OK(etcd_keys_get(k, key, 8, &number, &e), &e);
		CHECK(*number == (i < 10000 ? 0 : i % 10000 + 7));
		*number = i + 7;
	}
	CHECK_OK(etcd_keys_get(k, NULL, 0, &number, &e), &e);
	CHECK(*number == 0);
}
