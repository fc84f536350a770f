#include "etcd/etcd_auth.h"
#include "test.h"

TEST(auth_status__tells_whether_and_how_often_it_has_changed)
{
	static const uint8_t on[] = { 0x0a, 2, 0x08, 1, 0x10, 1, 0x18, 7 };
	struct etcd_auth a;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_auth_read(on, sizeof(on), &a, &e), &e);
	CHECK(a.enabled && a.revision == 7);
	CHECK_OK(etcd_auth_read(on, 4, &a, &e), &e);
	CHECK(!a.enabled && a.revision == 0);
	CHECK_FAIL(etcd_auth_read(on, 7, &a, &e), &e, HF_ESOURCE);
}
