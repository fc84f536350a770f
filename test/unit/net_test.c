#include "crypto/secret.h"
#include "fake/fake_http.h"
#include "net/http.h"
#include "net/net_policy.h"
#include "net/redact.h"
#include "net/retry.h"
#include "test.h"

TEST(redact__hides_known_secrets_of_any_length)
{
	CLEANUP(freep_secret) struct secret *s = NULL;
	struct err e = ERR_INIT;
	char out[64];

	CHECK_OK(secret_copy("pw", 2, &s, &e), &e);
	redact(out, sizeof(out), "a pw and xpwx.",
	    (const struct secret *const[]){ NULL, s }, 2);
	CHECK_STR(out, "a [redacted] and x[redacted]x.");
}

TEST(redact__hides_what_looks_like_a_key_and_nothing_else)
{
	char out[128];

	redact(out, sizeof(out), "sig 0123456789abcdef0123456789abcdef end",
	    NULL, 0);
	CHECK_STR(out, "sig [redacted] end");
	redact(out, sizeof(out), "sig 0123456789abcdef0123456789abcde end",
	    NULL, 0);
	CHECK_STR(out, "sig 0123456789abcdef0123456789abcde end");
}

TEST(redact__takes_no_line_ends_and_stays_within_its_room)
{
	char out[8];

	memset(out, 'x', sizeof(out));
	redact(out, sizeof(out), "a\r\nb\x1b[\xff long", NULL, 0);
	CHECK_STR(out, "a  b [ ");
	redact(out, sizeof(out), "0123456789abcdef0123456789abcdef", NULL, 0);
	CHECK_STR(out, "[redact");
}

TEST(retry__doubles_its_longest_wait_up_to_a_cap)
{
	static const uint32_t want[] = { 100, 200, 400, 800, 1000, 1000 };
	struct retry r = { .tries = 100, .base_ms = 100, .cap_ms = 1000 };
	size_t i;

	for (i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		r.done = (unsigned)i + 1;
		CHECK(retry_longest_ms(&r) == want[i]);
	}
	r.done = 1000000;
	CHECK(retry_longest_ms(&r) == 1000);
}

TEST(retry__ends_when_another_try_cannot_help_or_none_is_left)
{
	struct retry r = { .tries = 2, .base_ms = 0, .cap_ms = 0 };
	struct err e = ERR_INIT;

	(void)err_set(&e, HF_EDENIED, "no");
	CHECK(!retry_wait(&r, &e));
	r.done = 0;
	(void)err_set(&e, HF_EUNAVAIL, "down");
	CHECK(retry_wait(&r, &e));
	CHECK(!retry_wait(&r, &e));
	CHECK_STR(e.msg, "gave up after 2 tries: down");
}

TEST(retry__stops_waiting_when_the_operator_does)
{
	struct retry r = { .tries = 2, .base_ms = 1 << 30, .cap_ms = 1 << 30 };
	volatile sig_atomic_t stop = 1;
	struct err e = ERR_INIT;

	(void)err_set(&e, HF_EUNAVAIL, "down");
	net_cancel(&stop);
	CHECK(!retry_wait(&r, &e));
	net_cancel(NULL);
	CHECK(e.code == -HF_EINTR);
}

static int
get_by(const char *proxy, const char *url, struct http_response *res,
    struct err *e)
{
	const struct net_policy policy = { .proxy = proxy };
	const struct http_request req = { .method = "GET", .url = url };
	CLEANUP(freep_http) struct http *h = NULL;

	CHECK_OK(http_new(&policy, 2, &h, e), e);
	return http_do(h, &req, res, e);
}

static int
get(const char *url, struct http_response *res, struct err *e)
{
	return get_by("", url, res, e);
}

