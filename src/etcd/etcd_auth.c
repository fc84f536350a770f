#include <string.h>

#include "base/err.h"
#include "etcd/etcd_auth.h"
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

/*
 * Is the server too old to answer?  An etcd 3.4 does not know the question.  It
 * says so before it has read all of it, and resets the stream, and then libcurl
 * mostly loses the answer.
 */
static bool
cannot_know(struct etcd_client *c)
{
	struct etcd_status s;
	struct err ignore = ERR_INIT;

	return etcd_client_status(c, &s, &ignore) == 0 &&
	       strncmp(s.version, "3.4.", 4) == 0;
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
	    call.status != GRPC_UNIMPLEMENTED &&
	    (cause.code != -HF_EUNAVAIL || !cannot_know(c))) {
		*err = cause;
		return err->code;
	}
	*ret = a;
	return 0;
}
