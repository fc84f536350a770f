#include <string.h>

#include "base/err.h"
#include "etcd/etcd_hashkv.h"
#include "etcd/etcd_mvcc.h"
#include "fuzz.h"

/*
 * A record: u8 length of the key, the key, and the value, which lies in the
 * input.  What is taken for a key is written again as it was.
 */
int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(freep_etcd_hashkv_sum) struct etcd_hashkv_sum *s = NULL;
	struct etcd_bolt_item item = { .flags = 0 };
	uint8_t key[ETCD_MVCC_KEY_MAX];
	struct err err = ERR_INIT;
	struct etcd_record r;
	struct etcd_kv kv;

	if (n == 0 || p[0] > n - 1)
		return 0;
	item.key = p + 1;
	item.nkey = p[0];
	item.value = item.key + item.nkey;
	item.nvalue = n - 1 - item.nkey;
	if (!etcd_mvcc_key_read(item.key, item.nkey, &r)) {
		MUST(etcd_mvcc_read(&item, &r, &kv, &err) < 0);
		return 0;
	}
	MUST(etcd_mvcc_key(&r, key) == item.nkey);
	MUST(memcmp(key, item.key, item.nkey) == 0);
	if (etcd_mvcc_read(&item, &r, &kv, &err) < 0)
		return 0;
	if (kv.nvalue > 0)
		MUST(kv.value >= item.value &&
		     kv.value + kv.nvalue <= item.value + item.nvalue);
	MUST(etcd_hashkv_sum_new(r.main, 1, &s, &err) == 0);
	MUST(etcd_hashkv_sum_add(s, &r, &err) == 0);
	(void)etcd_hashkv_sum_end(s);
	return 0;
}
