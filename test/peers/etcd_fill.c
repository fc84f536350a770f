#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"

/*
 * etcd_fill URL MIB [CA CERT KEY]: put that many MiB into an etcd, the same
 * bytes each time, which compress about three to one: 16 values of 64 KiB to
 * a transaction, under /fill/00000000 and so on.
 */
#define VALUE_LEN 65536
#define VALUES_PER_TXN 16

static uint32_t seed = 1;

static void
fill_value(uint8_t *p)
{
	size_t i;

	/* A third at random, then twice the same again. */
	for (i = 0; i < VALUE_LEN; i++) {
		if (i % 192 < 64) {
			seed = seed * 1664525 + 1013904223;
			p[i] = (uint8_t)(seed >> 24);
		} else {
			p[i] = p[i - 64];
		}
	}
}

/* TxnRequest.success = 2 of RequestOp.request_put = 2 of key 1, value 2. */
static int
add_put(struct buf *txn, unsigned long nth, struct err *err)
{
	CLEANUP(freep_buf) struct buf put = BUF_INIT;
	CLEANUP(freep_buf) struct buf op = BUF_INIT;
	static uint8_t value[VALUE_LEN];
	char key[32];
	int n, rc;

	fill_value(value);
	n = snprintf(key, sizeof(key), "/fill/%08lu", nth);
	if ((rc = pb_add_bytes(&put, 1, key, (size_t)n, err)) < 0 ||
	    (rc = pb_add_bytes(&put, 2, value, sizeof(value), err)) < 0 ||
	    (rc = pb_add_bytes(&op, 2, put.p, put.len, err)) < 0)
		return rc;
	return pb_add_bytes(txn, 2, op.p, op.len, err);
}

static int
ignore(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	(void)arg, (void)p, (void)n, (void)err;
	return 0;
}

static int
put_mib(struct etcd_client *c, unsigned long mib, struct err *err)
{
	CLEANUP(freep_buf) struct buf txn = BUF_INIT;
	unsigned long i;
	int rc;

	for (i = 0; i < VALUES_PER_TXN; i++)
		if ((rc = add_put(&txn, mib * VALUES_PER_TXN + i, err)) < 0)
			return rc;
	return etcd_client_unary(
	    c, "/etcdserverpb.KV/Txn", &txn, ignore, NULL, err);
}

static int
fill(int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	struct etcd_conn_opts opts = { .connect_ms = 5000, .stall_ms = 30000 };
	unsigned long i, mib = strtoul(argv[2], NULL, 10);
	int rc;

	if (argc > 3)
		opts.ca = argv[3];
	if (argc > 5) {
		opts.cert = argv[4];
		opts.key = argv[5];
	}
	if ((rc = etcd_client_new(argv[1], &opts, NULL, NULL, &c, err)) < 0)
		return rc;
	for (i = 0; i < mib; i++)
		if ((rc = put_mib(c, i, err)) < 0)
			return rc;
	return 0;
}

int
main(int argc, char *argv[])
{
	struct err err = ERR_INIT;

	if (argc < 3) {
		fprintf(stderr, "usage: etcd_fill URL MIB [CA [CERT KEY]]\n");
		return 2;
	}
	if (fill(argc, argv, &err) < 0) {
		fprintf(stderr, "etcd_fill: %s\n", err.msg);
		return 1;
	}
	return 0;
}
