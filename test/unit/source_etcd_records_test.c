#include <string.h>

#include "base/buf.h"
#include "source/etcd/source_etcd_records.h"
#include "source/source_pages.h"
#include "source_record.h"
#include "test.h"
#include "test_etcd_db.h"

/* The database of ${p}, as a snapshot without its digest arrives. */
static struct source_pages *
pages_of(const struct test_db_plan *p)
{
	const struct source_pages_opts o = { .dir = test_dir() };
	CLEANUP(freep_buf) struct buf db = BUF_INIT;
	struct source_pages *pages;
	struct err e = ERR_INIT;

	test_db(p, &db);
	CHECK_OK(source_pages_new(&o, &pages, &e), &e);
	CHECK_OK(source_pages_put(pages, db.p, db.len, &e), &e);
	CHECK_OK(source_pages_end(pages, &e), &e);
	return pages;
}

static int
write_records(const struct test_db_plan *p, struct record *rec,
    struct etcd_index *x, struct err *e)
{
	CLEANUP(freep_source_pages) struct source_pages *pages = pages_of(p);
	CLEANUP(freep_source_etcd_db) struct source_etcd_db db = { 0 };
	uint32_t hash;
	int rc;

	record_init(rec);
	if ((rc = source_etcd_db_open(pages, 0, &db, e)) < 0)
		return rc;
	CHECK_STR(db.unknown, "");
	if ((rc = source_etcd_db_write(&db, &rec->sink, 0, x, e)) < 0 ||
	    (rc = source_etcd_db_hash(
		 &db, x->revision, x->hash_compact, &hash, e)) < 0)
		return rc;
	CHECK(hash == x->hash);
	return source_etcd_db_write_index(x, &rec->sink, 0, e);
}

static const struct test_db_change history[] = {
	{ 2, "a", "1" },
	{ 3, "b", "1" },
	{ 4, "a", "2" },
	{ 5, "c", "1" },
	{ 6, "b", NULL },
	{ 7, "c", NULL },
	{ 8, "a", "3" },
	{ 9, "d", "1" },
};
static const struct test_db_plan whole = { history, 8, 0, 0, NULL, -1 };

static void
same_entry(const struct record *a, const struct record *b, const char *path)
{
	const struct record_entry *x = record_find(a, path);
	const struct record_entry *y = record_find(b, path);

	CHECK(x != NULL && y != NULL && x->data.len == y->data.len);
	CHECK(memcmp(x->data.p, y->data.p, x->data.len) == 0);
}

TEST(records__all_of_a_database_that_was_never_compacted)
{
	struct etcd_index x;
	struct err e = ERR_INIT;
	struct record rec;

	CHECK_OK(write_records(&whole, &rec, &x, &e), &e);
	CHECK(x.records == 8 && x.revision == 9 && x.compact_revision == 0);
	CHECK(x.nsegments == 1 && x.segments[0].main == 2);
	CHECK(record_find(&rec, "buckets") != NULL);
	CHECK(record_find(&rec, "segments") != NULL);
	CHECK(record_find(&rec, "records/0000000000000002-00000000") != NULL);
	etcd_index_clear(&x);
	record_clear(&rec);
}

