#include "source/source_paged_map.h"
#include "source_etcd_members.h"

/* The snapshot form: failover. */

static void
snapshot_stored(void)
{
	CHECK(rec.n == 1 && rec.v[0].data.len == db.len + SHA256_LEN);
	CHECK(memcmp(rec.v[0].data.p, db.p, db.len) == 0);
}

TEST(snapshot__goes_to_the_next_member_when_one_refuses)
{
	begin(&whole, "F" STATE "R", "LSM");
	CHECK_OK(read_snapshot(), &e);
	snapshot_stored();
	CHECK(strstr(record_evidence(&rec, "etcd.note.failover"), "try again"));
	CHECK_STR(record_evidence(&rec, "etcd.leader"), "true");
	finish();
}

/* What went to a leader who had just died is never answered. */
TEST(snapshot__asks_once_more_for_alarms_while_a_leader_is_elected)
{
	begin(&whole, "LR" STATE "SM", NULL);
	CHECK_OK(read_snapshot(), &e);
	snapshot_stored();
	finish();
	begin(&whole, "LRR", NULL);
	CHECK_FAIL(read_snapshot(), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "ask for alarms") != NULL && rec.n == 0);
	finish();
}

/* Neither does it fail that nobody leads just now, nor that somebody dies. */
TEST(snapshot__waits_while_a_leader_is_elected)
{
	begin(&whole, "OOF" STATE "SM", "OQ");
	CHECK_OK(read_snapshot(), &e);
	snapshot_stored();
	CHECK_STR(record_evidence(&rec, "etcd.leader"), "false");
	finish();
}

TEST(snapshot__fails_if_nobody_is_elected)
{
	begin(&whole, "OOOOOOOOOOOOOOO", NULL);
	CHECK_FAIL(read_snapshot(), &e, HF_EUNAVAIL);
	CHECK(rec.n == 0);
	finish();
}

TEST(snapshot__fails_with_the_first_cause_if_all_refuse)
{
	begin(&whole, "F" STATE "R", "LQ");
	CHECK_FAIL(read_snapshot(), &e, HF_EUNAVAIL);
	CHECK(strstr(e.msg, "try again") != NULL && rec.n == 0);
	finish();
}

TEST(snapshot__does_not_try_elsewhere_what_is_denied)
{
	begin(&whole, "F" STATE "D", "LSM");
	CHECK_FAIL(read_snapshot(), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "role 'root'") != NULL && rec.n == 0);
	finish();
}

static void
on_begin(void *arg, const char *path)
{
	(void)path;
	atomic_store((atomic_bool *)arg, true);
}

TEST(snapshot__that_breaks_off_in_the_midst_is_none)
{
	begin(&whole, "F" STATE "G", "LSM");
	rec.on_begin = on_begin;
	rec.arg = &begun;
	CHECK_FAIL(read_snapshot(), &e, HF_EUNAVAIL);
	/* What came cannot be taken back, so that nobody else is read. */
	CHECK(atomic_load(&begun) && rec.n == 0);
	CHECK(atomic_load(&two.answered) == 1); /* Its status. */
	finish();
}

/* The records form: what came as the snapshot. */

TEST(records__come_with_the_hash_of_all_members)
{
	char hash[16];

	begin(&whole, "F" STATE "SKM", "LK");
	stored("2 of 2 agree");
	(void)snprintf(hash, sizeof(hash), "%u", hash_at(NEWEST, 0));
	CHECK_STR(record_evidence(&rec, "etcd.hashkv"), hash);
	CHECK_STR(record_evidence(&rec, "etcd.revision"), "9");
	CHECK(record_evidence(&rec, "etcd.note.failover") == NULL);
	CHECK(record_evidence(&rec, "etcd.note.hashkv") == NULL);
	finish();
}

TEST(records__come_from_another_member_when_one_is_killed)
{
	begin(&whole, "F" STATE "H", "LSKM");
	stored("1 of 2 agree");
	CHECK(record_evidence(&rec, "etcd.note.failover") != NULL);
	CHECK_STR(record_evidence(&rec, "etcd.leader"), "true");
	finish();
}

/* Who is asked how it is has five seconds. */
TEST(records__come_from_another_member_when_one_never_answers)
{
	begin(&whole, "Z", "L" STATE "SKM");
	stored("1 of 2 agree");
	CHECK(atomic_load(&one.answered) == 0);
	CHECK_STR(record_evidence(&rec, "etcd.leader"), "true");
	finish();
}

