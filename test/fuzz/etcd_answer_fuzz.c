#include "base/err.h"
#include "etcd/etcd_cluster.h"
#include "etcd/etcd_lease.h"
#include "etcd/etcd_range.h"
#include "fuzz.h"

/*
 * The message of an answer; the first byte says to which question.  What is
 * read holds no more than the message can have told.
 */
static int
within(void *arg, const struct etcd_kv *kv, struct err *err)
{
	(void)err;
	MUST(kv->nkey > 0);
	*(size_t *)arg += kv->nkey + kv->nvalue;
	return 0;
}

static int
read_range(const uint8_t *p, size_t n, struct err *err)
{
	size_t told = 0;
	const struct etcd_range range = { .fn = within, .arg = &told };
	struct etcd_range_end end;
	int rc = etcd_range_read(p, n, &range, &end, err);

	MUST(told <= n);
	return rc;
}

static int
read_members(const uint8_t *p, size_t n, struct err *err)
{
	CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
	int rc = etcd_cluster_read(p, n, &m, err);
	size_t i;

	MUST((rc == 0) == (m.n > 0) && 2 * m.n <= n);
	for (i = 0; i < m.n; i++)
		MUST(m.at[i].id != 0 && m.at[i].name != NULL);
	return rc;
}

static int
read_leases(const uint8_t *p, size_t n, struct err *err)
{
	CLEANUP(freep_etcd_leases) struct etcd_leases l = { 0 };
	int rc = etcd_leases_read(p, n, &l, err);

	MUST(2 * l.n <= n);
	return rc;
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	struct err err = ERR_INIT;
	struct etcd_lease lease;
	int rc = 0;

	if (n == 0)
		return 0;
	switch (p[0] & 3) {
	case 0:
		rc = read_range(p + 1, n - 1, &err);
		break;
	case 1:
		rc = read_members(p + 1, n - 1, &err);
		break;
	case 2:
		rc = read_leases(p + 1, n - 1, &err);
		break;
	default:
		rc = etcd_lease_read(p + 1, n - 1, &lease, &err);
		break;
	}
	MUST(rc == 0 || (err.code == rc && err.msg[0] != '\0'));
	return 0;
}
