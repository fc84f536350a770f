#include "repo_stand.h"

#define MIB (1u << 20)

/* A backup of one file of ${n} bytes that do not compress. */
static void
one_file(struct stand *s, size_t n, size_t memory, unsigned workers)
{
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	struct err err = ERR_INIT;

	stand_init(s);
	w = stand_writer(s, memory, workers);
	CHECK_OK(stand_file(s, w, "a", n, MIB, false, &err), &err);
	stand_finish(s, w);
}

TEST(reader__gives_only_the_ranges_that_are_wanted)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	static const uint64_t want[][2] = { { 0, 1 }, { 5, 10 }, { 15, 1 },
		{ MIB - 1, 2 }, { 3 * MIB + 7, 4 * MIB }, { 9 * MIB, MIB } };
	struct err err = ERR_INIT;
	uint64_t pos, left;
	const uint8_t *p;
	size_t i, n;

	one_file(&s, 10 * MIB, 0, 2);
	rd = stand_reader(&s, 0, 2);
	for (i = 0; i < 6; i++)
		CHECK_OK(
		    repo_reader_want(rd, want[i][0], want[i][1], &err), &err);
	for (i = 0; i < 6; i++)
		for (left = want[i][1]; left > 0; left -= n) {
			CHECK_OK(
			    repo_reader_read(rd, &pos, &p, &n, &err), &err);
			CHECK(n > 0 && n <= left);
			CHECK(pos == want[i][0] + want[i][1] - left);
			CHECK(memcmp(p, s.stream.p + pos, n) == 0);
		}
	CHECK_OK(repo_reader_read(rd, &pos, &p, &n, &err), &err);
	CHECK(n == 0);
}

TEST(reader__reads_again_when_all_was_read)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;
	uint64_t lost = 0;
	int i;

	one_file(&s, 5 * MIB, 0, 2);
	rd = stand_reader(&s, 0, 2);
	CHECK(stand_read(&s, rd, &lost, &err) == 0);
	for (i = 0; i < 3; i++) {
		CHECK_OK(repo_reader_want(rd, 0, 5 * MIB, &err), &err);
		CHECK(stand_read(&s, rd, &lost, &err) == 5 * MIB);
	}
	CHECK(lost == 0);
}

TEST(reader__refuses_ranges_outside_or_out_of_order)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;

	one_file(&s, 1000, 0, 1);
	rd = stand_reader(&s, 0, 1);
	CHECK_FAIL(repo_reader_want(rd, 0, 1001, &err), &err, HF_ECORRUPT);
	CHECK_FAIL(repo_reader_want(rd, 1001, 1, &err), &err, HF_ECORRUPT);
	CHECK_FAIL(
	    repo_reader_want(rd, 1, UINT64_MAX, &err), &err, HF_ECORRUPT);
	err = (struct err)ERR_INIT;
	CHECK_OK(repo_reader_want(rd, 500, 100, &err), &err);
	CHECK_FAIL(repo_reader_want(rd, 599, 1, &err), &err, HF_ECORRUPT);
}

TEST(reader__fetches_each_pack_once)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;
	uint64_t lost = 0;

	one_file(&s, 60 * MIB, 0, 2);
	CHECK(s.m.npacks >= 8);
	rd = stand_reader(&s, 0, 2);
	s.gate.gets = 0;
	CHECK_OK(repo_reader_want(rd, 0, 60 * MIB, &err), &err);
	CHECK(stand_read(&s, rd, &lost, &err) == 60 * MIB && lost == 0);
	/* The last one may hold copies and no data. */
	CHECK(s.gate.gets <= s.m.npacks && s.gate.gets + 1 >= s.m.npacks);
}

static int
skip(void *arg, const struct entry *e, struct err *err)
{
	(void)arg, (void)e, (void)err;
	return 0;
}

/* Read all of a small backup: its entries, and its stream. */
static uint64_t
read_small(struct stand *s, size_t n)
{
	CLEANUP(freep_repo_reader)
	struct repo_reader *rd = stand_reader(s, 0, 2);
	struct err err = ERR_INIT;
	uint64_t lost = 0;

	CHECK_OK(repo_reader_entries(rd, skip, NULL, &err), &err);
	CHECK_OK(repo_reader_want(rd, 0, n, &err), &err);
	CHECK(stand_read(s, rd, &lost, &err) == n);
	return lost;
}

