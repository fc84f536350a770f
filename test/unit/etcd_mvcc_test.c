#include "base/buf.h"
#include "etcd/etcd_bolt.h"
#include "etcd/etcd_mvcc.h"
#include "etcd/etcd_pb.h"
#include "test.h"
#include "test_bolt.h"
#include "test_bolt_read.h"

TEST(mvcc_key__is_read_as_it_was_written)
{
	const struct etcd_record in[] = { { .main = 1, .sub = 0 },
		{ .main = INT64_MAX, .sub = UINT32_MAX, .tombstone = true },
		{ .main = 0x0102030405060708, .sub = 9 } };
	uint8_t key[ETCD_MVCC_KEY_MAX];
	struct etcd_record out;
	size_t i, n;

	for (i = 0; i < 3; i++) {
		n = etcd_mvcc_key(&in[i], key);
		CHECK(n == (in[i].tombstone ? 18 : 17));
		CHECK(etcd_mvcc_key_read(key, n, &out));
		CHECK(out.main == in[i].main && out.sub == in[i].sub &&
		      out.tombstone == in[i].tombstone);
	}
	CHECK(memcmp(key, "\1\2\3\4\5\6\7\10_\0\0\0\0\0\0\0\11", 17) == 0);
}

TEST(mvcc_key__is_refused_if_etcd_writes_none_such)
{
	static const struct {
		const char *p;
		size_t n;
	} bad[] = {
		{ "\0\0\0\0\0\0\0\2_\0\0\0\0\0\0\0", 16 },
		{ "\0\0\0\0\0\0\0\2_\0\0\0\0\0\0\0\0tt", 19 },
		{ "\0\0\0\0\0\0\0\2_\0\0\0\0\0\0\0\0x", 18 },
		{ "\0\0\0\0\0\0\0\2-\0\0\0\0\0\0\0\0", 17 },
		{ "\0\0\0\0\0\0\0\0_\0\0\0\0\0\0\0\0", 17 },
		{ "\x80\0\0\0\0\0\0\2_\0\0\0\0\0\0\0\0", 17 },
		{ "\0\0\0\0\0\0\0\2_\x80\0\0\0\0\0\0\0", 17 },
		{ "\0\0\0\0\0\0\0\2_\0\0\0\1\0\0\0\0", 17 },
		{ "", 0 },
	};
	struct etcd_record r;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!etcd_mvcc_key_read(
		    (const uint8_t *)bad[i].p, bad[i].n, &r));
}

TEST(mvcc__knows_the_buckets_of_etcd)
{
	CHECK(etcd_mvcc_bucket_known((const uint8_t *)"key", 3));
	CHECK(etcd_mvcc_bucket_known((const uint8_t *)"authRoles", 9));
	CHECK(!etcd_mvcc_bucket_known((const uint8_t *)"keys", 4));
	CHECK(!etcd_mvcc_bucket_known((const uint8_t *)"ke", 2));
	CHECK(!etcd_mvcc_bucket_known((const uint8_t *)"test", 4));
}

/* A database: every bucket has a page of its own and up to four elements. */
struct store {
	struct test_bolt t;
	struct etcd_bolt_item key[4], lease[4], members[4], meta[4];
	unsigned int nkey, nlease, nmembers, nmeta;
	uint8_t rev[4][ETCD_MVCC_KEY_MAX], compact[2][ETCD_MVCC_KEY_MAX];
	struct buf kv[4];
};

#define LEASE "\0\0\0\0\0\0\0\x07"

static void
add(struct store *s, uint64_t main, bool tombstone, const uint64_t numbers[4],
    const char *value)
{
	static const uint32_t field[] = { 2, 3, 4, 6 };
	struct etcd_record r = { .main = main, .tombstone = tombstone };
	struct buf *b = &s->kv[s->nkey];
	struct err e = ERR_INIT;
	int i;

	CHECK_OK(pb_add_bytes(b, 1, "k", 1, &e), &e);
	for (i = 0; i < 3; i++)
		CHECK_OK(pb_add_uint(b, field[i], numbers[i], &e), &e);
	CHECK_OK(pb_add_bytes(b, 5, value, strlen(value), &e), &e);
	CHECK_OK(pb_add_uint(b, field[3], numbers[3], &e), &e);
	s->key[s->nkey] = (struct etcd_bolt_item){ s->rev[s->nkey], b->p,
		etcd_mvcc_key(&r, s->rev[s->nkey]), b->len, 0 };
	s->nkey++;
}

