#include <jansson.h>

#include "base/buf.h"
#include "base/crc32c.h"
#include "etcd/etcd_membership.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_snap.h"
#include "test.h"

static struct etcd_membership *
three(void)
{
	const struct etcd_membership_opts opts = { "n1",
		"n1=http://10.0.0.1:2380,n2=http://10.0.0.2:2380,"
		"n2=https://b.example:2381,n3=http://[::1]:2380",
		"http://10.0.0.1:2380", "tok" };
	struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_membership_new(&opts, &s, &e), &e);
	return s;
}

/* Read on: the next field must be this one, of bytes. */
static void
next_bytes(struct pb *r, uint32_t field)
{
	CHECK(pb_next(r) == 1 && r->field == field && r->wire == PB_BYTES);
}
static void
next_uint(struct pb *r, uint32_t field, uint64_t want)
{
	CHECK(pb_next(r) == 1 && r->field == field && r->wire == PB_VARINT);
	CHECK(r->val == want);
}

/* The v2 store in a file whose checksum and metadata are right. */
static json_t *
store_of(const struct buf *b)
{
	struct pb r, snap, meta, conf;
	json_t *doc;
	uint64_t crc;

	pb_init(&r, b->p, b->len);
	CHECK(pb_next(&r) == 1 && r.field == 1);
	crc = r.val;
	next_bytes(&r, 2);
	CHECK(crc == crc32c(0, r.ptr, r.len) && r.left == 0);
	pb_init(&snap, r.ptr, r.len);
	next_bytes(&snap, 1);
	doc = json_loadb((const char *)snap.ptr, snap.len, 0, NULL);
	CHECK(doc != NULL);
	next_bytes(&snap, 2);
	pb_init(&meta, snap.ptr, snap.len);
	next_bytes(&meta, 1);
	pb_init(&conf, meta.ptr, meta.len);
	next_uint(&conf, 1, 0x027351595f8407ef);
	next_uint(&conf, 1, 0x98521e8c6c48c6da);
	next_uint(&conf, 1, 0xa4555a753b722a70);
	next_uint(&conf, 5, 0);
	next_uint(&meta, 2, 3);
	next_uint(&meta, 3, 1);
	CHECK(conf.left == 0 && meta.left == 0 && snap.left == 0);
	return doc;
}

/* The node "a/b/c" below the root. */
static const json_t *
node(const json_t *doc, const char *path)
{
	const json_t *n = json_object_get(doc, "Root");
	char name[64];
	size_t len;

	for (; *path != '\0'; path += len + (path[len] == '/')) {
		len = strcspn(path, "/");
		(void)snprintf(name, sizeof(name), "%.*s", (int)len, path);
		n = json_object_get(json_object_get(n, "Children"), name);
		CHECK(n != NULL);
	}
	return n;
}

static const char *
text(const json_t *n, const char *key)
{
	const char *s = json_string_value(json_object_get(n, key));

	CHECK(s != NULL);
	return s;
}

TEST(snap__lists_the_members_for_raft_and_for_the_v2_store)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = three();
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	char name[ETCD_SNAP_NAME_MAX];
	struct err e = ERR_INIT;
	const json_t *n;
	json_t *doc;

	etcd_snap_name(s, name);
	CHECK_STR(name, "0000000000000001-0000000000000003.snap");
	CHECK_OK(etcd_snap_encode(s, &b, &e), &e);
	doc = store_of(&b);
	n = node(doc, "0/members/a4555a753b722a70/raftAttributes");
	CHECK_STR(text(n, "Value"), "{\"peerURLs\":[\"http://10.0.0.2:2380\","
				    "\"https://b.example:2381\"]}");
	CHECK_STR(
	    text(n, "Path"), "/0/members/a4555a753b722a70/raftAttributes");
	n = node(doc, "0/members/27351595f8407ef/raftAttributes");
	CHECK_STR(text(n, "Value"), "{\"peerURLs\":[\"http://[::1]:2380\"]}");
	n = node(doc, "0/members/98521e8c6c48c6da/raftAttributes");
	CHECK_STR(
	    text(n, "Value"), "{\"peerURLs\":[\"http://10.0.0.1:2380\"]}");
	n = json_object_get(node(doc, "0/members"), "Children");
	CHECK(json_object_size(n) == 3);
	CHECK(
	    json_object_size(json_object_get(node(doc, "1"), "Children")) == 0);
	CHECK(json_integer_value(json_object_get(doc, "CurrentIndex")) == 3);
	CHECK(json_integer_value(json_object_get(doc, "CurrentVersion")) == 2);
	json_decref(doc);
}

TEST(snap__survives_running_out_of_memory)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = three();
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		test_malloc_fail(n);
		rc = etcd_snap_encode(s, &b, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
}
