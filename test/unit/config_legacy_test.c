#include "config/config_legacy.h"
#include "test.h"

/* Every key that the tool knows. */
static const char whole[] = "etcd_client:\n"
			    "  endpoints:\n"
			    "    - 10.0.0.1:2379\n"
			    "    - http://10.0.0.2:2379\n"
			    "  connection_timeout: 1m\n"
			    "  request_timeout: 1.5h\n"
			    "  retries: 10\n"
			    "  auth:\n"
			    "    ca_cert: ca.pem\n"
			    "    password_auth: password.yml\n"
			    "    client_cert: cert.pem\n"
			    "    client_key: key.pem\n"
			    "snapshot_path: /tmp/snapshot\n"
			    "encryption_key_path: master.key\n"
			    "s3_client:\n"
			    "  objects_prefix: prod/etcd\n"
			    "  endpoint: s3.example.net:443\n"
			    "  bucket: backups\n"
			    "  auth:\n"
			    "    ca_cert: s3-ca.pem\n"
			    "    key_auth: auth.yml\n"
			    "  region: eu-west-3\n"
			    "  connection_timeout: 30s\n"
			    "  request_timeout: 2m\n"
			    "log_level: debug\n";

static int
parse(const char *text, struct config_legacy **ret, struct err *err)
{
	return config_legacy_parse("config.yml", text, strlen(text), ret, err);
}

TEST(legacy_config__knows_every_key)
{
	CLEANUP(freep_config_legacy) struct config_legacy *c = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(parse(whole, &c, &e), &e);
	CHECK(c->nendpoints == 2 && c->retries == 10);
	CHECK_STR(c->endpoints[0], "10.0.0.1:2379");
	CHECK_STR(c->endpoints[1], "http://10.0.0.2:2379");
	CHECK(c->etcd_connect_ms == 60000 && c->etcd_request_ms == 5400000);
	CHECK(c->s3_connect_ms == 30000 && c->s3_request_ms == 120000);
	CHECK_STR(c->etcd_ca, "ca.pem");
	CHECK_STR(c->etcd_password_auth, "password.yml");
	CHECK_STR(c->etcd_cert, "cert.pem");
	CHECK_STR(c->etcd_key, "key.pem");
	CHECK_STR(c->snapshot_path, "/tmp/snapshot");
	CHECK_STR(c->encryption_key_path, "master.key");
	CHECK_STR(c->prefix, "prod/etcd");
	CHECK_STR(c->endpoint, "s3.example.net:443");
	CHECK_STR(c->bucket, "backups");
	CHECK_STR(c->s3_ca, "s3-ca.pem");
	CHECK_STR(c->s3_key_auth, "auth.yml");
	CHECK_STR(c->region, "eu-west-3");
	CHECK_STR(c->log_level, "debug");
}

/* B12: certificates had to exist even where nothing used them. */
TEST(B12__what_is_not_given_is_not_needed)
{
	CLEANUP(freep_config_legacy) struct config_legacy *c = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(parse("etcd_client:\n"
		       "  auth:\n"
		       "    ca_cert: \"\"\n"
		       "    client_cert:\n"
		       "s3_client: { bucket: b }\n",
		     &c, &e),
	    &e);
	CHECK(c->etcd_ca == NULL && c->etcd_cert == NULL);
	CHECK(c->encryption_key_path == NULL && c->retries == 0);
	CHECK_STR(c->prefix, "backup");
	CHECK_FAIL(config_legacy_need(c, c->endpoint, "s3_client.endpoint", &e),
	    &e, HF_ECONFIG);
	CHECK_STR(e.msg, "config.yml: there is no 's3_client.endpoint'");
	CHECK_OK(config_legacy_need(c, c->bucket, "s3_client.bucket", &e), &e);
}

TEST(legacy_config__refuses_what_it_does_not_know_with_its_line)
{
	static const char *const bad[][2] = {
		{ "s3_client:\n  buckt: x\n", "config.yml:2:" },
		{ "a: b\n", "config.yml:1:" },
		{ "s3_client:\n  bucket: [a]\n", "config.yml:2:" },
		{ "s3_client: x\n", "config.yml:1:" },
		{ "s3_client: [x]\n", "config.yml:1:" },
		{ "etcd_client:\n  endpoints: a:1\n", "config.yml:2:" },
		{ "etcd_client:\n  endpoints: [a, {}]\n", "config.yml:2:" },
		{ "etcd_client:\n  retries: -1\n", "config.yml: 'etcd_cl" },
		{ "etcd_client:\n  retries: 1x\n", "config.yml: 'etcd_cl" },
		{ "etcd_client:\n  retries: 1001\n", "config.yml: 'etcd_cl" },
		{ "s3_client:\n  request_timeout: 1\n", "config.yml: 's3_cl" },
		{ "s3_client:\n  bucket: a\n  bucket: b\n", "config.yml:3:" },
		{ "s3_client.bucket: b\n", "config.yml:1:" },
		{ "- a\n", "config.yml:1:" },
		{ "a\n", "config.yml:1:" },
		{ "s3_client: {bucket: &x a, region: *x}\n", "config.yml:1:" },
	};
	struct config_legacy *c = NULL;
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(parse(bad[i][0], &c, &e), &e, HF_ECONFIG);
		CHECK(c == NULL);
		if (strncmp(e.msg, bad[i][1], strlen(bad[i][1])) != 0)
			CHECK_STR(e.msg, bad[i][1]);
	}
	CHECK_FAIL(parse("s3_client:\n  buckt: x\n", &c, &e), &e, HF_ECONFIG);
	CHECK_STR(e.hint, "did you mean 's3_client.bucket'?");
}

/* B2: "15d", "10w" and "1y", which its manual shows, were refused. */
TEST(B2__durations_are_the_manuals_and_gos)
{
	static const struct {
		const char *text;
		int64_t ms;
	} good[] = { { "15d", INT64_C(15) * 86400000 },
		{ "10w", INT64_C(70) * 86400000 },
		{ "1y", INT64_C(365) * 86400000 }, { "0", 0 }, { "0s", 0 },
		{ "1h30m", 5400000 }, { "1.5h", 5400000 }, { "300ms", 300 },
		{ ".5s", 500 }, { "1m", 60000 }, { "100ns", 1 },
		{ "5\302\265s", 1 }, { "2500us", 3 }, { "1d12h", 129600000 } };
	static const char *const bad[] = { "", "1", "d", "1x", "-1h", "1h ",
		" 1h", "1h-", ".", ".s", "1..5s", "99999999y", "1e3s", "inf",
		"nan", "0x1s" };
	struct err e = ERR_INIT;
	int64_t ms;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CHECK_OK(config_legacy_duration(good[i].text, &ms, &e), &e);
		CHECK(ms == good[i].ms);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_FAIL(
		    config_legacy_duration(bad[i], &ms, &e), &e, HF_EUSAGE);
}

TEST(legacy_config__survives_running_out_of_memory)
{
	struct err e = ERR_INIT;
	bool failed;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_config_legacy) struct config_legacy *c = NULL;

		test_malloc_fail(n);
		rc = parse(whole, &c, &e);
		failed = test_malloc_failed();
		test_malloc_fail(0);
		CHECK(rc == 0 || (failed && rc == -HF_ENOMEM));
		CHECK((rc == 0) == (c != NULL));
		if (!failed)
			break;
	}
}
