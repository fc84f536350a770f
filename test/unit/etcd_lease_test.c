#include "etcd/etcd_lease.h"
#include "test.h"

TEST(leases__are_read_in_their_order)
{
	static const uint8_t list[] = { 0x0a, 2, 0x08, 1, 0x12, 2, 0x08, 5,
		0x12, 11, 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0x01 };
	CLEANUP(freep_etcd_leases) struct etcd_leases l = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(etcd_leases_read(list, sizeof(list), &l, &e), &e);
	CHECK(l.n == 2 && l.ids[0] == 5 && l.ids[1] == UINT64_MAX);
}

TEST(leases__may_be_none)
{
	CLEANUP(freep_etcd_leases) struct etcd_leases l = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(etcd_leases_read(NULL, 0, &l, &e), &e);
	CHECK(l.n == 0 && l.ids == NULL);
}

TEST(leases__that_are_malformed_are_refused)
{
	static const uint8_t zero[] = { 0x12, 2, 0x08, 5, 0x12, 0 };
	static const uint8_t cut[] = { 0x12, 2, 0x08, 5, 0x12, 9, 0x08 };
	struct etcd_leases l = { 0 };
	struct err e;

	CHECK_FAIL(
	    etcd_leases_read(zero, sizeof(zero), &l, &e), &e, HF_ESOURCE);
	CHECK_FAIL(etcd_leases_read(cut, sizeof(cut), &l, &e), &e, HF_ESOURCE);
	CHECK(l.ids == NULL);
}

TEST(leases__fail_cleanly_without_memory)
{
	uint8_t list[400];
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(list); i++)
		list[i] = (uint8_t[]){ 0x12, 2, 0x08, 5 }[i % 4];
	TEST_TORTURE (n) {
		CLEANUP(freep_etcd_leases) struct etcd_leases l = { 0 };
		int rc;

		test_malloc_fail(n);
		rc = etcd_leases_read(list, sizeof(list), &l, &e);
		if (!test_malloc_failed()) {
			CHECK(rc == 0 && l.n == 100);
			break;
		}
		CHECK(rc == -HF_ENOMEM && l.ids == NULL);
	}
	test_malloc_fail(0);
}

TEST(lease__tells_what_it_was_granted_and_what_is_left)
{
	static const uint8_t answer[] = { 0x0a, 2, 0x08, 1, 0x10, 7, 0x18, 30,
		0x20, 60 };
	struct etcd_lease l;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_lease_read(answer, sizeof(answer), &l, &e), &e);
	CHECK(l.id == 7 && l.left == 30 && l.granted == 60);
}

TEST(lease__that_has_expired_is_negative)
{
	static const uint8_t answer[] = { 0x10, 7, 0x18, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0x01 };
	struct etcd_lease l;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_lease_read(answer, sizeof(answer), &l, &e), &e);
	CHECK(l.id == 7 && l.left == -1 && l.granted == 0);
}

TEST(lease__without_an_id_is_refused)
{
	static const uint8_t answer[] = { 0x18, 30 };
	struct etcd_lease l;
	struct err e;

	CHECK_FAIL(
	    etcd_lease_read(answer, sizeof(answer), &l, &e), &e, HF_ESOURCE);
}
