#include "base/crc32c.h"
#include "test.h"

static const struct {
	const char *bytes;
	size_t n;
	uint32_t crc;
} known[] = {
	{ "", 0, 0 },
	{ "a", 1, 0xc1d04330 },
	{ "123456789", 9, 0xe3069283 },
	/* RFC 3720, B.4 */
	{ "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0",
	    32, 0x8a9136aa },
	{ "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"
	  "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
	    32, 0x62a8ab43 },
	{ "\0\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20\21\22\23\24\25\26\27"
	  "\30\31\32\33\34\35\36\37",
	    32, 0x46dd794e },
};

TEST(crc32c__gives_the_published_sums)
{
	size_t i;

	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		CHECK(crc32c(0, known[i].bytes, known[i].n) == known[i].crc);
		CHECK(crc32c_portable(0, known[i].bytes, known[i].n) ==
		      known[i].crc);
	}
}

/* Lengths around the runs that are summed side by side, and every start. */
TEST(crc32c__is_the_same_with_and_without_the_instruction_in_pieces_and_joined)
{
	uint8_t p[2400];
	size_t i, n, at;
	uint32_t crc;

	for (i = 0; i < sizeof(p); i++)
		p[i] = (uint8_t)(i * 7 + (i >> 8));
	for (n = 0; n < 2300; n++) {
		at = n % 11;
		crc = crc32c_portable(5, p + at, n);
		CHECK(crc32c(5, p + at, n) == crc);
		i = n * 2 / 3;
		CHECK(crc32c(crc32c(5, p + at, i), p + at + i, n - i) == crc);
		CHECK(crc32c_join(crc32c(5, p + at, i),
			  crc32c(0, p + at + i, n - i), n - i) == crc);
	}
}

TEST(crc32c__is_joined_by_factors_as_by_lengths)
{
	uint32_t a, b, x = 1;
	int i;

	CHECK(crc32c_factor(0) == CRC32C_NOTHING);
	for (i = 0; i < 1000; i++) {
		x = x * 1664525 + 1013904223;
		a = crc32c_factor(x >> 8);
		b = crc32c_factor(((uint64_t)x << 13) + x % 7);
		CHECK(crc32c_times(a, b) ==
		      crc32c_factor((x >> 8) + ((uint64_t)x << 13) + x % 7));
		CHECK((crc32c_times(x, a) ^ 5) == crc32c_join(x, 5, x >> 8));
		CHECK(crc32c_times(x, a) == crc32c_times_portable(x, a));
		CHECK(crc32c_times(x, CRC32C_NOTHING) == x);
	}
}