static void
compact(struct store *s, int i, const char *name, uint64_t main)
{
	struct etcd_record r = { .main = main };

	s->meta[s->nmeta] = test_bolt_item(name, "");
	s->meta[s->nmeta].value = s->compact[i];
	s->meta[s->nmeta++].nvalue = etcd_mvcc_key(&r, s->compact[i]);
}

static void
make(struct store *s)
{
	memset(s, 0, sizeof(*s));
	s->lease[0] = test_bolt_item("", "");
	s->lease[0].key = (const uint8_t *)LEASE;
	s->lease[0].nkey = 8;
	s->nlease = 1;
	s->members[0] = test_bolt_item("8e9e05c52164694d",
	    "{\"id\":18446744073709551615,\"peerURLs\":[\"http://a\"]}");
	s->nmembers = 1;
	s->meta[0] = test_bolt_item("consistent_index", "");
	s->meta[0].value = (const uint8_t *)"\0\0\0\0\0\0\1\2";
	s->meta[0].nvalue = 8;
	s->nmeta = 1;
}

static void
build(struct store *s)
{
	uint8_t room[4][16];
	struct etcd_bolt_item b[4];

	test_bolt_init(&s->t, false);
	test_bolt_meta(&s->t, 0, 7, 2, ETCD_BOLT_NO_FREELIST, 7);
	test_bolt_meta(&s->t, 1, 6, 2, ETCD_BOLT_NO_FREELIST, 7);
	b[0] = test_bolt_at("key", room[0], 3);
	b[1] = test_bolt_at("lease", room[1], 4);
	b[2] = test_bolt_at("members", room[2], 5);
	b[3] = test_bolt_at("meta", room[3], 6);
	test_bolt_leaf(test_bolt_page(&s->t, 2), 2, 0, b, 4);
	test_bolt_leaf(test_bolt_page(&s->t, 3), 3, 0, s->key, s->nkey);
	test_bolt_leaf(test_bolt_page(&s->t, 4), 4, 0, s->lease, s->nlease);
	test_bolt_leaf(test_bolt_page(&s->t, 5), 5, 0, s->members, s->nmembers);
	test_bolt_leaf(test_bolt_page(&s->t, 6), 6, 0, s->meta, s->nmeta);
}

/* Check it; the database's memory goes. */
static int
check(struct store *s, struct err *err)
{
	struct etcd_bolt b;
	int i, rc;

	build(s);
	if ((rc = etcd_bolt_open(&b, &s->t.file, err)) == 0)
		rc = test_bolt_audit(&b, err);
	for (i = 0; i < 4; i++)
		buf_free(&s->kv[i]);
	return rc;
}

static void
bad(struct store *s, const char *words)
{
	struct err e = ERR_INIT;

	CHECK_FAIL(check(s, &e), &e, HF_ECORRUPT);
	if (strstr(e.msg, words) == NULL)
		CHECK_STR(e.msg, words);
}

static const uint64_t none[4], first[] = { 2, 2, 1, 7 },
			       second[] = { 2, 5, 2, 0 };

TEST(mvcc_check__is_content_with_what_etcd_writes)
{
	struct err e = ERR_INIT;
	struct store s;

	make(&s);
	add(&s, 2, false, first, "v");
	add(&s, 5, false, second, "");
	add(&s, 6, true, none, "");
	compact(&s, 0, "finishedCompactRev", 9);
	compact(&s, 1, "scheduledCompactRev", 9);
	CHECK_OK(check(&s, &e), &e);
	/* Nothing at all; and the lease of a version that is past is gone. */
	make(&s);
	CHECK_OK(check(&s, &e), &e);
	make(&s);
	add(&s, 2, false, first, "v");
	add(&s, 5, false, second, "");
	s.nlease = 0;
	CHECK_OK(check(&s, &e), &e);
	/* What --bump-revision writes. */
	make(&s);
	add(&s, 1000002, false, none, "");
	s.key[0].nvalue = 0;
	CHECK_OK(check(&s, &e), &e);
}

