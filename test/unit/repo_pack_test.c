#include <sys/mman.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "repo/repo_pack.h"
#include "test.h"

#define SIZE (4u << 20)

static const uint8_t vault[REPO_ID_LEN] = { 1 }, key_id[REPO_ID_LEN] = { 2 };

/* A pack's worth of everything; freed when the test is left regularly. */
struct bench {
	struct secret *key;
	struct repo_pack *builder;
	uint8_t *pack;
	struct repo_pack_row row;
	struct repo_opener_pack *opener;
	struct repo_unpacker *unpacker;
	uint8_t *plain, *out;
};

static void
bench_clear(struct bench *b)
{
	repo_pack_free(b->builder);
	repo_opener_pack_free(b->opener);
	repo_unpacker_free(b->unpacker);
	secret_free(b->key);
	free(b->pack);
	free(b->plain);
	free(b->out);
}

/* Bytes that compress (about 3:1), or not at all. */
static void
fill(uint8_t *p, size_t n, unsigned seed, bool compressible)
{
	uint64_t x = seed * 2654435761u + 1;
	size_t i;

	for (i = 0; i < n; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		p[i] = compressible ? "0123"[x & 3] : (uint8_t)(x >> 24);
	}
}

static void
bench_init(struct bench *b)
{
	struct err err = ERR_INIT;

	b->pack = malloc(SIZE);
	b->plain = malloc(REPO_FRAME_MAX);
	b->out = malloc(REPO_FRAME_MAX);
	CHECK(b->pack != NULL && b->plain != NULL && b->out != NULL);
	CHECK_OK(secret_random(32, &b->key, &err), &err);
	CHECK_OK(
	    repo_pack_new(vault, key_id, b->key, 1, &b->builder, &err), &err);
	CHECK_OK(repo_pack_start(b->builder, b->pack, SIZE, &err), &err);
	CHECK_OK(repo_unpacker_new(&b->unpacker, &err), &err);
}

/* Add a frame of ${n} bytes made from ${seed}. */
static struct repo_ref
add(struct bench *b, size_t n, unsigned seed, bool compressible)
{
	struct repo_ref ref = { .pack = 7 };
	struct err err = ERR_INIT;

	fill(b->plain, n, seed, compressible);
	CHECK_OK(
	    repo_pack_add(b->builder, REPO_FRAME_DATA, b->plain, n, &ref, &err),
	    &err);
	CHECK(ref.pack == 7 && ref.plain == n);
	return ref;
}

static void
finish(struct bench *b)
{
	struct err err = ERR_INIT;

	CHECK_OK(repo_pack_finish(b->builder, &b->row, &err), &err);
	CHECK_OK(repo_pack_opener_new(
		     b->key, vault, key_id, b->row.oid, &b->opener, &err),
	    &err);
	CHECK_OK(
	    repo_pack_header_check(b->opener, b->pack, b->row.len, &err), &err);
}

static int
open_one(struct bench *b, const struct repo_ref *ref, struct err *err)
{
	return repo_pack_frame(b->opener, b->unpacker, REPO_FRAME_DATA, ref,
	    b->pack + ref->off, b->out, err);
}

TEST(pack__gives_back_frames_of_all_lengths)
{
	static const size_t lens[] = { 1, 2, 100, (1u << 20) - 1, 1u << 20 };
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct err err = ERR_INIT;
	struct repo_ref refs[10];
	size_t i, n;

	bench_init(&b);
	for (n = 0; n < 9; n++)
		refs[n] = add(&b, lens[n % 5], (unsigned)n, n < 5);
	finish(&b);
	for (i = 0; i < n; i++) {
		fill(b.plain, refs[i].plain, (unsigned)i, i < 5);
		CHECK_OK(open_one(&b, &refs[i], &err), &err);
		CHECK(memcmp(b.plain, b.out, refs[i].plain) == 0);
	}
	CHECK(refs[4].codec == REPO_ZSTD && refs[4].len < (1u << 20) / 2);
	CHECK(refs[8].codec == REPO_RAW);
	CHECK(refs[8].len == refs[8].plain + 16);
}

