#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/params.h"
#include "base/time.h"
#include "fake/fake_http.h"
#include "store/s3/store_s3.h"
#include "store/s3/store_s3_call.h"
#include "store/store.h"
#include "test.h"

/*
 * What the driver does when a server misbehaves.  That a real one accepts
 * what it sends is proven in test/scenario.
 */

#define OK(headers, body_len, body)                                            \
	"HTTP/1.1 200 OK\r\nDate: @DATE@\r\n" headers                          \
	"Content-Length: " body_len "\r\n\r\n" body
#define STATUS(status) "HTTP/1.1 " status "\r\nContent-Length: 0\r\n\r\n"
#define STORED OK("ETag: \"5d41402abc4b2a76b9719d911017c592\"\r\n", "0", "")
#define SLOW_DOWN STATUS("503 Slow Down")

/* A secret that must never come to light, and what the server makes of it. */
#define MARKER "mArKeRsEcReT0123"

static const struct store_blob hello = { .p = (const uint8_t *)"hello",
	.len = 5 };

struct rig {
	struct fake_http *server;
	struct store *store;
};

static void
freep_rig(struct rig *r)
{
	store_free(r->store);
	fake_http_free(r->server);
}

static void
start_with(struct rig *r, const char *const *answers, const char *option,
    const char *value)
{
	CLEANUP(freep_params) struct params *p = NULL;
	struct err e = ERR_INIT;

	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDFAKE", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", MARKER, 1);
	(void)setenv("AWS_SESSION_TOKEN", MARKER "token", 1);
	(void)setenv("no_proxy", "*", 1);
	r->server = fake_http_new(answers);
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_add(p, "url", "s3://bucket/pre", &e), &e);
	CHECK_OK(params_add(p, "endpoint", fake_http_url(r->server), &e), &e);
	if (option != NULL)
		CHECK_OK(params_add(p, option, value, &e), &e);
	CHECK_OK(
	    store_s3_driver.open(p, STORE_READ | STORE_WRITE, &r->store, &e),
	    &e);
	/* Wait as little as may be between tries. */
	((struct s3 *)r->store)->retry.base_ms = 1;
	((struct s3 *)r->store)->retry.cap_ms = 1;
}

static void
start(struct rig *r, const char *const *answers)
{
	start_with(r, answers, NULL, NULL);
}

static bool
sent(struct rig *r, size_t i, const char *what)
{
	const char *head = fake_http_request(r->server, i);

	return head != NULL && strstr(head, what) != NULL;
}

static bool
has_marker(const struct err *e)
{
	return strstr(e->msg, MARKER) != NULL ||
	       strstr(e->hint, MARKER) != NULL;
}

TEST(put__signs_the_hash_and_asks_for_create_only)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ STORED, NULL });
	CHECK_OK(store_put(r.store, "a/b", &hello, &e), &e);
	CHECK(sent(&r, 0, "PUT /bucket/pre/a/b HTTP/1.1\r\n"));
	CHECK(sent(&r, 0, "\r\nIf-None-Match: *\r\n"));
	CHECK(sent(&r, 0,
	    "\r\nx-amz-content-sha256: 2cf24dba5fb0a30e26e83b2ac5b9e29e"
	    "1b161e5c1fa7425e73043362938b9824\r\n"));
	CHECK(sent(&r, 0,
	    "\r\nx-amz-checksum-sha256: "
	    "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ=\r\n"));
	CHECK(sent(&r, 0, "\r\nx-amz-security-token: " MARKER "token\r\n"));
	CHECK(sent(&r, 0, "\r\nContent-Length: 5\r\n"));
	CHECK(!sent(&r, 0, "Expect:") && !sent(&r, 0, "Accept"));
}

TEST(put__comes_back_after_a_hang_up_and_503)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ FAKE_HANG_UP, STATUS("404 Not Found"),
		      SLOW_DOWN, STORED, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK(sent(&r, 1, "HEAD ") && sent(&r, 2, "PUT "));
	CHECK(sent(&r, 3, "PUT "));
}

TEST(put__gives_up_in_the_end_and_says_how_often_it_tried)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(
	    &r, (const char *const[]){ SLOW_DOWN, SLOW_DOWN, SLOW_DOWN,
		    SLOW_DOWN, SLOW_DOWN, SLOW_DOWN, SLOW_DOWN, STORED, NULL });
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "gave up after 7 tries") != NULL);
	CHECK(e.retry && fake_http_request(r.server, 7) == NULL);
}

