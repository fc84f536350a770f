#include "base/buf.h"
#include "base/str.h"
#include "crypto/hash.h"
#include "crypto/secret.h"
#include "repo/legacy/repo_legacy.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

#define CHUNK REPO_LEGACY_CHUNK
#define RECORD REPO_LEGACY_RECORD
#define OVERHEAD (RECORD - CHUNK)
#define T0 INT64_C(1795168800000) /* 2026-11-20T10:00:00Z */

static int
collect(void *arg, const uint8_t *p, size_t n, struct err *e)
{
	return buf_add(arg, p, n, e);
}

/* A "database" of ${blocks} blocks with its digest, as etcd streams it. */
static void
snapshot(size_t blocks, struct buf *b)
{
	uint8_t digest[SHA256_LEN];
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(buf_reserve(b, blocks * 512 + 32, &e), &e);
	for (i = 0; i < blocks * 512; i++)
		b->p[i] = (uint8_t)(i * 7 + i / 4099);
	b->len = i;
	CHECK_OK(sha256_of(b->p, b->len, digest, &e), &e);
	CHECK_OK(buf_add(b, digest, sizeof(digest), &e), &e);
}

/* Seal in pieces of at most ${step} bytes. */
static void
seal(const struct secret *key, const struct buf *plain, size_t step,
    struct buf *dump)
{
	CLEANUP(freep_repo_legacy_seal) struct repo_legacy_seal *s = NULL;
	const struct repo_legacy_out out = { collect, dump };
	struct err e = ERR_INIT;
	size_t i, n;
	uint8_t *p;

	CHECK_OK(repo_legacy_seal_new(key, T0, &out, &s, &e), &e);
	for (i = 0; i < plain->len; i += n) {
		repo_legacy_seal_space(s, &p, &n);
		CHECK(n > 0);
		if (n > step)
			n = step;
		if (n > plain->len - i)
			n = plain->len - i;
		memcpy(p, plain->p + i, n);
		CHECK_OK(repo_legacy_seal_wrote(s, n, &e), &e);
	}
	CHECK_OK(repo_legacy_seal_finish(s, &e), &e);
}

static int
reopen_as(const struct secret *key, int64_t ms, const uint8_t *p, size_t n,
    size_t step, struct buf *plain, struct err *e)
{
	CLEANUP(freep_repo_legacy_open) struct repo_legacy_open *o = NULL;
	const struct repo_legacy_out out = { collect, plain };
	struct repo_legacy_whole w;
	uint8_t want[SHA256_LEN];
	size_t i;
	int rc;

	if ((rc = repo_legacy_open_new(key, ms, &out, &o, e)) < 0)
		return rc;
	for (i = 0; i < n; i += step)
		if ((rc = repo_legacy_open_feed(
			 o, p + i, n - i < step ? n - i : step, e)) < 0)
			return rc;
	if ((rc = repo_legacy_open_finish(o, &w, e)) < 0)
		return rc;
	CHECK(w.size == plain->len);
	CHECK_OK(sha256_of(plain->p, plain->len, want, e), e);
	CHECK(memcmp(w.sha256, want, sizeof(want)) == 0);
	CHECK(memcmp(w.digest, plain->p + plain->len - 32, 32) == 0);
	return 0;
}

static int
reopen(const struct secret *key, const uint8_t *p, size_t n, size_t step,
    struct buf *plain, struct err *e)
{
	return reopen_as(key, T0, p, n, step, plain, e);
}

/* A dump of three whole records and a bit, with its key. */
struct rig {
	struct secret *key;
	struct buf plain, dump;
};

static void
freep_rig(struct rig *r)
{
	secret_free(r->key);
	buf_free(&r->plain);
	buf_free(&r->dump);
}

static void
start(struct rig *r)
{
	*r = (struct rig){ .key = test_secret(7) };
	snapshot(3 * 2048 + 5, &r->plain);
	seal(r->key, &r->plain, SIZE_MAX, &r->dump);
}

