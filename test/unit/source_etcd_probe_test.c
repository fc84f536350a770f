#include "source_etcd_members.h"

static const char *const no_words[] = { NULL };

/* It finds that, and that a backup can be taken all the same. */
static void
finds(const char *words)
{
	CHECK_FAIL(with(source_probe, no_words), &e, HF_EWARN);
	if (strstr(e.msg, words) == NULL)
		test_fail(__FILE__, __LINE__, words, &e);
	finish();
}

TEST(probe__finds_nothing_where_all_is_well)
{
	begin(&whole, "FAU", "L");
	CHECK_OK(with(source_probe, no_words), &e);
	finish();
}

TEST(probe__fails_without_the_right_to_take_a_backup)
{
	begin(&whole, "FAD", "L");
	CHECK_FAIL(with(source_probe, no_words), &e, HF_EDENIED);
	CHECK(strstr(e.hint, "role 'root'") != NULL);
	finish();
}

TEST(probe__finds_what_would_be_missing_from_the_proof)
{
	begin(&whole, "FAR", "L");
	finds("ask for HashKV");
	begin(&whole, "FAU", "R");
	finds("try again");
	begin(&whole, "N", "LA");
	finds("is a learner, which cannot vouch");
}

TEST(probe__finds_a_version_that_is_not_known)
{
	static const char *const unknown[] = { "3.3.27", "3.8.0", "4.0.0",
		"3.50.1", "" };
	size_t i;

	for (i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++) {
		begin(&whole, "FAU", "L");
		two.version = unknown[i];
		finds("knows 3.4 to 3.7");
	}
	begin(&whole, "FAU", "L");
	two.version = "3.7.0-rc.1";
	CHECK_OK(with(source_probe, no_words), &e);
	finish();
}