TEST(mvcc_check__runs_out_of_memory_without_harm)
{
	struct err e = ERR_INIT;
	struct etcd_bolt b;
	struct store s;
	int i, rc;

	make(&s);
	add(&s, 2, false, first, "v");
	add(&s, 6, true, none, "");
	build(&s);
	CHECK_OK(etcd_bolt_open(&b, &s.t.file, &e), &e);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = test_bolt_audit(&b, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
	for (i = 0; i < 4; i++)
		buf_free(&s.kv[i]);
}

TEST(mvcc_check__names_the_record_that_is_wrong)
{
	static const struct {
		bool tombstone;
		uint64_t numbers[4];
		const char *value, *words;
	} wrong[] = {
		{ false, { 2, 4, 1, 0 }, "v", "5.0 has another mod_revision" },
		{ false, { 6, 5, 1, 0 }, "v", "impossible create_revision" },
		{ false, { 0, 5, 1, 0 }, "v", "impossible create_revision" },
		{ false, { 2, 5, 0, 0 }, "v", "impossible version" },
		{ false, { 2, 5, 6, 0 }, "v", "impossible version" },
		{ true, { 0, 0, 0, 0 }, "v", "more than a key" },
		{ true, { 0, 5, 0, 0 }, "", "more than a key" },
		{ true, { 0, 0, 0, 7 }, "", "more than a key" },
	};
	struct store s;
	size_t i;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		make(&s);
		add(&s, 5, wrong[i].tombstone, wrong[i].numbers,
		    wrong[i].value);
		bad(&s, wrong[i].words);
	}
	make(&s);
	add(&s, 5, false, second, "v");
	s.key[0].nvalue--;
	bad(&s, "is no KeyValue message");
	make(&s);
	add(&s, 5, false, second, "v");
	s.key[0].flags = 2;
	bad(&s, "no revision");
	make(&s);
	add(&s, 5, false, second, "v");
	add(&s, 5, false, second, "w");
	s.rev[1][16] = 1;
	bad(&s, "revision 5 has a key twice");
}

TEST(mvcc_check__finds_a_lease_that_is_missing)
{
	struct store s;

	make(&s);
	add(&s, 2, false, first, "v");
	s.nlease = 0;
	bad(&s, "lease 0000000000000007");
}

TEST(mvcc_check__finds_what_is_wrong_with_meta_and_members)
{
	struct store s;

	make(&s);
	compact(&s, 0, "finishedCompactRev", 9);
	compact(&s, 1, "scheduledCompactRev", 8);
	bad(&s, "the compaction to revision 9");
	make(&s);
	s.meta[0].nvalue = 7;
	bad(&s, "'consistent_index' that makes no sense");
	make(&s);
	compact(&s, 0, "finishedCompactRev", 9);
	s.meta[1].nvalue--;
	bad(&s, "'finishedCompactRev' that makes no sense");
	make(&s);
	s.members[0] = test_bolt_item("a", "{\"id\":1}");
	bad(&s, "members");
	make(&s);
	s.members[0] = test_bolt_item("a", "{\"id\":");
	bad(&s, "members");
}

TEST(meta__is_read)
{
	CLEANUP(etcd_meta_clear) struct etcd_meta m = ETCD_META_INIT;
	struct err e = ERR_INIT;
	struct etcd_bolt b;
	struct store s;

	make(&s);
	s.meta[0] = test_bolt_item("confState", "{}");
	compact(&s, 0, "finishedCompactRev", 7);
	compact(&s, 1, "scheduledCompactRev", 9);
	s.meta[s.nmeta++] = test_bolt_item("storageVersion", "3.6.0");
	build(&s);
	CHECK_OK(etcd_bolt_open(&b, &s.t.file, &e), &e);
	CHECK_OK(etcd_meta_read(&b, &m, &e), &e);
	CHECK(m.finished_compact == 7 && m.scheduled_compact == 9);
	CHECK(etcd_meta_compact_revision(&m) == 9);
	CHECK(m.consistent_index == 0 && m.term == 0);
	CHECK(m.conf_state.len == 2 && memcmp(m.conf_state.p, "{}", 2) == 0);
	CHECK_STR(m.storage_version, "3.6.0");
}

TEST(meta__numbers_are_read)
{
	CLEANUP(etcd_meta_clear) struct etcd_meta m = ETCD_META_INIT;
	struct err e = ERR_INIT;
	struct etcd_bolt b;
	struct store s;

	make(&s);
	s.meta[1] = s.meta[0];
	s.meta[1].key = (const uint8_t *)"term";
	s.meta[1].nkey = 4;
	s.nmeta = 2;
	build(&s);
	CHECK_OK(etcd_bolt_open(&b, &s.t.file, &e), &e);
	CHECK_OK(etcd_meta_read(&b, &m, &e), &e);
	CHECK(m.consistent_index == 258 && m.term == 258);
	CHECK(etcd_meta_compact_revision(&m) == 0);
	CHECK_STR(m.storage_version, "");
}