/* Refused at the record that is wrong, not only by the digest at the end. */
static void
check_refused_early(
    const struct rig *r, const struct buf *dump, const char *why)
{
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_FAIL(reopen(r->key, dump->p, dump->len, 1 << 20, &got, &e), &e,
	    HF_ECORRUPT);
	CHECK(strstr(e.msg, why) != NULL);
}

static void
check_refused(const struct rig *r, const struct buf *dump)
{
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_FAIL(reopen(r->key, dump->p, dump->len, 1 << 20, &got, &e), &e,
	    HF_ECORRUPT);
}

/* B1: the end of a dump was lost where it did not fit one read. */
TEST(B1__every_byte_comes_back_whatever_the_size)
{
	static const size_t blocks[] = { 1, 63, 64, 65, 80, 2047, 2048, 2049,
		4096, 5000, 16136 };
	CLEANUP(freep_secret) struct secret *key = test_secret(1);
	struct err e = ERR_INIT;
	size_t i, k;

	for (i = 0; i < sizeof(blocks) / sizeof(blocks[0]); i++)
		for (k = 0; k < 2; k++) {
			CLEANUP(freep_buf) struct buf plain = BUF_INIT;
			CLEANUP(freep_buf) struct buf dump = BUF_INIT;
			CLEANUP(freep_buf) struct buf got = BUF_INIT;
			const struct secret *with = k == 0 ? key : NULL;

			snapshot(blocks[i], &plain);
			seal(with, &plain, 32768, &dump);
			CHECK_OK(
			    reopen(with, dump.p, dump.len, 40000, &got, &e),
			    &e);
			CHECK(got.len == plain.len);
			CHECK(memcmp(got.p, plain.p, got.len) == 0);
		}
}

TEST(dump__is_records_of_one_mebibyte_with_counted_nonces)
{
	CLEANUP(freep_rig) struct rig r;
	size_t i;

	start(&r);
	CHECK(r.dump.len == r.plain.len + 4 * OVERHEAD);
	for (i = 0; i < 4; i++) {
		const uint8_t *nonce = r.dump.p + i * RECORD;

		CHECK(memcmp(nonce, r.dump.p, 16) == 0);
		CHECK(memcmp(nonce + 16, "\0\0\0\0\0\0\0", 7) == 0);
		CHECK(nonce[23] == i);
	}
}

TEST(dump__that_is_plain_is_the_stream_itself)
{
	CLEANUP(freep_buf) struct buf plain = BUF_INIT;
	CLEANUP(freep_buf) struct buf dump = BUF_INIT;

	snapshot(5000, &plain);
	seal(NULL, &plain, 1000, &dump);
	CHECK(dump.len == plain.len);
	CHECK(memcmp(dump.p, plain.p, plain.len) == 0);
}

/* B15: records were not bound to their place, their number or their dump. */
TEST(B15__records_that_were_swapped_are_refused)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_buf) struct buf bad = BUF_INIT;
	struct err e = ERR_INIT;

	start(&r);
	CHECK_OK(buf_add(&bad, r.dump.p + RECORD, RECORD, &e), &e);
	CHECK_OK(buf_add(&bad, r.dump.p, RECORD, &e), &e);
	CHECK_OK(
	    buf_add(&bad, r.dump.p + 2 * RECORD, r.dump.len - 2 * RECORD, &e),
	    &e);
	check_refused_early(&r, &bad, "stands where record 0");
}

TEST(B15__records_that_were_dropped_or_doubled_are_refused)
{
	CLEANUP(freep_rig) struct rig r;
	struct err e = ERR_INIT;
	size_t i;

	start(&r);
	for (i = 0; i < 4; i++) {
		CLEANUP(freep_buf) struct buf without = BUF_INIT;
		CLEANUP(freep_buf) struct buf twice = BUF_INIT;
		size_t at = i * RECORD;
		size_t n = i < 3 ? RECORD : r.dump.len - at;

		CHECK_OK(buf_add(&without, r.dump.p, at, &e), &e);
		CHECK_OK(buf_add(&without, r.dump.p + at + n,
			     r.dump.len - at - n, &e),
		    &e);
		CHECK_OK(buf_add(&twice, r.dump.p, at + n, &e), &e);
		CHECK_OK(
		    buf_add(&twice, r.dump.p + at, r.dump.len - at, &e), &e);
		/* The last one has no length of its own to be known by. */
		if (i == 3) {
			check_refused(&r, &without);
			check_refused(&r, &twice);
			continue;
		}
		check_refused_early(&r, &without, "stands where");
		check_refused_early(&r, &twice, "stands where");
	}
}

