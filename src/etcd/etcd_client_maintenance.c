#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_pb.h"

/* Even from a slow disk, a gigabyte is read and hashed within this time. */
#define HASHKV_TIMEOUT_MS 300000

static void
status_number(struct etcd_status *s, const struct pb *r)
{
	switch (r->field) {
	case 3:
		s->db_size = r->val;
		break;
	case 4:
		s->leader = r->val;
		break;
	case 5:
		s->raft_index = r->val;
		break;
	case 6:
		s->raft_term = r->val;
		break;
	case 7:
		s->raft_applied = r->val;
		break;
	case 10:
		s->learner = r->val != 0;
		break;
	default:
		break;
	}
}

static bool
status_header(struct etcd_status *s, const struct pb *r)
{
	struct etcd_header h;

	if (!etcd_header_read(r, &h))
		return false;
	s->cluster_id = h.cluster_id;
	s->member_id = h.member_id;
	s->revision = h.revision;
	return true;
}

/*
 * An alarm that is raised is listed among the errors of every member, too
 * ("memberID:1 alarm:NOSPACE"); that is no complaint about this one.
 */
static void
status_error(struct etcd_status *s, const struct pb *r)
{
	char text[sizeof(s->errors)];

	pb_text(r, text, sizeof(text));
	if (s->errors[0] == '\0' && strstr(text, "alarm:") == NULL)
		memcpy(s->errors, text, sizeof(text));
}

/* StatusResponse: header = 1, version = 2, errors = 8; see status_number. */
static int
on_status(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct etcd_status *s = arg;
	struct pb r;
	int k;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire == PB_VARINT)
			status_number(s, &r);
		else if (r.wire != PB_BYTES)
			continue;
		else if (r.field == 1 && !status_header(s, &r))
			return etcd_malformed("Status", err);
		else if (r.field == 2)
			pb_text(&r, s->version, sizeof(s->version));
		else if (r.field == 8)
			status_error(s, &r);
	}
	/* Servers from before 3.4 have no applied index. */
	if (s->raft_applied == 0)
		s->raft_applied = s->raft_index;
	return k < 0 ? etcd_malformed("Status", err) : 0;
}

int
etcd_client_status(
    struct etcd_client *c, struct etcd_status *ret, struct err *err)
{
	struct etcd_status s = { 0 };
	struct etcd_call call = {
		.method = "/etcdserverpb.Maintenance/Status",
		.timeout_ms = ETCD_UNARY_TIMEOUT_MS,
		.max = ETCD_UNARY_MAX,
		.fn = on_status,
		.arg = &s,
	};
	int rc;

	if ((rc = etcd_client_ask(c, &call, err)) < 0)
		return rc;
	if (s.cluster_id == 0 || s.member_id == 0)
		return etcd_malformed("Status", err);
	s.seconds = call.seconds;
	*ret = s;
	return 0;
}

/* AlarmMember: memberID = 1, alarm = 2. */
static int
read_alarm(struct etcd_alarms *a, const struct pb *field, struct err *err)
{
	struct pb r;
	int k;

	if (a->n == ETCD_ALARMS_MAX)
		return err_set(err, HF_ESOURCE,
		    "more than %d alarms are raised", ETCD_ALARMS_MAX);
	pb_init(&r, field->ptr, field->len);
	while ((k = pb_next(&r)) == 1) {
		if (r.wire == PB_VARINT && r.field == 1)
			a->at[a->n].member_id = r.val;
		else if (r.wire == PB_VARINT && r.field == 2)
			a->at[a->n].type = r.val;
	}
	a->n++;
	return k < 0 ? etcd_malformed("Alarm", err) : 0;
}

/* AlarmResponse: header = 1, alarms = 2. */
static int
on_alarms(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct pb r;
	int k, rc;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1)
		if (r.field == 2 && r.wire == PB_BYTES &&
		    (rc = read_alarm(arg, &r, err)) < 0)
			return rc;
	return k < 0 ? etcd_malformed("Alarm", err) : 0;
}

int
etcd_client_alarms(
    struct etcd_client *c, struct etcd_alarms *ret, struct err *err)
{
	struct etcd_alarms a = { 0 };
	int rc;

	/* An empty AlarmRequest is GET, of all members, of all types. */
	rc = etcd_client_unary(
	    c, "/etcdserverpb.Maintenance/Alarm", NULL, on_alarms, &a, err);
	if (rc == 0)
		*ret = a;
	return rc;
}

/* HashKVResponse: header = 1, hash = 2, compact_revision = 3, then 3.6's
   hash_revision = 4. */
static int
on_hashkv(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct etcd_hashkv *h = arg;
	struct pb r;
	int k;

	pb_init(&r, p, n);
	while ((k = pb_next(&r)) == 1) {
		if (r.field == 1 && !etcd_header_read(&r, &h->header))
			return etcd_malformed("HashKV", err);
		if (r.wire != PB_VARINT)
			continue;
		if (r.field == 2 && r.val <= UINT32_MAX)
			h->hash = (uint32_t)r.val;
		else if (r.field == 2)
			return etcd_malformed("HashKV", err);
		else if (r.field == 3) /* -1 if it never was compacted. */
			h->compact_revision = r.val > INT64_MAX ? 0 : r.val;
		else if (r.field == 4)
			h->hash_revision = r.val;
	}
	if (k < 0 || h->header.member_id == 0)
		return etcd_malformed("HashKV", err);
	return 0;
}

int
etcd_client_hashkv(struct etcd_client *c, uint64_t revision,
    struct etcd_hashkv *ret, enum etcd_revision *gone, struct err *err)
{
	CLEANUP(freep_buf) struct buf req = BUF_INIT;
	struct etcd_hashkv h = { 0 };
	struct etcd_call call = {
		.method = "/etcdserverpb.Maintenance/HashKV",
		.req = &req,
		.timeout_ms = HASHKV_TIMEOUT_MS,
		.silence_ms = HASHKV_TIMEOUT_MS,
		.max = ETCD_UNARY_MAX,
		.fn = on_hashkv,
		.arg = &h,
	};
	int rc;

	*gone = ETCD_REVISION_READ;
	if ((rc = pb_add_uint(&req, 1, revision, err)) < 0)
		return rc;
	if ((rc = etcd_client_ask(c, &call, err)) < 0)
		return etcd_revision_gone(&call, revision, gone, err);
	/*
	 * If a server hashed another revision, equal members would seem to
	 * differ.
	 */
	if (revision != 0 && h.hash_revision != 0 &&
	    h.hash_revision != revision)
		return err_set(err, HF_ESOURCE,
		    "'%s': it was asked to hash revision %" PRIu64
		    " and hashed %" PRIu64,
		    etcd_client_url(c), revision, h.hash_revision);
	if (h.header.revision < revision)
		return err_set(err, HF_ESOURCE,
		    "'%s': it has hashed revision %" PRIu64
		    ", and is at %" PRIu64 " itself",
		    etcd_client_url(c), revision, h.header.revision);
	*ret = h;
	return 0;
}
