#include <inttypes.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_lease.h"
#include "etcd/etcd_pb.h"

/* A million leases and more, at 12 bytes each. */
#define LEASES_MESSAGE_MAX (16 * 1024 * 1024)

static int
add_lease(struct etcd_leases *l, uint64_t id, struct err *err)
{
	size_t cap = l->cap == 0 ? 64 : 2 * l->cap;
	uint64_t *grown;

	if (l->n == l->cap) {
		grown = reallocarray(l->ids, cap, sizeof(*grown));
		if (grown == NULL)
			return err_nomem(err);
		l->ids = grown;
		l->cap = cap;
	}
	l->ids[l->n++] = id;
	return 0;
}

/* LeaseStatus: ID = 1. */
static int
read_status(struct etcd_leases *l, const struct pb *field, struct err *err)
{
	uint64_t id = 0;
	struct pb r;
	int k;

	pb_init(&r, field->ptr, field->len);
	while ((k = pb_next(&r)) == 1)
		if (r.field == 1 && r.wire == PB_VARINT)
			id = r.val;
	if (k < 0 || id == 0)
		return etcd_malformed("LeaseLeases", err);
	return add_lease(l, id, err);
}

/* LeaseLeasesResponse: header = 1, leases = 2. */
int
etcd_leases_read(
    const uint8_t *p, size_t n, struct etcd_leases *ret, struct err *err)
{
	CLEANUP(freep_etcd_leases) struct etcd_leases l = { 0 };
	struct pb r;
	int k, rc;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1)
		if (r.field == 2 && r.wire == PB_BYTES &&
		    (rc = read_status(&l, &r, err)) < 0)
			return rc;
	if (k < 0)
		return etcd_malformed("LeaseLeases", err);
	*ret = l;
	l = (struct etcd_leases){ 0 };
	return 0;
}

static int
on_leases(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct etcd_leases *l = arg;

	freep_etcd_leases(l);
	*l = (struct etcd_leases){ 0 };
	return etcd_leases_read(p, n, l, err);
}

int
etcd_leases_get(struct etcd_client *c, struct etcd_leases *ret, struct err *err)
{
	CLEANUP(freep_etcd_leases) struct etcd_leases l = { 0 };
	struct etcd_call call = {
		.method = "/etcdserverpb.Lease/LeaseLeases",
		.timeout_ms = ETCD_UNARY_TIMEOUT_MS,
		.max = LEASES_MESSAGE_MAX,
		.fn = on_leases,
		.arg = &l,
	};
	int rc;

	if ((rc = etcd_client_ask(c, &call, err)) < 0)
		return rc;
	*ret = l;
	l = (struct etcd_leases){ 0 };
	return 0;
}

/*
 * LeaseTimeToLiveResponse: header = 1, ID = 2, TTL = 3, grantedTTL = 4,
 * keys = 5.
 */
int
etcd_lease_read(
    const uint8_t *p, size_t n, struct etcd_lease *ret, struct err *err)
{
	struct etcd_lease l = { 0 };
	struct pb r;
	int k;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire != PB_VARINT)
			continue;
		if (r.field == 2)
			l.id = r.val;
		else if (r.field == 3)
			l.left = (int64_t)r.val;
		else if (r.field == 4)
			l.granted = (int64_t)r.val;
	}
	if (k < 0 || l.id == 0)
		return etcd_malformed("LeaseTimeToLive", err);
	*ret = l;
	return 0;
}

static int
on_lease(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	return etcd_lease_read(p, n, arg, err);
}

int
etcd_lease_get(
    struct etcd_client *c, uint64_t id, struct etcd_lease *ret, struct err *err)
{
	CLEANUP(freep_buf) struct buf req = BUF_INIT;
	struct etcd_lease l;
	int rc;

	if ((rc = pb_add_uint(&req, 1, id, err)) < 0 ||
	    (rc = etcd_client_unary(c, "/etcdserverpb.Lease/LeaseTimeToLive",
		 &req, on_lease, &l, err)) < 0)
		return rc;
	if (l.id != id)
		return err_set(err, HF_ESOURCE,
		    "'%s': it was asked about the lease %" PRIx64
		    " and told of %" PRIx64,
		    etcd_client_url(c), id, l.id);
	*ret = l;
	return 0;
}