TEST(B15__a_record_of_another_dump_under_the_same_key_is_refused)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_buf) struct buf other = BUF_INIT;

	start(&r);
	seal(r.key, &r.plain, SIZE_MAX, &other);
	memcpy(r.dump.p + RECORD, other.p + RECORD, RECORD);
	check_refused_early(&r, &r.dump, "another dump");
}

/* B15: an old dump under a new name was taken for the newest. */
TEST(B15__a_dump_that_was_renamed_to_another_time_is_refused)
{
	static const int64_t apart[] = { 3700, -3700, 86400, INT64_C(1) << 40 };
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;
	size_t i;

	start(&r);
	for (i = 0; i < sizeof(apart) / sizeof(apart[0]); i++) {
		CHECK_FAIL(reopen_as(r.key, T0 + apart[i] * 1000, r.dump.p,
			       r.dump.len, 1 << 20, &got, &e),
		    &e, HF_ECORRUPT);
		CHECK(strstr(e.msg, "2026-11-20T10:00:00Z") != NULL);
		CHECK(got.len == 0);
	}
	CHECK_OK(reopen_as(r.key, T0 + 3599 * 1000, r.dump.p, r.dump.len,
		     1 << 20, &got, &e),
	    &e);
	/* The time cannot be changed without the key. */
	got.len = 0;
	be64_put(r.dump.p, (uint64_t)(T0 + 86400000) * 1000000);
	CHECK_FAIL(reopen_as(r.key, T0 + 86400000, r.dump.p, r.dump.len,
		       1 << 20, &got, &e),
	    &e, HF_ECORRUPT);
	CHECK(strstr(e.msg, "renamed") == NULL);
}

TEST(dump__that_is_cut_anywhere_is_refused)
{
	static const size_t cuts[] = { 0, 1, 24, 39, 40, 41, 100, RECORD - 1,
		RECORD, RECORD + 1, 2 * RECORD, 3 * RECORD, 3 * RECORD + 40,
		3 * RECORD + 41 };
	CLEANUP(freep_rig) struct rig r;
	struct buf cut;
	size_t i;

	start(&r);
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		cut = r.dump;
		cut.len = cuts[i];
		check_refused(&r, &cut);
	}
	cut.len = r.dump.len - 1;
	check_refused(&r, &cut);
}

TEST(dump__with_a_bit_flipped_is_refused)
{
	static const size_t places[] = { 0, 15, 16, 23, 24, 1000, CHUNK + 24,
		RECORD - 1, RECORD, 3 * RECORD + 30 };
	CLEANUP(freep_rig) struct rig r;
	size_t i;

	start(&r);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		r.dump.p[places[i]] ^= 1;
		check_refused(&r, &r.dump);
		r.dump.p[places[i]] ^= 1;
	}
}

TEST(plain_dump__whose_digest_does_not_match_is_refused)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	start(&r);
	r.plain.p[4711] ^= 1;
	CHECK_FAIL(reopen(NULL, r.plain.p, r.plain.len, 999, &got, &e), &e,
	    HF_ECORRUPT);
	r.plain.p[4711] ^= 1;
	CHECK_FAIL(reopen(NULL, r.plain.p, r.plain.len - 512, 999, &got, &e),
	    &e, HF_ECORRUPT);
	CHECK_FAIL(reopen(NULL, r.plain.p, 32, 999, &got, &e), &e, HF_ECORRUPT);
}

/* B7: an unencrypted dump crashed a tool that had a key, and the reverse
 * gave ciphertext for a snapshot. */
