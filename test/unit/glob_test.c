#include "base/glob.h"
#include "test.h"

TEST(glob__star_stays_within_a_component)
{
	CHECK(glob_match("*", "abc"));
	CHECK(glob_match("*.c", "x.c"));
	CHECK(glob_match("a*b*c", "aXbXbYc"));
	CHECK(glob_match("a/*/c", "a/b/c"));
	CHECK(glob_match("ab*", "ab"));
	CHECK(!glob_match("*", "a/b"));
	CHECK(!glob_match("a/*", "a/b/c"));
	CHECK(!glob_match("*.c", "x.h"));
	CHECK(!glob_match("a*", ""));
}

TEST(glob__two_stars_cross_components)
{
	CHECK(glob_match("**", "a"));
	CHECK(glob_match("**", "a/b/c"));
	CHECK(glob_match("**/LOCK", "LOCK"));
	CHECK(glob_match("**/LOCK", "a/b/LOCK"));
	CHECK(glob_match("a/**/z", "a/z"));
	CHECK(glob_match("a/**/z", "a/b/c/z"));
	CHECK(glob_match("a/**", "a/b/c"));
	CHECK(glob_match("**/a/*.c", "x/a/y/a/z.c"));
	CHECK(glob_match("**/b/**/d", "a/b/b/c/d"));
	CHECK(!glob_match("**/LOCK", "a/xLOCK"));
	CHECK(!glob_match("a/**", "a"));
	CHECK(!glob_match("a/**/z", "az"));
	CHECK(!glob_match("a**z", "a/z"));
	CHECK(glob_match("a**z", "abcz"));
}

TEST(glob__knows_sets_and_single_bytes)
{
	CHECK(glob_match("?", "a"));
	CHECK(glob_match("[a-cx]", "b"));
	CHECK(glob_match("[a-cx]", "x"));
	CHECK(glob_match("[!a-c]", "d"));
	CHECK(glob_match("[^a-c]", "\xff"));
	CHECK(glob_match("[]a]", "]"));
	CHECK(glob_match("[a-]", "-"));
	CHECK(glob_match("[", "["));
	CHECK(glob_match("[a", "[a"));
	CHECK(glob_match("\\*", "*"));
	CHECK(!glob_match("\\*", "a"));
	CHECK(!glob_match("?", ""));
	CHECK(!glob_match("a?b", "a/b"));
	CHECK(!glob_match("a[!x]b", "a/b"));
	CHECK(!glob_match("[!a-c]", "b"));
}

TEST(glob__below_takes_what_a_matching_folder_holds)
{
	CHECK(glob_match_below("a/b", "a/b"));
	CHECK(glob_match_below("a/b", "a/b/c/d"));
	CHECK(glob_match_below("*.d", "x.d/y"));
	CHECK(!glob_match_below("a/b", "a/bc"));
	CHECK(!glob_match_below("a/b", "a"));
	CHECK(!glob_match_below("b", "a/b"));
}

/* With naive recursion this would take longer than the universe has. */
TEST(glob__cannot_be_made_slow)
{
	char path[2001];
	int i;

	for (i = 0; i < 2000; i++)
		path[i] = i % 2 == 0 ? 'a' : '/';
	path[1999] = 'a';
	path[2000] = '\0';
	CHECK(!glob_match("**/a/**/a/**/a/**/a/**/a/**/a/**/a/**/b", path));
	memset(path, 'a', 2000);
	CHECK(!glob_match("*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path));
}
