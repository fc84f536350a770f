#include "base/json.h"
#include "test.h"

static void
check_text(const char *in, const char *want)
{
	json_auto_t *j = json_text(in);

	CHECK(j != NULL);
	CHECK_STR(json_string_value(j), want);
}

TEST(json_text__keeps_utf_8_as_it_is)
{
	check_text("", "");
	check_text("a\\b", "a\\b");
	check_text("gr\xc3\xbc\xc3\x9f"
		   "e",
	    "gr\xc3\xbc\xc3\x9f"
	    "e");
	check_text("\xf0\x9f\x94\x91", "\xf0\x9f\x94\x91");
}

TEST(json_text__shows_bytes_that_are_no_utf_8)
{
	check_text("caf\xe9", "caf\\xe9");
	check_text("a\\b\xff", "a\\\\b\\xff");
	check_text("\xc0\xaf", "\\xc0\\xaf");          /* Overlong. */
	check_text("\xed\xa0\x80", "\\xed\\xa0\\x80"); /* A surrogate. */
	check_text("\xf4\x90\x80\x80", "\\xf4\\x90\\x80\\x80");
	check_text("\xe2\x82", "\\xe2\\x82"); /* Cut off. */
}

TEST(json_text__of_nothing_is_null)
{
	json_auto_t *j = json_text(NULL);

	CHECK(json_is_null(j));
}

TEST(json_line__is_one_line_and_fails_without_a_document)
{
	json_auto_t *j = json_pack("{s:s, s:i}", "a", "x\ny", "b", 1);
	char *out = NULL;
	size_t n;
	FILE *f = open_memstream(&out, &n);

	CHECK(f != NULL);
	CHECK(json_line(f, j) == 0);
	CHECK(json_line(f, NULL) == -1);
	fclose(f);
	CHECK_STR(out, "{\"a\":\"x\\ny\",\"b\":1}\n");
	free(out);
}
