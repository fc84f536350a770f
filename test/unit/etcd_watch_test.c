#include <time.h>

#include "base/buf.h"
#include "etcd/etcd_client.h"
#include "etcd/etcd_watch.h"
#include "fake/fake_h2c.h"
#include "test.h"

/*
 * The whole way, libcurl included, to a server that follows a script: a
 * letter for each message that it is sent.  What comes in which order, and
 * what a real member says, is in etcd_watch_log_test.c and test/scenario/.
 *
 *	T  gives a token		C  says that it watches
 *	U  knows no token (watch)	E  the same, and sends revision 2
 *	P  is at revision 2		L  has no leader
 *	D  denies (watch)		R  refuses, as a gRPC status
 *	Z  ends the stream well		H  hangs up after revision 2
 *	G  sends garbage		S  says nothing
 *	O  was compacted		N  says nothing and ends it well
 *	B  sends BIG_N revisions of 60000 bytes and more
 */
#define HEADER 0x0a, 6, 0x08, 1, 0x10, 2, 0x18, 2
#define CREATED 0x18, 1
#define CANCELLED 0x20, 1, 0x32, 24
#define REVISION_2 0x5a, 7, 0x12, 5, 0x0a, 1, 'a', 0x18, 2

static const char *script;

#define SAY(s, ...)                                                            \
	do {                                                                   \
		static const uint8_t p_[] = { __VA_ARGS__ };                   \
		fake_grpc_message(s, p_, sizeof(p_));                          \
	} while (0)

/* A cancellation whose reason is 24 characters long. */
static void
cancel(const struct fake_h2c_stream *s, const char *why)
{
	uint8_t m[40] = { HEADER, CREATED, CANCELLED };

	memcpy(m + 14, why, 24);
	fake_grpc_message(s, m, 38);
}

static void
refuse(const struct fake_h2c_stream *s)
{
	static const char *const fields[] = { ":status", "200", "content-type",
		"application/grpc", "grpc-status", "14", "grpc-message",
		"etcdserver: rpc not supported for learner", NULL };

	fake_h2c_headers(s, fields, true);
}

static void
give_token(const struct fake_h2c_stream *s)
{
	fake_grpc_begin(s);
	SAY(s, 0x12, 3, 'a', '.', '1');
	fake_grpc_end(s, "0", "");
}

#define BIG_N 40
#define BIG_LEN 60000

static void
send_big(const struct fake_h2c_stream *s)
{
	static const uint8_t header[] = { HEADER };
	static uint8_t value[BIG_LEN];
	struct err e = ERR_INIT;
	uint64_t rev;

	for (rev = 2; rev < 2 + BIG_N; rev++) {
		CLEANUP(freep_buf) struct buf kv = BUF_INIT, ev = BUF_INIT;
		CLEANUP(freep_buf) struct buf m = BUF_INIT;

		if (pb_add_bytes(&kv, 1, "a", 1, &e) < 0 ||
		    pb_add_uint(&kv, 3, rev, &e) < 0 ||
		    pb_add_bytes(&kv, 5, value, BIG_LEN, &e) < 0 ||
		    pb_add_bytes(&ev, 2, kv.p, kv.len, &e) < 0 ||
		    buf_add(&m, header, sizeof(header), &e) < 0 ||
		    pb_add_bytes(&m, 11, ev.p, ev.len, &e) < 0)
			abort();
		fake_grpc_message(s, m.p, m.len);
	}
}

static void
create(const struct fake_h2c_stream *s, char how)
{
	fake_grpc_begin(s);
	if (how == 'U') {
		cancel(s, "etcdserver:invalid auth token" + 5);
		return;
	}
	if (how == 'D') {
		cancel(s, "srv: permission denied !");
		return;
	}
	SAY(s, HEADER, CREATED);
	if (how == 'E' || how == 'H')
		SAY(s, HEADER, REVISION_2);
	if (how == 'H')
		fake_h2c_hang_up(s);
	if (how == 'O')
		SAY(s, HEADER, 0x20, 1, 0x28, 9);
	if (how == 'B')
		send_big(s);
}

