#include <pthread.h>
#include <string.h>

#include "base/buf.h"
#include "base/crc32c.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#include <wmmintrin.h>
#define HARDWARE __attribute__((target("sse4.2")))
#define STEP8(crc, v) ((uint32_t)_mm_crc32_u64((crc), (v)))
#define STEP1(crc, v) _mm_crc32_u8((crc), (v))
#elif defined(__ARM_FEATURE_CRC32) && defined(__aarch64__)
#include <arm_acle.h>
#define HARDWARE
#define STEP8(crc, v) __crc32cd((crc), (v))
#define STEP1(crc, v) __crc32cb((crc), (v))
#endif

#define POLYNOMIAL 0x82f63b78 /* Bit-reversed. */

/*
 * The instruction has a latency of three cycles and starts once a cycle, so
 * three runs of this many bytes are summed side by side.
 */
#define RUN_LOG2 8
#define RUN (1 << RUN_LOG2)

/* No file is longer than 2^LOG2_MAX - 1 bytes. */
#define LOG2_MAX 48

/* table[k][b]: what byte b does to a sum that k more zero bytes follow. */
static uint32_t table[8][256];
/*
 * skip[k][i][b]: what byte b, at place i of a sum, becomes when 2^k zero bytes
 * follow.
 */
static uint32_t skip[LOG2_MAX][4][256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static uint32_t
zero_bit(uint32_t crc)
{
	return crc >> 1 ^ ((crc & 1) ? POLYNOMIAL : 0);
}

static uint32_t
zeroes(uint32_t crc, size_t n)
{
	while (n-- > 0)
		crc = table[0][crc & 0xff] ^ crc >> 8;
	return crc;
}

/* What a sum becomes when 2^${k} zero bytes follow. */
static uint32_t
skip_run(int k, uint32_t crc)
{
	return skip[k][0][crc & 0xff] ^ skip[k][1][crc >> 8 & 0xff] ^
	       skip[k][2][crc >> 16 & 0xff] ^ skip[k][3][crc >> 24];
}

static void
make_skip(int k)
{
	uint32_t b, crc;
	int i;

	for (i = 0; i < 4; i++)
		for (b = 0; b < 256; b++) {
			crc = b << (8 * i);
			skip[k][i][b] =
			    k == 0 ? zeroes(crc, 1)
				   : skip_run(k - 1, skip_run(k - 1, crc));
		}
}

static void
make_tables(void)
{
	uint32_t b, crc;
	int k;

	for (b = 0; b < 256; b++) {
		crc = b;
		for (k = 0; k < 8; k++)
			crc = zero_bit(crc);
		table[0][b] = crc;
	}
	for (k = 1; k < 8; k++)
		for (b = 0; b < 256; b++)
			table[k][b] = zeroes(table[k - 1][b], 1);
	for (k = 0; k < LOG2_MAX; k++)
		make_skip(k);
}

uint32_t
crc32c_portable(uint32_t crc, const void *data, size_t n)
{
	const uint8_t *p = data;
	uint32_t lo, hi;

	(void)pthread_once(&once, make_tables);
	for (crc = ~crc; n >= 8; p += 8, n -= 8) {
		lo = crc ^ le32_get(p);
		hi = le32_get(p + 4);
		crc = table[7][lo & 0xff] ^ table[6][lo >> 8 & 0xff] ^
		      table[5][lo >> 16 & 0xff] ^ table[4][lo >> 24] ^
		      table[3][hi & 0xff] ^ table[2][hi >> 8 & 0xff] ^
		      table[1][hi >> 16 & 0xff] ^ table[0][hi >> 24];
	}
	for (; n > 0; p++, n--)
		crc = table[0][(crc ^ *p) & 0xff] ^ crc >> 8;
	return ~crc;
}

#ifdef HARDWARE
/* Processors with either instruction are little endian here. */
static inline uint64_t
word(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

HARDWARE static uint32_t
with_instruction(uint32_t crc, const uint8_t *p, size_t n)
{
	uint32_t second, third;
	size_t i;

	for (crc = ~crc; n >= 3 * (size_t)RUN; p += 3 * RUN, n -= 3 * RUN) {
		second = third = 0;
		for (i = 0; i < RUN; i += 8) {
			crc = STEP8(crc, word(p + i));
			second = STEP8(second, word(p + RUN + i));
			third = STEP8(third, word(p + 2 * RUN + i));
		}
		crc = skip_run(RUN_LOG2, crc) ^ second;
		crc = skip_run(RUN_LOG2, crc) ^ third;
	}
	for (; n >= 8; p += 8, n -= 8)
		crc = STEP8(crc, word(p));
	for (; n > 0; p++, n--)
		crc = STEP1(crc, *p);
	return ~crc;
}

static int
has_instruction(void)
{
#if defined(__x86_64__)
	return __builtin_cpu_supports("sse4.2");
#else
	return 1;
#endif
}
#endif

uint32_t
crc32c(uint32_t crc, const void *p, size_t n)
{
#ifdef HARDWARE
	(void)pthread_once(&once, make_tables);
	if (has_instruction())
		return with_instruction(crc, p, n);
#endif
	return crc32c_portable(crc, p, n);
}

uint32_t
crc32c_join(uint32_t first, uint32_t second, uint64_t n)
{
	int k;

	(void)pthread_once(&once, make_tables);
	for (k = 0; k < LOG2_MAX; k++)
		if (n >> k & 1)
			first = skip_run(k, first);
	return first ^ second;
}

/*
 * A factor is x^(8n - 32), so that the four bytes by which the instruction
 * shifts what it reduces come out right.
 */
uint32_t
crc32c_factor(uint64_t n)
{
	return crc32c_join(CRC32C_NOTHING, 0, n);
}

uint32_t
crc32c_times_portable(uint32_t a, uint32_t b)
{
	uint32_t product = 0;
	int i;

	(void)pthread_once(&once, make_tables);
	for (i = 0; i < 32; i++, a <<= 1) {
		if (a & UINT32_C(1) << 31)
			product ^= b;
		b = zero_bit(b);
	}
	return zeroes(product, 4);
}

#if defined(__x86_64__)
__attribute__((target("sse4.2,pclmul"))) static uint32_t
times_with_instruction(uint32_t a, uint32_t b)
{
	const __m128i product = _mm_clmulepi64_si128(
	    _mm_cvtsi32_si128((int)a), _mm_cvtsi32_si128((int)b), 0);

	return STEP8(0, (uint64_t)_mm_cvtsi128_si64(product) << 1);
}
#endif

uint32_t
crc32c_times(uint32_t a, uint32_t b)
{
#if defined(__x86_64__)
	if (__builtin_cpu_supports("pclmul") &&
	    __builtin_cpu_supports("sse4.2"))
		return times_with_instruction(a, b);
#endif
	return crc32c_times_portable(a, b);
}
