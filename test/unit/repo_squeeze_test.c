#include "repo/repo_squeeze.h"
#include "test.h"

/* Fill ${n} bytes from ${seed}: letters, of ${letters} kinds, or anything. */
static void
fill(uint8_t *p, size_t n, uint64_t seed, unsigned letters)
{
	uint64_t x = seed * 2654435761u + 1;
	size_t i;

	for (i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = letters > 0 ? (uint8_t)('a' + (x >> 24) % letters)
				   : (uint8_t)(x >> 24);
	}
}

/* Squeeze the frame ${p}; return how many bytes came of it. */
static size_t
squeezed(int level, const uint8_t *p, size_t n, enum repo_codec want)
{
	CLEANUP(freep_repo_squeezer) struct repo_squeezer *s = NULL;
	struct err err = ERR_INIT;
	enum repo_codec codec;
	const uint8_t *out;
	size_t len;

	CHECK_OK(repo_squeezer_new(level, &s, &err), &err);
	CHECK_OK(repo_squeeze(s, p, n, &out, &len, &codec, &err), &err);
	CHECK(codec == want);
	CHECK((out == p) == (want == REPO_RAW));
	return len;
}

TEST(squeeze__finds_what_lies_anywhere_in_the_frame)
{
	CLEANUP(freep_mem) uint8_t *p = malloc(REPO_FRAME_MAX);
	const size_t part = 300u << 10, back = 700u << 10;

	CHECK(p != NULL);
	fill(p, REPO_FRAME_MAX, 1, 0);
	memcpy(p + back, p, part);
	CHECK(squeezed(1, p, REPO_FRAME_MAX, REPO_ZSTD) <
	      REPO_FRAME_MAX - part + part / 10);
}

TEST(squeeze__compresses_what_has_no_repetitions_at_every_level)
{
	CLEANUP(freep_mem) uint8_t *p = malloc(REPO_FRAME_MAX);
	int level;

	CHECK(p != NULL);
	fill(p, REPO_FRAME_MAX, 2, 16); /* Four bits of eight. */
	for (level = 1; level <= 3; level++)
		CHECK(squeezed(level, p, REPO_FRAME_MAX, REPO_ZSTD) <
		      REPO_FRAME_MAX / 20 * 11);
}

TEST(squeeze__leaves_alone_what_would_not_be_smaller)
{
	CLEANUP(freep_mem) uint8_t *p = malloc(REPO_FRAME_MAX);

	CHECK(p != NULL);
	fill(p, REPO_FRAME_MAX, 3, 0);
	CHECK(squeezed(1, p, REPO_FRAME_MAX, REPO_RAW) == REPO_FRAME_MAX);
	CHECK(squeezed(19, p, 1000, REPO_RAW) == 1000);
	CHECK(squeezed(1, p, 1, REPO_RAW) == 1);
}
