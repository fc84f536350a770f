#include <inttypes.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_snapshot.h"

/* etcd sends 32 KiB at a time; a file is a whole number of these blocks. */
#define MESSAGE_MAX (4 * 1024 * 1024)
#define BLOCK 512

int
etcd_snapshot_check_init(struct etcd_snapshot_check *c,
    const struct etcd_snapshot_out *out, struct err *err)
{
	*c = (struct etcd_snapshot_check){ .out = out };
	return sha256_new(&c->hash, err);
}

void
etcd_snapshot_check_clear(struct etcd_snapshot_check *c)
{
	sha256_free(c->hash);
	c->hash = NULL;
}

struct response {
	uint64_t remaining;
	const uint8_t *blob;
	size_t len;
};

static int
decode(struct etcd_snapshot_check *c, const uint8_t *p, size_t n,
    struct response *m, struct err *err)
{
	struct pb r;
	int k;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.field == 2 && r.wire == PB_VARINT) {
			m->remaining = r.val;
		} else if (r.field == 3 && r.wire == PB_BYTES) {
			m->blob = r.ptr;
			m->len = r.len;
		} else if (r.field == 4 && r.wire == PB_BYTES) {
			pb_text(
			    &r, c->result.version, sizeof(c->result.version));
		}
	}
	if (k < 0)
		return err_set(
		    err, HF_ESOURCE, "a message of the snapshot is malformed");
	return 0;
}

/* Learn from the first message how long the database is. */
static int
learn_total(
    struct etcd_snapshot_check *c, const struct response *m, struct err *err)
{
	uint64_t total = m->remaining + m->len;

	if (m->remaining > INT64_MAX - MESSAGE_MAX || total == 0 ||
	    total % BLOCK != 0)
		return err_set(err, HF_ESOURCE,
		    "the server announced a database of %" PRIu64
		    " and %zu bytes, which no database has",
		    m->remaining, m->len);
	c->total = total;
	c->begun = true;
	return 0;
}

static int
feed_data(
    struct etcd_snapshot_check *c, const struct response *m, struct err *err)
{
	int rc;

	if (m->len == 0)
		return err_set(err, HF_ESOURCE,
		    "the server stopped reading its database after %" PRIu64
		    " of %" PRIu64 " bytes",
		    c->sent, c->total);
	if (m->len > c->total - c->sent ||
	    m->remaining != c->total - c->sent - m->len)
		return err_set(err, HF_ESOURCE,
		    "the server contradicts itself: %zu bytes and %" PRIu64
		    " to come after %" PRIu64 " of %" PRIu64,
		    m->len, m->remaining, c->sent, c->total);
	if ((rc = sha256_update(c->hash, m->blob, m->len, err)) < 0 ||
	    (rc = c->out->write(c->out->arg, m->blob, m->len, err)) < 0)
		return rc;
	c->sent += m->len;
	return 0;
}

static int
feed_digest(
    struct etcd_snapshot_check *c, const struct response *m, struct err *err)
{
	struct etcd_snapshot *s = &c->result;
	int rc;

	if (m->len != SHA256_LEN || m->remaining != 0)
		return err_set(err, HF_ESOURCE,
		    "the snapshot ends with %zu bytes where its digest of %d "
		    "belongs",
		    m->len, SHA256_LEN);
	if ((rc = sha256_peek(c->hash, s->digest, err)) < 0)
		return rc;
	if (memcmp(s->digest, m->blob, SHA256_LEN) != 0)
		return err_set(err, HF_ESOURCE,
		    "the snapshot's digest is wrong: it was damaged on its "
		    "way, or on the server");
	if ((rc = sha256_update(c->hash, m->blob, m->len, err)) < 0 ||
	    (rc = sha256_final(c->hash, s->sha256, err)) < 0 ||
	    (rc = c->out->write(c->out->arg, m->blob, m->len, err)) < 0)
		return rc;
	s->size = c->total + SHA256_LEN;
	c->done = true;
	return 0;
}

int
etcd_snapshot_check_feed(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct etcd_snapshot_check *c = arg;
	struct response m = { 0 };
	int rc;

	if ((rc = decode(c, p, n, &m, err)) < 0)
		return rc;
	if (c->done)
		return err_set(err, HF_ESOURCE,
		    "the server went on after the snapshot's digest");
	if (!c->begun && (rc = learn_total(c, &m, err)) < 0)
		return rc;
	if (c->sent < c->total)
		return feed_data(c, &m, err);
	return feed_digest(c, &m, err);
}

int
etcd_snapshot_check_end(const struct etcd_snapshot_check *c,
    struct etcd_snapshot *ret, struct err *err)
{
	if (!c->done)
		return err_set(err, HF_ESOURCE,
		    "the snapshot ended early, after %" PRIu64 " of %" PRIu64
		    " bytes",
		    c->sent, c->total);
	*ret = c->result;
	return 0;
}

/* The call asks with the checker in hand. */
static bool
stop(void *arg)
{
	const struct etcd_snapshot_check *c = arg;

	return c->out->stop != NULL && c->out->stop(c->out->arg);
}

int
etcd_snapshot_take(struct etcd_client *client,
    const struct etcd_snapshot_out *out, struct etcd_snapshot *ret,
    struct err *err)
{
	CLEANUP(etcd_snapshot_check_clear) struct etcd_snapshot_check c;
	struct etcd_call call = {
		.method = "/etcdserverpb.Maintenance/Snapshot",
		.max = MESSAGE_MAX,
		.fn = etcd_snapshot_check_feed,
		.stop = stop,
		.arg = &c,
	};
	int rc;

	if ((rc = etcd_snapshot_check_init(&c, out, err)) < 0)
		return rc;
	rc = etcd_client_call(client, &call, err);
	if (rc == -HF_EDENIED)
		(void)err_hint(err,
		    "a snapshot needs a user with the role 'root': "
		    "etcdctl user grant-role USER root");
	if (rc == 0)
		rc = etcd_snapshot_check_end(&c, ret, err);
	return rc < 0 ? err_wrap(err, "take a snapshot") : 0;
}
