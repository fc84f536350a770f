#include "base/suggest.h"
#include "test.h"

static const char *
meant(const char *typed)
{
	struct suggest s = { .typed = typed };

	suggest_offer(&s, "backup");
	suggest_offer(&s, "restore");
	suggest_offer(&s, "list");
	suggest_offer(&s, "seal");
	return suggest_best(&s);
}

TEST(suggest__finds_the_word_behind_a_slip_of_the_finger)
{
	CHECK_STR(meant("bakcup"), "backup");
	CHECK_STR(meant("backups"), "backup");
	CHECK_STR(meant("restor"), "restore");
	CHECK_STR(meant("lsit"), "list");
	CHECK_STR(meant("sael"), "seal");
}

TEST(suggest__stays_silent_where_nothing_is_close)
{
	char monster[300];

	memset(monster, 'b', sizeof(monster) - 1);
	monster[sizeof(monster) - 1] = '\0';
	CHECK(meant("frobnicate") == NULL);
	CHECK(meant("") == NULL);
	CHECK(meant("x") == NULL);
	CHECK(meant(monster) == NULL);
}
