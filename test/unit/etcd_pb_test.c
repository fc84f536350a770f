#include "base/buf.h"
#include "etcd/etcd_pb.h"
#include "test.h"

static int
next(const void *p, size_t n, struct pb *r)
{
	pb_init(r, p, n);
	return pb_next(r);
}

TEST(pb__gives_back_what_was_added)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	char text[8];
	struct pb r;

	CHECK_OK(pb_add_uint(&b, 1, 300, &e), &e);
	CHECK_OK(pb_add_bytes(&b, 2, "name", 4, &e), &e);
	CHECK_OK(pb_add_uint(&b, 1000, UINT64_MAX, &e), &e);
	/* The specification's own example: 300 is ac 02. */
	CHECK(b.p[0] == 0x08 && b.p[1] == 0xac && b.p[2] == 0x02);

	CHECK(next(b.p, b.len, &r) == 1);
	CHECK(r.field == 1 && r.wire == PB_VARINT && r.val == 300);
	CHECK(pb_next(&r) == 1);
	CHECK(r.field == 2 && r.wire == PB_BYTES && r.len == 4);
	pb_text(&r, text, sizeof(text));
	CHECK_STR(text, "name");
	CHECK(pb_next(&r) == 1);
	CHECK(r.field == 1000 && r.val == UINT64_MAX);
	CHECK(pb_next(&r) == 0);
}

TEST(pb__leaves_zero_and_empty_values_out)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(pb_add_uint(&b, 1, 0, &e), &e);
	CHECK_OK(pb_add_bytes(&b, 2, "", 0, &e), &e);
	CHECK(b.len == 0);
}

TEST(pb__steps_over_fixed_fields)
{
	static const uint8_t m[] = { 0x09, 1, 2, 3, 4, 5, 6, 7, 8, 0x15, 1, 2,
		3, 4, 0x18, 7 };
	struct pb r;

	CHECK(next(m, sizeof(m), &r) == 1);
	CHECK(r.wire == PB_FIXED64 && r.len == 8);
	CHECK(pb_next(&r) == 1);
	CHECK(r.wire == PB_FIXED32 && r.len == 4);
	CHECK(pb_next(&r) == 1);
	CHECK(r.field == 3 && r.val == 7);
}

TEST(pb__refuses_what_is_malformed)
{
	static const struct {
		size_t n;
		uint8_t p[12];
	} bad[] = {
		{ 1, { 0x08 } },          /* a key without a value */
		{ 2, { 0x08, 0x80 } },    /* a varint cut short */
		{ 2, { 0x12, 0x01 } },    /* a length beyond the end */
		{ 1, { 0x00 } },          /* field number 0 */
		{ 1, { 0x0b } },          /* a group */
		{ 1, { 0x0f } },          /* wire type 7 */
		{ 4, { 0x09, 1, 2, 3 } }, /* half a fixed64 */
		{ 3, { 0x15, 1, 2 } },    /* half a fixed32 */
		{ 6, { 0xf8, 0xff, 0xff, 0xff, 0x7f, 0 } }, /* field > 2^29 */
		{ 12, { 0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			  0xff, 0x02, 0 } }, /* 65 bits */
		{ 12, { 0x12, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
			  0xff, 0x01, 0 } }, /* a length of 2^64 - 1 */
	};
	struct pb r;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(next(bad[i].p, bad[i].n, &r) == -1);
}

/* Whatever the bytes, each field lies inside them, and the end is reached. */
TEST(pb__stays_inside_random_messages)
{
	uint32_t seed = 1;
	uint8_t m[24];
	struct pb r;
	int round;
	size_t i, n;

	for (round = 0; round < 200000; round++) {
		for (i = 0; i < sizeof(m); i++) {
			seed = seed * 1664525 + 1013904223;
			m[i] = (uint8_t)(seed >> 24);
			/* Mostly small, so that many fields are whole. */
			if (seed & 0x10000)
				m[i] &= 0x1f;
		}
		n = seed % (sizeof(m) + 1);
		pb_init(&r, m, n);
		while (pb_next(&r) == 1) {
			CHECK(r.field > 0 && r.left <= n);
			if (r.wire != PB_VARINT)
				CHECK(r.ptr >= m && r.ptr + r.len <= m + n);
		}
	}
}

TEST(pb_text__cuts_and_hides_what_is_not_text)
{
	static const uint8_t m[] = { 0x0a, 5, 'a', '\n', 0xff, 'b', 'c' };
	char text[5];
	struct pb r;

	CHECK(next(m, sizeof(m), &r) == 1);
	pb_text(&r, text, sizeof(text));
	CHECK_STR(text, "a??b");
}
