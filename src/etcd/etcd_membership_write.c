#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_json.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_pb.h"

static int
add_urls(struct buf *b, const struct etcd_member *m, struct err *err)
{
	size_t i;
	int rc = buf_printf(b, err, "\"peerURLs\":[");

	for (i = 0; i < m->n_urls && rc == 0; i++)
		if (i == 0 || (rc = buf_add(b, ",", 1, err)) == 0)
			rc = etcd_json_string(b, m->urls[i], err);
	return rc < 0 ? rc : buf_add(b, "]", 1, err);
}

int
etcd_member_json(const struct etcd_member *m, struct buf *b, struct err *err)
{
	int rc;

	if ((rc = buf_printf(b, err, "{\"id\":%" PRIu64 ",", m->id)) < 0 ||
	    (rc = add_urls(b, m, err)) < 0 ||
	    (rc = buf_printf(b, err, ",\"name\":")) < 0 ||
	    (rc = etcd_json_string(b, m->name, err)) < 0)
		return rc;
	return buf_add(b, "}", 1, err);
}

int
etcd_member_urls_json(
    const struct etcd_member *m, struct buf *b, struct err *err)
{
	int rc;

	if ((rc = buf_add(b, "{", 1, err)) < 0 ||
	    (rc = add_urls(b, m, err)) < 0)
		return rc;
	return buf_add(b, "}", 1, err);
}

int
etcd_membership_conf_state(
    const struct etcd_membership *s, struct buf *b, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < s->n; i++)
		if ((rc = pb_put_uint(b, 1, s->members[i].id, err)) < 0)
			return rc;
	return pb_put_uint(b, 5, 0, err); /* auto_leave */
}

int
etcd_membership_fill_members(const struct etcd_membership *s,
    struct etcd_bucket *bucket, struct err *err)
{
	char key[17];
	size_t i;
	int n, rc;

	for (i = 0; i < s->n; i++) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		n = snprintf(key, sizeof(key), "%" PRIx64, s->members[i].id);
		if ((rc = etcd_member_json(&s->members[i], &b, err)) < 0 ||
		    (rc = etcd_bucket_put(
			 bucket, key, (size_t)n, b.p, b.len, err)) < 0)
			return rc;
	}
	return 0;
}

static int
conf_state_json(const struct etcd_membership *s, struct buf *b, struct err *err)
{
	size_t i;
	int rc = buf_printf(b, err, "{\"voters\":[");

	for (i = 0; i < s->n && rc == 0; i++)
		rc = buf_printf(
		    b, err, "%s%" PRIu64, i > 0 ? "," : "", s->members[i].id);
	return rc < 0 ? rc : buf_printf(b, err, "],\"auto_leave\":false}");
}

static int
put_u64(
    struct etcd_bucket *bucket, const char *key, uint64_t v, struct err *err)
{
	uint8_t be[8];

	be64_put(be, v);
	return etcd_bucket_put(bucket, key, strlen(key), be, sizeof(be), err);
}

int
etcd_membership_fill_meta(const struct etcd_membership *s,
    struct etcd_bucket *bucket, struct err *err)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	int rc;

	if ((rc = conf_state_json(s, &b, err)) < 0 ||
	    (rc = put_u64(bucket, "consistent_index", s->n, err)) < 0 ||
	    (rc = put_u64(bucket, "term", 1, err)) < 0)
		return rc;
	return etcd_bucket_put(bucket, "confState", 9, b.p, b.len, err);
}