TEST(http__gives_status_headers_and_body)
{
	CLEANUP(freep_http_response)
	struct http_response res = HTTP_RESPONSE_INIT;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct fake_http *f;
	struct err e = ERR_INIT;
	int rc;

	f = fake_http_new((const char *const[]){
	    "HTTP/1.1 206 Part\r\nETag:  \"x\" \r\nContent-Length: 2\r\n\r\nhi",
	    NULL });
	res.body = &b;
	res.max = 2;
	rc = get(fake_http_url(f), &res, &e);
	fake_http_free(f);
	CHECK_OK(rc, &e);
	CHECK(res.status == 206 && b.len == 2 && memcmp(b.p, "hi", 2) == 0);
	CHECK(strncmp(http_header(&res, "etag"), "\"x\"", 3) == 0);
	CHECK(http_header(&res, "eta") == NULL);
}

TEST(http__refuses_a_body_beyond_the_maximum)
{
	CLEANUP(freep_http_response)
	struct http_response res = HTTP_RESPONSE_INIT;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct fake_http *f;
	struct err e = ERR_INIT;
	int rc;

	f = fake_http_new((const char *const[]){
	    "HTTP/1.1 200 OK\r\nContent-Length: @LEN@\r\n\r\nlong", NULL });
	res.body = &b;
	res.max = 3;
	rc = get(fake_http_url(f), &res, &e);
	fake_http_free(f);
	CHECK(rc == -HF_ECORRUPT && e.code == rc && b.len == 0);
}

TEST(http__does_not_follow_a_redirect)
{
	CLEANUP(freep_http_response)
	struct http_response res = HTTP_RESPONSE_INIT;
	struct fake_http *f;
	struct err e = ERR_INIT;
	int rc;

	f = fake_http_new((const char *const[]){
	    "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL });
	rc = get(fake_http_url(f), &res, &e);
	CHECK_OK(rc, &e);
	CHECK(res.status == 302 && fake_http_request(f, 1) == NULL);
	fake_http_free(f);
}

TEST(http__says_that_another_try_may_help_when_the_peer_hangs_up_or_is_gone)
{
	CLEANUP(freep_http_response)
	struct http_response res = HTTP_RESPONSE_INIT;
	struct fake_http *f;
	struct err e = ERR_INIT;
	char gone[64];
	int rc;

	f = fake_http_new((const char *const[]){ FAKE_HANG_UP, NULL });
	rc = get(fake_http_url(f), &res, &e);
	(void)snprintf(gone, sizeof(gone), "%s", fake_http_url(f));
	fake_http_free(f);
	CHECK(rc == -HF_EUNAVAIL && e.retry);

	CHECK_FAIL(get(gone, &res, &e), &e, HF_EUNAVAIL);
	CHECK(e.retry && strstr(e.msg, "cannot connect") != NULL);
}

TEST(http__goes_through_the_proxy_that_it_is_given)
{
	CLEANUP(freep_http_response)
	struct http_response res = HTTP_RESPONSE_INIT;
	struct fake_http *f;
	struct err e = ERR_INIT;
	int rc;

	f = fake_http_new((const char *const[]){
	    "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", NULL });
	rc = get_by(fake_http_url(f), "http://s3.invalid/b", &res, &e);
	CHECK_OK(rc, &e);
	CHECK(strstr(fake_http_request(f, 0),
		  "GET http://s3.invalid/b HTTP/1.1\r\n") != NULL);
	fake_http_free(f);
}

TEST(http__speaks_http_alone)
{
	CLEANUP(freep_http_response)
	struct http_response res = HTTP_RESPONSE_INIT;
	struct err e = ERR_INIT;

	CHECK_FAIL(get("file:///etc/passwd", &res, &e), &e, HF_ECONFIG);
}

TEST(policy__names_the_option_of_a_file_that_is_missing)
{
	const struct net_policy p = { .ca_file = "/none/ca.pem" };
	struct err e = ERR_INIT;

	CHECK_FAIL(net_policy_check(&p, &e), &e, HF_ECONFIG);
	CHECK(strstr(e.hint, "'ca_file'") != NULL);
}