TEST(put__takes_an_error_in_a_200_for_what_it_is)
{
	static const char error[] = OK(
	    "", "@LEN@", "<Error><Code>InternalError</Code><Message/></Error>");
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ error, STORED, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK(fake_http_request(r.server, 1) != NULL);
}

/* What lies there: our object, another's, and one that has no mark at all. */
#define HEAD_OF(more)                                                              \
	"HTTP/1.1 200 OK\r\nLast-Modified: Fri, 20 Nov 2026 10:00:00 GMT\r\n" more \
	"Content-Length: 5\r\n\r\n"
#define OURS HEAD_OF("@SENT:" S3_MARK_HEADER "@\r\n")
#define ANOTHERS                                                               \
	HEAD_OF(S3_MARK_HEADER ": 00000000000000000000000000000000\r\n")
#define UNMARKED HEAD_OF("ETag: \"5d41402abc4b2a76b9719d911017c592\"\r\n")
#define TAKEN STATUS("412 Precondition Failed")

/*
 * The second put goes over the connection that the first has left open; it is
 * carried out, and then the connection dies.  libcurl sends it again and tells
 * nobody.
 */
TEST(put__that_libcurl_repeats_in_silence_finds_its_own_object)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r,
	    (const char *const[]){ STORED, FAKE_HANG_UP, TAKEN, OURS, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK_OK(store_put(r.store, "b", &hello, &e), &e);
	CHECK(sent(&r, 1, "PUT /bucket/pre/b ") &&
	      strcmp(fake_http_request(r.server, 1),
		  fake_http_request(r.server, 2)) == 0);
	CHECK(sent(&r, 3, "HEAD /bucket/pre/b "));
}

TEST(put__whose_answer_was_lost_looks_before_it_sends_it_again)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ FAKE_HANG_UP, OURS, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK(sent(&r, 1, "HEAD /bucket/pre/a "));
	CHECK(fake_http_request(r.server, 2) == NULL);
}

TEST(put__whose_answer_was_lost_finds_its_own_object)
{
	static const char *const refused[] = { TAKEN, STATUS("409 Conflict") };
	size_t i;

	for (i = 0; i < 2; i++) {
		CLEANUP(freep_rig) struct rig r = { NULL, NULL };
		struct err e = ERR_INIT;

		start(&r,
		    (const char *const[]){ STATUS("500 Internal Server Error"),
			refused[i], OURS, NULL });
		CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
		CHECK(sent(&r, 2, "HEAD /bucket/pre/a "));
	}
}

/* A host that may only put: the server's word is all it has. */
TEST(put__whose_answer_was_lost_is_sent_again_where_it_may_not_look)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ FAKE_HANG_UP, STATUS("403 Forbidden"),
		      STATUS("403 Forbidden"), STORED, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK(sent(&r, 3, "PUT /bucket/pre/a "));
}

/*
 * It was carried out, and what is sent again is refused before its end: who
 * may not look hears that only if he waits with the body.
 */
TEST(put__that_is_refused_before_its_end_is_heard_where_it_may_not_look)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ FAKE_HANG_UP, STATUS("403 Forbidden"),
		      STATUS("403 Forbidden"), FAKE_BY_HEAD TAKEN,
		      STATUS("403 Forbidden"), STATUS("403 Forbidden"), NULL });
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_EEXISTS);
	CHECK(strstr(e.msg, "may not look") != NULL);
	CHECK(!sent(&r, 0, "Expect:"));
	CHECK(sent(&r, 3, "PUT /bucket/pre/a ") &&
	      sent(&r, 3, "\r\nExpect: 100-continue\r\n"));
}

/* A server that does not keep to it: all that is known is said. */
TEST(put__without_any_answer_says_why_nothing_can_be_known)
{
	static const char no[] = STATUS("403 Forbidden");
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){
		      FAKE_HANG_UP, no, no, FAKE_HANG_UP, no, no, NULL });
	((struct s3 *)r.store)->retry.tries = 2;
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "gave up after 2 tries") != NULL);
	CHECK(strstr(e.hint, "may be stored all the same") != NULL);
}

