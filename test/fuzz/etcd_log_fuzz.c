#include <string.h>

#include "base/err.h"
#include "etcd/etcd_auth.h"
#include "etcd/etcd_clock.h"
#include "etcd/etcd_lease_file.h"
#include "fuzz.h"

/*
 * The small files of a log; the first byte says which.  What decodes encodes
 * to the same bytes, and is in order.
 */
static void
clock_file(const uint8_t *p, size_t n)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock c = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	if (etcd_clock_decode(p, n, &c, &e) < 0) {
		MUST(c.v == NULL && e.msg[0] != '\0');
		return;
	}
	MUST(etcd_clock_encode(&c, &again, &e) == 0);
	MUST(again.len == n && memcmp(again.p, p, n) == 0);
	for (i = 0; i < c.n; i++)
		MUST(etcd_clock_at(&c, c.v[i].ms) == &c.v[i]);
}

static void
lease_file(const uint8_t *p, size_t n)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file f = { 0 };
	CLEANUP(freep_buf) struct buf again = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	if (etcd_lease_file_decode(p, n, &f, &e) < 0) {
		MUST(f.v == NULL && e.msg[0] != '\0');
		return;
	}
	MUST(etcd_lease_file_encode(&f, &again, &e) == 0);
	MUST(again.len == n && memcmp(again.p, p, n) == 0);
	for (i = 0; i < f.n; i++)
		MUST(etcd_lease_file_find(&f, f.v[i].id) == &f.v[i]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err e = ERR_INIT;
	struct etcd_auth a;

	if (n == 0)
		return 0;
	switch (p[0] % 3) {
	case 0:
		clock_file(p + 1, n - 1);
		break;
	case 1:
		lease_file(p + 1, n - 1);
		break;
	default:
		(void)etcd_auth_read(p + 1, n - 1, &a, &e);
		break;
	}
	return 0;
}
