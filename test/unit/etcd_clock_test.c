#include "etcd/etcd_clock.h"
#include "test.h"

static void
add(struct etcd_clock *c, uint64_t revision, int64_t ms)
{
	struct err e = ERR_INIT;

	CHECK_OK(etcd_clock_add(c, revision, ms, &e), &e);
}

static uint64_t
at(const struct etcd_clock *c, int64_t ms)
{
	const struct etcd_clock_row *row = etcd_clock_at(c, ms);

	return row == NULL ? 0 : row->revision;
}

TEST(clock__says_what_had_come_by_the_end_of_a_tick)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock c = { 0 };

	add(&c, 5, 1000);
	add(&c, 6, 1009);
	add(&c, 9, 1010);
	CHECK(c.n == 2);
	CHECK(at(&c, 1009) == 0);
	CHECK(at(&c, 1010) == 6);
	CHECK(at(&c, 1019) == 6);
	CHECK(at(&c, 1020) == 9);
	CHECK(at(&c, INT64_MAX) == 9);
}

TEST(clock__never_goes_back)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock c = { 0 };

	add(&c, 5, 5000);
	add(&c, 7, 1000);
	CHECK(c.n == 1 && at(&c, 5010) == 7 && at(&c, 1010) == 0);
}

TEST(clock__has_one_row_for_each_tick_of_a_storm)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock c = { 0 };
	int64_t i;

	for (i = 0; i < 10000; i++)
		add(&c, (uint64_t)i, i);
	CHECK(c.n == 1000 && at(&c, 5000) == 4999);
}

TEST(clock__is_read_as_it_was_written)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock c = { 0 }, got = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	add(&c, 2, 0);
	add(&c, 2, 500);
	add(&c, 40, 900);
	CHECK_OK(etcd_clock_encode(&c, &b, &e), &e);
	CHECK(b.len == 8 + 3 * 16);
	CHECK_OK(etcd_clock_decode(b.p, b.len, &got, &e), &e);
	CHECK(got.n == 3 && at(&got, 909) == 2 && at(&got, 910) == 40);
}

TEST(clock__that_breaks_a_rule_is_refused)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock c = { 0 }, got = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t n;

	add(&c, 10, 100);
	add(&c, 20, 500);
	CHECK_OK(etcd_clock_encode(&c, &b, &e), &e);
	for (n = 0; n < b.len; n++)
		if (n != 8 && n != 24)
			CHECK_FAIL(etcd_clock_decode(b.p, n, &got, &e), &e,
			    HF_ECORRUPT);
	le64_put(b.p + 24, 9); /* A revision that falls, */
	CHECK_FAIL(etcd_clock_decode(b.p, b.len, &got, &e), &e, HF_ECORRUPT);
	le64_put(b.p + 24, 20);
	le64_put(b.p + 32, 110); /* a time that stands still, */
	CHECK_FAIL(etcd_clock_decode(b.p, b.len, &got, &e), &e, HF_ECORRUPT);
	le64_put(b.p + 32, UINT64_MAX); /* or lies before all time. */
	CHECK_FAIL(etcd_clock_decode(b.p, b.len, &got, &e), &e, HF_ECORRUPT);
	le64_put(b.p + 32, 600);
	CHECK_OK(etcd_clock_decode(b.p, b.len, &got, &e), &e);
}

TEST(clock__fails_cleanly_without_memory)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock c = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int64_t i;

	for (i = 0; i < 300; i++)
		add(&c, (uint64_t)i, i * 100);
	CHECK_OK(etcd_clock_encode(&c, &b, &e), &e);
	TEST_TORTURE (n) {
		CLEANUP(freep_etcd_clock) struct etcd_clock got = { 0 };
		int rc;

		test_malloc_fail(n);
		rc = etcd_clock_decode(b.p, b.len, &got, &e);
		if (!test_malloc_failed()) {
			CHECK(rc == 0 && got.n == 300);
			break;
		}
		CHECK(rc == -HF_ENOMEM && got.v == NULL);
	}
	test_malloc_fail(0);
}