TEST(records__come_from_another_member_when_one_sends_no_snapshot)
{
	const char *const scripts[] = { "F" STATE "E", "F" STATE "B",
		"F" STATE "X" };
	const char *const words[] = { "ended early", "stopped reading",
		"digest is wrong" };
	size_t i;

	for (i = 0; i < 3; i++) {
		begin(&whole, scripts[i], "LSKM");
		stored("1 of 2 agree");
		CHECK(strstr(record_evidence(&rec, "etcd.note.failover"),
			  words[i]) != NULL);
		finish();
	}
}

TEST(records__of_a_stream_that_ends_early_there_are_none)
{
	begin(&whole, "L" STATE "E", NULL);
	CHECK_FAIL(read_records(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "ended early") != NULL && rec.n == 0);
	finish();
}

TEST(records__of_a_stream_that_never_ends_there_are_none)
{
	begin(&whole, "L" STATE "B", NULL);
	CHECK_FAIL(read_records(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "stopped reading") != NULL && rec.n == 0);
	finish();
}

TEST(records__of_a_stream_with_a_wrong_digest_there_are_none)
{
	begin(&whole, "L" STATE "X", NULL);
	CHECK_FAIL(read_records(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "digest is wrong") != NULL && rec.n == 0);
	finish();
}

TEST(records__of_a_damaged_database_there_are_none)
{
	begin(&whole, "L" STATE "S", NULL);
	/* Both meta pages: no root can be found. */
	memset(db.p + 16, 0xff, 64);
	memset(db.p + 4096 + 16, 0xff, 64);
	failed(HF_ESOURCE, "damaged", "another member");
}

static int
check_page(void *arg, const struct source_paged_page *page, struct err *err)
{
	const uint64_t at = page->number * 4096;
	uint64_t *sum = arg;

	(void)err;
	*sum += page->len;
	if (at == db.len)
		CHECK(page->len == SHA256_LEN);
	else
		CHECK(memcmp(page->p, db.p + at, page->len) == 0);
	return 0;
}

static void
pages_stored(void)
{
	CLEANUP(freep_source_paged_map) struct source_paged_map map = { 0 };
	uint64_t sum = 0;

	CHECK(rec.n == 3);
	CHECK_STR(rec.v[0].e.path, "snapshot.db.pages");
	CHECK_STR(rec.v[2].e.path, "snapshot.db.pages/map");
	CHECK_OK(source_paged_map_decode(
		     rec.v[2].data.p, rec.v[2].data.len, &map, &e),
	    &e);
	CHECK(map.size == db.len + SHA256_LEN && map.ngroups == 1);
	CHECK_OK(source_paged_group_read(rec.v[1].data.p, rec.v[1].data.len,
		     4096, map.groups[0].pages, check_page, &sum, &e),
	    &e);
	CHECK(sum == map.size);
	CHECK(record_evidence(&rec, "etcd.sha256") != NULL);
}

TEST(records__of_a_database_with_an_unknown_bucket_are_its_pages)
{
	const struct test_db_plan p = { history, 8, 0, 0, "quantum", -1 };

	begin(&p, "L" STATE "SM", NULL);
	CHECK_OK(read_records(), &e);
	pages_stored();
	CHECK(strstr(record_evidence(&rec, "etcd.note.form"), "'quantum'"));
	CHECK(strstr(record_warned(&rec, "snapshot.db"), "stored as pages"));
	finish();
}

static int
read_pages(void)
{
	static const char *const words[] = { "form", "pages", NULL };

	return with(read_all, words);
}

TEST(pages__are_stored_without_a_warning_where_they_are_wanted)
{
	begin(&whole, "L" STATE "SM", NULL);
	CHECK_OK(read_pages(), &e);
	pages_stored();
	CHECK(record_evidence(&rec, "etcd.note.form") == NULL);
	CHECK(rec.nwarnings == 0);
	finish();
}

TEST(pages__of_a_member_that_is_behind_what_it_said_there_are_none)
{
	const struct test_db_plan p = { history, 6, 0, 0, NULL, -1 };

	begin(&p, "L" STATE "S", NULL);
	CHECK_FAIL(read_pages(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "and its snapshot ends with") && rec.n == 0);
	finish();
}
