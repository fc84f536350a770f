#include "base/buf.h"
#include "etcd/etcd_bucket.h"
#include "etcd/etcd_bump.h"
#include "etcd/etcd_membership.h"
#include "test.h"

/* What etcdutl 3.6.16 makes of these words is what is expected here. */
#define CLUSTER                                                                \
	"n1=http://10.0.0.1:2380,n2=https://b.example:2381,"                   \
	"n2=http://10.0.0.2:2380,n3=http://[::1]:2380"
#define N2 "http://10.0.0.2:2380,https://b.example:2381"

static int
make(const char *name, const char *cluster, const char *advertise,
    const char *token, struct etcd_membership **ret, struct err *err)
{
	const struct etcd_membership_opts opts = { name, cluster, advertise,
		token };

	return etcd_membership_new(&opts, ret, err);
}

TEST(membership__computes_the_ids_that_etcdutl_does)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *one = NULL;
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(make("n1", "n1=http://127.0.0.1:12380",
		     "http://127.0.0.1:12380", "tok", &one, &e),
	    &e);
	CHECK(one->n == 1 && one->self == &one->members[0]);
	CHECK(one->members[0].id == 0xd622127685879b3c);
	CHECK(one->cluster_id == 0x6656feb867e68582);

	CHECK_OK(make("n2", CLUSTER, N2, "tok", &s, &e), &e);
	CHECK(s->n == 3 && s->self == &s->members[2]);
	CHECK(s->cluster_id == 0x4cb38d2001117d1c);
	CHECK(s->members[0].id == 0x027351595f8407ef);
	CHECK_STR(s->members[0].name, "n3");
	CHECK(s->members[1].id == 0x98521e8c6c48c6da);
	CHECK(s->members[2].id == 0xa4555a753b722a70);
	CHECK_STR(s->self->name, "n2");
	CHECK(s->self->n_urls == 2);
	CHECK_STR(s->self->urls[0], "http://10.0.0.2:2380");
}

TEST(membership__does_not_depend_on_the_order_of_the_words)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(make("n3",
		     ",n3=http://[::1]:2380,n2=http://10.0.0.2:2380,,"
		     "n2=https://b.example:2381,n1=http://10.0.0.1:2380,",
		     "http://[::1]:2380", "tok", &s, &e),
	    &e);
	CHECK(s->cluster_id == 0x4cb38d2001117d1c);
	CHECK_STR(s->self->name, "n3");
}

TEST(membership__with_another_token_is_another_cluster)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(make("n2", CLUSTER, N2, "tok2", &s, &e), &e);
	CHECK(s->cluster_id != 0x4cb38d2001117d1c);
	CHECK(s->self->id != 0xa4555a753b722a70);
}

TEST(membership__tokens_are_never_the_same)
{
	CLEANUP(freep_mem) char *a = NULL, *b = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_membership_token(&a, &e), &e);
	CHECK_OK(etcd_membership_token(&b, &e), &e);
	CHECK(strcmp(a, b) != 0);
	CHECK(strncmp(a, "etcd-cluster-", 13) == 0 && strlen(a) == 45);
}

static void
holds(const struct etcd_bucket *b, size_t at, const char *key, const void *val,
    size_t nval)
{
	CHECK(at < b->n);
	CHECK(b->v[at].nkey == strlen(key));
	CHECK(memcmp(b->v[at].key, key, b->v[at].nkey) == 0);
	CHECK(b->v[at].nval == nval);
	CHECK(memcmp(b->v[at].val, val, nval) == 0);
}

static void
holds_text(
    const struct etcd_bucket *b, size_t at, const char *key, const char *val)
{
	holds(b, at, key, val, strlen(val));
}

TEST(membership__fills_the_bucket_members)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(make("n2", CLUSTER, N2, "tok", &s, &e), &e);
	CHECK_OK(etcd_membership_fill_members(s, &b, &e), &e);
	CHECK(b.n == 3);
	/* Keys have no leading zeroes, and ascend as bytes. */
	holds_text(&b, 0, "27351595f8407ef",
	    "{\"id\":176574254694008815,\"peerURLs\":[\"http://[::1]:2380\"],"
	    "\"name\":\"n3\"}");
	holds_text(&b, 1, "98521e8c6c48c6da",
	    "{\"id\":10975868830316283610,\"peerURLs\":"
	    "[\"http://10.0.0.1:2380\"],\"name\":\"n1\"}");
	holds_text(&b, 2, "a4555a753b722a70",
	    "{\"id\":11841470254795598448,\"peerURLs\":"
	    "[\"http://10.0.0.2:2380\",\"https://b.example:2381\"],"
	    "\"name\":\"n2\"}");
}

