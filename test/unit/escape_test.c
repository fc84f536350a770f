#include "base/buf.h"
#include "base/escape.h"
#include "test.h"

static void
escapes(const char *p, size_t n, const char *want)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(escape_add(&b, p, n, &e), &e);
	CHECK_OK(buf_add(&b, "", 1, &e), &e);
	CHECK_STR((char *)b.p, want);
}
#define ESCAPES(s, want) escapes(s, sizeof(s) - 1, want)

TEST(escape__leaves_text_alone)
{
	ESCAPES("", "");
	ESCAPES("/registry/pods/default/web", "/registry/pods/default/web");
	ESCAPES("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80");
}

TEST(escape__shows_what_a_terminal_would_obey)
{
	ESCAPES("a\0b", "a\\x00b");
	ESCAPES("a\tb\nc\r", "a\\x09b\\x0ac\\x0d");
	ESCAPES("\33[2J\7\x7f", "\\x1b[2J\\x07\\x7f");
	/* A control character of two bytes: CSI. */
	ESCAPES("\xc2\x9b", "\\xc2\\x9b");
	/* Right to left from here, and isolated. */
	ESCAPES("\xe2\x80\xae", "\\xe2\\x80\\xae");
	ESCAPES("\xe2\x81\xa6", "\\xe2\\x81\\xa6");
	ESCAPES("\\x41", "\\\\x41");
}

TEST(escape__shows_bytes_that_are_no_text)
{
	ESCAPES("\xff", "\\xff");
	ESCAPES("a\xc3", "a\\xc3");
	ESCAPES("\xe2\x82", "\\xe2\\x82");
	/* Overlong, and a surrogate. */
	ESCAPES("\xc0\x80", "\\xc0\\x80");
	ESCAPES("\xed\xa0\x80", "\\xed\\xa0\\x80");
}

TEST(escape__tells_utf8_and_what_is_harmless)
{
	CHECK(escape_utf8("", 0) && escape_harmless("", 0));
	CHECK(escape_utf8("a\0b", 3) && !escape_harmless("a\0b", 3));
	CHECK(escape_harmless("a\tb\n\xc3\xa4", 6));
	CHECK(!escape_harmless("a\r", 2));
	CHECK(!escape_harmless("\xc2\x9b", 2) && escape_utf8("\xc2\x9b", 2));
	/* What lies behind the end is not looked at. */
	CHECK(!escape_utf8("\xc3\xa4", 1) && escape_utf8("a\xff", 1));
}

TEST(escape__of_bytes_that_find_no_memory_is_an_error)
{
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		CLEANUP(freep_buf) struct buf b = BUF_INIT;

		test_malloc_fail(n);
		rc = escape_add(&b, "a\33b", 3, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	test_malloc_fail(0);
}
