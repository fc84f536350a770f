#include "base/buf.h"
#include "etcd/etcd_grpc.h"
#include "test.h"

struct taken {
	char text[64];
	int n;
};

static int
take(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct taken *t = arg;
	size_t used = strlen(t->text);

	(void)err;
	CHECK(used + n + 2 <= sizeof(t->text));
	if (n > 0)
		memcpy(t->text + used, p, n);
	memcpy(t->text + used + n, "|", 2);
	t->n++;
	return 0;
}

static void
header(struct grpc_rx *rx, const char *line)
{
	grpc_rx_header(rx, line, strlen(line));
}

static void
begin(struct grpc_rx *rx, struct taken *t)
{
	*t = (struct taken){ 0 };
	grpc_rx_init(rx, 100, take, t);
	header(rx, "HTTP/2 200 \r\n");
	header(rx, "content-type: application/grpc\r\n");
	header(rx, "\r\n");
}

/* "one", an empty message, and "three" as a body. */
static const uint8_t body[] = { 0, 0, 0, 0, 3, 'o', 'n', 'e', 0, 0, 0, 0, 0, 0,
	0, 0, 0, 5, 't', 'h', 'r', 'e', 'e' };

TEST(grpc__takes_messages_cut_at_any_byte)
{
	struct err e = ERR_INIT;
	struct taken t;
	size_t i, k;

	for (i = 0; i <= sizeof(body); i++) {
		for (k = i; k <= sizeof(body); k++) {
			CLEANUP(freep_grpc_rx) struct grpc_rx rx;

			begin(&rx, &t);
			CHECK_OK(grpc_rx_body(&rx, body, i, &e), &e);
			CHECK_OK(grpc_rx_body(&rx, body + i, k - i, &e), &e);
			CHECK_OK(
			    grpc_rx_body(&rx, body + k, sizeof(body) - k, &e),
			    &e);
			header(&rx, "grpc-status: 0\r\n");
			CHECK_OK(grpc_rx_finish(&rx, &e), &e);
			CHECK_STR(t.text, "one||three|");
			CHECK(rx.messages == 3);
		}
	}
}

TEST(grpc__takes_messages_byte_by_byte)
{
	CLEANUP(freep_grpc_rx) struct grpc_rx rx;
	struct err e = ERR_INIT;
	struct taken t;
	size_t i;

	begin(&rx, &t);
	for (i = 0; i < sizeof(body); i++)
		CHECK_OK(grpc_rx_body(&rx, body + i, 1, &e), &e);
	CHECK_STR(t.text, "one||three|");
}

TEST(grpc__refuses_a_stream_that_ends_inside_a_message)
{
	struct err e = ERR_INIT;
	struct taken t;
	size_t i;

	for (i = 1; i < sizeof(body); i++) {
		CLEANUP(freep_grpc_rx) struct grpc_rx rx;

		begin(&rx, &t);
		CHECK_OK(grpc_rx_body(&rx, body, i, &e), &e);
		header(&rx, "grpc-status: 0\r\n");
		/* Whole after "one" and after the empty one. */
		if (i == 8 || i == 13)
			CHECK_OK(grpc_rx_finish(&rx, &e), &e);
		else
			CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, HF_EUNAVAIL);
	}
}

TEST(grpc__refuses_an_end_without_a_status)
{
	CLEANUP(freep_grpc_rx) struct grpc_rx rx;
	struct err e = ERR_INIT;
	struct taken t;

	begin(&rx, &t);
	CHECK_OK(grpc_rx_body(&rx, body, sizeof(body), &e), &e);
	CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, HF_EUNAVAIL);
	/* A status that is no number is none. */
	header(&rx, "grpc-status: zero\r\n");
	CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, HF_EUNAVAIL);
	header(&rx, "grpc-status: \r\n");
	CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, HF_EUNAVAIL);
	header(&rx, "grpc-status: 00000\r\n");
	CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, HF_EUNAVAIL);
}

TEST(grpc__refuses_the_page_of_a_proxy)
{
	CLEANUP(freep_grpc_rx) struct grpc_rx rx;
	struct err e = ERR_INIT;
	struct taken t = { 0 };

	grpc_rx_init(&rx, 100, take, &t);
	header(&rx, "HTTP/1.1 502 Bad Gateway\r\n");
	header(&rx, "Content-Type: text/html\r\n");
	CHECK_FAIL(grpc_rx_body(&rx, (const uint8_t *)"<html>", 6, &e), &e,
	    HF_EUNAVAIL);
	CHECK(strstr(e.msg, "502") != NULL && t.n == 0);

	/* 200 alone does not make it gRPC, nor does a name that begins so. */
	header(&rx, "HTTP/2 200 \r\n");
	header(&rx, "content-type: application/grpc-web\r\n");
	header(&rx, "grpc-status: 0\r\n");
	CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, HF_EUNAVAIL);
}

