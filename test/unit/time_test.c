#include "base/time.h"
#include "test.h"

static int64_t
parsed(const char *s)
{
	struct err e = ERR_INIT;
	int64_t ms = 0;

	CHECK_OK(time_parse(s, &ms, &e), &e);
	return ms;
}

TEST(time__reads_rfc_3339_in_every_shape_that_people_type)
{
	CHECK(parsed("1970-01-01T00:00:00Z") == 0);
	CHECK(parsed("2026-11-20T10:00:00Z") == INT64_C(1795168800000));
	CHECK(parsed("2026-11-20T10:00Z") == INT64_C(1795168800000));
	CHECK(parsed("2026-11-20t10:00z") == INT64_C(1795168800000));
	CHECK(parsed("2026-11-20 10:00:00Z") == INT64_C(1795168800000));
	CHECK(parsed("2026-11-20T11:30+01:30") == INT64_C(1795168800000));
	CHECK(parsed("2026-11-20T05:00-05:00") == INT64_C(1795168800000));
	CHECK(parsed("2026-11-20T10:00:00.25Z") == INT64_C(1795168800250));
	CHECK(parsed("2026-11-20T10:00:00.1239999Z") == INT64_C(1795168800123));
	CHECK(parsed("2026-11-20") == INT64_C(1795132800000));
	CHECK(parsed("2024-02-29") == INT64_C(1709164800000));
	CHECK(parsed("1969-12-31T23:59:59.999Z") == -1);
}

TEST(time__refuses_what_is_no_time_and_leaves_the_output_alone)
{
	static const char *const bad[] = { "", "yesterday", "2026-11-20T",
		"2026-11-20T10", "2026-11-20T10:00", "2026-11-20T10:00:00",
		"2026-02-29", "2026-13-01", "2026-00-10", "2026-04-31",
		"2026-11-20T24:00Z", "2026-11-20T10:60Z",
		"2026-11-20T10:00:60Z", "2026-11-20T10:00:00.Z",
		"2026-11-20T10:00+1:00", "2026-11-20T10:00+24:00",
		"2026-11-20T10:00Zx", "26-11-20", "-2026-11-20", "2026-11-2",
		" 2026-11-20", "2026/11/20" };
	struct err e = ERR_INIT;
	int64_t ms = 42;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(time_parse(bad[i], &ms, &e), &e, HF_EUSAGE);
		CHECK(ms == 42 && e.hint[0] != '\0');
	}
}

TEST(time__writes_what_it_reads)
{
	char text[TIME_TEXT_MAX];

	CHECK_STR(time_format(0, text), "1970-01-01T00:00:00Z");
	CHECK_STR(time_format(-1, text), "1969-12-31T23:59:59.999Z");
	CHECK_STR(time_format(INT64_C(1795168800123), text),
	    "2026-11-20T10:00:00.123Z");
	CHECK(parsed(text) == INT64_C(1795168800123));
	CHECK_STR(time_stamp(INT64_C(1795168800999), text), "20261120T100000Z");
	/* The ends of the type must not write behind the buffer. */
	(void)time_format(INT64_MAX, text);
	(void)time_format(INT64_MIN, text);
	(void)time_stamp(INT64_MAX, text);
	CHECK(strlen(text) < TIME_TEXT_MAX);
}

static int64_t
duration(const char *s)
{
	struct err e = ERR_INIT;
	int64_t ms = 0;

	CHECK_OK(duration_parse(s, &ms, &e), &e);
	return ms;
}

TEST(duration__knows_its_units_and_their_sums)
{
	CHECK(duration("90s") == 90 * 1000);
	CHECK(duration("15m") == 15 * 60 * 1000);
	CHECK(duration("24h") == duration("1d"));
	CHECK(duration("10w") == duration("70d"));
	CHECK(duration("1y") == duration("365d"));
	CHECK(duration("1h30m") == duration("90m"));
	CHECK(duration("0s") == 0);
	CHECK(duration("1000y") == duration("365000d"));
}

TEST(duration__refuses_what_is_none)
{
	static const char *const bad[] = { "", "15", "d", "15 d", "-1d", "1.5h",
		"1x", "1h30", "1001y", "999y999y", "99999999999999999999s",
		"1ms" };
	struct err e = ERR_INIT;
	int64_t ms = 42;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(duration_parse(bad[i], &ms, &e), &e, HF_EUSAGE);
		CHECK(ms == 42);
	}
}

TEST(duration__is_written_with_two_units_at_most)
{
	char text[TIME_TEXT_MAX];

	CHECK_STR(duration_format(0, text), "0s");
	CHECK_STR(duration_format(350, text), "350ms");
	CHECK_STR(duration_format(12340, text), "12s");
	CHECK_STR(duration_format(72000, text), "1m12s");
	CHECK_STR(duration_format(3600000, text), "1h");
	CHECK_STR(duration_format(duration("2d3h59m"), text), "2d3h");
	CHECK_STR(duration_format(-5, text), "0s");
}