TEST(reader__gets_all_of_a_small_backup_with_one_request_for_a_pack)
{
	CLEANUP(stand_clear) struct stand s;

	one_file(&s, 700000, 0, 1);
	CHECK(s.m.npacks == 1);
	s.gate.gets = 0;
	CHECK(read_small(&s, 700000) == 0);
	CHECK(s.gate.gets == 1);
}

TEST(reader__reads_a_small_pack_frame_by_frame_if_its_end_is_missing)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	struct store *in;

	one_file(&s, 700000, 0, 1);
	in = s.gate.inner;
	CHECK_OK(store_get(in, stand_pack(&s, 0), UINT32_MAX, &b, &err), &err);
	b.len -= 20;
	stand_replace(&s, stand_pack(&s, 0), &b);
	CHECK(read_small(&s, 700000) == 0);
}

/* A request costs nothing: many small ones are sent. */
TEST(reader__asks_a_near_store_for_less_at_a_time)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct store_ops near = gate_ops;
	struct err err = ERR_INIT;
	uint64_t lost = 0;

	one_file(&s, 20 * MIB, 0, 2);
	near.caps = STORE_CAP_NEAR;
	s.gate.base.ops = &near;
	rd = stand_reader(&s, 0, 2);
	s.gate.gets = 0;
	CHECK_OK(repo_reader_want(rd, 0, 20 * MIB, &err), &err);
	CHECK(stand_read(&s, rd, &lost, &err) == 20 * MIB && lost == 0);
	CHECK(s.gate.gets >= 20);
	s.gate.base.ops = &gate_ops;
}

#define PACKS 6
#define FRAMES 24
#define PACK_SIZE (5 * MIB)

static void
put_pack(struct stand *s, struct repo_pack *pk, const uint8_t *p, size_t i)
{
	struct err err = ERR_INIT;
	struct store_blob blob = { .p = p };

	CHECK_OK(repo_pack_finish(pk, &s->m.packs[i], &err), &err);
	blob.len = s->m.packs[i].len;
	CHECK_OK(store_put(s->repo.store, stand_pack(s, i), &blob, &err), &err);
}

/* A backup whose frames lie in turn in six packs, and the list in the first.
 */
static void
interleaved(struct stand *s)
{
	struct repo_pack *pk[PACKS];
	uint8_t *p[PACKS], id[REPO_ID_LEN];
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	CLEANUP(freep_secret) struct secret *key = NULL;
	struct repo_ref ref = { 0 };
	struct err err = ERR_INIT;
	size_t i;

	stand_init(s);
	CHECK_OK(repo_data_key_new(&s->repo, id, &key, &err), &err);
	s->m.nkeys = 1;
	s->m.keys = malloc(sizeof(*s->m.keys));
	memcpy(s->m.keys[0], id, REPO_ID_LEN);
	memcpy(s->m.vault_id, s->repo.head.vault_id, REPO_ID_LEN);
	s->m.npacks = PACKS;
	s->m.packs = calloc(PACKS, sizeof(*s->m.packs));
	for (i = 0; i < PACKS; i++) {
		p[i] = malloc(PACK_SIZE);
		CHECK_OK(repo_pack_new(s->m.vault_id, id, key, 1, &pk[i], &err),
		    &err);
		CHECK_OK(repo_pack_start(pk[i], p[i], PACK_SIZE, &err), &err);
	}
	CHECK_OK(buf_reserve(&s->stream, FRAMES * MIB, &err), &err);
	for (i = 0; i < FRAMES; i++) {
		stand_fill(s->stream.p + s->stream.len, MIB, i, false);
		ref.pack = (uint32_t)(i % PACKS);
		CHECK(repo_pack_add(pk[ref.pack], REPO_FRAME_DATA,
			  s->stream.p + s->stream.len, MIB, &ref, &err) == 0);
		CHECK_OK(repo_ref_encode(&ref, &list, &err), &err);
		s->stream.len += MIB;
	}
	ref.pack = 0;
	CHECK(repo_pack_add(
		  pk[0], REPO_FRAME_LIST, list.p, list.len, &ref, &err) == 0);
	for (i = 0; i < PACKS; i++) {
		put_pack(s, pk[i], p[i], i);
		repo_pack_free(pk[i]);
		free(p[i]);
	}
	s->priv.stream_len = s->stream.len;
	s->priv.nframe_segs = 1;
	s->priv.frame_segs = malloc(sizeof(ref));
	s->priv.frame_segs[0] = ref;
	CHECK_OK(repo_private_seal(&s->priv, key, 0, &s->m, &err), &err);
}