static void
serve(const struct fake_h2c_stream *s, void *arg)
{
	const size_t nth = (size_t)s->nth;
	const char what = nth < strlen(script) ? script[nth] : 'S';

	(void)arg;
	if (strchr("BCEHUDO", what) != NULL)
		create(s, what);
	else if (what == 'T')
		give_token(s);
	else if (what == 'P')
		SAY(s, HEADER);
	else if (what == 'G')
		SAY(s, 0xff, 0xff);
	else if (what == 'R')
		refuse(s);
	else if (what == 'L')
		fake_grpc_end(s, "14", "etcdserver: no leader");
	else if (what == 'N')
		fake_grpc_begin(s);
	if (what == 'Z' || what == 'N')
		fake_grpc_end(s, "0", "");
}

static struct fake_h2c *server;
static struct etcd_client *client;
static struct etcd_watch *watched;

/* Who waits for what comes waits so long; a busy machine takes its time. */
#define PATIENCE_MS 60000

/* Of what does not come, the test has had enough after ${stall_ms}. */
static int
watch_stalling(const char *how, long stall_ms, struct err *err)
{
	const struct etcd_conn_opts opts = { .connect_ms = PATIENCE_MS,
		.stall_ms = stall_ms };
	const bool user = strchr(how, 'T') != NULL;

	script = how;
	CHECK((server = fake_h2c_start_duplex(serve, NULL)) != NULL);
	CHECK(setenv("HF_TEST_ETCD", "geheim", 1) == 0);
	CHECK_OK(
	    etcd_client_new(fake_h2c_url(server), &opts, user ? "root" : NULL,
		user ? "env:HF_TEST_ETCD" : NULL, &client, err),
	    err);
	return etcd_watch_open(client, 1, &watched, err);
}

/* Open a watch of a server that follows ${how}; with a user if 'T' is in. */
static int
watch(const char *how, struct err *err)
{
	return watch_stalling(how, PATIENCE_MS, err);
}

static void
finish(void)
{
	etcd_watch_free(TAKE(watched));
	etcd_client_free(TAKE(client));
	fake_h2c_stop(TAKE(server));
}

static enum etcd_watch_what
next(long ms)
{
	struct err e = ERR_INIT;
	struct etcd_batch b;

	CHECK_OK(etcd_watch_next(watched, ms, &b, &e), &e);
	return b.what;
}

/* It has ended: with this, however often one asks. */
static void
ended(enum hf_code code, const char *words)
{
	struct etcd_batch b;
	struct err e;
	int i;

	for (i = 0; i < 2; i++) {
		CHECK_FAIL(
		    etcd_watch_next(watched, PATIENCE_MS, &b, &e), &e, code);
		if (strstr(e.msg, words) == NULL)
			test_fail(__FILE__, __LINE__, words, &e);
	}
}

TEST(watch__hands_over_events_and_then_progress)
{
	struct err e = ERR_INIT;
	struct etcd_event ev;
	struct etcd_batch b;

	CHECK_OK(watch("EP", &e), &e);
	CHECK_OK(etcd_watch_next(watched, PATIENCE_MS, &b, &e), &e);
	CHECK(b.what == ETCD_WATCH_EVENTS && b.complete == 2);
	CHECK(etcd_batch_next(&b, &ev) && ev.kv.mod_revision == 2);
	CHECK(!etcd_batch_next(&b, &ev));
	CHECK(etcd_watch_next_revision(watched) == 3);
	CHECK(next(50) == ETCD_WATCH_TIMEOUT);
	CHECK_OK(etcd_watch_ask(watched, &e), &e);
	CHECK_OK(etcd_watch_next(watched, PATIENCE_MS, &b, &e), &e);
	CHECK(b.what == ETCD_WATCH_PROGRESS && b.complete == 2);
	CHECK(etcd_watch_header(watched)->member_id == 2);
	finish();
}

/*
 * Whoever is slow gets no more at a time for it: what is not taken stays with
 * the server, and comes once there is room.
 */
TEST(watch__pauses_for_a_slow_taker_and_goes_on)
{
	const struct timespec slow = { .tv_nsec = 50000000 };
	struct err e = ERR_INIT;
	uint64_t taken = 1;
	struct etcd_batch b;

	CHECK_OK(watch("B", &e), &e);
	while (taken < 1 + BIG_N) {
		(void)nanosleep(&slow, NULL);
		CHECK_OK(etcd_watch_next(watched, PATIENCE_MS, &b, &e), &e);
		CHECK(b.what == ETCD_WATCH_EVENTS && b.first == taken + 1);
		/* 256 KiB are enough, and the rest of a message. */
		CHECK(b.complete - taken <= 6);
		taken = b.complete;
	}
	finish();
}

