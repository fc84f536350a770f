#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "base/err.h"
#include "base/file.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_wal.h"

#define ENTRY_CONF_CHANGE 1
#define ADD_NODE 0

int
etcd_wal_add(struct etcd_wal_out *o, enum etcd_wal_type type, const void *p,
    size_t n, struct err *err)
{
	static const uint8_t zeroes[8];
	CLEANUP(freep_buf) struct buf rec = BUF_INIT;
	const uint32_t crc = p != NULL ? crc32c(o->crc, p, n) : o->crc;
	size_t pad;
	int rc;

	if ((rc = pb_put_uint(&rec, 1, type, err)) < 0 ||
	    (rc = pb_put_uint(&rec, 2, crc, err)) < 0 ||
	    (p != NULL && (rc = pb_put_bytes(&rec, 3, p, n, err)) < 0))
		return rc;
	pad = (8 - rec.len % 8) % 8;
	if ((rc = buf_add_u64(o->b,
		 rec.len | (pad > 0 ? (0x80 | (uint64_t)pad) << 56 : 0), err)) <
		0 ||
	    (rc = buf_add(o->b, rec.p, rec.len, err)) < 0 ||
	    (rc = buf_add(o->b, zeroes, pad, err)) < 0)
		return rc;
	o->crc = crc;
	return 0;
}

static int
add_metadata(
    struct etcd_wal_out *o, const struct etcd_membership *s, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = pb_put_uint(&b, 1, s->self->id, err)) < 0 ||
	    (rc = pb_put_uint(&b, 2, s->cluster_id, err)) < 0)
		return rc;
	return etcd_wal_add(o, ETCD_WAL_METADATA, b.p, b.len, err);
}

/* ConfChange{id = 1, type = 2, node_id = 3, context = 4} */
static int
conf_change(const struct etcd_member *m, struct buf *b, struct err *err)
{
	CLEANUP(freep_buf) struct buf json = BUF_INIT;
	int rc;

	if ((rc = etcd_member_json(m, &json, err)) < 0 ||
	    (rc = pb_put_uint(b, 1, 0, err)) < 0 ||
	    (rc = pb_put_uint(b, 2, ADD_NODE, err)) < 0 ||
	    (rc = pb_put_uint(b, 3, m->id, err)) < 0)
		return rc;
	return pb_put_bytes(b, 4, json.p, json.len, err);
}

static int
add_entry(struct etcd_wal_out *o, const struct etcd_member *m, uint64_t index,
    struct err *err)
{
	CLEANUP(freep_buf) struct buf change = BUF_INIT, b = BUF_INIT;
	int rc;

	if ((rc = conf_change(m, &change, err)) < 0 ||
	    (rc = pb_put_uint(&b, 1, ENTRY_CONF_CHANGE, err)) < 0 ||
	    (rc = pb_put_uint(&b, 2, 1, err)) < 0 ||
	    (rc = pb_put_uint(&b, 3, index, err)) < 0 ||
	    (rc = pb_put_bytes(&b, 4, change.p, change.len, err)) < 0)
		return rc;
	return etcd_wal_add(o, ETCD_WAL_ENTRY, b.p, b.len, err);
}

/*
 * Add the state: all entries are committed; the vote may be any member's, as in
 * etcdutl.
 */
static int
add_state(
    struct etcd_wal_out *o, const struct etcd_membership *s, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = pb_put_uint(&b, 1, 1, err)) < 0 ||
	    (rc = pb_put_uint(&b, 2, s->members[0].id, err)) < 0 ||
	    (rc = pb_put_uint(&b, 3, s->n, err)) < 0)
		return rc;
	return etcd_wal_add(o, ETCD_WAL_STATE, b.p, b.len, err);
}

/* 3.4 skips the conf_state; 3.7 builds raft's snapshot from it. */
static int
add_snapshot(struct etcd_wal_out *o, uint64_t index, uint64_t term,
    const struct etcd_membership *s, struct err *err)
{
	CLEANUP(freep_buf) struct buf conf = BUF_INIT, b = BUF_INIT;
	int rc;

	if ((rc = pb_put_uint(&b, 1, index, err)) < 0 ||
	    (rc = pb_put_uint(&b, 2, term, err)) < 0)
		return rc;
	if (s != NULL &&
	    ((rc = etcd_membership_conf_state(s, &conf, err)) < 0 ||
		(rc = pb_put_bytes(&b, 3, conf.p, conf.len, err)) < 0))
		return rc;
	return etcd_wal_add(o, ETCD_WAL_SNAPSHOT, b.p, b.len, err);
}

int
etcd_wal_encode(const struct etcd_membership *s, struct buf *b, struct err *err)
{
	struct etcd_wal_out o = { .b = b };
	size_t i;
	int rc;

	if ((rc = etcd_wal_add(&o, ETCD_WAL_CRC, NULL, 0, err)) < 0 ||
	    (rc = add_metadata(&o, s, err)) < 0 ||
	    (rc = add_snapshot(&o, 0, 0, NULL, err)) < 0)
		return rc;
	for (i = 0; i < s->n; i++)
		if ((rc = add_entry(&o, &s->members[i], i + 1, err)) < 0)
			return rc;
	if ((rc = add_state(&o, s, err)) < 0)
		return rc;
	return add_snapshot(&o, s->n, 1, s, err);
}

/* Read the log back: it is what was written, and etcd will start from it. */
static int
check_written(int fd, const struct etcd_membership *s, const struct buf *b,
    struct err *err)
{
	CLEANUP(freep_mem) uint8_t *p = malloc(b->len);
	struct etcd_wal_facts f;
	size_t got;
	int rc;

	if (p == NULL)
		return err_nomem(err);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, errno, "cannot read it back");
	if ((rc = file_read_full(fd, p, b->len, &got, err)) < 0)
		return rc;
	if (got != b->len || memcmp(p, b->p, got) != 0)
		return err_set(
		    err, HF_EIO, "what is read back is not what was written");
	if ((rc = etcd_wal_check(p, got, &f, err)) < 0)
		return rc;
	if (!f.torn && f.end == got && f.node_id == s->self->id &&
	    f.cluster_id == s->cluster_id && f.last_index == s->n &&
	    f.commit == s->n && f.snap_index == s->n)
		return 0;
	return err_set(err, HF_EBUG, "it says something else than it should");
}

static int
allocate(int fd, struct err *err)
{
	/*
	 * posix_fallocate would write 64 MB where the file system cannot
	 * allocate; etcd itself is content with a hole there.  In memory it
	 * would be 64 MB of zeroes that nobody needs yet.
	 */
	if (!file_in_memory(fd)) {
		if (fallocate(fd, 0, 0, ETCD_WAL_SIZE) == 0)
			return 0;
		if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR)
			return err_errno(err, errno, "cannot allocate %d bytes",
			    ETCD_WAL_SIZE);
	}
	if (ftruncate(fd, ETCD_WAL_SIZE) < 0)
		return err_errno(
		    err, errno, "cannot make %d bytes", ETCD_WAL_SIZE);
	return 0;
}

int
etcd_wal_write(int fd, const struct etcd_membership *s, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = allocate(fd, err)) < 0 ||
	    (rc = etcd_wal_encode(s, &b, err)) < 0 ||
	    (rc = file_write_full(fd, b.p, b.len, err)) < 0)
		return rc;
	return check_written(fd, s, &b, err);
}
