#include "base/size.h"
#include "test.h"

static uint64_t
size(const char *s)
{
	struct err e = ERR_INIT;
	uint64_t n = 0;

	CHECK_OK(size_parse(s, &n, &e), &e);
	return n;
}

TEST(size__reads_binary_and_decimal_units)
{
	CHECK(size("0") == 0);
	CHECK(size("4096") == 4096);
	CHECK(size("12B") == 12);
	CHECK(size("96MiB") == 96 * 1048576);
	CHECK(size("96M") == 96 * 1048576);
	CHECK(size("96m") == 96 * 1048576);
	CHECK(size("10MB") == 10 * 1000 * 1000);
	CHECK(size("1.5G") == UINT64_C(1610612736));
	CHECK(size("1.5 GiB") == UINT64_C(1610612736));
	CHECK(size("0.0001K") == 0);
	CHECK(size("2TiB") == UINT64_C(2) << 40);
	CHECK(size("9223372036854775807") == INT64_MAX);
}

TEST(size__refuses_what_is_none_or_too_large)
{
	static const char *const bad[] = { "", "M", "1.", ".5", "1.5.5", "-1",
		"+1", "1Q", "1Mi", "1MiBs", "1 M x", "9223372036854775808",
		"8192P", "99999999999999999999", "1.0000000001K", "0x10" };
	struct err e = ERR_INIT;
	uint64_t n = 42;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_FAIL(size_parse(bad[i], &n, &e), &e, HF_EUSAGE);
		CHECK(n == 42);
	}
}

TEST(size__is_written_for_people)
{
	char text[SIZE_TEXT_MAX];

	CHECK_STR(size_format(0, text), "0 B");
	CHECK_STR(size_format(1023, text), "1023 B");
	CHECK_STR(size_format(1024, text), "1.0 KiB");
	CHECK_STR(size_format(1536, text), "1.5 KiB");
	CHECK_STR(size_format(150 * 1024, text), "150 KiB");
	CHECK_STR(size_format(1048575, text), "1.0 MiB");
	CHECK_STR(size_format(UINT64_C(96) << 20, text), "96.0 MiB");
	CHECK_STR(size_format(UINT64_MAX, text), "16384 PiB");
}
