#include "etcd/etcd_watch_log.h"
#include "test.h"

static void
must(int rc)
{
	if (rc < 0)
		abort();
}

/* Append an Event of one key, "k" and ${sub}, at ${rev}. */
static void
event(struct buf *b, uint64_t rev, char sub, bool deleted)
{
	CLEANUP(freep_buf) struct buf kv = BUF_INIT;
	CLEANUP(freep_buf) struct buf ev = BUF_INIT;
	const char key[2] = { 'k', sub };
	struct err e = ERR_INIT;

	must(pb_add_bytes(&kv, 1, key, sizeof(key), &e));
	if (!deleted)
		must(pb_add_uint(&kv, 2, 1, &e));
	must(pb_add_uint(&kv, 3, rev, &e));
	if (!deleted) {
		must(pb_add_uint(&kv, 4, 2, &e));
		must(pb_add_bytes(&kv, 5, "value", 5, &e));
		must(pb_add_uint(&kv, 6, 3, &e));
	}
	must(pb_add_uint(&ev, 1, deleted, &e));
	must(pb_add_bytes(&ev, 2, kv.p, kv.len, &e));
	must(pb_add_bytes(b, 11, ev.p, ev.len, &e));
}

/* A response's header with the store's revision, and one number field. */
static void
response(struct buf *b, uint64_t store, uint32_t field, uint64_t value)
{
	CLEANUP(freep_buf) struct buf h = BUF_INIT;
	struct err e = ERR_INIT;

	b->len = 0;
	must(pb_add_uint(&h, 1, 1, &e));
	must(pb_add_uint(&h, 2, 2, &e));
	must(pb_add_uint(&h, 3, store, &e));
	must(pb_add_bytes(b, 1, h.p, h.len, &e));
	must(pb_add_uint(b, field, value, &e));
}

#define CREATED 3, 1
#define FRAGMENT 7, 1
#define WHOLE 7, 0

static struct etcd_watch_log watched;
static struct buf message;
static struct etcd_batch batch;

static void
begin(uint64_t start)
{
	etcd_watch_log_init(&watched, start);
	message = (struct buf)BUF_INIT;
	response(&message, 100, CREATED);
}

static void
finish(void)
{
	etcd_watch_log_clear(&watched);
	buf_free(&message);
}

static void
feed(void)
{
	struct err e = ERR_INIT;

	CHECK_OK(etcd_watch_log_feed(&watched, message.p, message.len, &e), &e);
}

static void
refuses(const char *words)
{
	struct err e;

	CHECK_FAIL(etcd_watch_log_feed(&watched, message.p, message.len, &e),
	    &e, HF_ESOURCE);
	if (strstr(e.msg, words) == NULL)
		test_fail(__FILE__, __LINE__, words, &e);
}

/* What there is to take now; TIMEOUT: nothing. */
static enum etcd_watch_what
take(void)
{
	struct err e = ERR_INIT;
	int rc = etcd_watch_log_take(&watched, &batch, &e);

	CHECK(rc >= 0);
	CHECK(rc == 1 || batch.what == ETCD_WATCH_TIMEOUT);
	return batch.what;
}

/* The next event is of this revision and key. */
static void
next(uint64_t rev, uint64_t sub, char key)
{
	struct etcd_event ev;

	CHECK(etcd_batch_next(&batch, &ev));
	CHECK(ev.kv.mod_revision == rev && ev.sub == sub);
	CHECK(ev.kv.nkey == 2 && ev.kv.key[1] == (uint8_t)key);
}

static void
no_more(void)
{
	struct etcd_event ev;

	CHECK(!etcd_batch_next(&batch, &ev));
}

TEST(watch_log__hands_over_revisions_with_their_ordinals)
{
	begin(5);
	feed();
	CHECK(watched.created && take() == ETCD_WATCH_TIMEOUT);
	response(&message, 100, WHOLE);
	event(&message, 5, 'a', false);
	event(&message, 6, 'b', false);
	event(&message, 6, 'c', true);
	event(&message, 6, 'd', false);
	event(&message, 7, 'e', false);
	feed();
	CHECK(take() == ETCD_WATCH_EVENTS);
	CHECK(batch.first == 5 && batch.complete == 7);
	next(5, 0, 'a');
	next(6, 0, 'b');
	next(6, 1, 'c');
	next(6, 2, 'd');
	next(7, 0, 'e');
	no_more();
	CHECK(take() == ETCD_WATCH_TIMEOUT && batch.complete == 7);
	finish();
}

