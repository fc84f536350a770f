#include <sys/stat.h>

#include "source_etcd_members.h"

TEST(proof__names_a_member_that_has_another_hash)
{
	begin(&whole, "F" STATE "SKM", "LK");
	two.hash ^= 1;
	failed(HF_ESOURCE, "has the HashKV", "replace the one that differs");
}

TEST(proof__names_the_member_that_was_read_if_it_has_another_hash)
{
	begin(&whole, "F" STATE "SKM", "LK");
	one.hash ^= 1;
	failed(HF_ESOURCE, "has the HashKV", "replace the one that differs");
}

TEST(proof__names_a_member_that_promised_more_than_it_sent)
{
	begin(&whole, "L" STATE "SKM", NULL);
	one.revision = NEWEST + 1;
	failed(HF_ESOURCE, "is at revision 10, and its snapshot ends with 9",
	    "replace it");
}

TEST(proof__names_a_member_that_hashed_another_revision)
{
	begin(&whole, "F" STATE "SKM", "LK");
	two.hash_at = NEWEST - 1;
	failed(HF_ESOURCE, "to hash revision 9 and hashed 8", "");
}

TEST(proof__names_a_member_that_is_not_where_it_hashed)
{
	begin(&whole, "F" STATE "SKM", "LK");
	two.header = NEWEST - 1;
	failed(HF_ESOURCE, "has hashed revision 9, and is at 8", "");
}

TEST(proof__names_a_member_that_forgot_what_it_sent)
{
	begin(&whole, "L" STATE "SUM", NULL);
	failed(HF_ESOURCE, "future revision", "");
}

TEST(proof__counts_a_member_that_does_not_answer_as_not_agreeing)
{
	begin(&whole, "F" STATE "SKM", "LR");
	stored("1 of 2 agree");
	finish();
	begin(&whole, "F" STATE "SKM", "LQQ");
	stored("1 of 2 agree");
	finish();
	/* It did not even tell its status. */
	begin(&whole, "L" STATE "SKM", "R");
	stored("1 of 2 agree");
	finish();
}

TEST(proof__needs_the_member_that_was_read)
{
	begin(&whole, "F" STATE "SR", "LK");
	failed(HF_EUNAVAIL, "gives no HashKV at revision", "");
}

TEST(proof__needs_the_right_to_hash)
{
	begin(&whole, "F" STATE "SD", "LK");
	failed(HF_EDENIED, "permission denied", "");
}

TEST(proof__hashes_as_far_compacted_as_a_member_is)
{
	begin(&whole, "F" STATE "SKM", "LK");
	two.hash_compact = 7;
	two.hash = hash_at(NEWEST, 7);
	CHECK(two.hash != one.hash);
	stored("2 of 2 agree");
	finish();
	/* The same of the one that was read. */
	begin(&whole, "L" STATE "SKM", NULL);
	one.hash_compact = 7;
	one.hash = hash_at(NEWEST, 7);
	stored("1 of 1 agree");
	finish();
}

/* 3.4 refuses; later ones answer with what they had hashed before. */
TEST(proof__asks_for_the_newest_if_compacted_to_that_very_revision)
{
	static const struct test_db_change left[] = { { 8, "a", "3" },
		{ 9, "d", "1" } };
	const struct test_db_plan p = { left, 2, 9, 9, NULL, -1 };

	begin(&p, "L" STATE "SCKM", NULL);
	one.hash_compact = 9;
	one.hash = hash_at(NEWEST, 9);
	stored("1 of 1 agree");
	finish();
	/* Of a compaction before: it is asked again, and says the same. */
	begin(&p, "L" STATE "SKKM", NULL);
	one.hash_compact = 5;
	failed(HF_EUNAVAIL, "compacted to that revision", "run it again");
}

TEST(proof__is_not_to_be_had_once_history_is_compacted_away)
{
	begin(&whole, "L" STATE "SCK", NULL);
	one.header = NEWEST + 5;
	failed(HF_EUNAVAIL, "compacted to that revision", "run it again");
}