TEST(put__without_conditions_finds_its_own_object_before_it_sends_it_again)
{
	static const char unknown[] =
	    "HTTP/1.1 501 Not Implemented\r\nContent-Length: @LEN@\r\n\r\n"
	    "<Error><Code>NotImplemented</Code></Error>";
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(
	    &r, (const char *const[]){ unknown, unknown, unknown, OURS, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK(sent(&r, 3, "HEAD /bucket/pre/a "));
	CHECK(fake_http_request(r.server, 4) == NULL);
}

/* Nor the same bytes: another writer who believes that they are his. */
TEST(put__whose_answer_was_lost_does_not_take_anothers_object_for_its_own)
{
	static const char *const there[] = { ANOTHERS, UNMARKED };
	size_t i;

	for (i = 0; i < 2; i++) {
		CLEANUP(freep_rig) struct rig r = { NULL, NULL };
		struct err e = ERR_INIT;

		start(&r, (const char *const[]){
			      FAKE_HANG_UP, TAKEN, there[i], NULL });
		CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_EEXISTS);
	}
}

TEST(put__marks_each_object_with_a_mark_of_its_own)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	const char *a, *b;
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ STORED, STORED, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK_OK(store_put(r.store, "b", &hello, &e), &e);
	a = strstr(fake_http_request(r.server, 0), S3_MARK_HEADER ": ");
	b = strstr(fake_http_request(r.server, 1), S3_MARK_HEADER ": ");
	CHECK(a != NULL && b != NULL);
	CHECK(strcspn(a, "\r") == sizeof(S3_MARK_HEADER) + 1 + S3_MARK_LEN);
	CHECK(strncmp(a, b, strcspn(a, "\r")) != 0);
}

TEST(put__says_that_it_cannot_tell_when_it_may_not_look)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ TAKEN, STATUS("403 Forbidden"),
		      STATUS("403 Forbidden"), NULL });
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_EEXISTS);
	CHECK(strstr(e.msg, "may not look") != NULL);
}

/* The name is taken, says the server, and that nothing is there. */
TEST(put__does_not_believe_a_server_that_contradicts_itself)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(
	    &r, (const char *const[]){ TAKEN, STATUS("404 Not Found"), NULL });
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_EUNAVAIL);
}

TEST(put__leaves_away_what_the_server_does_not_know_and_remembers_it)
{
	static const char refused[] =
	    "HTTP/1.1 400 Bad Request\r\nContent-Length: @LEN@\r\n\r\n"
	    "<Error><Code>InvalidArgument</Code></Error>";
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ refused, STORED, STORED, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK_OK(store_put(r.store, "b", &hello, &e), &e);
	CHECK(sent(&r, 0, "x-amz-checksum-sha256:"));
	CHECK(sent(&r, 1, "\r\nContent-MD5: XUFAKrxLKna5cZ2REBfFkg==\r\n"));
	CHECK(sent(&r, 2, "Content-MD5:") && sent(&r, 2, "PUT /bucket/pre/b"));
	CHECK(!sent(&r, 1, "x-amz-checksum") && sent(&r, 1, "If-None-Match"));
}

TEST(put__looks_first_where_the_server_knows_no_condition)
{
	static const char unknown[] =
	    "HTTP/1.1 501 Not Implemented\r\nContent-Length: @LEN@\r\n\r\n"
	    "<Error><Code>NotImplemented</Code></Error>";
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ unknown, unknown, unknown,
		      STATUS("404 Not Found"), STORED,
		      HEAD_OF("ETag: \"5d41402abc4b2a76b9719d911017c592\"\r\n"),
		      NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK(sent(&r, 3, "HEAD ") && sent(&r, 4, "PUT "));
	CHECK(!sent(&r, 4, "If-None-Match"));
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_EEXISTS);
	CHECK(sent(&r, 5, "HEAD ") && fake_http_request(r.server, 6) == NULL);
}

TEST(get__asks_again_for_a_body_that_was_cut)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){
		      OK("", "5", "hel"), OK("", "5", "hello"), NULL });
	CHECK_OK(store_get(r.store, "a", 100, &b, &e), &e);
	CHECK(b.len == 5 && memcmp(b.p, "hello", 5) == 0);
}

TEST(get__does_not_take_another_range_for_the_one_it_asked_for)
{
	static const char other[] =
	    "HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/5\r\n"
	    "Content-Length: 2\r\n\r\nhe";
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ other, OK("", "2", "he"), NULL });
	CHECK_FAIL(
	    store_get_range(r.store, "a", 3, 2, &b, &e), &e, HF_EUNAVAIL);
	CHECK_FAIL(
	    store_get_range(r.store, "a", 3, 2, &b, &e), &e, HF_EUNAVAIL);
	CHECK(b.len == 0);
}