/* Six packs at once in memory for two spans. */
TEST(reader__gets_through_packs_that_are_more_interleaved_than_fit)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;
	uint64_t lost = 0;
	unsigned workers;

	interleaved(&s);
	for (workers = 1; workers <= 2; workers++) {
		repo_reader_free(TAKE(rd));
		rd = stand_reader(&s, workers * 8 * MIB, workers);
		s.gate.gets = 0;
		CHECK_OK(repo_reader_want(rd, 0, FRAMES * MIB, &err), &err);
		CHECK(stand_read(&s, rd, &lost, &err) == FRAMES * MIB);
		CHECK(lost == 0 && s.gate.gets > FRAMES / 2);
	}
}

TEST(reader__can_be_given_up_at_any_time)
{
	CLEANUP(stand_clear) struct stand s;
	struct err err = ERR_INIT;
	struct repo_reader *rd;
	const uint8_t *p;
	uint64_t pos;
	size_t n;
	int i, j;

	one_file(&s, 20 * MIB, 16 * MIB, 2);
	for (i = 0; i < 20; i += 4) {
		rd = stand_reader(&s, 0, 2);
		CHECK_OK(repo_reader_want(rd, 0, 20 * MIB, &err), &err);
		for (j = 0; j < i; j++)
			CHECK_OK(
			    repo_reader_read(rd, &pos, &p, &n, &err), &err);
		repo_reader_free(rd);
	}
}

static int
read_first(struct stand *s, struct repo_reader **rd, struct err *err)
{
	struct repo_reader_opts opts = { .workers = 2 };
	const uint8_t *p;
	uint64_t pos;
	size_t n;
	int rc;

	if ((rc = repo_reader_new(&s->repo, &s->m, &opts, rd, err)) < 0 ||
	    (rc = repo_reader_want(*rd, 0, 1000, err)) < 0)
		return rc;
	return repo_reader_read(*rd, &pos, &p, &n, err);
}

TEST(reader__that_cannot_be_made_leaves_nothing_behind)
{
	CLEANUP(stand_clear) struct stand s;
	struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;
	int rc;

	one_file(&s, 1000, 0, 1);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = read_first(&s, &rd, &err);
		test_malloc_fail(0);
		repo_reader_free(TAKE(rd));
		if (rc == 0)
			break;
		CHECK(rc == -HF_ENOMEM);
	}
	CHECK(rc == 0);
}

/* Read a backup of which something was damaged; return the bytes lost. */
static uint64_t
read_damaged(struct stand *s, struct err *err)
{
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	uint64_t lost = 0, all = s->stream.len;

	rd = stand_reader(s, 0, 2);
	CHECK_OK(repo_reader_want(rd, 0, all, err), err);
	CHECK(stand_read(s, rd, &lost, err) == all);
	return lost;
}

/* Where does the stream's frame list say that frame ${i} lies? */
static void
load_pack(struct stand *s, size_t i, struct buf *b)
{
	struct err err = ERR_INIT;

	CHECK_OK(store_get(s->repo.store, stand_pack(s, i), 64 * MIB, b, &err),
	    &err);
}