TEST(proof__of_a_learner_comes_from_a_member_that_votes)
{
	begin(&whole, "NRNSM", "L" STATE "K");
	stored("1 of 1 agree");
	CHECK_STR(record_evidence(&rec, "etcd.leader"), "false");
	finish();
	begin(&whole, "NRNSM", "L" STATE "K");
	two.hash ^= 1;
	failed(HF_ESOURCE, "has the HashKV", "replace the one that differs");
	begin(&whole, "NRNSM", "L" STATE "R");
	failed(HF_EUNAVAIL, "is a learner", "name a voting member");
}

/* Read with a user: simple tokens live for five minutes. */
static int
read_as_root(void)
{
	char password[4096];
	const char *const words[] = { "form", "records", "user", "root",
		"password", password, NULL };
	FILE *f;

	(void)snprintf(password, sizeof(password), "%s/password", test_dir());
	CHECK((f = fopen(password, "we")) != NULL);
	CHECK(fputs("geheim", f) > 0 && fchmod(fileno(f), 0600) == 0);
	CHECK(fclose(f) == 0);
	(void)snprintf(
	    password, sizeof(password), "file:%s/password", test_dir());
	return with(read_all, words);
}

TEST(proof__logs_in_again_when_its_token_has_expired_meanwhile)
{
	begin(&whole, "TL" STATE "SVTKM", NULL);
	CHECK_OK(read_as_root(), &e);
	CHECK_STR(record_evidence(&rec, "etcd.hashkv.members"), "1 of 1 agree");
	finish();
	/* Once, not for ever. */
	begin(&whole, "TL" STATE "SVTVTKM", NULL);
	CHECK_FAIL(read_as_root(), &e, HF_EDENIED);
	CHECK(record_find(&rec, "segments") == NULL);
	finish();
}

/* A stream that takes longer than history is kept. */
static int
read_slowly(void)
{
	static const char *const words[] = { "form", "records", "long_ms", "1",
		NULL };

	return with(read_all, words);
}

TEST(proof__of_a_long_stream_is_had_while_it_comes)
{
	/* At 8, compacted to 6, is asked while the rest is still to come;
	 * and 9 is gone by the time it has. */
	begin(&whole, "L" STATE "WKCCM", NULL);
	one.revision = NEWEST - 1;
	one.header = NEWEST + 5;
	one.hash_compact = 6;
	one.hash = hash_at(NEWEST - 1, 6);
	CHECK_OK(read_slowly(), &e);
	CHECK(record_find(&rec, "segments") != NULL);
	CHECK_STR(record_evidence(&rec, "etcd.hashkv.members"), "1 of 1 agree");
	CHECK(strstr(record_evidence(&rec, "etcd.note.hashkv"),
		  "compared at revision 8") != NULL);
	CHECK_STR(record_evidence(&rec, "etcd.revision"), "9");
	finish();
}

TEST(proof__of_a_long_stream_has_to_agree_too)
{
	begin(&whole, "L" STATE "WKCCM", NULL);
	one.revision = NEWEST - 1;
	one.header = NEWEST + 5;
	CHECK_FAIL(read_slowly(), &e, HF_ESOURCE);
	CHECK(strstr(e.msg, "at revision 8") != NULL);
	CHECK(record_find(&rec, "segments") == NULL);
	finish();
}

TEST(proof__of_a_long_stream_is_not_used_if_there_is_a_better_one)
{
	begin(&whole, "L" STATE "WKKM", NULL);
	one.revision = NEWEST - 1;
	CHECK_OK(read_slowly(), &e);
	CHECK(record_evidence(&rec, "etcd.note.hashkv") == NULL);
	finish();
}

TEST(proof__of_a_long_stream_may_not_be_had_either)
{
	begin(&whole, "L" STATE "WRCCM", NULL);
	CHECK_FAIL(read_slowly(), &e, HF_EUNAVAIL);
	CHECK(record_find(&rec, "segments") == NULL);
	finish();
}
