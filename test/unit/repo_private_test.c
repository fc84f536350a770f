#include "crypto/secret.h"
#include "repo/repo_format.h"
#include "test.h"
#include "test_repo.h"

/* The manifest's sealed half, and the keys of objects. */

static uint8_t key_ids[1][REPO_ID_LEN] = { { 5 } };
static struct repo_pack_row rows[1] = { { .len = 5000 } };

static char *
text(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = { s };

	return u.out;
}

static struct repo_manifest
manifest(void)
{
	return (struct repo_manifest){
		.vault_id = { 2 },
		.keys = key_ids,
		.nkeys = 1,
		.packs = rows,
		.npacks = 1,
	};
}

static struct repo_ref refs[200];

/* Nothing in it comes twice: zstd cannot make it smaller. */
#define LABEL                                                                  \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-secret"

static struct repo_private
example(size_t nrefs)
{
	size_t i;

	for (i = 0; i < nrefs; i++)
		refs[i] = (struct repo_ref){
			.frame = (uint32_t)i,
			.off = 116 + (uint32_t)i,
			.len = 100,
			.plain = 200,
			.codec = 1,
		};
	return (struct repo_private){
		.label = text(LABEL),
		.stream_len = UINT64_C(0x0123456789abcdef),
		.entry_segs = refs,
		.nentry_segs = nrefs,
		.frame_segs = refs,
		.nframe_segs = nrefs,
	};
}

static void
round_trip(size_t nrefs, int codec)
{
	CLEANUP(repo_private_clear) struct repo_private got = { 0 };
	CLEANUP(freep_secret) struct secret *k = test_secret(1);
	struct repo_private p = example(nrefs);
	struct repo_manifest m = manifest();
	struct err e = ERR_INIT;

	CHECK_OK(repo_private_seal(&p, k, 0, &m, &e), &e);
	CHECK(m.priv_codec == codec);
	CHECK_OK(repo_private_open(&m, k, &got, &e), &e);
	CHECK_STR(got.label, LABEL);
	CHECK(got.stream_len == UINT64_C(0x0123456789abcdef));
	CHECK(got.nentry_segs == nrefs && got.nframe_segs == nrefs);
	CHECK(nrefs == 0 || got.frame_segs[nrefs - 1].off == 115 + nrefs);
	CHECK(nrefs == 0 || got.frame_segs[nrefs - 1].codec == 1);
	buf_free(&m.priv_sealed);
}

TEST(private__comes_back_as_it_was_raw_or_compressed)
{
	round_trip(0, 0);
	round_trip(200, 1);
}

TEST(private__shows_nothing_without_the_key)
{
	CLEANUP(freep_secret) struct secret *k = test_secret(1);
	CLEANUP(freep_secret) struct secret *other = test_secret(2);
	struct repo_private p = example(1), got = { 0 };
	struct repo_manifest m = manifest();
	struct err e = ERR_INIT;

	CHECK_OK(repo_private_seal(&p, k, 0, &m, &e), &e);
	CHECK(memmem(m.priv_sealed.p, m.priv_sealed.len, "secret", 6) == NULL);
	CHECK_FAIL(repo_private_open(&m, other, &got, &e), &e, HF_EKEY);
	buf_free(&m.priv_sealed);
}

TEST(private__is_refused_when_any_byte_differs)
{
	CLEANUP(freep_secret) struct secret *k = test_secret(1);
	struct repo_private p = example(200), got = { 0 };
	struct repo_manifest m = manifest();
	struct err e = ERR_INIT;
	size_t i;

	CHECK_OK(repo_private_seal(&p, k, 0, &m, &e), &e);
	for (i = 0; i < m.priv_sealed.len; i++) {
		m.priv_sealed.p[i] ^= 0x10;
		CHECK_FAIL(repo_private_open(&m, k, &got, &e), &e, HF_ECORRUPT);
		m.priv_sealed.p[i] ^= 0x10;
	}
	m.priv_plain++;
	CHECK_FAIL(repo_private_open(&m, k, &got, &e), &e, HF_ECORRUPT);
	m.priv_plain--;
	m.vault_id[0]++;
	CHECK_FAIL(repo_private_open(&m, k, &got, &e), &e, HF_EKEY);
	CHECK(got.label == NULL);
	buf_free(&m.priv_sealed);
}

TEST(private__that_points_outside_of_the_packs_is_refused)
{
	CLEANUP(freep_secret) struct secret *k = test_secret(1);
	struct repo_private p = example(3), got = { 0 };
	struct repo_manifest m = manifest();
	struct err e = ERR_INIT;
	static const struct repo_ref bad[] = {
		{ .pack = 1, .off = 116, .len = 100, .plain = 84 },
		{ .off = 115, .len = 100, .plain = 84 },
		{ .off = 4901, .len = 100, .plain = 84 },
		{ .off = UINT32_MAX, .len = UINT32_MAX, .codec = 1 },
		{ .off = 116, .len = 15, .codec = 1 },
		{ .off = 116, .len = 100, .plain = 85 },
		{ .off = 116, .len = 100, .plain = 84, .codec = 2 },
	};
	size_t i;

	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		refs[2] = bad[i];
		CHECK_OK(repo_private_seal(&p, k, 0, &m, &e), &e);
		CHECK_FAIL(repo_private_open(&m, k, &got, &e), &e, HF_ECORRUPT);
	}
	buf_free(&m.priv_sealed);
}

TEST(private__leaves_the_manifest_alone_when_memory_runs_out)
{
	CLEANUP(freep_secret) struct secret *k = test_secret(1);
	struct repo_private p = example(200), got = { 0 };
	struct repo_manifest m = manifest();
	struct err e = ERR_INIT;
	int rc;

	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = repo_private_seal(&p, k, 0, &m, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && m.priv_sealed.p == NULL);
	}
	test_malloc_fail(0);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = repo_private_open(&m, k, &got, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && got.label == NULL);
	}
	test_malloc_fail(0);
	repo_private_clear(&got);
	buf_free(&m.priv_sealed);
}

TEST(object_key__differs_by_every_id)
{
	CLEANUP(repo_object_key_clear) struct repo_object_key a = { 0 };
	CLEANUP(freep_secret) struct secret *k = test_secret(1);
	uint8_t ids[3][REPO_OID_LEN] = { { 1 }, { 2 }, { 3 } };
	struct err e = ERR_INIT;
	int i;

	CHECK_OK(repo_object_key(k, ids[0], ids[1], ids[2], &a, &e), &e);
	for (i = 0; i < 3; i++) {
		CLEANUP(repo_object_key_clear) struct repo_object_key b = { 0 };

		ids[i][0] ^= 0x40;
		CHECK_OK(
		    repo_object_key(k, ids[0], ids[1], ids[2], &b, &e), &e);
		CHECK(!secret_equal(a.key, b.key));
		CHECK(memcmp(a.commitment, b.commitment, 32) != 0);
		ids[i][0] ^= 0x40;
	}
}
