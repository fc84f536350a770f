#include "etcd/etcd_conn.h"
#include "test.h"

static void
check(const char *text, const char *want)
{
	CLEANUP(freep_mem) char *url = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_endpoint_parse(text, &url, &e), &e);
	CHECK_STR(url, want);
}

TEST(endpoint__is_https_and_2379_unless_told)
{
	check("https://a.example:2379", "https://a.example:2379");
	check("http://127.0.0.1:4001", "http://127.0.0.1:4001");
	check("10.0.0.1:2379", "https://10.0.0.1:2379");
	check("node-1", "https://node-1:2379");
	check("http://node_1", "http://node_1:2379");
	check("https://a:1/", "https://a:1");
	check("https://a/", "https://a:2379");
	check("[::1]:2379", "https://[::1]:2379");
	check("http://[fe80::1]", "http://[fe80::1]:2379");
}

TEST(endpoint__refuses_everything_else)
{
	static const char *const bad[] = { "", "https://", "ftp://a:1", "a:0",
		"a:65536", "a:123456789", "a:", "a:2379/v3", "a b:2379",
		"https://a:2379?x", "unix:///x", "[::1", "[]:1", "::1",
		"a:1\r\nx" };
	CLEANUP(freep_mem) char *url = NULL;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(
		    etcd_endpoint_parse(bad[i], &url, &e), &e, HF_ECONFIG);
		CHECK(url == NULL && e.hint[0] != '\0');
	}
}

TEST(endpoint__never_shows_a_password_that_was_put_into_it)
{
	CLEANUP(freep_mem) char *url = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(etcd_endpoint_parse("https://root:geheim@a:1", &url, &e), &e,
	    HF_ECONFIG);
	CHECK(strstr(e.msg, "geheim") == NULL);
	CHECK(strstr(e.hint, "'password'") != NULL);
}
