#include "etcd/etcd_range.h"
#include "test.h"

/* "a" = "x" with every field, and "b" with none but its revisions. */
static const uint8_t answer[] = { 0x0a, 4, 0x08, 1, 0x18, 9, 0x12, 14, 0x0a, 1,
	'a', 0x10, 3, 0x18, 4, 0x20, 2, 0x2a, 1, 'x', 0x30, 8, 0x12, 9, 0x0a, 1,
	'b', 0x10, 5, 0x18, 5, 0x20, 1, 0x18, 1, 0x20, 7 };

struct seen {
	struct etcd_kv kv[3];
	size_t n;
};

static int
see(void *arg, const struct etcd_kv *kv, struct err *err)
{
	struct seen *s = arg;

	if (s->n == 2)
		return err_set(err, HF_ENOSPC, "no more of these");
	s->kv[s->n++] = *kv;
	return 0;
}

TEST(range__hands_over_every_field)
{
	struct seen s = { 0 };
	const struct etcd_range range = { .fn = see, .arg = &s };
	struct etcd_range_end end;
	struct err e = ERR_INIT;

	CHECK_OK(etcd_range_read(answer, sizeof(answer), &range, &end, &e), &e);
	CHECK(end.more && end.count == 7 && end.header.revision == 9);
	CHECK(s.n == 2 && s.kv[0].nkey == 1 && s.kv[0].key[0] == 'a');
	CHECK(s.kv[0].create_revision == 3 && s.kv[0].mod_revision == 4);
	CHECK(s.kv[0].version == 2 && s.kv[0].lease == 8);
	CHECK(s.kv[0].nvalue == 1 && s.kv[0].value[0] == 'x');
	CHECK(s.kv[1].key[0] == 'b' && s.kv[1].nvalue == 0);
	CHECK(s.kv[1].lease == 0);
}

TEST(range__ends_as_its_taker_wishes)
{
	struct seen s = { .n = 2 };
	const struct etcd_range range = { .fn = see, .arg = &s };
	struct etcd_range_end end;
	struct err e;

	CHECK_FAIL(etcd_range_read(answer, sizeof(answer), &range, &end, &e),
	    &e, HF_ENOSPC);
}

TEST(range__that_is_malformed_is_refused)
{
	static const uint8_t no_key[] = { 0x12, 2, 0x18, 4 };
	static const uint8_t cut[] = { 0x12, 9, 0x0a, 1, 'a' };
	static const uint8_t bad_header[] = { 0x08, 1 };
	const struct etcd_range range = { 0 };
	struct etcd_range_end end;
	struct err e;

	CHECK_FAIL(etcd_range_read(no_key, sizeof(no_key), &range, &end, &e),
	    &e, HF_ESOURCE);
	CHECK_FAIL(etcd_range_read(cut, sizeof(cut), &range, &end, &e), &e,
	    HF_ESOURCE);
	CHECK_FAIL(
	    etcd_range_read(bad_header, sizeof(bad_header), &range, &end, &e),
	    &e, HF_ESOURCE);
}
