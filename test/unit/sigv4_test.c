#include <string.h>

#include "base/buf.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "net/sigv4.h"
#include "test.h"

/*
 * The signatures that Amazon publishes: the cases of its Signature Version 4
 * test suite, and the examples of the S3 API reference, "Signature
 * Calculations for the Authorization Header".
 */

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define MAX 8

struct vector {
	const char *name;
	const char *method;
	const char *path; /* Before it is encoded. */
	struct sigv4_param query[MAX];
	struct http_header headers[MAX];
	const char *body;
	const char *names;
	const char *signature;
};

/* In the suite each request has these two besides. */
#define SUITE_HOST                                                             \
	{                                                                      \
		"Host", "example.amazonaws.com"                                \
	}
#define SUITE_DATE                                                             \
	{                                                                      \
		"X-Amz-Date", "20150830T123600Z"                               \
	}
#define UNRESERVED                                                             \
	"-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

static const struct vector suite[] = {
	{ "get-vanilla", "GET", "/", { { 0 } }, { SUITE_HOST, SUITE_DATE }, "",
	    "host;x-amz-date",
	    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31" },
	{ "get-vanilla-query-order-key-case", "GET", "/",
	    { { "Param2", "value2" }, { "Param1", "value1" } },
	    { SUITE_HOST, SUITE_DATE }, "", "host;x-amz-date",
	    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500" },
	{ "get-vanilla-query-order-encoded", "GET", "/",
	    { { "Param-3", "Value3" }, { "Param", "Value2" },
		{ "\xe1\x88\xb4", "Value1" } },
	    { SUITE_HOST, SUITE_DATE }, "", "host;x-amz-date",
	    "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac" },
	{ "get-vanilla-empty-query-key", "GET", "/", { { "Param1", "value1" } },
	    { SUITE_HOST, SUITE_DATE }, "", "host;x-amz-date",
	    "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb" },
	{ "get-vanilla-utf8-query", "GET", "/", { { "\xe1\x88\xb4", "bar" } },
	    { SUITE_HOST, SUITE_DATE }, "", "host;x-amz-date",
	    "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04" },
	{ "get-utf8", "GET", "/\xe1\x88\xb4", { { 0 } },
	    { SUITE_HOST, SUITE_DATE }, "", "host;x-amz-date",
	    "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85" },
	{ "get-space", "GET", "/example space/", { { 0 } },
	    { SUITE_HOST, SUITE_DATE }, "", "host;x-amz-date",
	    "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741" },
	{ "get-unreserved", "GET", "/" UNRESERVED, { { 0 } },
	    { SUITE_HOST, SUITE_DATE }, "", "host;x-amz-date",
	    "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f" },
	{ "get-header-value-trim", "GET", "/", { { 0 } },
	    { SUITE_DATE, { "My-Header1", " value1" },
		{ "My-Header2", " \"a   b   c\"" }, SUITE_HOST },
	    "", "host;my-header1;my-header2;x-amz-date",
	    "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736" },
	{ "get-header-value-order", "GET", "/", { { 0 } },
	    { SUITE_HOST, { "My-Header1", "value4" },
		{ "My-Header1", "value1" }, { "My-Header1", "value3" },
		{ "My-Header1", "value2" }, SUITE_DATE },
	    "", "host;my-header1;x-amz-date",
	    "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01" },
	{ "get-header-key-duplicate", "GET", "/", { { 0 } },
	    { SUITE_HOST, { "My-Header1", "value2" },
		{ "My-Header1", "value2" }, { "My-Header1", "value1" },
		SUITE_DATE },
	    "", "host;my-header1;x-amz-date",
	    "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea" },
	{ "post-vanilla-query", "POST", "/", { { "Param1", "value1" } },
	    { SUITE_HOST, SUITE_DATE }, "", "host;x-amz-date",
	    "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11" },
	{ "post-x-www-form-urlencoded", "POST", "/", { { 0 } },
	    { { "Content-Type", "application/x-www-form-urlencoded" },
		SUITE_HOST, SUITE_DATE },
	    "Param1=value1", "content-type;host;x-amz-date",
	    "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a" },
	{ "post-sts-header-before", "GET", "/", { { 0 } },
	    { SUITE_HOST, SUITE_DATE,
		{ "X-Amz-Security-Token",
		    "6e86291e8372ff2a2260956d9b8aae1d"
		    "763fbf315fa00fa31553b73ebf194267" } },
	    "", "host;x-amz-date;x-amz-security-token",
	    "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8" },
};

#define S3_HOST                                                                \
	{                                                                      \
		"host", "examplebucket.s3.amazonaws.com"                       \
	}
#define S3_DATE                                                                \
	{                                                                      \
		"x-amz-date", "20130524T000000Z"                               \
	}
#define EMPTY                                                                  \
	{                                                                      \
		"x-amz-content-sha256", "e3b0c44298fc1c149afbf4c8996fb924"     \
					"27ae41e4649b934ca495991b7852b855"     \
	}

static const struct vector s3[] = {
	{ "GET Object", "GET", "/test.txt", { { 0 } },
	    { S3_HOST, { "range", "bytes=0-9" }, EMPTY, S3_DATE }, "",
	    "host;range;x-amz-content-sha256;x-amz-date",
	    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41" },
	{ "PUT Object", "PUT", "/test$file.text", { { 0 } },
	    { S3_HOST, { "date", "Fri, 24 May 2013 00:00:00 GMT" },
		{ "x-amz-content-sha256", "44ce7dd67c959e0d3524ffac1771dfbb"
					  "a87d2b6b4b4e99e42034a8b803f8b072" },
		S3_DATE, { "x-amz-storage-class", "REDUCED_REDUNDANCY" } },
	    "Welcome to Amazon S3.",
	    "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
	    "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd" },
	{ "GET Bucket Lifecycle", "GET", "/", { { "lifecycle", "" } },
	    { S3_HOST, EMPTY, S3_DATE }, "",
	    "host;x-amz-content-sha256;x-amz-date",
	    "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543" },
	{ "GET Bucket (List Objects)", "GET", "/",
	    { { "prefix", "J" }, { "max-keys", "2" } },
	    { S3_HOST, EMPTY, S3_DATE }, "",
	    "host;x-amz-content-sha256;x-amz-date",
	    "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7" },
};

static void
check_vector(const struct vector *v, struct sigv4_request *r,
    const char *secret, const char *scope)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	CLEANUP(freep_buf) struct buf path = BUF_INIT;
	CLEANUP(freep_buf) struct buf query = BUF_INIT;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	char payload[2 * SHA256_LEN + 1], want[512];
	struct err e = ERR_INIT;
	uint8_t sum[SHA256_LEN];
	size_t nquery = 0;

	printf("# %s\n", v->name);
	while (nquery < MAX && v->query[nquery].name != NULL)
		nquery++;
	while (r->nheaders < MAX && v->headers[r->nheaders].name != NULL)
		r->nheaders++;
	CHECK_OK(secret_copy(secret, strlen(secret), &key, &e), &e);
	CHECK_OK(sigv4_encode(&path, v->path, true, &e), &e);
	CHECK_OK(sigv4_query(&query, v->query, nquery, &e), &e);
	CHECK_OK(sha256_of(v->body, strlen(v->body), sum, &e), &e);
	r->method = v->method;
	r->path = (const char *)path.p;
	r->query = (const char *)query.p;
	r->headers = v->headers;
	r->payload = str_hex(payload, sum, sizeof(sum));
	r->region = "us-east-1";
	r->secret_key = key;
	CHECK_OK(sigv4_sign(r, &got, &e), &e);
	(void)snprintf(want, sizeof(want),
	    "AWS4-HMAC-SHA256 Credential=%s/%s/aws4_request, "
	    "SignedHeaders=%s, Signature=%s",
	    r->access_key, scope, v->names, v->signature);
	CHECK_STR((const char *)got.p, want);
}

TEST(sigv4__signs_amazons_test_suite)
{
	size_t i;

	for (i = 0; i < COUNT(suite); i++)
		check_vector(&suite[i],
		    &(struct sigv4_request){ .date = "20150830T123600Z",
			.service = "service",
			.access_key = "AKIDEXAMPLE" },
		    "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
		    "20150830/us-east-1/service");
}

TEST(sigv4__signs_the_examples_of_the_s3_reference)
{
	size_t i;

	for (i = 0; i < COUNT(s3); i++)
		check_vector(&s3[i],
		    &(struct sigv4_request){ .date = "20130524T000000Z",
			.service = "s3",
			.access_key = "AKIAIOSFODNN7EXAMPLE" },
		    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
		    "20130524/us-east-1/s3");
}

TEST(sigv4__encodes_all_but_the_unreserved)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(sigv4_encode(&b, "a/b c+d=%~", false, &e), &e);
	CHECK_STR((const char *)b.p, "a%2Fb%20c%2Bd%3D%25~");
	b.len = 0;
	CHECK_OK(sigv4_encode(&b, "a/\xc3\xa4", true, &e), &e);
	CHECK_STR((const char *)b.p, "a/%C3%A4");
}

TEST(sigv4__sorts_a_name_before_a_longer_one)
{
	static const struct sigv4_param params[] = { { "a-b", "1" },
		{ "a", "2" }, { "a", "1" } };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(sigv4_query(&b, params, 3, &e), &e);
	CHECK_STR((const char *)b.p, "a=1&a=2&a-b=1");
}

TEST(sigv4__leaves_its_output_alone_when_memory_runs_out)
{
	static const struct sigv4_param params[] = { { "a", "1" },
		{ "b", "x y" } };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	int rc = -1;

	CHECK_OK(buf_add(&b, "?", 2, &e), &e);
	b.len = 1;
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = sigv4_query(&b, params, 2, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && b.len == 1);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
	CHECK_STR((const char *)b.p, "?a=1&b=x%20y");
}