TEST(pack__is_hashed_whole)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct err err = ERR_INIT;
	uint8_t sha256[SHA256_LEN];

	bench_init(&b);
	add(&b, 1000, 1, true);
	add(&b, 2000, 2, false);
	finish(&b);
	CHECK_OK(sha256_of(b.pack, b.row.len, sha256, &err), &err);
	CHECK(memcmp(sha256, b.row.sha256, SHA256_LEN) == 0);
	CHECK(memcmp(b.pack + 8, b.row.oid, REPO_OID_LEN) == 0);
}

TEST(pack__that_is_full_says_so_and_can_still_be_finished)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct repo_ref ref = { 0 };
	struct err err = ERR_INIT;
	int rc, n = 0;

	bench_init(&b);
	fill(b.plain, REPO_FRAME_MAX, 1, false);
	while ((rc = repo_pack_add(b.builder, REPO_FRAME_DATA, b.plain,
		    REPO_FRAME_MAX, &ref, &err)) == 0)
		n++;
	CHECK(rc == 1 && n == 3 && err.code == 0);
	finish(&b);
	CHECK(b.row.len <= SIZE);
	CHECK_OK(open_one(&b, &ref, &err), &err);
}

TEST(pack__of_one_frame_fits_into_the_smallest_buffer)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct err err = ERR_INIT;

	bench_init(&b);
	CHECK_OK(
	    repo_pack_start(b.builder, b.pack, REPO_PACK_SIZE_MIN, &err), &err);
	add(&b, REPO_FRAME_MAX, 1, false);
	finish(&b);
	CHECK(b.row.len <= REPO_PACK_SIZE_MIN);
}

TEST(pack__built_twice_from_the_same_bytes_shares_nothing)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	CLEANUP(freep_mem) uint8_t *first = malloc(SIZE);
	struct err err = ERR_INIT;
	struct repo_ref ref;

	bench_init(&b);
	ref = add(&b, 1000, 1, true);
	memcpy(first, b.pack, SIZE);
	CHECK_OK(repo_pack_start(b.builder, b.pack, SIZE, &err), &err);
	add(&b, 1000, 1, true);
	CHECK(memcmp(first + 8, b.pack + 8, 20) != 0);
	CHECK(memcmp(first + 60, b.pack + 60, 32) != 0);
	CHECK(memcmp(first + ref.off, b.pack + ref.off, ref.len) != 0);
}

/* Read the table of the pack, of which there are ${n} bytes. */
static int
table(const struct bench *b, size_t n, struct repo_ref **refs, uint8_t **kinds,
    size_t *nrefs, struct err *err)
{
	struct repo_ref ref = { 0 };
	int rc;

	if ((rc = repo_pack_trailer(
		 b->pack + n - REPO_PACK_TRAILER_LEN, n, &ref, err)) < 0)
		return rc;
	return repo_pack_table(b->opener, b->unpacker, &ref, b->pack + ref.off,
	    refs, kinds, nrefs, err);
}

TEST(pack__table_names_every_frame)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	CLEANUP(freep_mem) struct repo_ref *refs = NULL;
	CLEANUP(freep_mem) uint8_t *kinds = NULL;
	struct repo_ref want[3], list = { 0 };
	struct err err = ERR_INIT;
	size_t i, n;

	bench_init(&b);
	want[0] = add(&b, 1, 1, false);
	want[1] = add(&b, 70000, 2, true);
	CHECK_OK(
	    repo_pack_add(b.builder, REPO_FRAME_LIST, "xyz", 3, &list, &err),
	    &err);
	want[2] = list;
	finish(&b);
	CHECK_OK(table(&b, b.row.len, &refs, &kinds, &n, &err), &err);
	CHECK(n == 3 && kinds[0] == 1 && kinds[1] == 1 && kinds[2] == 3);
	for (i = 0; i < n; i++)
		CHECK(refs[i].frame == want[i].frame &&
		      refs[i].off == want[i].off &&
		      refs[i].len == want[i].len &&
		      refs[i].plain == want[i].plain &&
		      refs[i].codec == want[i].codec);
}