TEST(membership__puts_the_new_cluster_into_the_bucket_meta)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(make("n2", CLUSTER, N2, "tok", &s, &e), &e);
	CHECK_OK(etcd_bucket_put(&b, "term", 4, "old", 3, &e), &e);
	CHECK_OK(etcd_bucket_put(&b, "storageVersion", 14, "3.6", 3, &e), &e);
	CHECK_OK(etcd_membership_fill_meta(s, &b, &e), &e);
	CHECK(b.n == 4);
	holds_text(&b, 0, "confState",
	    "{\"voters\":[176574254694008815,10975868830316283610,"
	    "11841470254795598448],\"auto_leave\":false}");
	holds(&b, 1, "consistent_index", "\0\0\0\0\0\0\0\3", 8);
	holds_text(&b, 2, "storageVersion", "3.6");
	holds(&b, 3, "term", "\0\0\0\0\0\0\0\1", 8);
}

TEST(membership__writes_names_as_go_does)
{
	CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	const char *at;

#define ODD "a\"b\\c<d>&\xc3\xa9\xe2\x80\xa8\xe2\x80\xa9\xf0\x9f\x98\x80 x"
	CHECK_OK(make(ODD, ODD "=http://a:1", "http://a:1", "t", &s, &e), &e);
	CHECK_OK(etcd_member_json(s->self, &b, &e), &e);
	CHECK_OK(buf_add_u8(&b, '\0', &e), &e);
	CHECK((at = strstr((const char *)b.p, ",\"name\":")) != NULL);
	CHECK_STR(at,
	    ",\"name\":\"a\\\"b\\\\c\\u003cd\\u003e\\u0026\xc3\xa9\\u2028"
	    "\\u2029\xf0\x9f\x98\x80 x\"}");
}

/* Each is refused with the option, the cause and a remedy. */
static const struct {
	const char *name, *cluster, *advertise, *option, *cause;
} bad[] = {
	{ "n1", "", "http://a:1", "'initial-cluster'", "is empty" },
	{ "n1", ",,", "http://a:1", "'initial-cluster'", "is empty" },
	{ "n1", "n1", "http://a:1", "'initial-cluster'", "no NAME=URL" },
	{ "n1", "=http://a:1", "http://a:1", "'initial-cluster'", "'' cannot" },
	{ "n1", "n1=http://a:1, n2=http://b:1", "http://a:1",
	    "'initial-cluster'", "' n2' cannot" },
	{ "n1", "n1=http://a:1,n\n=http://b:1", "http://a:1",
	    "'initial-cluster'", "cannot be the name" },
	{ "n1", "n1=http://a:1,n\xff=http://b:1", "http://a:1",
	    "'initial-cluster'", "cannot be the name" },
	{ "n1", "n1=", "http://a:1", "'initial-cluster'", "http:// or" },
	{ "n1", "n1=a:1", "http://a:1", "'initial-cluster'", "http:// or" },
	{ "n1", "n1=ftp://a:1", "http://a:1", "'initial-cluster'",
	    "http:// or" },
	{ "n1", "n1=http://:1", "http://a:1", "'initial-cluster'", "no host" },
	{ "n1", "n1=http://[::1:1", "http://a:1", "'initial-cluster'",
	    "no host" },
	{ "n1", "n1=http://[::g]:1", "http://a:1", "'initial-cluster'",
	    "no host" },
	{ "n1", "n1=http://a", "http://a:1", "'initial-cluster'", "no port" },
	{ "n1", "n1=http://a:0", "http://a:1", "'initial-cluster'",
	    "no port between" },
	{ "n1", "n1=http://a:65536", "http://a:1", "'initial-cluster'",
	    "no port between" },
	{ "n1", "n1=http://a:1x", "http://a:1", "'initial-cluster'",
	    "no port between" },
	{ "n1", "n1=http://a:1/", "http://a:1", "'initial-cluster'",
	    "has a path" },
	{ "n1", "n1=http://a:1/x", "http://a:1", "'initial-cluster'",
	    "has a path" },
	{ "n1", "n1=http://a:1?x", "http://a:1", "'initial-cluster'",
	    "no port between" },
	{ "n1", "n1=http://a:1,n2=http://a:1", "http://a:1",
	    "'initial-cluster'", "'http://a:1' comes twice" },
	{ "n1", "n1=http://a:1,n1=http://a:1", "http://a:1",
	    "'initial-cluster'", "'http://a:1' comes twice" },
	{ "n1", "n1=http://a:1 ,n2=http://b:1", "http://a:1",
	    "'initial-cluster'", "'http://a:1 ' has a blank" },
	{ "", "n1=http://a:1", "http://a:1", "'name'", "'' cannot" },
	{ "a,b", "a,b=http://a:1", "http://a:1", "'name'", "'a,b' cannot" },
	{ "a=b", "a=b=http://a:1", "http://a:1", "'name'", "'a=b' cannot" },
	{ "n3", "n1=http://a:1,n2=http://b:1", "http://a:1", "'name'",
	    "'n3' is no member" },
	{ "n1", "n1=http://a:1", "http://a:2", "advertise-peer-urls'",
	    "'http://a:2', which 'initial-cluster' does not have for 'n1'" },
	{ "n1", "n1=http://a:1,n1=http://b:1", "http://a:1",
	    "advertise-peer-urls'", "lacks 'http://b:1'" },
	{ "n1", "n1=http://a:1", "http://a:1,http://a:1",
	    "advertise-peer-urls'", "twice" },
	{ "n1", "n1=http://a:1", "", "advertise-peer-urls'",
	    "lacks 'http://a:1'" },
	{ "n1", "n1=http://a:1", "a:1", "advertise-peer-urls'", "http:// or" },
};