/* Find a pack with data only, so that the reader itself can be opened. */
static size_t
data_pack(const struct stand *s, size_t from)
{
	size_t i, j;

	for (i = from; i < s->m.npacks; i++) {
		for (j = 0; j < s->priv.nentry_segs; j++)
			if (s->priv.entry_segs[j].pack == i)
				break;
		if (j == s->priv.nentry_segs && s->priv.frame_segs[0].pack != i)
			break;
	}
	CHECK(i < s->m.npacks);
	return i;
}

TEST(reader__loses_one_frame_to_a_flipped_bit_and_names_it)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	char name[REPO_NAME_MAX];
	size_t i;

	one_file(&s, 20 * MIB, 16 * MIB, 2);
	i = data_pack(&s, 0);
	load_pack(&s, i, &b);
	b.p[REPO_PACK_HEADER_LEN + 100] ^= 1;
	stand_replace(&s, stand_pack(&s, i), &b);
	CHECK(read_damaged(&s, &err) == MIB);
	CHECK(err.code == -HF_ECORRUPT);
	repo_name_pack(name, s.m.packs[i].hour, s.m.packs[i].oid);
	CHECK(strstr(err.msg, name) != NULL);
	CHECK(strstr(err.msg, "frame 0") != NULL);
}

TEST(reader__loses_a_missing_pack_alone)
{
	CLEANUP(stand_clear) struct stand s;
	struct err err = ERR_INIT;
	struct store *in;
	uint64_t lost;
	size_t i;

	one_file(&s, 20 * MIB, 16 * MIB, 2);
	i = data_pack(&s, 0);
	in = s.gate.inner;
	CHECK_OK(in->ops->del(in, stand_pack(&s, i), &err), &err);
	lost = read_damaged(&s, &err);
	CHECK(lost > 0 && lost <= s.m.packs[i].len);
	CHECK(err.code == -HF_ECORRUPT);
	CHECK(strstr(err.msg, "missing") != NULL);
}

TEST(reader__saves_what_lies_before_the_cut_of_a_truncated_pack)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	size_t i, frames;

	one_file(&s, 20 * MIB, 16 * MIB, 2);
	i = data_pack(&s, 0);
	load_pack(&s, i, &b);
	frames = b.len / MIB;
	CHECK(frames >= 2);
	b.len = REPO_PACK_HEADER_LEN + MIB + 16 + 5;
	stand_replace(&s, stand_pack(&s, i), &b);
	CHECK(read_damaged(&s, &err) == (frames - 1) * MIB);
	CHECK(err.code == -HF_ECORRUPT);
}

TEST(reader__does_not_need_table_and_trailer)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	size_t i;

	one_file(&s, 20 * MIB, 16 * MIB, 2);
	i = data_pack(&s, 0);
	load_pack(&s, i, &b);
	memset(b.p + b.len - 40, 0xff, 40);
	stand_replace(&s, stand_pack(&s, i), &b);
	CHECK(read_damaged(&s, &err) == 0);
}

TEST(reader__loses_both_of_two_packs_that_were_swapped)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_buf) struct buf a = BUF_INIT;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	size_t i, j;

	one_file(&s, 30 * MIB, 16 * MIB, 2);
	i = data_pack(&s, 0);
	j = data_pack(&s, i + 1);
	load_pack(&s, i, &a);
	load_pack(&s, j, &b);
	stand_replace(&s, stand_pack(&s, i), &b);
	stand_replace(&s, stand_pack(&s, j), &a);
	CHECK(read_damaged(&s, &err) ==
	      (a.len / MIB + b.len / MIB) * (uint64_t)MIB);
	CHECK(strstr(err.msg, "another pack") != NULL);
}

TEST(reader__checks_the_header_when_only_a_later_part_is_wanted)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	struct err err = ERR_INIT;
	uint64_t lost = 0;

	one_file(&s, 3 * MIB, 0, 1);
	CHECK(s.m.npacks == 1);
	rd = stand_reader(&s, 0, 1);
	s.gate.gets = 0;
	CHECK_OK(repo_reader_want(rd, 2 * MIB, 10, &err), &err);
	CHECK(stand_read(&s, rd, &lost, &err) == 10 && lost == 0);
	CHECK(s.gate.gets == 2);

	load_pack(&s, 0, &b);
	b.p[70] ^= 1; /* In the commitment. */
	stand_replace(&s, stand_pack(&s, 0), &b);
	CHECK_OK(repo_reader_want(rd, 2 * MIB, 10, &err), &err);
	CHECK(stand_read(&s, rd, &lost, &err) == 10 && lost == 10);
	CHECK(strstr(err.msg, "commitment") != NULL);
}