TEST(B7__a_plain_dump_and_an_encrypted_one_are_told_apart)
{
	CLEANUP(freep_rig) struct rig r;
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	uint8_t bolt[REPO_LEGACY_HEAD] = { [16] = 0xed, 0xda, 0x0c, 0xed, 2 };
	struct err e = ERR_INIT;

	start(&r);
	CHECK(!repo_legacy_is_plain(r.dump.p, REPO_LEGACY_HEAD));
	CHECK(repo_legacy_is_plain(bolt, sizeof(bolt)));
	CHECK(!repo_legacy_is_plain(bolt, sizeof(bolt) - 1));
	CHECK_FAIL(reopen(NULL, r.dump.p, r.dump.len, 4096, &got, &e), &e,
	    HF_ECORRUPT);
	got.len = 0;
	CHECK_FAIL(reopen(r.key, r.plain.p, r.plain.len, 4096, &got, &e), &e,
	    HF_ECORRUPT);
	CHECK(got.len == 0);
	memcpy(r.plain.p, bolt, sizeof(bolt));
	CHECK_FAIL(reopen(r.key, r.plain.p, r.plain.len, 4096, &got, &e), &e,
	    HF_ECORRUPT);
	CHECK(strstr(e.msg, "not encrypted") != NULL);
}

TEST(key__opens_with_its_master_alone)
{
	CLEANUP(freep_secret) struct secret *master = test_secret(2);
	CLEANUP(freep_secret) struct secret *other = test_secret(3);
	CLEANUP(freep_secret) struct secret *key = test_secret(4);
	CLEANUP(freep_secret) struct secret *got = NULL;
	uint8_t p[REPO_LEGACY_WRAPPED_LEN + 1];
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(repo_legacy_wrap(master, key, T0, p, &e), &e);
	CHECK(repo_legacy_nonce_time(p) / 1000 == T0 / 1000);
	CHECK_OK(
	    repo_legacy_unwrap(master, p, REPO_LEGACY_WRAPPED_LEN, &got, &e),
	    &e);
	CHECK(secret_equal(got, key));
	secret_free(TAKE(got));
	CHECK_FAIL(
	    repo_legacy_unwrap(other, p, REPO_LEGACY_WRAPPED_LEN, &got, &e), &e,
	    HF_EKEY);
	for (i = 0; i < REPO_LEGACY_WRAPPED_LEN; i++) {
		p[i] ^= 0x40;
		CHECK_FAIL(repo_legacy_unwrap(
			       master, p, REPO_LEGACY_WRAPPED_LEN, &got, &e),
		    &e, HF_EKEY);
		p[i] ^= 0x40;
		CHECK_FAIL(repo_legacy_unwrap(master, p, i, &got, &e), &e,
		    HF_ECORRUPT);
	}
	CHECK_FAIL(repo_legacy_unwrap(master, p, sizeof(p), &got, &e), &e,
	    HF_ECORRUPT);
	CHECK(got == NULL);
}

#define HEX64 "000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

/* B6: a key file with the end of a line was refused. */
TEST(B6__a_master_key_may_end_its_line)
{
	static const char *const good[] = { HEX64, HEX64 "\n", HEX64 "\r\n" };
	static const char *const bad[] = { "", "\n", HEX64 "\n\n", HEX64 "0",
		HEX64 " ", " " HEX64, HEX64 HEX64, "0x" HEX64 };
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		CLEANUP(freep_secret) struct secret *s = NULL;

		CHECK_OK(repo_legacy_master_parse(
			     (const uint8_t *)good[i], strlen(good[i]), &s, &e),
		    &e);
		CHECK(secret_len(s) == 32 && secret_p(s)[31] == 0x1f);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct secret *s = NULL;

		CHECK_FAIL(repo_legacy_master_parse(
			       (const uint8_t *)bad[i], strlen(bad[i]), &s, &e),
		    &e, HF_ECONFIG);
		CHECK(s == NULL);
	}
}

