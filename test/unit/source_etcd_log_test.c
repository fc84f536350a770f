#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "etcd/etcd_index.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_record.h"
#include "etcd/etcd_watch_log.h"
#include "source/etcd/source_etcd_log.h"
#include "source_record.h"
#include "test.h"

/* A member that tells what happens, one WatchResponse after another. */
struct teller {
	struct etcd_watch_log watch;
	struct source_etcd_log *log;
};

static void
begin(struct teller *t, uint64_t first)
{
	struct err e = ERR_INIT;

	etcd_watch_log_init(&t->watch, first);
	CHECK_OK(source_etcd_log_new(&t->log, &e), &e);
	source_etcd_log_begin(t->log, first, 1000);
}

static void
end(struct teller *t)
{
	etcd_watch_log_clear(&t->watch);
	freep_source_etcd_log(&t->log);
}

/* KeyValue: key 1, create 2, mod 3, version 4, value 5, lease 6. */
static void
add_event(struct buf *msg, const char *key, uint64_t rev, size_t nvalue,
    bool deleted, uint64_t lease)
{
	CLEANUP(freep_buf) struct buf kv = BUF_INIT;
	CLEANUP(freep_buf) struct buf ev = BUF_INIT;
	CLEANUP(freep_mem) char *value = calloc(1, nvalue + 1);
	struct err e = ERR_INIT;

	memset(value, 'v', nvalue);
	CHECK_OK(pb_add_bytes(&kv, 1, key, strlen(key), &e), &e);
	if (!deleted)
		CHECK_OK(pb_add_uint(&kv, 2, rev, &e), &e);
	CHECK_OK(pb_add_uint(&kv, 3, rev, &e), &e);
	if (!deleted) {
		CHECK_OK(pb_add_uint(&kv, 4, 1, &e), &e);
		CHECK_OK(pb_add_bytes(&kv, 5, value, nvalue, &e), &e);
		CHECK_OK(pb_add_uint(&kv, 6, lease, &e), &e);
	}
	CHECK_OK(pb_add_uint(&ev, 1, deleted, &e), &e);
	CHECK_OK(pb_add_bytes(&ev, 2, kv.p, kv.len, &e), &e);
	CHECK_OK(pb_add_bytes(msg, 11, ev.p, ev.len, &e), &e);
}

/* Feed a response with these events, and hand what is whole to the log. */
static void
tell(struct teller *t, const struct buf *events, uint64_t rev, int64_t ms)
{
	CLEANUP(freep_buf) struct buf header = BUF_INIT;
	CLEANUP(freep_buf) struct buf msg = BUF_INIT;
	struct etcd_batch batch;
	struct etcd_event ev;
	struct err e = ERR_INIT;

	CHECK_OK(pb_add_uint(&header, 1, 1, &e), &e);
	CHECK_OK(pb_add_uint(&header, 2, 2, &e), &e);
	CHECK_OK(pb_add_uint(&header, 3, rev, &e), &e);
	CHECK_OK(pb_add_bytes(&msg, 1, header.p, header.len, &e), &e);
	CHECK_OK(buf_add(&msg, events->p, events->len, &e), &e);
	CHECK_OK(etcd_watch_log_feed(&t->watch, msg.p, msg.len, &e), &e);
	while (etcd_watch_log_take(&t->watch, &batch, &e) == 1) {
		while (etcd_batch_next(&batch, &ev))
			CHECK_OK(source_etcd_log_add(t->log, &ev, &e), &e);
		CHECK_OK(
		    source_etcd_log_complete(t->log, batch.complete, ms, &e),
		    &e);
	}
}

/* The records in what was read, as text: "main.sub[t]:length ...". */
struct seen {
	struct buf text;
};

static int
see(void *arg, const struct etcd_record *r, struct err *err)
{
	struct seen *s = arg;

	return buf_printf(&s->text, err, "%" PRIu64 ".%" PRIu64 "%s:%zu ",
	    r->main, r->sub, r->tombstone ? "t" : "", r->len);
}

static size_t
read_segments(const struct record *rec, struct seen *s)
{
	struct etcd_segment_reader r;
	struct err e = ERR_INIT;
	size_t i, n = 0;

	for (i = 0; i < rec->n; i++) {
		if (strncmp(rec->v[i].e.path, "records/", 8) != 0)
			continue;
		n++;
		etcd_segment_reader_init(&r, see, s);
		CHECK_OK(etcd_segment_reader_feed(
			     &r, rec->v[i].data.p, rec->v[i].data.len, &e),
		    &e);
		CHECK_OK(etcd_segment_reader_end(&r, &e), &e);
		etcd_segment_reader_clear(&r);
	}
	return n;
}