/* Put a frame list of ${n} times the same frame into a pack of its own. */
static void
seal_list(struct stand *s, const struct repo_ref *frame, size_t n)
{
	CLEANUP(freep_repo_pack) struct repo_pack *pk = NULL;
	CLEANUP(freep_mem) uint8_t *p = malloc(2 * MIB);
	CLEANUP(freep_buf) struct buf list = BUF_INIT;
	struct repo_pack_row *rows;
	struct store_blob blob = { .p = p };
	struct err err = ERR_INIT;
	size_t i;

	CHECK(p != NULL);
	for (i = 0; i < n; i++)
		CHECK_OK(repo_ref_encode(frame, &list, &err), &err);
	CHECK_OK(repo_pack_new(s->repo.head.vault_id, s->repo.key_id,
		     s->repo.key, 1, &pk, &err),
	    &err);
	CHECK_OK(repo_pack_start(pk, p, 2 * MIB, &err), &err);
	s->priv.frame_segs[0].pack = (uint32_t)s->m.npacks;
	CHECK_OK(repo_pack_add(pk, REPO_FRAME_LIST, list.p, list.len,
		     &s->priv.frame_segs[0], &err),
	    &err);
	rows = reallocarray(s->m.packs, s->m.npacks + 1, sizeof(*rows));
	CHECK(rows != NULL);
	s->m.packs = rows;
	rows[s->m.npacks] = (struct repo_pack_row){ .hour = rows[0].hour };
	CHECK_OK(repo_pack_finish(pk, &rows[s->m.npacks++], &err), &err);
	blob.len = rows[s->m.npacks - 1].len;
	CHECK_OK(store_put(s->gate.inner, stand_pack(s, s->m.npacks - 1), &blob,
		     &err),
	    &err);
}

/* A few KiB in the store, and a frame list without end. */
TEST(reader__is_not_exhausted_by_a_frame_list_that_is_named_again_and_again)
{
	CLEANUP(stand_clear) struct stand s;
	struct repo_reader_opts opts = { .workers = 1 };
	struct repo_reader *rd = NULL;
	const struct repo_ref *frame;
	struct repo_ref *segs;
	struct err err = ERR_INIT;
	size_t i, n = 0;

	one_file(&s, 1000, 0, 1);
	CHECK(s.priv.nframe_segs == 1 && s.m.npacks == 1);
	/* The frame of the data is the first of the pack. */
	frame = &(struct repo_ref){ .off = REPO_PACK_HEADER_LEN,
		.len = 1000 + 16,
		.plain = 1000,
		.codec = REPO_RAW };
	seal_list(&s, frame, REPO_FRAME_MAX / REPO_REF_LEN);
	segs = calloc(1000, sizeof(*segs));
	CHECK(segs != NULL);
	for (i = 0; i < 1000; i++)
		segs[i] = s.priv.frame_segs[0];
	free(s.priv.frame_segs);
	s.priv.frame_segs = segs;
	for (i = 1; i <= 1000; i *= 1000) {
		s.priv.nframe_segs = i;
		n = i * (REPO_FRAME_MAX / REPO_REF_LEN);
		s.priv.stream_len = 1000 * n;
		CHECK_OK(repo_private_seal(&s.priv, s.repo.key, 0, &s.m, &err),
		    &err);
		if (i == 1) {
			CHECK_OK(
			    repo_reader_new(&s.repo, &s.m, &opts, &rd, &err),
			    &err);
			repo_reader_free(rd);
		} else {
			CHECK_FAIL(
			    repo_reader_new(&s.repo, &s.m, &opts, &rd, &err),
			    &err, HF_ENOSPC);
			CHECK(strstr(err.hint, "--memory") != NULL);
		}
	}
}
