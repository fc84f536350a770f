#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"

/*
 * etcd_fill URL MIB [CA CERT KEY]: put that many MiB into an etcd, the same
 * bytes each time, which compress about three to one: values of 64 KiB, 1 MiB
 * to a transaction, under /fill/00000000 and so on.  From the environment:
 * FILL_LEN, how long values are, at most 64 KiB; FILL_STEP, put every so
 * manieth of the keys alone; FILL_SEED, other bytes.
 */
#define VALUE_MAX 65536
#define OPS_MAX 100 /* A server allows 128. */

static uint32_t seed;
static size_t value_len;

static unsigned long
number(const char *name, unsigned long absent)
{
	const char *v = getenv(name);

	return v != NULL ? strtoul(v, NULL, 10) : absent;
}

static void
fill_value(uint8_t *p)
{
	size_t i;

	/* A third at random, then twice the same again. */
	for (i = 0; i < value_len; i++) {
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
	static uint8_t value[VALUE_MAX];
	char key[32];
	int n, rc;

	fill_value(value);
	n = snprintf(key, sizeof(key), "/fill/%08lu", nth);
	if ((rc = pb_add_bytes(&put, 1, key, (size_t)n, err)) < 0 ||
	    (rc = pb_add_bytes(&put, 2, value, value_len, err)) < 0 ||
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

/* Put one transaction of keys from ${*nth} on. */
static int
put_some(struct etcd_client *c, unsigned long *nth, unsigned long end,
    unsigned long step, struct err *err)
{
	CLEANUP(freep_buf) struct buf txn = BUF_INIT;
	unsigned long i, most = ((size_t)1 << 20) / value_len;
	int rc;

	for (i = 0; i < most && i < OPS_MAX && *nth < end; i++, *nth += step)
		if ((rc = add_put(&txn, *nth, err)) < 0)
			return rc;
	return etcd_client_unary(
	    c, "/etcdserverpb.KV/Txn", &txn, ignore, NULL, err);
}

static int
fill(int argc, char *argv[], struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	struct etcd_conn_opts opts = { .connect_ms = 5000, .stall_ms = 30000 };
	unsigned long nth = 0, end, step = number("FILL_STEP", 1);
	int rc;

	seed = (uint32_t)number("FILL_SEED", 1);
	value_len = number("FILL_LEN", VALUE_MAX);
	if (value_len == 0 || value_len > VALUE_MAX || step == 0)
		return err_set(err, HF_EUSAGE, "no such length or step");
	end = (strtoul(argv[2], NULL, 10) << 20) / value_len;

	if (argc > 3)
		opts.ca = argv[3];
	if (argc > 5) {
		opts.cert = argv[4];
		opts.key = argv[5];
	}
	if ((rc = etcd_client_new(argv[1], &opts, NULL, NULL, &c, err)) < 0)
		return rc;
	while (nth < end)
		if ((rc = put_some(c, &nth, end, step, err)) < 0)
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