TEST(grpc__forgets_the_header_of_an_interim_answer)
{
	CLEANUP(freep_grpc_rx) struct grpc_rx rx;
	struct err e = ERR_INIT;
	struct taken t = { 0 };

	grpc_rx_init(&rx, 100, take, &t);
	header(&rx, "HTTP/2 103 \r\n");
	header(&rx, "content-type: text/html\r\n");
	header(&rx, "HTTP/2 200 \r\n");
	header(&rx, "Content-Type: application/grpc+proto\r\n");
	CHECK_OK(grpc_rx_body(&rx, body, sizeof(body), &e), &e);
	header(&rx, "Grpc-Status: 0\r\n");
	CHECK_OK(grpc_rx_finish(&rx, &e), &e);
}

TEST(grpc__tells_an_error_that_comes_as_trailers_only)
{
	CLEANUP(freep_grpc_rx) struct grpc_rx rx;
	struct err e = ERR_INIT;
	struct taken t;

	begin(&rx, &t);
	header(&rx, "grpc-status: 14\r\n");
	header(&rx, "grpc-message: etcdserver: no leader, 100%25%0A%zz%4\r\n");
	CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, HF_EUNAVAIL);
	CHECK_STR(rx.message, "etcdserver: no leader, 100%?%zz%4");
	CHECK(strstr(e.msg, rx.message) != NULL);
}

TEST(grpc__tells_denial_from_failure)
{
	static const struct {
		const char *status, *message;
		enum hf_code code;
	} cases[] = {
		{ "grpc-status: 16", "x", HF_EDENIED },
		{ "grpc-status: 7", "x", HF_EDENIED },
		{ "grpc-status: 2", "auth: permission denied", HF_EDENIED },
		{ "grpc-status: 2", "auth: user name is empty", HF_EDENIED },
		{ "grpc-status: 3",
		    "etcdserver: authentication failed, invalid user",
		    HF_EDENIED },
		{ "grpc-status: 4", "x", HF_EUNAVAIL },
		{ "grpc-status: 8", "x", HF_EUNAVAIL },
		{ "grpc-status: 2", "x", HF_ESOURCE },
		{ "grpc-status: 12", "x", HF_ESOURCE },
		{ "grpc-status: 99", "x", HF_ESOURCE },
	};
	char line[128];
	struct err e = ERR_INIT;
	struct taken t;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		CLEANUP(freep_grpc_rx) struct grpc_rx rx;

		begin(&rx, &t);
		header(&rx, cases[i].status);
		(void)snprintf(line, sizeof(line), "grpc-message: %s\r\n",
		    cases[i].message);
		header(&rx, line);
		CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, cases[i].code);
	}
}

TEST(grpc__refuses_long_and_compressed_messages)
{
	static const uint8_t longer[] = { 0, 0, 0, 0, 101, 'x' };
	static const uint8_t huge[] = { 0, 0xff, 0xff, 0xff, 0xff, 'x' };
	static const uint8_t packed[] = { 1, 0, 0, 0, 1, 'x' };
	CLEANUP(freep_grpc_rx) struct grpc_rx rx;
	struct err e = ERR_INIT;
	struct taken t;

	begin(&rx, &t);
	CHECK_FAIL(
	    grpc_rx_body(&rx, longer, sizeof(longer), &e), &e, HF_ESOURCE);
	begin(&rx, &t);
	CHECK_FAIL(grpc_rx_body(&rx, huge, sizeof(huge), &e), &e, HF_ESOURCE);
	begin(&rx, &t);
	CHECK_FAIL(
	    grpc_rx_body(&rx, packed, sizeof(packed), &e), &e, HF_ESOURCE);
	/* Nothing was kept for them. */
	CHECK(t.n == 0 && rx.part == NULL);
}

TEST(grpc__reports_that_memory_ran_out)
{
	CLEANUP(freep_grpc_rx) struct grpc_rx rx;
	struct err e = ERR_INIT;
	struct taken t;

	begin(&rx, &t);
	test_malloc_fail(1);
	/* Half a message must be kept. */
	CHECK(grpc_rx_body(&rx, body, 7, &e) == -HF_ENOMEM);
	CHECK(test_malloc_failed() && t.n == 0);
}

TEST(grpc_frame__puts_five_bytes_in_front)
{
	static const uint8_t want[] = { 0, 0, 0, 0, 2, 'h', 'i', 0, 0, 0, 0,
		0 };
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(grpc_frame(&b, "hi", 2, &e), &e);
	CHECK_OK(grpc_frame(&b, NULL, 0, &e), &e);
	CHECK(b.len == sizeof(want) && memcmp(b.p, want, b.len) == 0);
}

TEST(grpc__that_a_learner_refuses_is_for_another_member)
{
	CLEANUP(freep_grpc_rx) struct grpc_rx rx;
	struct taken t;
	struct err e;

	begin(&rx, &t);
	header(&rx, "grpc-status: 9\r\n");
	header(
	    &rx, "grpc-message: etcdserver: rpc not supported for learner\r\n");
	CHECK_FAIL(grpc_rx_finish(&rx, &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.hint, "voting member") != NULL);
}