TEST(watch__logs_in_again_if_its_token_was_forgotten)
{
	struct err e = ERR_INIT;

	CHECK_OK(watch("TUTC", &e), &e);
	finish();
	/* Also if it is told no more than that it may not. */
	CHECK_OK(watch("TDTC", &e), &e);
	finish();
	/* Once, not for ever. */
	CHECK_FAIL(watch("TDTDTC", &e), &e, HF_EDENIED);
	CHECK(strstr(e.msg, "permission denied") != NULL && e.hint[0] != '\0');
	finish();
}

TEST(watch__without_a_user_is_denied_at_once)
{
	struct err e;

	CHECK_FAIL(watch("UC", &e), &e, HF_EDENIED);
	finish();
}

TEST(watch__is_refused_by_a_learner)
{
	struct err e;

	/* libcurl may not notice: then it is silence that tells. */
	CHECK_FAIL(watch_stalling("RR", 2000, &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "not supported for learner") != NULL);
	CHECK(strstr(e.hint, "voting member") != NULL);
	finish();
}

TEST(watch__opens_after_a_hiccup)
{
	struct err e = ERR_INIT;

	/* The stream is refused, the call that asks why is not. */
	CHECK_OK(watch_stalling("RNC", 2000, &e), &e);
	finish();
}

TEST(watch__that_is_not_answered_gives_up)
{
	struct err e;

	CHECK_FAIL(watch_stalling("S", 300, &e), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "nothing came for 0.3 seconds") != NULL);
	finish();
}

TEST(watch__tells_of_a_gap)
{
	struct err e = ERR_INIT;

	CHECK_OK(watch("O", &e), &e);
	CHECK(next(PATIENCE_MS) == ETCD_WATCH_COMPACTED);
	CHECK(next(PATIENCE_MS) == ETCD_WATCH_COMPACTED);
	finish();
}

TEST(watch__ends_when_the_member_loses_its_leader)
{
	struct err e = ERR_INIT;

	CHECK_OK(watch("EL", &e), &e);
	CHECK(next(PATIENCE_MS) == ETCD_WATCH_EVENTS);
	CHECK_OK(etcd_watch_ask(watched, &e), &e);
	ended(HF_EUNAVAIL, "no leader");
	CHECK(etcd_watch_next_revision(watched) == 3);
	finish();
}

TEST(watch__ends_when_the_server_ends_it)
{
	struct err e = ERR_INIT;

	CHECK_OK(watch("CZ", &e), &e);
	CHECK_OK(etcd_watch_ask(watched, &e), &e);
	ended(HF_EUNAVAIL, "the server ended the watch");
	finish();
}

TEST(watch__hands_over_what_came_before_the_connection_broke)
{
	struct err e = ERR_INIT;

	CHECK_OK(watch("H", &e), &e);
	CHECK(next(PATIENCE_MS) == ETCD_WATCH_EVENTS);
	ended(HF_EUNAVAIL, "127.0.0.1");
	finish();
}

TEST(watch__ends_when_nothing_comes_any_more)
{
	struct err e = ERR_INIT;

	/* But that it watches has to come in time. */
	CHECK_OK(watch_stalling("C", 3000, &e), &e);
	ended(HF_EUNAVAIL, "nothing came for 3 seconds");
	finish();
}

TEST(watch__refuses_what_is_no_protocol)
{
	struct err e = ERR_INIT;

	CHECK_OK(watch("CG", &e), &e);
	CHECK_OK(etcd_watch_ask(watched, &e), &e);
	ended(HF_ESOURCE, "malformed");
	finish();
}

TEST(watch__of_a_server_that_is_not_there)
{
	const struct etcd_conn_opts opts = { .connect_ms = PATIENCE_MS,
		.stall_ms = PATIENCE_MS };
	struct err e = ERR_INIT;

	CHECK_OK(etcd_client_new(
		     "http://127.0.0.1:1", &opts, NULL, NULL, &client, &e),
	    &e);
	CHECK_FAIL(etcd_watch_open(client, 1, &watched, &e), &e, HF_EUNAVAIL);
	etcd_client_free(TAKE(client));
}