TEST(pack__without_frames_has_an_empty_table)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	CLEANUP(freep_mem) struct repo_ref *refs = NULL;
	CLEANUP(freep_mem) uint8_t *kinds = NULL;
	struct err err = ERR_INIT;
	size_t n;

	bench_init(&b);
	finish(&b);
	CHECK_OK(table(&b, b.row.len, &refs, &kinds, &n, &err), &err);
	CHECK(n == 0);
}

/* Every byte of the object is vouched for by header, frame or trailer. */
TEST(pack__shows_a_flipped_bit_wherever_it_is)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct repo_ref ref, *refs;
	struct err err = ERR_INIT;
	uint8_t *kinds;
	size_t i, n;
	int rc;

	bench_init(&b);
	ref = add(&b, 300, 1, true);
	finish(&b);
	for (i = 0; i < b.row.len; i++) {
		b.pack[i] ^= (uint8_t)(1u << (i % 8));
		if (i < REPO_PACK_HEADER_LEN)
			rc = repo_pack_header_check(
			    b.opener, b.pack, b.row.len, &err);
		else if (i < ref.off + ref.len)
			rc = open_one(&b, &ref, &err);
		else
			rc = table(&b, b.row.len, &refs, &kinds, &n, &err);
		CHECK(rc == -HF_ECORRUPT);
		b.pack[i] ^= (uint8_t)(1u << (i % 8));
	}
}

TEST(pack__cut_off_or_extended_has_no_table)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct err err = ERR_INIT;
	struct repo_ref *refs;
	uint8_t *kinds;
	size_t i, n;

	bench_init(&b);
	add(&b, 300, 1, true);
	finish(&b);
	b.pack[b.row.len] = 0;
	for (i = REPO_PACK_TRAILER_LEN; i <= b.row.len + 1u; i++)
		if (i != b.row.len)
			CHECK_FAIL(table(&b, i, &refs, &kinds, &n, &err), &err,
			    HF_ECORRUPT);
}

TEST(frame__of_another_place_pack_or_kind_does_not_open)
{
	CLEANUP(bench_clear) struct bench b = { 0 }, c = { 0 };
	struct repo_ref r0, r1, other;
	struct err err = ERR_INIT;

	bench_init(&b);
	bench_init(&c);
	r0 = add(&b, 300, 1, false);
	r1 = add(&b, 300, 2, false);
	add(&c, 300, 1, false);
	finish(&b);
	finish(&c);
	CHECK_OK(open_one(&b, &r0, &err), &err);

	other = r0; /* The bytes of frame 1 in the place of frame 0. */
	other.off = r1.off;
	CHECK_FAIL(open_one(&b, &other, &err), &err, HF_ECORRUPT);

	memcpy(b.pack + r0.off, c.pack + r0.off, r0.len);
	CHECK_FAIL(open_one(&b, &r0, &err), &err, HF_ECORRUPT);
	CHECK(strstr(err.msg, "frame 0") != NULL);

	CHECK_FAIL(repo_pack_frame(b.opener, b.unpacker, REPO_FRAME_ENTRIES,
		       &r1, b.pack + r1.off, b.out, &err),
	    &err, HF_ECORRUPT);
}

TEST(frame__whose_lengths_are_a_lie_does_not_open)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct repo_ref ref, lie;
	struct err err = ERR_INIT;

	bench_init(&b);
	ref = add(&b, 5000, 1, true);
	finish(&b);
	lie = ref;
	lie.plain = REPO_FRAME_MAX + 1;
	CHECK_FAIL(open_one(&b, &lie, &err), &err, HF_ECORRUPT);
	lie = ref;
	lie.plain--;
	CHECK_FAIL(open_one(&b, &lie, &err), &err, HF_ECORRUPT);
	lie = ref;
	lie.len = 15;
	CHECK_FAIL(open_one(&b, &lie, &err), &err, HF_ECORRUPT);
	lie = ref;
	lie.codec = 2;
	CHECK_FAIL(open_one(&b, &lie, &err), &err, HF_ECORRUPT);
}

