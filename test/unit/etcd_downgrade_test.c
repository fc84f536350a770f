#include <string.h>

#include "etcd/etcd_bucket.h"
#include "etcd/etcd_downgrade.h"
#include "test.h"

#define OFF "{\"target-version\":\"\",\"enabled\":false}"

static void
put(struct etcd_bucket *b, const char *key, const char *value)
{
	struct err e = ERR_INIT;

	if (value == NULL)
		return;
	CHECK_OK(
	    etcd_bucket_put(b, key, strlen(key), value, strlen(value), &e), &e);
}

static bool
has(const struct etcd_bucket *b, const char *key, const char *value)
{
	const struct etcd_pair *p = etcd_bucket_find(b, key, strlen(key));

	return p != NULL && p->nval == strlen(value) &&
	       memcmp(p->val, value, p->nval) == 0;
}

static struct etcd_downgrade
find(const char *json, const char *storage_version)
{
	CLEANUP(etcd_bucket_clear)
	struct etcd_bucket cluster = ETCD_BUCKET_INIT;
	CLEANUP(etcd_bucket_clear) struct etcd_bucket meta = ETCD_BUCKET_INIT;
	struct etcd_downgrade d;
	struct err e = ERR_INIT;

	put(&cluster, "downgrade", json);
	put(&meta, "storageVersion", storage_version);
	CHECK_OK(etcd_downgrade_read(&cluster, &meta, &d, &e), &e);
	return d;
}

TEST(downgrade__is_found_with_the_oldest_etcd_that_starts)
{
	static const struct {
		const char *target, *storage;
		unsigned long oldest;
	} v[] = {
		{ "3.4.0", NULL, 3004 },
		/* 3.5 does not look, 3.6 does. */
		{ "3.5.0", "3.6.0", 3005 },
		{ "3.6.0", "3.7.0", 3007 },
		{ "3.6.0", "3.6.0", 3006 },
		{ "3.6.0", "nonsense", 3006 },
	};
	char json[128];
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		(void)snprintf(json, sizeof(json),
		    "{\"target-version\":\"%s\",\"enabled\":true}",
		    v[i].target);
		const struct etcd_downgrade d = find(json, v[i].storage);

		CHECK_STR(d.target, v[i].target);
		CHECK(d.oldest == v[i].oldest);
	}
}

TEST(downgrade__is_none_where_etcd_would_find_none_or_not_start)
{
	static const char too_long[] =
	    "{\"enabled\":true,"
	    "\"target-version\":\"3.5.000000000000000000000000000000\"}";
	static const char *const none[] = { NULL, "", "{}", OFF, "null",
		"[\"3.5.0\", true]",
		"{\"target-version\":\"3.5.0\",\"enabled\":false}",
		"{\"target-version\":\"\",\"enabled\":true}",
		"{\"target-version\":\"3.5\",\"enabled\":true}",
		"{\"target-version\":\".3.5.0\",\"enabled\":true}",
		"{\"target-version\":\"3..0\",\"enabled\":true}",
		"{\"target-version\":\"3.5.0.\",\"enabled\":true}",
		"{\"target-version\":\"3.1000.0\",\"enabled\":true}",
		"{\"target-version\":\"3.5.0\"}",
		"{\"target-version\":35,\"enabled\":true}",
		"{\"target-version\":\"3.5.0\",\"enabled\":true", too_long };
	size_t i;

	for (i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		CHECK_STR(find(none[i], "3.6.0").target, "");
}

TEST(downgrade__ends_where_it_was_going_to)
{
	static const struct {
		const char *was, *is;
	} v[] = { { "3.6.0", "3.5.0" }, { "3.5.0", "3.5.0" },
		{ "3.4.0", "3.4.0" }, { "nonsense", "nonsense" } };
	const struct etcd_downgrade d = { .target = "3.5.0", .oldest = 3005 };
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(v) / sizeof(v[0]); i++) {
		CLEANUP(etcd_bucket_clear)
		struct etcd_bucket b = ETCD_BUCKET_INIT;

		put(&b, "clusterVersion", v[i].was);
		put(&b, "downgrade", "whatever");
		CHECK_OK(etcd_downgrade_end(&d, &b, &e), &e);
		CHECK(has(&b, "clusterVersion", v[i].is));
		CHECK(has(&b, "downgrade", OFF));
		CHECK(b.n == 2);
	}
}

TEST(downgrade__that_is_none_changes_nothing)
{
	CLEANUP(etcd_bucket_clear) struct etcd_bucket b = ETCD_BUCKET_INIT;
	const struct etcd_downgrade none = { "", 0 };
	struct err e = ERR_INIT;

	put(&b, "clusterVersion", "3.6.0");
	put(&b, "downgrade", "of another kind");
	CHECK_OK(etcd_downgrade_end(&none, &b, &e), &e);
	CHECK(has(&b, "clusterVersion", "3.6.0"));
	CHECK(has(&b, "downgrade", "of another kind") && b.n == 2);
}

TEST(downgrade__survives_running_out_of_memory_anywhere)
{
	CLEANUP(etcd_bucket_clear)
	struct etcd_bucket cluster = ETCD_BUCKET_INIT;
	static const struct etcd_bucket meta = ETCD_BUCKET_INIT;
	struct etcd_downgrade d = { "", 0 };
	struct err e = ERR_INIT;
	int rc = 0;

	put(&cluster, "clusterVersion", "3.6.0");
	put(&cluster, "downgrade",
	    "{\"target-version\":\"3.5.0\",\"enabled\":true}");
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if ((rc = etcd_downgrade_read(&cluster, &meta, &d, &e)) == 0)
			rc = etcd_downgrade_end(&d, &cluster, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
	CHECK(has(&cluster, "clusterVersion", "3.5.0"));
}
