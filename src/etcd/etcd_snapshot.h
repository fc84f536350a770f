#ifndef ETCD_ETCD_SNAPSHOT_H_
#define ETCD_ETCD_SNAPSHOT_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/hash.h"

/* Opaque types. */
struct err;
struct etcd_client;

/*
 * Maintenance.Snapshot: a member's whole database as of one moment, as a
 * stream of SnapshotResponse{remaining_bytes = 2, blob = 3, version = 4}.
 * The blobs are the bbolt file, and then, in a message of its own, the 32
 * bytes of its SHA-256; together they are the file that etcdutl restores.
 *
 * The stream is believed only if
 * - the first message's blob and remaining_bytes add up to a whole number of
 *   512-byte blocks, and every later message agrees with that sum;
 * - no blob before the last is empty: a server whose read of its own file
 *   broke off sends empty ones without end;
 * - the digest is there, is right, and nothing follows it;
 * - the call itself ends with gRPC status 0.
 */
struct etcd_snapshot {
	uint64_t size;              /* Of the file, digest included. */
	uint8_t digest[SHA256_LEN]; /* That the stream ended with. */
	uint8_t sha256[SHA256_LEN]; /* Of the file, digest included. */
	char version[32];           /* Of the storage; "" before 3.6. */
};

/* Where the file's bytes go, in order. */
struct etcd_snapshot_out {
	int (*write)(void *arg, const uint8_t *, size_t, struct err *);
	bool (*stop)(void *arg); /* Asked about once a second; or NULL. */
	void *arg;
};

/**
 * etcd_snapshot_take(c, out, ret, err):
 * Stream the member's database to ${out}.  What was written counts only if
 * this returns 0.  HF_ESOURCE if a rule above is broken, HF_EDENIED if the
 * user may not (it needs the role "root"), HF_EUNAVAIL if the stream broke
 * or stalled.
 */
int etcd_snapshot_take(struct etcd_client *, const struct etcd_snapshot_out *,
    struct etcd_snapshot *, struct err *);

/*
 * The rules above, for one stream: feed takes each message, and end says
 * whether the stream was whole.
 */
struct etcd_snapshot_check {
	const struct etcd_snapshot_out *out;
	struct sha256 *hash;
	bool begun, done;
	uint64_t total, sent; /* Of the database, without digest. */
	struct etcd_snapshot result;
};

int etcd_snapshot_check_init(struct etcd_snapshot_check *,
    const struct etcd_snapshot_out *, struct err *);
void etcd_snapshot_check_clear(struct etcd_snapshot_check *);
int etcd_snapshot_check_feed(void *, const uint8_t *, size_t, struct err *);
int etcd_snapshot_check_end(
    const struct etcd_snapshot_check *, struct etcd_snapshot *, struct err *);

#endif /* !ETCD_ETCD_SNAPSHOT_H_ */