TEST(log__has_the_records_that_the_database_has)
{
	CLEANUP(freep_record) struct record rec;
	CLEANUP(freep_buf) struct buf one = BUF_INIT;
	CLEANUP(freep_buf) struct buf two = BUF_INIT;
	struct seen s = { BUF_INIT };
	struct teller t;
	struct err e = ERR_INIT;

	begin(&t, 5);
	add_event(&one, "a", 5, 3, false, 0);
	add_event(&one, "b", 5, 0, false, 0);
	add_event(&one, "c", 5, 0, true, 0);
	tell(&t, &one, 5, 2000);
	add_event(&two, "a", 6, 0, true, 0);
	add_event(&two, "a", 7, 1, false, 9);
	tell(&t, &two, 7, 2500);
	CHECK(t.log->first == 5 && t.log->last == 7 && t.log->events == 5);
	CHECK(t.log->from_ms == 1000 && t.log->to_ms == 2500);
	record_init(&rec);
	CHECK_OK(source_read(&t.log->base, &rec.sink, &e), &e);
	CHECK(read_segments(&rec, &s) == 1);
	CHECK(record_find(&rec, "records/0000000000000005-00000000") != NULL);
	CHECK_STR((char *)s.text.p, "5.0:14 5.1:9 5.2t:3 6.0t:3 7.0:14 ");
	/* Leases go with it only when somebody was asked for them. */
	CHECK(record_find(&rec, "leases") == NULL);
	CHECK(t.log->leases.n == 1 && t.log->leases.v[0].id == 9);
	buf_free(&s.text);
	end(&t);
}

TEST(log__begins_anew_if_the_clock_was_set_back)
{
	static const struct buf nothing = BUF_INIT;
	struct teller t;

	begin(&t, 8);
	tell(&t, &nothing, 7, 9000);
	/* Within a log, its last row takes what comes. */
	tell(&t, &nothing, 7, 4000);
	CHECK(t.log->from_ms == 1000 && t.log->to_ms == 9000);
	source_etcd_log_begin(t.log, 8, t.log->to_ms);
	tell(&t, &nothing, 7, 5000);
	tell(&t, &nothing, 7, 6000);
	CHECK(t.log->from_ms == 5000 && t.log->to_ms == 6000);
	end(&t);
}

TEST(log__in_which_nothing_happened_still_tells_the_time)
{
	static const struct buf nothing = BUF_INIT;
	CLEANUP(freep_record) struct record rec;
	struct etcd_clock clock = { 0 };
	const struct record_entry *r;
	struct teller t;
	struct err e = ERR_INIT;

	begin(&t, 8);
	tell(&t, &nothing, 7, 3000);
	tell(&t, &nothing, 7, 9000);
	CHECK(t.log->first == 8 && t.log->last == 7 && t.log->to_ms == 9000);
	record_init(&rec);
	CHECK_OK(source_read(&t.log->base, &rec.sink, &e), &e);
	CHECK(rec.n == 3);
	CHECK((r = record_find(&rec, "clock")) != NULL);
	CHECK_OK(etcd_clock_decode(r->data.p, r->data.len, &clock, &e), &e);
	CHECK(
	    clock.n == 2 && clock.v[1].ms == 9010 && clock.v[1].revision == 7);
	etcd_clock_clear(&clock);
	end(&t);
}

TEST(log__is_cut_into_segments_even_within_a_revision)
{
	CLEANUP(freep_record) struct record rec;
	CLEANUP(freep_buf) struct buf events = BUF_INIT;
	struct seen s = { BUF_INIT };
	struct teller t;
	struct err e = ERR_INIT;
	char key[16];
	int i;

	for (i = 0; i < 30; i++) {
		(void)snprintf(key, sizeof(key), "k%02d", i);
		add_event(&events, key, 2, 100000, false, 0);
	}
	begin(&t, 2);
	tell(&t, &events, 2, 2000);
	record_init(&rec);
	CHECK_OK(source_read(&t.log->base, &rec.sink, &e), &e);
	CHECK(read_segments(&rec, &s) == 3);
	CHECK(record_find(&rec, "records/0000000000000002-0000000b") != NULL);
	CHECK(strstr((char *)s.text.p, " 2.29:") != NULL);
	buf_free(&s.text);
	end(&t);
}

TEST(log__can_be_stored_again_if_that_failed)
{
	CLEANUP(freep_record) struct record broken, rec;
	CLEANUP(freep_buf) struct buf events = BUF_INIT;
	struct seen s = { BUF_INIT };
	struct teller t;
	struct err e = ERR_INIT;

	add_event(&events, "a", 2, 5000, false, 0);
	begin(&t, 2);
	tell(&t, &events, 2, 2000);
	record_init(&broken);
	record_init(&rec);
	broken.lend = 512;
	broken.fail_after = 1000;
	CHECK_FAIL(source_read(&t.log->base, &broken.sink, &e), &e, HF_ENOSPC);
	e = (struct err)ERR_INIT;
	CHECK_OK(source_read(&t.log->base, &rec.sink, &e), &e);
	CHECK(read_segments(&rec, &s) == 1);
	buf_free(&s.text);
	/* What comes next begins anew. */
	source_etcd_log_begin(t.log, 3, 2000);
	CHECK(source_etcd_log_bytes(t.log) == 0 && t.log->last == 2);
	end(&t);
}

TEST(log__fails_cleanly_without_memory)
{
	struct err e = ERR_INIT;
	struct etcd_event ev = { .record = (const uint8_t *)"\n\1a",
		.nrecord = 3,
		.kv = { .mod_revision = 2, .lease = 7 } };

	TEST_TORTURE (n) {
		CLEANUP(freep_source_etcd_log) struct source_etcd_log *l = NULL;
		int rc;

		test_malloc_fail(n);
		rc = source_etcd_log_new(&l, &e);
		if (rc == 0)
			rc = source_etcd_log_add(l, &ev, &e);
		if (rc == 0)
			rc = source_etcd_log_complete(l, 2, 5, &e);
		if (!test_malloc_failed()) {
			CHECK(rc == 0 && l->events == 1);
			break;
		}
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
}