TEST(watch_log__gives_the_records_of_the_database)
{
	static const uint8_t put[] = { 0x0a, 2, 'k', 'a', 0x10, 1, 0x18, 5,
		0x20, 2, 0x2a, 5, 'v', 'a', 'l', 'u', 'e', 0x30, 3 };
	static const uint8_t tombstone[] = { 0x0a, 2, 'k', 'b' };
	struct etcd_event ev;

	begin(5);
	response(&message, 100, WHOLE);
	event(&message, 5, 'a', false);
	event(&message, 5, 'b', true);
	feed();
	CHECK(take() == ETCD_WATCH_EVENTS);
	CHECK(etcd_batch_next(&batch, &ev) && !ev.deleted);
	CHECK(ev.nrecord == sizeof(put));
	CHECK(memcmp(ev.record, put, sizeof(put)) == 0);
	CHECK(ev.kv.create_revision == 1 && ev.kv.version == 2);
	CHECK(ev.kv.lease == 3 && ev.kv.nvalue == 5);
	CHECK(etcd_batch_next(&batch, &ev) && ev.deleted);
	CHECK(ev.nrecord == sizeof(tombstone));
	CHECK(memcmp(ev.record, tombstone, sizeof(tombstone)) == 0);
	CHECK(ev.kv.mod_revision == 5 && ev.sub == 1);
	finish();
}

TEST(watch_log__keeps_a_revision_back_until_its_fragments_have_come)
{
	begin(5);
	response(&message, 100, FRAGMENT);
	event(&message, 5, 'a', false);
	event(&message, 6, 'b', false);
	feed();
	/* 5 is complete, for 6 has begun. */
	CHECK(take() == ETCD_WATCH_EVENTS && batch.complete == 5);
	next(5, 0, 'a');
	no_more();
	CHECK(take() == ETCD_WATCH_TIMEOUT);
	response(&message, 100, FRAGMENT);
	event(&message, 6, 'c', true);
	feed();
	CHECK(take() == ETCD_WATCH_TIMEOUT && batch.complete == 5);
	response(&message, 100, WHOLE);
	event(&message, 6, 'd', false);
	feed();
	CHECK(take() == ETCD_WATCH_EVENTS);
	CHECK(batch.first == 6 && batch.complete == 6);
	next(6, 0, 'b');
	next(6, 1, 'c');
	next(6, 2, 'd');
	no_more();
	finish();
}

TEST(watch_log__begins_with_revision_2_at_the_earliest)
{
	begin(0);
	response(&message, 1, WHOLE);
	feed();
	CHECK(take() == ETCD_WATCH_PROGRESS && batch.complete == 1);
	response(&message, 2, WHOLE);
	event(&message, 2, 'a', false);
	feed();
	CHECK(take() == ETCD_WATCH_EVENTS && batch.first == 2);
	finish();
}

TEST(watch_log__finds_a_revision_that_was_left_out)
{
	begin(5);
	response(&message, 100, WHOLE);
	event(&message, 6, 'a', false);
	refuses("left out revision 5 before 6");
	finish();
	begin(5);
	response(&message, 100, WHOLE);
	event(&message, 5, 'a', false);
	event(&message, 7, 'a', false);
	refuses("left out revision 6 before 7");
	finish();
	/* Also between messages. */
	begin(5);
	response(&message, 100, WHOLE);
	event(&message, 5, 'a', false);
	feed();
	response(&message, 100, WHOLE);
	event(&message, 7, 'a', false);
	refuses("left out revision 6 before 7");
	finish();
}

TEST(watch_log__finds_a_revision_that_comes_twice)
{
	begin(5);
	response(&message, 100, WHOLE);
	event(&message, 5, 'a', false);
	feed();
	refuses("back to revision 5 when 6 was due");
	finish();
	begin(5);
	response(&message, 100, WHOLE);
	event(&message, 4, 'a', false);
	refuses("back to revision 4 when 5 was due");
	finish();
}

TEST(watch_log__tells_progress_after_the_events)
{
	begin(5);
	response(&message, 100, WHOLE);
	event(&message, 5, 'a', false);
	feed();
	response(&message, 5, WHOLE);
	feed();
	CHECK(take() == ETCD_WATCH_EVENTS && batch.complete == 5);
	CHECK(take() == ETCD_WATCH_PROGRESS && batch.complete == 5);
	CHECK(take() == ETCD_WATCH_TIMEOUT);
	finish();
}

TEST(watch_log__does_not_believe_progress_before_its_events)
{
	int i;

	begin(5);
	response(&message, 6, WHOLE);
	for (i = 0; i < 9; i++) {
		feed();
		CHECK(take() == ETCD_WATCH_TIMEOUT && batch.complete == 4);
	}
	/* The events come after all. */
	response(&message, 6, WHOLE);
	event(&message, 5, 'a', false);
	event(&message, 6, 'a', false);
	feed();
	CHECK(take() == ETCD_WATCH_EVENTS && batch.complete == 6);
	response(&message, 7, WHOLE);
	for (i = 0; i < 9; i++)
		feed();
	refuses("is at revision 7 and does not send revision 7");
	finish();
}

TEST(watch_log__does_not_believe_progress_within_a_revision)
{
	begin(5);
	response(&message, 5, FRAGMENT);
	event(&message, 5, 'a', false);
	feed();
	response(&message, 5, WHOLE);
	feed();
	CHECK(take() == ETCD_WATCH_TIMEOUT && batch.complete == 4);
	finish();
}