TEST(master__that_is_wrong_is_not_repeated_in_the_message)
{
	const char *text = "zz0102030405060708090a0b0c0d0e0f"
			   "101112131415161718191a1b1c1d1e1f";
	struct secret *s = NULL;
	struct err e = ERR_INIT;

	CHECK_FAIL(repo_legacy_master_parse(
		       (const uint8_t *)text, strlen(text), &s, &e),
	    &e, HF_ECONFIG);
	CHECK(strstr(e.msg, "zz") == NULL && strstr(e.msg, "0102") == NULL);
}

TEST(name__is_the_prefix_the_second_and_the_kind)
{
	char name[REPO_LEGACY_NAME_MAX];
	enum repo_legacy_kind kind;
	int64_t ms;

	CHECK_STR(repo_legacy_name(
		      "prod/etcd", 1733520145123, REPO_LEGACY_DUMP, name),
	    "prod/etcd-2024-12-06T21:22:25Z.dump");
	CHECK(repo_legacy_name_parse("prod/etcd", name, &ms, &kind));
	CHECK(ms == 1733520145000 && kind == REPO_LEGACY_DUMP);
	CHECK_STR(
	    repo_legacy_name("prod/etcd", 1733520145123, REPO_LEGACY_KEY, name),
	    "prod/etcd-2024-12-06T21:22:25Z.key");
	CHECK(repo_legacy_name_parse("prod/etcd", name, &ms, &kind));
	CHECK(kind == REPO_LEGACY_KEY);
}

TEST(name__of_another_shape_is_none_of_ours)
{
	static const char *const bad[] = { "b-2024-12-06T21:22:25Z.dump.tmp",
		"b-2024-12-06T21:22:25Z", "b-2024-12-06T21:22Z.dump",
		"b-2024-12-06.dump", "b-2024-12-06T21:22:25.5Z.dump",
		"b-2024-12-06t21:22:25Z.dump", "b-2024-12-06T21:22:25z.dump",
		"b-2024-02-30T21:22:25Z.dump", "b-2024-12-06T21:22:25.dump",
		"b-2024-12-06T21:22:25Zz.dump", "b2024-12-06T21:22:25Z.dump",
		"b-x-2024-12-06T21:22:25Z.dump", "c-2024-12-06T21:22:25Z.dump",
		"b--2024-12-06T21:22:25Z.dump", "b-.dump", "b-.key", "b-",
		"b" };
	enum repo_legacy_kind kind;
	int64_t ms;
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK(!repo_legacy_name_parse("b", bad[i], &ms, &kind));
}

/* Stores objects of those names, empty, and lists them as ${prefix}'s. */
static void
list(const char *const *names, const char *prefix, struct store **s,
    struct repo_legacy_list *l)
{
	const struct store_blob blob = { .p = (const uint8_t *)"x", .len = 1 };
	struct err e = ERR_INIT;

	CHECK_OK(store_mem_new(s, &e), &e);
	for (; *names != NULL; names++)
		CHECK_OK(store_put(*s, *names, &blob, &e), &e);
	CHECK_OK(repo_legacy_list_load(*s, prefix, l, &e), &e);
}

/* B3: with a '/' in the prefix nothing was found, and nothing said so. */
TEST(B3__a_prefix_with_a_slash_is_listed)
{
	static const char *const names[] = {
		"prod/etcd-2024-12-06T21:22:25Z.dump",
		"prod/etcd-2024-12-06T21:22:25Z.key",
		"prod/etcd-2024-12-07T21:22:25Z.dump", "prod/etcd-x/y",
		"prod/etcd2-2024-12-06T21:22:25Z.dump", NULL
	};
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };

	list(names, "prod/etcd", &s, &l);
	CHECK(l.n == 2);
	CHECK(l.v[0].has_dump && l.v[0].has_key && l.v[0].key_len == 1);
	CHECK(l.v[1].has_dump && !l.v[1].has_key && l.v[1].dump_len == 1);
}