TEST(request__follows_the_bucket_to_its_region)
{
	static const char elsewhere[] =
	    "HTTP/1.1 400 Bad Request\r\nContent-Length: @LEN@\r\n\r\n"
	    "<Error><Code>AuthorizationHeaderMalformed</Code>"
	    "<Region>eu-west-3</Region></Error>";
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ elsewhere, STORED, STORED, NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK_OK(store_put(r.store, "b", &hello, &e), &e);
	CHECK(sent(&r, 0, "/us-east-1/s3/aws4_request"));
	CHECK(sent(&r, 1, "/eu-west-3/s3/aws4_request"));
	CHECK(sent(&r, 2, "/eu-west-3/s3/aws4_request"));
}

TEST(request__does_not_run_from_region_to_region)
{
	static const char a[] =
	    "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-1\r\n"
	    "Content-Length: 0\r\n\r\n";
	static const char b[] =
	    "HTTP/1.1 301 Moved\r\nx-amz-bucket-region: eu-west-2\r\n"
	    "Content-Length: 0\r\n\r\n";
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ a, b, a, b, NULL });
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.hint, "region") != NULL);
	CHECK(fake_http_request(r.server, 2) == NULL);
}

#define SKEWED(date)                                                           \
	"HTTP/1.1 403 Forbidden\r\n" date "Content-Length: @LEN@\r\n\r\n"      \
	"<Error><Code>RequestTimeTooSkewed</Code></Error>"

TEST(request__signs_by_the_servers_clock_once_ours_is_refused)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	const int64_t began = time_now_ms();
	struct err e = ERR_INIT;
	int64_t ms = 0;

	start(&r, (const char *const[]){
		      SKEWED("Date: Fri, 24 May 2013 00:00:00 GMT\r\n"), STORED,
		      NULL });
	CHECK_OK(store_put(r.store, "a", &hello, &e), &e);
	CHECK(sent(&r, 1, "\r\nx-amz-date: 20130524T00000"));
	/* The second answer had our own date, to the second. */
	CHECK_OK(store_now(r.store, &ms, &e), &e);
	CHECK(ms > began - 1000 && ms < time_now_ms() + 1000);
}

TEST(request__says_how_far_the_clocks_are_apart_when_that_does_not_help)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(
	    &r, (const char *const[]){
		    SKEWED("Date: Fri, 24 May 2013 00:00:00 GMT\r\n"),
		    SKEWED("Date: Fri, 24 May 2013 00:00:00 GMT\r\n"), NULL });
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_ECLOCK);
	CHECK(strstr(e.msg, "ahead of the server's") != NULL);
	CHECK(strstr(e.hint, "clock") != NULL);
}

TEST(now__wants_a_date)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;
	int64_t ms = 7;

	start(&r, (const char *const[]){ STATUS("200 OK"), NULL });
	CHECK_FAIL(store_now(r.store, &ms, &e), &e, HF_ECLOCK);
	CHECK(ms == 7);
}

TEST(errors__never_repeat_a_secret_that_the_server_repeats)
{
	static const char echo[] =
	    "HTTP/1.1 403 Forbidden\r\nContent-Length: @LEN@\r\n\r\n"
	    "<Error><Code>SignatureDoesNotMatch</Code><Message>you sent " MARKER
	    " and Signature=0123456789abcdef0123456789abcdef0123456789abcdef0"
	    "123456789abcdef\n[forged] line</Message></Error>";
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ echo, NULL });
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_EDENIED);
	CHECK(!has_marker(&e));
	CHECK(strstr(e.msg, "0123456789abcdef") == NULL);
	CHECK(strchr(e.msg, '\n') == NULL);
	CHECK(strstr(e.msg, "SignatureDoesNotMatch") != NULL);
	CHECK(strstr(e.hint, "the environment") != NULL);
}

TEST(errors__name_the_bucket_that_is_missing)
{
	static const char none[] =
	    "HTTP/1.1 404 Not Found\r\nContent-Length: @LEN@\r\n\r\n"
	    "<Error><Code>NoSuchBucket</Code></Error>";
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ none, NULL });
	CHECK_FAIL(store_put(r.store, "a", &hello, &e), &e, HF_ENOTFOUND);
	CHECK(strstr(e.msg, "there is no bucket 'bucket'") != NULL);
	CHECK(e.hint[0] != '\0');
}

