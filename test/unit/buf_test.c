#include "base/buf.h"
#include "test.h"

TEST(buf__gives_back_what_was_added)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	CLEANUP(freep_mem) char *s = NULL;
	struct err e = ERR_INIT;
	struct cur c;

	CHECK_OK(buf_add_u8(&b, 0xab, &e), &e);
	CHECK_OK(buf_add_u16(&b, 0x1234, &e), &e);
	CHECK_OK(buf_add_u32(&b, 0xdeadbeef, &e), &e);
	CHECK_OK(buf_add_u64(&b, 0x0102030405060708, &e), &e);
	CHECK_OK(buf_add_str(&b, "name", &e), &e);
	CHECK(b.len == 1 + 2 + 4 + 8 + 4 + 4);
	CHECK(b.p[1] == 0x34 && b.p[2] == 0x12);

	cur_init(&c, b.p, b.len);
	CHECK(cur_u8(&c) == 0xab);
	CHECK(cur_u16(&c) == 0x1234);
	CHECK(cur_u32(&c) == 0xdeadbeef);
	CHECK(cur_u64(&c) == 0x0102030405060708);
	CHECK_OK(cur_str(&c, &s, &e), &e);
	CHECK_STR(s, "name");
	CHECK(cur_end(&c));
}

TEST(cur__stays_bad_once_something_was_missing)
{
	static const uint8_t three[] = { 1, 2, 3 };
	struct cur c;

	cur_init(&c, three, sizeof(three));
	CHECK(cur_u32(&c) == 0);
	CHECK(cur_u8(&c) == 0);
	CHECK(!cur_end(&c));
}

TEST(cur__refuses_a_length_beyond_its_end)
{
	static const uint8_t lie[] = { 0xff, 0xff, 0xff, 0xff, 'x' };
	struct err e = ERR_INIT;
	struct cur c;
	char *s;

	cur_init(&c, lie, sizeof(lie));
	CHECK_OK(cur_str(&c, &s, &e), &e);
	CHECK(s == NULL && c.bad);
}

TEST(cur__refuses_a_nul_inside_a_string)
{
	static const uint8_t nul[] = { 2, 0, 0, 0, 'a', '\0' };
	struct err e = ERR_INIT;
	struct cur c;
	char *s;

	cur_init(&c, nul, sizeof(nul));
	CHECK_OK(cur_str(&c, &s, &e), &e);
	CHECK(s == NULL && c.bad);
}

TEST(buf__is_unchanged_when_memory_runs_out)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(buf_add_u8(&b, 7, &e), &e);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		if (buf_printf(&b, &e, "%0200d", 1) == 0)
			break;
		CHECK(e.code == -HF_ENOMEM);
		CHECK(b.len == 1 && b.p[0] == 7);
	}
	test_malloc_fail(0);
	CHECK(b.len == 201);
}
