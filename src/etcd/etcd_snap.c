#include <inttypes.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "etcd/etcd_json.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_snap.h"

#define TERM 1

/* Head of a node of the v2 store; its value comes next. */
#define NODE                                                                   \
	"{\"Path\":\"%s\",\"CreatedIndex\":%zu,\"ModifiedIndex\":%zu,"         \
	"\"ExpireTime\":\"0001-01-01T00:00:00Z\",\"Value\":"

void
etcd_snap_name(const struct etcd_membership *s, char *to)
{
	(void)snprintf(to, ETCD_SNAP_NAME_MAX, "%016x-%016zx.snap", TERM, s->n);
}

/* Open a folder of the store: what is in it comes next, then "}}". */
static int
add_folder(struct buf *b, const char *path, size_t index, struct err *err)
{
	return buf_printf(
	    b, err, NODE "\"\",\"Children\":{", path, index, index);
}

/* The folder of a member, created as event ${index}. */
static int
add_member(
    struct buf *b, const struct etcd_member *m, size_t index, struct err *err)
{
	CLEANUP(freep_buf) struct buf urls = BUF_INIT;
	char path[64];
	int n, rc;

	n = snprintf(path, sizeof(path), "/0/members/%" PRIx64, m->id);
	if ((rc = buf_printf(b, err, "%s\"%" PRIx64 "\":", index > 1 ? "," : "",
		 m->id)) < 0 ||
	    (rc = add_folder(b, path, index, err)) < 0)
		return rc;
	(void)snprintf(path + n, sizeof(path) - (size_t)n, "/raftAttributes");
	if ((rc = buf_printf(
		 b, err, "\"raftAttributes\":" NODE, path, index, index)) < 0 ||
	    (rc = etcd_member_urls_json(m, &urls, err)) < 0 ||
	    (rc = buf_add_u8(&urls, '\0', err)) < 0 ||
	    (rc = etcd_json_string(b, (const char *)urls.p, err)) < 0)
		return rc;
	return buf_printf(b, err, ",\"Children\":null}}}");
}

static int
add_store(struct buf *b, const struct etcd_membership *s, struct err *err)
{
	size_t i;
	int rc;

	if ((rc = buf_printf(b, err, "{\"Root\":")) < 0 ||
	    (rc = add_folder(b, "/", 0, err)) < 0 ||
	    (rc = buf_printf(b, err, "\"0\":")) < 0 ||
	    (rc = add_folder(b, "/0", 0, err)) < 0 ||
	    (rc = buf_printf(b, err, "\"members\":")) < 0 ||
	    (rc = add_folder(b, "/0/members", 1, err)) < 0)
		return rc;
	for (i = 0; i < s->n; i++)
		if ((rc = add_member(b, &s->members[i], i + 1, err)) < 0)
			return rc;
	if ((rc = buf_printf(b, err, "}}}},\"1\":")) < 0 ||
	    (rc = add_folder(b, "/1", 0, err)) < 0)
		return rc;
	return buf_printf(
	    b, err, "}}}},\"CurrentIndex\":%zu,\"CurrentVersion\":2}", s->n);
}

/* SnapshotMetadata{conf_state = 1, index = 2, term = 3} */
static int
add_metadata(struct buf *b, const struct etcd_membership *s, struct err *err)
{
	CLEANUP(freep_buf) struct buf conf = BUF_INIT;
	int rc;

	if ((rc = etcd_membership_conf_state(s, &conf, err)) < 0 ||
	    (rc = pb_put_bytes(b, 1, conf.p, conf.len, err)) < 0 ||
	    (rc = pb_put_uint(b, 2, s->n, err)) < 0)
		return rc;
	return pb_put_uint(b, 3, TERM, err);
}

int
etcd_snap_encode(
    const struct etcd_membership *s, struct buf *b, struct err *err)
{
	CLEANUP(freep_buf) struct buf store = BUF_INIT, meta = BUF_INIT;
	CLEANUP(freep_buf) struct buf snap = BUF_INIT;
	int rc;

	if ((rc = add_store(&store, s, err)) < 0 ||
	    (rc = add_metadata(&meta, s, err)) < 0 ||
	    (rc = pb_put_bytes(&snap, 1, store.p, store.len, err)) < 0 ||
	    (rc = pb_put_bytes(&snap, 2, meta.p, meta.len, err)) < 0 ||
	    (rc = pb_put_uint(b, 1, crc32c(0, snap.p, snap.len), err)) < 0)
		return rc;
	return pb_put_bytes(b, 2, snap.p, snap.len, err);
}