TEST(membership__refuses_each_mistake_with_its_option_and_cause)
{
	struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(make(bad[i].name, bad[i].cluster, bad[i].advertise,
			       "t", &s, &e),
		    &e, HF_EUSAGE);
		if (strstr(e.msg, bad[i].option) == NULL ||
		    strstr(e.msg, bad[i].cause) == NULL)
			test_fail(__FILE__, __LINE__, bad[i].cause, &e);
		CHECK(s == NULL && e.hint[0] != '\0');
	}
	CHECK_FAIL(make("n1", "n1=http://a:1", "http://a:1", "", &s, &e), &e,
	    HF_EUSAGE);
	CHECK(strstr(e.msg, "'initial-cluster-token'") != NULL);
}

TEST(membership__never_shows_a_password_in_a_url)
{
	struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(
	    make("n1", "n1=http://u:geheim@a:1", "http://a:1", "t", &s, &e), &e,
	    HF_EUSAGE);
	CHECK(strstr(e.msg, "geheim") == NULL && e.hint[0] != '\0');
}

TEST(membership__has_a_limit)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct etcd_membership *s = NULL;
	struct err e = ERR_INIT;
	int i;

	for (i = 1; i <= 1025; i++)
		CHECK_OK(buf_printf(&b, &e, "n%d=http://a:%d,", i, i), &e);
	CHECK_FAIL(make("n1", (const char *)b.p, "http://a:1", "t", &s, &e), &e,
	    HF_EUSAGE);
	CHECK(strstr(e.msg, "1024") != NULL && e.hint[0] != '\0');
}

TEST(membership__survives_running_out_of_memory)
{
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_etcd_membership) struct etcd_membership *s = NULL;
		CLEANUP(etcd_bucket_clear)
		struct etcd_bucket b = ETCD_BUCKET_INIT;

		test_malloc_fail(n);
		rc = make("n2", CLUSTER, N2, "tok", &s, &e);
		if (rc == 0)
			rc = etcd_membership_fill_members(s, &b, &e);
		if (rc == 0)
			rc = etcd_membership_fill_meta(s, &b, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
}

TEST(bucket__is_in_order_and_has_each_key_once)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	struct err e = ERR_INIT;
	char key[8], val[8];
	int i;

	for (i = 0; i < 2000; i++) {
		(void)snprintf(key, sizeof(key), "%03d", i * 7 % 1000);
		(void)snprintf(val, sizeof(val), "%d", i);
		CHECK_OK(etcd_bucket_put(&b, key, 3, val, strlen(val), &e), &e);
	}
	CHECK(b.n == 1000);
	for (i = 0; i < 1000; i++) {
		(void)snprintf(key, sizeof(key), "%03d", i * 7 % 1000);
		(void)snprintf(val, sizeof(val), "%d", 1000 + i);
		holds_text(&b, (size_t)(i * 7 % 1000), key, val);
	}
	CHECK_OK(etcd_bucket_put(&b, "00", 2, "", 0, &e), &e);
	holds_text(&b, 0, "00", "");
}

TEST(bump__is_a_record_and_a_scheduled_compaction)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	static const char want[] = "\0\0\0\0\x3b\x9a\xcb\x04_\0\0\0\0\0\0\0\0";
	uint8_t key[ETCD_REVISION_LEN] = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(etcd_bump_revision(260, 1000000000, key, &b, &e), &e);
	CHECK(b.n == 1);
	holds(&b, 0, "scheduledCompactRev", want, sizeof(key));
	CHECK(memcmp(key, want, sizeof(key)) == 0);
}

TEST(bump__stays_within_what_a_revision_can_be)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	uint8_t key[ETCD_REVISION_LEN] = { 0 };
	struct err e = ERR_INIT;

	CHECK_FAIL(etcd_bump_revision(5, 0, key, &b, &e), &e, HF_EUSAGE);
	CHECK_FAIL(
	    etcd_bump_revision(5, INT64_MAX - 4, key, &b, &e), &e, HF_EUSAGE);
	CHECK_FAIL(
	    etcd_bump_revision(UINT64_MAX, 1, key, &b, &e), &e, HF_EUSAGE);
	CHECK(strstr(e.msg, "'bump-revision'") != NULL && e.hint[0] != '\0');
	CHECK(b.n == 0 && key[8] == 0);
	CHECK_OK(etcd_bump_revision(5, INT64_MAX - 5, key, &b, &e), &e);
	CHECK(key[0] == 0x7f);
}
