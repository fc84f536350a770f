#include "etcd/etcd_range.h"
#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_pb.h"

/* The caller's limit has to keep a page below this. */
#define RANGE_MESSAGE_MAX ((size_t)64 * 1024 * 1024)
#define RANGE_TIMEOUT_MS 60000

static int
take_kv(const struct etcd_range *range, const struct pb *r, struct err *err)
{
	struct etcd_kv kv;

	if (!etcd_kv_read(r->ptr, r->len, &kv) || kv.nkey == 0)
		return etcd_malformed("Range", err);
	return range->fn == NULL ? 0 : range->fn(range->arg, &kv, err);
}

/* RangeResponse: header = 1, kvs = 2, more = 3, count = 4. */
int
etcd_range_read(const uint8_t *p, size_t n, const struct etcd_range *range,
    struct etcd_range_end *ret, struct err *err)
{
	struct etcd_range_end e = { 0 };
	struct pb r;
	int k, rc;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.field == 1 && !etcd_header_read(&r, &e.header))
			return etcd_malformed("Range", err);
		if (r.field == 2 && r.wire == PB_BYTES &&
		    (rc = take_kv(range, &r, err)) < 0)
			return rc;
		if (r.field == 3 && r.wire == PB_VARINT)
			e.more = r.val != 0;
		if (r.field == 4 && r.wire == PB_VARINT)
			e.count = r.val;
	}
	if (k < 0)
		return etcd_malformed("Range", err);
	*ret = e;
	return 0;
}

struct answer {
	const struct etcd_range *range;
	struct etcd_range_end end;
};

static int
on_range(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct answer *a = arg;

	return etcd_range_read(p, n, a->range, &a->end, err);
}

/*
 * RangeRequest: key = 1, range_end = 2, limit = 3, revision = 4,
 * serializable = 7, count_only = 9.
 */
static int
make_request(const struct etcd_range *range, struct buf *req, struct err *err)
{
	int rc;

	if ((rc = pb_add_bytes(req, 1, range->key, range->nkey, err)) < 0 ||
	    (rc = pb_add_bytes(req, 2, range->end, range->nend, err)) < 0 ||
	    (rc = pb_add_uint(req, 3, range->limit, err)) < 0 ||
	    (rc = pb_add_uint(req, 4, range->revision, err)) < 0 ||
	    (rc = pb_add_uint(req, 7, range->serializable, err)) < 0)
		return rc;
	return pb_add_uint(req, 9, range->count_only, err);
}

int
etcd_range_get(struct etcd_client *c, const struct etcd_range *range,
    struct etcd_range_end *ret, enum etcd_revision *gone, struct err *err)
{
	CLEANUP(freep_buf) struct buf req = BUF_INIT;
	struct answer a = { .range = range };
	struct etcd_call call = {
		.method = "/etcdserverpb.KV/Range",
		.req = &req,
		.timeout_ms = RANGE_TIMEOUT_MS,
		.max = RANGE_MESSAGE_MAX,
		.fn = on_range,
		.arg = &a,
	};
	int rc;

	*gone = ETCD_REVISION_READ;
	if ((rc = make_request(range, &req, err)) < 0)
		return rc;
	if ((rc = etcd_client_ask(c, &call, err)) < 0)
		return etcd_revision_gone(&call, range->revision, gone, err);
	*ret = a.end;
	return 0;
}
