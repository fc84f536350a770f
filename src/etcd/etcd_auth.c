#include "etcd/etcd_auth.h"
#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"

/* AuthStatusResponse: header = 1, enabled = 2, authRevision = 3. */
int
etcd_auth_read(
    const uint8_t *p, size_t n, struct etcd_auth *ret, struct err *err)
{
	struct etcd_auth a = { 0 };
	struct pb r;
	int k;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire != PB_VARINT)
			continue;
		if (r.field == 2)
			a.enabled = r.val != 0;
		else if (r.field == 3)
			a.revision = r.val;
	}
	if (k < 0)
		return etcd_malformed("AuthStatus", err);
	*ret = a;
	return 0;
}

static int
on_status(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	return etcd_auth_read(p, n, arg, err);
}

int
etcd_auth_get(struct etcd_client *c, struct etcd_auth *ret, struct err *err)
{
	struct etcd_auth a = { 0 };
	struct etcd_call call = {
		.method = "/etcdserverpb.Auth/AuthStatus",
		.timeout_ms = ETCD_UNARY_TIMEOUT_MS,
		.max = ETCD_UNARY_MAX,
		.fn = on_status,
		.arg = &a,
	};
	struct err cause = ERR_INIT;

	if (etcd_client_ask(c, &call, &cause) < 0 &&
	    call.status != GRPC_UNIMPLEMENTED) {
		*err = cause;
		return err->code;
	}
	*ret = a;
	return 0;
}