/* B4: a prefix was a pattern, and what stands for itself matched others. */
TEST(B4__a_prefix_means_its_own_bytes)
{
	static const char *const names[] = {
		"prod.etcd-2024-12-06T21:22:25Z.dump",
		"prod-etcd-2024-12-06T21:22:25Z.dump",
		"a(b-2024-12-06T21:22:25Z.dump",
		"50%s-2024-12-06T21:22:25Z.key", NULL
	};
	static const char *const prefixes[] = { "prod.etcd", "a(b", "50%s" };
	char name[REPO_LEGACY_NAME_MAX];
	enum repo_legacy_kind kind;
	struct err e = ERR_INIT;
	int64_t ms;
	size_t i;

	for (i = 0; i < 3; i++) {
		CLEANUP(freep_store) struct store *s = NULL;
		CLEANUP(freep_repo_legacy_list)
		struct repo_legacy_list l = { NULL, 0 };

		CHECK_OK(repo_legacy_prefix_ok(prefixes[i], &e), &e);
		list(names, prefixes[i], &s, &l);
		CHECK(l.n == 1);
		CHECK(str_has_prefix(l.v[0].stem, prefixes[i]) != NULL);
		CHECK(str_has_prefix(repo_legacy_name(prefixes[i], 0,
					 REPO_LEGACY_DUMP, name),
			  prefixes[i]) != NULL);
	}
	CHECK(!repo_legacy_name_parse(prefixes[0], names[1], &ms, &kind));
	CHECK(!repo_legacy_name_parse("prod", names[0], &ms, &kind));
	CHECK(!repo_legacy_name_parse(
	    "prod", "prod.2024-12-06T21:22:25Z.dump", &ms, &kind));
}

TEST(prefix__that_no_object_can_have_is_refused)
{
	static const char *const bad[] = { "", "/a", "a//b", "../a", "a b",
		"a\"b", "caf\303\251" };
	struct err e = ERR_INIT;
	char longest[300];
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CHECK_FAIL(repo_legacy_prefix_ok(bad[i], &e), &e, HF_ECONFIG);
	memset(longest, 'x', sizeof(longest));
	longest[299] = '\0';
	CHECK_FAIL(repo_legacy_prefix_ok(longest, &e), &e, HF_ECONFIG);
}

/* B5: a zone in a name was lost, and the name made anew was of no object. */
TEST(B5__a_name_with_an_offset_stays_and_means_its_moment)
{
	static const char *const names[] = { "b-2024-12-06T16:22:25-05:00.dump",
		"b-2024-12-06T16:22:25-05:00.key",
		"b-2024-12-06T21:22:24Z.dump", NULL };
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list l = { NULL, 0 };
	char name[REPO_LEGACY_NAME_MAX];

	list(names, "b", &s, &l);
	CHECK(l.n == 2);
	/* The newest comes last, by the moment and not by the letters. */
	CHECK(l.v[1].time_ms == 1733520145000 && l.v[1].has_key);
	CHECK_STR(
	    repo_legacy_object(&l.v[1], REPO_LEGACY_DUMP, name), names[0]);
	CHECK_STR(repo_legacy_object(&l.v[1], REPO_LEGACY_KEY, name), names[1]);
}

TEST(list__survives_running_out_of_memory)
{
	static const char *const names[] = { "b-2024-12-06T21:22:25Z.dump",
		"b-2024-12-06T21:22:25Z.key", "b-2024-12-07T21:22:25Z.dump",
		NULL };
	CLEANUP(freep_store) struct store *s = NULL;
	CLEANUP(freep_repo_legacy_list)
	struct repo_legacy_list all = { NULL, 0 };
	struct err e = ERR_INIT;
	bool failed;
	int rc;

	list(names, "b", &s, &all);
	TEST_TORTURE (n) {
		CLEANUP(freep_repo_legacy_list)
		struct repo_legacy_list l = { NULL, 0 };

		test_malloc_fail(n);
		rc = repo_legacy_list_load(s, "b", &l, &e);
		failed = test_malloc_failed();
		test_malloc_fail(0);
		CHECK(rc == 0 || (failed && rc == -HF_ENOMEM));
		CHECK(l.n == (rc == 0 ? 2 : 0));
		if (!failed)
			break;
	}
}
