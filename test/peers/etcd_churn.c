#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"

/*
 * etcd_churn URL TXNS OPS [LEASE]: as many transactions of that many
 * operations over some thousand keys: puts, deletions of one key, and of
 * many at once; with the lease (hex) on every seventh put.  The same each
 * time.  Prints how many events there were.  From the environment: ASK_CA,
 * ASK_CERT, ASK_KEY, ASK_USER, ASK_PASSWORD as of etcd_ask.
 */
#define KEYS 4000

static uint64_t events;

static int
key_of(char *to, size_t size, unsigned long nth)
{
	return snprintf(
	    to, size, "/churn/%03lu/%lu", nth % KEYS / 10, nth % KEYS % 10);
}

/* RequestOp.request_put = 2: key 1, value 2, lease 3. */
static int
add_put(struct buf *txn, unsigned long nth, uint64_t lease, struct err *err)
{
	CLEANUP(freep_buf) struct buf put = BUF_INIT;
	CLEANUP(freep_buf) struct buf op = BUF_INIT;
	char key[48], value[160];
	int n, k, rc;

	n = key_of(key, sizeof(key), nth);
	k = snprintf(value, sizeof(value), "%lu %0*d", nth, (int)(nth % 97), 7);
	if ((rc = pb_add_bytes(&put, 1, key, (size_t)n, err)) < 0 ||
	    (rc = pb_add_bytes(&put, 2, value, (size_t)k, err)) < 0 ||
	    (rc = pb_add_uint(&put, 3, nth % 7 == 0 ? lease : 0, err)) < 0 ||
	    (rc = pb_add_bytes(&op, 2, put.p, put.len, err)) < 0)
		return rc;
	return pb_add_bytes(txn, 2, op.p, op.len, err);
}

/* RequestOp.request_delete_range = 3: key 1, range_end 2. */
static int
add_delete(struct buf *txn, unsigned long nth, bool many, struct err *err)
{
	CLEANUP(freep_buf) struct buf del = BUF_INIT;
	CLEANUP(freep_buf) struct buf op = BUF_INIT;
	char key[48], end[48];
	int n, rc;

	n = key_of(key, sizeof(key), nth);
	if (many)
		n -= 1; /* "/churn/123/", up to "/churn/1230". */
	memcpy(end, key, (size_t)n);
	end[n - 1]++;
	if ((rc = pb_add_bytes(&del, 1, key, (size_t)n, err)) < 0 ||
	    (many && (rc = pb_add_bytes(&del, 2, end, (size_t)n, err)) < 0) ||
	    (rc = pb_add_bytes(&op, 3, del.p, del.len, err)) < 0)
		return rc;
	return pb_add_bytes(txn, 2, op.p, op.len, err);
}

/* Operations of one transaction lie in different tens of keys. */
static int
add_op(struct buf *txn, unsigned long t, unsigned long op, uint64_t lease,
    struct err *err)
{
	const unsigned long nth = op * 400 + t * 13 % 400;

	if ((t + op) % 11 == 3)
		return add_delete(txn, nth, t % 5 == 0, err);
	return add_put(txn, nth, lease, err);
}

/* TxnResponse: header = 1, responses = 3: put 2, delete_range 3: deleted 2. */
static int
count_deleted(const uint8_t *p, size_t n)
{
	struct pb r, d;

	pb_init(&r, p, n);
	while (pb_next(&r) == 1) {
		if (r.field == 2)
			events++;
		if (r.field != 3)
			continue;
		pb_init(&d, r.ptr, r.len);
		while (pb_next(&d) == 1)
			if (d.field == 2)
				events += d.val;
	}
	return 0;
}

static int
on_txn(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct pb r;

	(void)arg, (void)err;
	pb_init(&r, p, n);
	while (pb_next(&r) == 1)
		if (r.field == 3 && r.wire == PB_BYTES)
			count_deleted(r.ptr, r.len);
	return 0;
}

static int
churn(char *argv[], struct etcd_client *c, struct err *err)
{
	const unsigned long txns = strtoul(argv[2], NULL, 10);
	const unsigned long ops = strtoul(argv[3], NULL, 10);
	const uint64_t lease =
	    argv[4] == NULL ? 0 : strtoull(argv[4], NULL, 16);
	unsigned long t, op;
	int rc;

	for (t = 0; t < txns; t++) {
		CLEANUP(freep_buf) struct buf txn = BUF_INIT;

		for (op = 0; op < ops; op++)
			if ((rc = add_op(&txn, t, op, lease, err)) < 0)
				return rc;
		if ((rc = etcd_client_unary(c, "/etcdserverpb.KV/Txn", &txn,
			 on_txn, NULL, err)) < 0)
			return rc;
	}
	printf("%llu\n", (unsigned long long)events);
	return 0;
}

static int
run(char *argv[], struct err *err)
{
	CLEANUP(freep_etcd_client) struct etcd_client *c = NULL;
	const struct etcd_conn_opts opts = { .ca = getenv("ASK_CA"),
		.cert = getenv("ASK_CERT"),
		.key = getenv("ASK_KEY"),
		.connect_ms = 3000,
		.stall_ms = 30000 };
	int rc;

	if ((rc = etcd_client_new(argv[1], &opts, getenv("ASK_USER"),
		 getenv("ASK_PASSWORD"), &c, err)) < 0)
		return rc;
	return churn(argv, c, err);
}

int
main(int argc, char *argv[])
{
	struct err err = ERR_INIT;

	if (argc < 4) {
		fprintf(stderr, "usage: etcd_churn URL TXNS OPS [LEASE]\n");
		return 2;
	}
	if (run(argv, &err) < 0) {
		fprintf(stderr, "etcd_churn: %s\n", err.msg);
		return 1;
	}
	return 0;
}