TEST(watch_log__tells_of_a_gap_and_goes_on_telling)
{
	begin(5);
	feed();
	response(&message, 100, 5, 50);
	feed();
	CHECK(take() == ETCD_WATCH_COMPACTED && batch.compacted == 50);
	CHECK(take() == ETCD_WATCH_COMPACTED && batch.complete == 4);
	/* An answer to an earlier question changes nothing. */
	response(&message, 100, WHOLE);
	feed();
	CHECK(take() == ETCD_WATCH_COMPACTED);
	finish();
}

TEST(watch_log__remembers_why_it_was_cancelled)
{
	struct err e = ERR_INIT;

	begin(5);
	response(&message, 100, 4, 1);
	must(pb_add_bytes(&message, 6, "etcdserver: \x1b[mno", 17, &e));
	feed();
	CHECK(watched.cancelled && take() == ETCD_WATCH_TIMEOUT);
	CHECK_STR(watched.reason, "etcdserver: ?[mno");
	finish();
}

/* Feed an event of these bytes, at revision 5. */
static void
refuses_event(const uint8_t *p, size_t n)
{
	struct err e = ERR_INIT;

	begin(5);
	response(&message, 100, WHOLE);
	must(pb_add_bytes(&message, 11, p, n, &e));
	refuses("malformed");
	CHECK(watched.in.len == 0);
	finish();
}
#define REFUSES_EVENT(...)                                                     \
	do {                                                                   \
		static const uint8_t p_[] = { __VA_ARGS__ };                   \
		refuses_event(p_, sizeof(p_));                                 \
	} while (0)

TEST(watch_log__refuses_events_that_are_none)
{
	/* No KeyValue, no key, an unknown type, a length beyond the end. */
	REFUSES_EVENT(0x08, 1);
	REFUSES_EVENT(0x12, 2, 0x18, 5);
	REFUSES_EVENT(0x08, 2, 0x12, 5, 0x0a, 1, 'a', 0x18, 5);
	REFUSES_EVENT(0x12, 6, 0x0a, 1, 'a', 0x18, 5);
	REFUSES_EVENT(0x12, 5, 0x0a, 4, 'a', 0x18, 5);
	/* Fields in an order, or of a kind, that the database has not. */
	REFUSES_EVENT(0x12, 5, 0x18, 5, 0x0a, 1, 'a');
	REFUSES_EVENT(0x08, 1, 0x12, 5, 0x18, 5, 0x0a, 1, 'a');
	REFUSES_EVENT(0x12, 7, 0x0a, 1, 'a', 0x18, 5, 0x38, 1);
	REFUSES_EVENT(0x12, 8, 0x0a, 1, 'b', 0x0a, 1, 'a', 0x18, 5);
}

TEST(watch_log__refuses_responses_that_are_none)
{
	begin(5);
	message.len--;
	refuses("malformed");
	message.len = 0;
	refuses("malformed");
	/* A fragment of nothing. */
	response(&message, 100, FRAGMENT);
	refuses("malformed");
	finish();
}

TEST(watch_log__makes_the_server_wait_for_its_taker)
{
	CLEANUP(freep_buf) struct buf big = BUF_INIT;
	struct err e = ERR_INIT;
	uint64_t rev;

	begin(2);
	for (rev = 2; !etcd_watch_log_full(&watched); rev++) {
		CHECK(rev < 10);
		response(&message, 100, WHOLE);
		must(buf_reserve(&big, 1 << 17, &e));
		memset(big.p, 0, 1 << 17);
		big.len = 0;
		must(pb_add_bytes(&big, 1, "k", 1, &e));
		must(pb_add_uint(&big, 3, rev, &e));
		big.p[big.len++] = 0x2a; /* A value of 100000 bytes. */
		big.p[big.len++] = 0xa0;
		big.p[big.len++] = 0x8d;
		big.p[big.len++] = 0x06;
		big.len += 100000;
		{
			CLEANUP(freep_buf) struct buf ev = BUF_INIT;

			must(pb_add_bytes(&ev, 2, big.p, big.len, &e));
			must(pb_add_bytes(&message, 11, ev.p, ev.len, &e));
		}
		feed();
	}
	CHECK(rev == 5);
	CHECK(take() == ETCD_WATCH_EVENTS && batch.complete == rev - 1);
	CHECK(!etcd_watch_log_full(&watched));
	finish();
}

TEST(watch_log__fails_cleanly_without_memory)
{
	struct err e = ERR_INIT;

	TEST_TORTURE (n) {
		int rc;

		begin(5);
		response(&message, 100, FRAGMENT);
		event(&message, 5, 'a', false);
		event(&message, 6, 'b', false);
		test_malloc_fail(n);
		rc = etcd_watch_log_feed(&watched, message.p, message.len, &e);
		if (rc == 0)
			rc = etcd_watch_log_take(&watched, &batch, &e);
		if (!test_malloc_failed()) {
			CHECK(rc == 1 && batch.complete == 5);
			finish();
			break;
		}
		CHECK(rc == -HF_ENOMEM);
		finish();
	}
	test_malloc_fail(0);
}
