#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_wal.h"
#include "fuzz.h"

static void
check(const uint8_t *p, size_t n)
{
	struct etcd_wal_facts f;
	struct err err = ERR_INIT;

	if (etcd_wal_check(p, n, &f, &err) < 0) {
		MUST(err.code == -HF_ECORRUPT && err.msg[0] != '\0');
		return;
	}
	MUST(f.end <= n && f.snap_index <= f.commit);
	if (f.conf_state != NULL)
		MUST(f.conf_state >= p && f.conf_state_len <= n &&
		     f.conf_state + f.conf_state_len <= p + f.end);
}

/*
 * A log as it comes; and, for random bytes seldom have the right sums, one
 * that is made of them: a type, a length, that many bytes of data, and so on.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_wal_out o = { .b = &b };
	struct err err = ERR_INIT;
	size_t len;

	check(p, n);
	while (n >= 2) {
		len = p[1] < n - 2 ? p[1] : n - 2;
		MUST(etcd_wal_add(&o, (enum etcd_wal_type)(p[0] & 7), p + 2,
			 len, &err) == 0);
		p += 2 + len;
		n -= 2 + len;
	}
	if (b.len > 0)
		check(b.p, b.len);
	return 0;
}