TEST(frame__does_not_open_before_the_header_was_checked)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct repo_ref ref;
	struct err err = ERR_INIT;

	bench_init(&b);
	ref = add(&b, 300, 1, true);
	finish(&b);
	repo_opener_pack_free(TAKE(b.opener));
	CHECK_OK(repo_pack_opener_new(
		     b.key, vault, key_id, b.row.oid, &b.opener, &err),
	    &err);
	CHECK_FAIL(open_one(&b, &ref, &err), &err, HF_EBUG);
}

TEST(header__of_a_swapped_pack_or_another_key_is_refused_by_name)
{
	CLEANUP(bench_clear) struct bench b = { 0 }, c = { 0 };
	CLEANUP(freep_repo_opener_pack) struct repo_opener_pack *o = NULL;
	struct err err = ERR_INIT;

	bench_init(&b);
	bench_init(&c);
	finish(&b);
	finish(&c);
	CHECK_FAIL(repo_pack_header_check(b.opener, c.pack, c.row.len, &err),
	    &err, HF_ECORRUPT);
	CHECK(strstr(err.msg, "another pack") != NULL);

	CHECK_OK(
	    repo_pack_opener_new(c.key, vault, key_id, b.row.oid, &o, &err),
	    &err);
	CHECK_FAIL(repo_pack_header_check(o, b.pack, b.row.len, &err), &err,
	    HF_ECORRUPT);
	CHECK(strstr(err.msg, "commitment") != NULL);
}

/*
 * Memory with a broken address line: two pages that are one.  What is
 * written to the second changes the first.
 */
TEST(pack__built_in_bad_memory_is_noticed)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	int fd = memfd_create("pack", 0);
	struct repo_ref ref = { 0 };
	struct err err = ERR_INIT;
	uint8_t *p;

	bench_init(&b);
	CHECK(fd >= 0 && ftruncate(fd, SIZE) == 0);
	p = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(p != MAP_FAILED);
	CHECK(mmap(p + 8 * page, page, PROT_READ | PROT_WRITE,
		  MAP_SHARED | MAP_FIXED, fd, (off_t)(4 * page)) != MAP_FAILED);
	CHECK_OK(repo_pack_start(b.builder, p, SIZE, &err), &err);
	fill(b.plain, 16 * page, 1, false);
	CHECK_FAIL(repo_pack_add(b.builder, REPO_FRAME_DATA, b.plain, 16 * page,
		       &ref, &err),
	    &err, HF_ECORRUPT);
	CHECK(strstr(err.hint, "memory") != NULL);
	(void)munmap(p, SIZE);
	(void)close(fd);
}

static int
build(struct bench *b, struct err *err)
{
	struct repo_ref ref = { 0 };
	int rc;

	if ((rc = repo_pack_new(vault, key_id, b->key, 1, &b->builder, err)) <
		0 ||
	    (rc = repo_pack_start(b->builder, b->pack, SIZE, err)) < 0 ||
	    (rc = repo_pack_add(
		 b->builder, REPO_FRAME_DATA, b->plain, 1000, &ref, err)) < 0 ||
	    (rc = repo_pack_finish(b->builder, &b->row, err)) < 0)
		return rc;
	return 0;
}

TEST(pack__survives_running_out_of_memory)
{
	CLEANUP(bench_clear) struct bench b = { 0 };
	struct err err = ERR_INIT;
	long failed = 0;
	int rc;

	bench_init(&b);
	fill(b.plain, 1000, 1, true);
	TEST_TORTURE (n) {
		repo_pack_free(TAKE(b.builder));
		test_malloc_fail(n);
		rc = build(&b, &err);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM);
		failed++;
	}
	test_malloc_fail(0);
	CHECK(rc == 0 && failed > 5);
}
