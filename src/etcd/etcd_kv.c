#include "etcd/etcd_kv.h"
#include "etcd/etcd_pb.h"

/* create_revision = 2, mod_revision = 3, version = 4, lease = 6 */
static void
take_number(struct etcd_kv *kv, const struct pb *r)
{
	if (r->field == 2)
		kv->create_revision = r->val;
	else if (r->field == 3)
		kv->mod_revision = r->val;
	else if (r->field == 4)
		kv->version = r->val;
	else if (r->field == 6)
		kv->lease = r->val;
}

/* key = 1, value = 5; see take_number. */
bool
etcd_kv_read(const uint8_t *p, size_t n, struct etcd_kv *ret)
{
	struct etcd_kv kv = { 0 };
	struct pb r;
	int k;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire == PB_VARINT) {
			take_number(&kv, &r);
		} else if (r.wire == PB_BYTES && r.field == 1) {
			kv.key = r.ptr;
			kv.nkey = r.len;
		} else if (r.wire == PB_BYTES && r.field == 5) {
			kv.value = r.ptr;
			kv.nvalue = r.len;
		}
	}
	if (k == 0)
		*ret = kv;
	return k == 0;
}
