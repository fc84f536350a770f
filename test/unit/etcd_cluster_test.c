#include "base/buf.h"
#include "etcd/etcd_cluster.h"
#include "etcd/etcd_pb.h"
#include "test.h"

static void
must(int rc)
{
	if (rc < 0)
		abort();
}

/* Append a member to a MemberListResponse; NULL texts are left out. */
static void
add(struct buf *list, uint64_t id, const char *name, const char *peer,
    const char *client, bool learner)
{
	CLEANUP(freep_buf) struct buf m = BUF_INIT;
	struct err e = ERR_INIT;

	must(pb_add_uint(&m, 1, id, &e));
	if (name != NULL)
		must(pb_add_bytes(&m, 2, name, strlen(name), &e));
	if (peer != NULL)
		must(pb_add_bytes(&m, 3, peer, strlen(peer), &e));
	if (client != NULL)
		must(pb_add_bytes(&m, 4, client, strlen(client), &e));
	must(pb_add_uint(&m, 5, learner, &e));
	must(pb_add_bytes(list, 2, m.p, m.len, &e));
}

static const uint8_t header[] = { 0x0a, 6, 0x08, 1, 0x10, 2, 0x20, 3 };

/* Three members: one is a learner, one has never started. */
static void
make_list(struct buf *list)
{
	struct err e = ERR_INIT;

	must(buf_add(list, header, sizeof(header), &e));
	add(list, UINT64_MAX, "m0", "http://a:2380", "http://a:2379", false);
	add(list, 2, "m1", "http://b:2380", "http://b:2379", true);
	add(list, 3, NULL, "http://c:2380", NULL, false);
}

static void
check_list(const struct etcd_cluster *m)
{
	CHECK(m->header.cluster_id == 1 && m->header.member_id == 2);
	CHECK(m->header.raft_term == 3);
	CHECK(m->n == 3);
	CHECK(m->at[0].id == UINT64_MAX && !m->at[0].learner);
	CHECK_STR(m->at[0].name, "m0");
	CHECK(m->at[0].peer.n == 1 && m->at[0].client.n == 1);
	CHECK_STR(m->at[0].peer.at[0], "http://a:2380");
	CHECK_STR(m->at[0].client.at[0], "http://a:2379");
	CHECK(m->at[1].learner && etcd_cluster_started(&m->at[1]));
	CHECK_STR(m->at[2].name, "");
	CHECK(!etcd_cluster_started(&m->at[2]));
	CHECK(m->at[2].peer.n == 1 && m->at[2].client.n == 0);
}

TEST(cluster__is_read_whole_also_a_member_that_never_started)
{
	CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	struct err e = ERR_INIT;

	make_list(&list);
	CHECK_OK(etcd_cluster_read(list.p, list.len, &m, &e), &e);
	check_list(&m);
}

TEST(cluster__cut_anywhere_is_refused_or_smaller)
{
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i, whole = 0;

	make_list(&list);
	for (i = 0; i < list.len; i++) {
		CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
		int rc = etcd_cluster_read(list.p, i, &m, &e);

		whole += rc == 0;
		CHECK(rc == 0 ? m.n == whole : rc == -HF_ESOURCE && m.n == 0);
	}
	CHECK(whole == 2);
}

TEST(cluster__fails_cleanly_without_memory)
{
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	struct err e = ERR_INIT;

	make_list(&list);
	TEST_TORTURE (n) {
		CLEANUP(freep_etcd_cluster) struct etcd_cluster m = { 0 };
		int rc;

		test_malloc_fail(n);
		rc = etcd_cluster_read(list.p, list.len, &m, &e);
		if (!test_malloc_failed()) {
			test_malloc_fail(0);
			check_list(&m);
			break;
		}
		CHECK(rc == -HF_ENOMEM && m.n == 0 && m.at == NULL);
	}
	test_malloc_fail(0);
}

static void
refuses(const struct buf *list, const char *words)
{
	struct etcd_cluster m = { 0 };
	struct err e;

	CHECK_FAIL(
	    etcd_cluster_read(list->p, list->len, &m, &e), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, words) != NULL && m.at == NULL);
}

TEST(cluster__with_a_control_character_is_refused)
{
	CLEANUP(freep_buf) struct buf name = BUF_INIT;
	CLEANUP(freep_buf) struct buf url = BUF_INIT;

	add(&name, 1, "m\x1b[2J", NULL, NULL, false);
	refuses(&name, "malformed");
	add(&url, 1, "m", "http://a\nx", NULL, false);
	refuses(&url, "malformed");
}

TEST(cluster__with_a_member_without_id_or_with_none_is_refused)
{
	CLEANUP(freep_buf) struct buf list = BUF_INIT;

	refuses(&list, "malformed");
	add(&list, 0, "m", NULL, NULL, false);
	refuses(&list, "malformed");
}

TEST(cluster__beyond_any_size_is_refused)
{
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	CLEANUP(freep_buf) struct buf urls = BUF_INIT;
	CLEANUP(freep_buf) struct buf one = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i <= ETCD_CLUSTER_MAX; i++)
		add(&list, i + 1, "m", NULL, NULL, false);
	refuses(&list, "more than 256 members");
	must(pb_add_uint(&one, 1, 1, &e));
	for (i = 0; i <= ETCD_URLS_MAX; i++)
		must(pb_add_bytes(&one, 4, "http://a", 8, &e));
	must(pb_add_bytes(&urls, 2, one.p, one.len, &e));
	refuses(&urls, "more than 64 URLs");
}