static int
count(void *arg, const struct store_info *info, struct err *err)
{
	(void)info, (void)err;
	++*(int *)arg;
	return 0;
}

#define PAGE(more)                                                             \
	OK("", "@LEN@",                                                        \
	    "<ListBucketResult><Contents><Key>pre/a</Key><Size>1</Size>"       \
	    "<LastModified>2026-11-20T10:00:00.000Z</LastModified>"            \
	    "</Contents>" more "</ListBucketResult>")

TEST(list__ends_when_the_server_goes_round_in_circles)
{
	static const char page[] =
	    PAGE("<IsTruncated>true</IsTruncated>"
		 "<NextContinuationToken>t</NextContinuationToken>");
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;
	int n = 0;

	start(&r, (const char *const[]){ page, page, page, NULL });
	CHECK_FAIL(store_list(r.store, "", count, &n, &e), &e, HF_ECORRUPT);
	CHECK(n == 1);
}

TEST(list__does_not_take_a_web_page_for_an_empty_bucket)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct err e = ERR_INIT;
	int n = 0;

	start(&r,
	    (const char *const[]){ OK("", "@LEN@", "<html></html>"), NULL });
	CHECK_FAIL(store_list(r.store, "", count, &n, &e), &e, HF_EUNAVAIL);
	CHECK(n == 0);
}

TEST(open__says_what_is_wrong_with_a_place)
{
	static const struct {
		const char *url, *endpoint, *says;
	} bad[] = {
		{ "s3:///x", NULL, "bucket" },
		{ "s3://UPPER", NULL, "bucket" },
		{ "s3://b_b/x", "http://h", NULL },
		{ "s3://bucket/a//b", NULL, "prefix" },
		{ "s3://bucket/../b", NULL, "prefix" },
		{ "s3://bucket", "ftp://h", "endpoint" },
		{ "s3://bucket", "https://u:p@h", "endpoint" },
		{ "s3://bucket", "h:9000", "endpoint" },
	};
	size_t i;

	(void)setenv("AWS_ACCESS_KEY_ID", "AKIDFAKE", 1);
	(void)setenv("AWS_SECRET_ACCESS_KEY", MARKER, 1);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CLEANUP(freep_params) struct params *p = NULL;
		struct store *s = NULL;
		struct err e = ERR_INIT;

		CHECK_OK(params_new(&p, &e), &e);
		CHECK_OK(params_add(p, "url", bad[i].url, &e), &e);
		if (bad[i].endpoint != NULL)
			CHECK_OK(
			    params_add(p, "endpoint", bad[i].endpoint, &e), &e);
		if (bad[i].says == NULL) {
			CHECK_OK(
			    store_s3_driver.open(p, STORE_READ, &s, &e), &e);
			store_free(s);
			continue;
		}
		CHECK_FAIL(store_s3_driver.open(p, STORE_READ, &s, &e), &e,
		    HF_ECONFIG);
		CHECK(strstr(e.msg, bad[i].says) != NULL && s == NULL);
	}
}

/* An upload of one part, up to its completion. */
#define NONE STATUS("404 Not Found")
#define BEGUN                                                                  \
	OK("", "@LEN@",                                                        \
	    "<InitiateMultipartUploadResult><UploadId>up1</UploadId>"          \
	    "</InitiateMultipartUploadResult>")
#define COMPLETED                                                              \
	OK("", "@LEN@",                                                        \
	    "<CompleteMultipartUploadResult><Key>a</Key>"                      \
	    "</CompleteMultipartUploadResult>")
#define GONE                                                                   \
	"HTTP/1.1 404 Not Found\r\nContent-Length: @LEN@\r\n\r\n"              \
	"<Error><Code>NoSuchUpload</Code></Error>"

static struct store_upload *
begun(struct rig *r)
{
	struct store_upload *u = NULL;
	struct err e = ERR_INIT;

	CHECK_OK(store_upload_new(r->store, "a", &u, &e), &e);
	CHECK_OK(store_upload_part(u, hello.p, hello.len, &e), &e);
	return u;
}