TEST(records__what_a_compaction_will_remove_is_left_out_already)
{
	/* Compacted to 6: a at 2, b at 3 are superseded; b's deletion at 6
	 * itself stays, as newer servers leave it. */
	static const struct test_db_change done[] = { { 4, "a", "2" },
		{ 5, "c", "1" }, { 6, "b", NULL }, { 7, "c", NULL },
		{ 8, "a", "3" }, { 9, "d", "1" } };
	const struct test_db_plan finished = { done, 6, 6, 6, NULL, -1 };
	const struct test_db_plan scheduled = { history, 8, 6, 0, NULL, -1 };
	/* Half of what is to go is gone. */
	const struct test_db_plan half = { history, 8, 6, 0, NULL, 0 };
	const struct test_db_plan *const members[] = { &finished, &scheduled,
		&half };
	struct record rec[3];
	struct etcd_index x[3];
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < 3; i++)
		CHECK_OK(write_records(members[i], &rec[i], &x[i], &e), &e);
	CHECK(x[0].records == 6);
	for (i = 1; i < 3; i++) {
		CHECK(x[i].hash == x[0].hash && x[i].records == 6);
		same_entry(
		    &rec[0], &rec[i], "records/0000000000000004-00000000");
		same_entry(&rec[0], &rec[i], "segments");
		same_entry(&rec[0], &rec[i], "buckets");
	}
	for (i = 0; i < 3; i++) {
		etcd_index_clear(&x[i]);
		record_clear(&rec[i]);
	}
}

TEST(records__a_deletion_below_the_compact_revision_goes_with_its_key)
{
	const struct test_db_plan p = { history, 8, 7, 0, NULL, -1 };
	struct etcd_index x;
	struct err e = ERR_INIT;
	struct record rec;

	/* Of b nothing is left; of c its deletion at 7. */
	CHECK_OK(write_records(&p, &rec, &x, &e), &e);
	CHECK(x.records == 4 && x.segments[0].main == 4);
	etcd_index_clear(&x);
	record_clear(&rec);
}

TEST(records__a_bucket_that_is_not_known_is_noticed)
{
	const struct test_db_plan p = { history, 8, 0, 0, "quantum", -1 };
	CLEANUP(freep_source_pages) struct source_pages *pages = pages_of(&p);
	CLEANUP(freep_source_etcd_db) struct source_etcd_db db = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(source_etcd_db_open(pages, 0, &db, &e), &e);
	CHECK(strstr(db.unknown, "'quantum'") != NULL);
}

TEST(records__a_store_without_a_key_is_at_revision_1)
{
	const struct test_db_plan p = { NULL, 0, 0, 0, NULL, -1 };
	struct etcd_index x;
	struct err e = ERR_INIT;
	struct record rec;

	CHECK_OK(write_records(&p, &rec, &x, &e), &e);
	CHECK(x.records == 0 && x.revision == 1 && x.nsegments == 0);
	etcd_index_clear(&x);
	record_clear(&rec);
}

TEST(records__a_damaged_database_is_the_servers_fault)
{
	const struct source_pages_opts o = { .dir = test_dir() };
	CLEANUP(freep_source_pages) struct source_pages *pages = NULL;
	CLEANUP(freep_source_etcd_db) struct source_etcd_db db = { 0 };
	static const uint8_t zeroes[16384];
	struct err e = ERR_INIT;

	CHECK_OK(source_pages_new(&o, &pages, &e), &e);
	CHECK_OK(source_pages_put(pages, zeroes, sizeof(zeroes), &e), &e);
	CHECK_OK(source_pages_end(pages, &e), &e);
	CHECK_FAIL(source_etcd_db_open(pages, 0, &db, &e), &e, HF_ESOURCE);
	CHECK(strstr(e.hint, "another member") != NULL);
}

TEST(records__memory_that_runs_out_is_reported)
{
	const struct test_db_plan p = { history, 8, 6, 0, NULL, -1 };
	CLEANUP(freep_source_pages) struct source_pages *pages = pages_of(&p);
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_source_etcd_db) struct source_etcd_db db = { 0 };
		struct etcd_index x = { 0 };
		struct record rec;

		record_init(&rec);
		e = (struct err)ERR_INIT;
		test_malloc_fail(n);
		rc = source_etcd_db_open(pages, 0, &db, &e);
		if (rc == 0)
			rc = source_etcd_db_write(&db, &rec.sink, 0, &x, &e);
		test_malloc_fail(0);
		etcd_index_clear(&x);
		record_clear(&rec);
		if (rc == 0)
			break;
		CHECK(e.code == -HF_ENOMEM);
	}
}
