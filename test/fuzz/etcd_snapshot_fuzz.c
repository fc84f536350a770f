#include <string.h>

#include "base/err.h"
#include "etcd/etcd_grpc.h"
#include "etcd/etcd_snapshot.h"
#include "fuzz.h"

/*
 * What a server answers to Maintenance.Snapshot: the first byte says in which
 * pieces it comes in, then come header lines, an empty one, and the body.
 * The trailer says that all is well, whatever came.
 */
static int
count(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	(void)p, (void)err;
	*(uint64_t *)arg += n;
	return 0;
}

/* Feed header lines; return where the body begins. */
static const uint8_t *
feed_header(struct grpc_rx *rx, const uint8_t *p, const uint8_t *end)
{
	const uint8_t *nl;

	while ((nl = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		grpc_rx_header(rx, (const char *)p, (size_t)(nl + 1 - p));
		if (nl == p)
			return nl + 1;
		p = nl + 1;
	}
	return end;
}

static int
feed_body(struct grpc_rx *rx, const uint8_t *p, const uint8_t *end,
    size_t piece, struct err *err)
{
	size_t n;
	int rc;

	for (; p < end; p += n) {
		n = (size_t)(end - p) < piece ? (size_t)(end - p) : piece;
		if ((rc = grpc_rx_body(rx, p, n, err)) < 0)
			return rc;
	}
	grpc_rx_header(rx, "grpc-status: 0\r\n", 16);
	return grpc_rx_finish(rx, err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	CLEANUP(freep_grpc_rx) struct grpc_rx rx = { 0 };
	CLEANUP(etcd_snapshot_check_clear) struct etcd_snapshot_check c = { 0 };
	uint64_t written = 0;
	const struct etcd_snapshot_out out = { .write = count,
		.arg = &written };
	struct etcd_snapshot snap;
	struct err err = ERR_INIT;
	const uint8_t *body;

	if (n == 0)
		return 0;
	MUST(etcd_snapshot_check_init(&c, &out, &err) == 0);
	grpc_rx_init(&rx, 65536, etcd_snapshot_check_feed, &c);
	body = feed_header(&rx, p + 1, p + n);
	if (feed_body(&rx, body, p + n, (size_t)p[0] + 1, &err) < 0) {
		MUST(err.code < 0 && err.msg[0] != '\0');
		return 0;
	}
	MUST(written <= n);
	if (etcd_snapshot_check_end(&c, &snap, &err) == 0)
		MUST(snap.size == written && written % 512 == 32);
	return 0;
}