TEST(upload__names_its_parts_in_order_and_completes_on_a_condition)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){
		      NONE, BEGUN, STORED, NONE, COMPLETED, NULL });
	u = begun(&r);
	CHECK_OK(store_upload_finish(u, &e), &e);
	CHECK(sent(&r, 1, "POST /bucket/pre/a?uploads= "));
	CHECK(sent(&r, 2, "PUT /bucket/pre/a?partNumber=1&uploadId=up1 "));
	CHECK(sent(&r, 2, "Content-MD5: XUFAKrxLKna5cZ2REBfFkg=="));
	CHECK(sent(&r, 4, "POST /bucket/pre/a?uploadId=up1 "));
	CHECK(sent(&r, 4, "If-None-Match: *"));
}

/* Its completion hangs up, and the next finds the upload gone. */
static int
finish_lost(const char *there)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	struct err e = ERR_INIT;
	int rc;

	start(&r, (const char *const[]){ NONE, BEGUN, STORED, NONE,
		      FAKE_HANG_UP, GONE, there, NULL });
	u = begun(&r);
	rc = store_upload_finish(u, &e);
	CHECK(sent(&r, 6, "HEAD /bucket/pre/a "));
	return rc;
}

TEST(upload__whose_answer_was_lost_knows_its_own_object_by_its_mark)
{
	CHECK(finish_lost(OURS) == 0);
}

TEST(upload__whose_answer_was_lost_does_not_take_anothers_object_for_its_own)
{
	CHECK(finish_lost(ANOTHERS) == -HF_ENOTFOUND);
	CHECK(finish_lost(UNMARKED) == -HF_ENOTFOUND);
}

TEST(upload__that_fails_in_a_200_is_aborted)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	struct store_upload *u;
	struct err e = ERR_INIT;

	start(
	    &r, (const char *const[]){ NONE, BEGUN, STORED, NONE,
		    OK("", "@LEN@", "<Error><Code>AccessDenied</Code></Error>"),
		    STATUS("204 No Content"), NULL });
	u = begun(&r);
	CHECK_FAIL(store_upload_finish(u, &e), &e, HF_EDENIED);
	store_upload_free(u);
	CHECK(sent(&r, 5, "DELETE /bucket/pre/a?uploadId=up1 "));
}

TEST(upload__does_without_the_condition_where_a_server_does_not_know_it)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	CLEANUP(freep_store_upload) struct store_upload *u = NULL;
	struct err e = ERR_INIT;

	start(&r, (const char *const[]){ NONE, BEGUN, STORED, NONE,
		      STATUS("501 Not Implemented"), COMPLETED, NULL });
	u = begun(&r);
	CHECK_OK(store_upload_finish(u, &e), &e);
	CHECK(!sent(&r, 5, "If-None-Match"));
}

TEST(sweep__aborts_uploads_that_are_old_and_ours_page_after_page)
{
	CLEANUP(freep_rig) struct rig r = { NULL, NULL };
	CLEANUP(freep_store_eraser) struct store_eraser *er = NULL;
	struct err e = ERR_INIT;
	uint64_t n;

#define UPLOAD(key, id, at)                                                    \
	"<Upload><Key>" key "</Key><UploadId>" id "</UploadId><Initiated>" at  \
	"</Initiated></Upload>"
	start(&r,
	    (const char *const[]){
		OK("", "@LEN@",
		    "<ListMultipartUploadsResult>"
		    "<IsTruncated>true</IsTruncated>"
		    "<NextKeyMarker>pre/b-2</NextKeyMarker>"
		    "<NextUploadIdMarker>i2</NextUploadIdMarker>" UPLOAD(
			"pre/b-1", "i1",
			"2026-11-20T10:00:00.000Z") UPLOAD("else/b-2", "i2",
			"2026-11-20T10:00:00.000Z") "</ListMultipartUploadsResult>"),
		STATUS("204 No Content"),
		OK("", "@LEN@",
		    "<ListMultipartUploadsResult>" UPLOAD("pre/b-3", "i3",
			"2026-11-21T10:00:00.000Z") "</ListMultipartUploadsResult>"),
		NULL });
	CHECK_OK(store_eraser_new(r.store, &er, &e), &e);
	CHECK_OK(store_sweep(er, "b-", 1795168800000 + 1000, &n, &e), &e);
	CHECK(n == 1);
	CHECK(sent(&r, 0, "GET /bucket?encoding-type=url&prefix=pre%2Fb-&"));
	CHECK(sent(&r, 1, "DELETE /bucket/pre/b-1?uploadId=i1 "));
	CHECK(sent(&r, 2, "key-marker=pre%2Fb-2&"));
	CHECK(sent(&r, 2, "upload-id-marker=i2"));
}
