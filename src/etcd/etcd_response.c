#include "etcd/etcd_response.h"
#include "base/err.h"
#include "etcd/etcd_pb.h"

/* ResponseHeader: cluster_id = 1, member_id = 2, revision = 3, raft_term = 4 */
bool
etcd_header_read(const struct pb *field, struct etcd_header *ret)
{
	struct etcd_header h = { 0 };
	struct pb r;
	int k;

	if (field->wire != PB_BYTES)
		return false;
	pb_init(&r, field->ptr, field->len);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire != PB_VARINT)
			continue;
		if (r.field == 1)
			h.cluster_id = r.val;
		else if (r.field == 2)
			h.member_id = r.val;
		else if (r.field == 3)
			h.revision = r.val;
		else if (r.field == 4)
			h.raft_term = r.val;
	}
	if (k == 0)
		*ret = h;
	return k == 0;
}

int
etcd_malformed(const char *method, struct err *err)
{
	return err_set(
	    err, HF_ESOURCE, "the server's %s message is malformed", method);
}
