#include "etcd/etcd_lease_file.h"
#include "test.h"

static void
add(struct etcd_lease_file *f, uint64_t id, uint64_t granted)
{
	const struct etcd_lease_row row = { .id = id, .granted = granted };
	struct err e = ERR_INIT;

	CHECK_OK(etcd_lease_file_add(f, &row, &e), &e);
}

TEST(lease_file__keeps_each_lease_once_and_in_order)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file f = { 0 };
	static const uint64_t ids[] = { 50, 10, 90, 10, 70, 50 };
	size_t i;

	for (i = 0; i < 6; i++)
		add(&f, ids[i], i);
	CHECK(f.n == 4);
	for (i = 1; i < f.n; i++)
		CHECK(f.v[i - 1].id < f.v[i].id);
	CHECK(etcd_lease_file_find(&f, 10)->granted == 3);
	CHECK(etcd_lease_file_find(&f, 50)->granted == 5);
	CHECK(etcd_lease_file_find(&f, 60) == NULL);
	CHECK(etcd_lease_file_find(&f, 91) == NULL);
}

TEST(lease_file__is_read_as_it_was_written)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file f = { 0 };
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file got = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	add(&f, INT64_MAX, 600);
	add(&f, 1, 0);
	CHECK_OK(etcd_lease_file_encode(&f, &b, &e), &e);
	CHECK_OK(etcd_lease_file_decode(b.p, b.len, &got, &e), &e);
	CHECK(got.n == 2 && got.v[0].id == 1 && got.v[0].granted == 0);
	CHECK(got.v[1].id == INT64_MAX && got.v[1].granted == 600);
}

TEST(lease_file__that_breaks_a_rule_is_refused)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file f = { 0 };
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file got = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	size_t n;

	add(&f, 5, 60);
	add(&f, 6, 60);
	CHECK_OK(etcd_lease_file_encode(&f, &b, &e), &e);
	for (n = 0; n < b.len; n++)
		if (n != 8 && n != 24)
			CHECK_FAIL(etcd_lease_file_decode(b.p, n, &got, &e), &e,
			    HF_ECORRUPT);
	le64_put(b.p + 24, 5); /* Twice, */
	CHECK_FAIL(
	    etcd_lease_file_decode(b.p, b.len, &got, &e), &e, HF_ECORRUPT);
	le64_put(b.p + 24, 6);
	le64_put(b.p + 8, 0); /* no id, */
	CHECK_FAIL(
	    etcd_lease_file_decode(b.p, b.len, &got, &e), &e, HF_ECORRUPT);
	le64_put(b.p + 8, 5);
	le64_put(b.p + 16, UINT64_MAX); /* less than no time. */
	CHECK_FAIL(
	    etcd_lease_file_decode(b.p, b.len, &got, &e), &e, HF_ECORRUPT);
	le64_put(b.p + 16, 1);
	CHECK_OK(etcd_lease_file_decode(b.p, b.len, &got, &e), &e);
}

TEST(lease_file__fails_cleanly_without_memory)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file f = { 0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	uint64_t i;

	for (i = 1; i < 300; i++)
		add(&f, i, i);
	CHECK_OK(etcd_lease_file_encode(&f, &b, &e), &e);
	TEST_TORTURE (n) {
		CLEANUP(freep_etcd_lease_file) struct etcd_lease_file g = { 0 };
		int rc;

		test_malloc_fail(n);
		rc = etcd_lease_file_decode(b.p, b.len, &g, &e);
		if (!test_malloc_failed()) {
			CHECK(rc == 0 && g.n == 299);
			break;
		}
		CHECK(rc == -HF_ENOMEM && g.v == NULL);
	}
	test_malloc_fail(0);
}
