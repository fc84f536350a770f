#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include "repo/repo_writer_plan.h"
#include "repo_stand.h"

#define MIB (1u << 20)

/* Write one file of ${n} bytes and read it back. */
static void
round_trip(size_t n, bool compressible, size_t memory, unsigned workers)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;
	uint64_t lost = 0;

	stand_init(&s);
	w = stand_writer(&s, memory, workers);
	CHECK_OK(stand_file(&s, w, "a", n, MIB, compressible, &err), &err);
	stand_finish(&s, w);
	CHECK(s.m.plain_bytes == n && s.m.entries == 1);
	CHECK(s.told == s.m.stored_bytes);
	CHECK(s.gate.puts == s.m.npacks);
	rd = stand_reader(&s, memory, workers);
	CHECK_OK(repo_reader_want(rd, 0, n, &err), &err);
	CHECK(stand_read(&s, rd, &lost, &err) == n && lost == 0);
}

TEST(writer__keeps_files_around_the_length_of_a_frame)
{
	static const size_t lens[] = { 0, 1, MIB - 1, MIB, MIB + 1, 2 * MIB };
	size_t i;

	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		round_trip(lens[i], true, 0, 2);
		round_trip(lens[i], false, 0, 1);
	}
}

TEST(writer__keeps_a_large_file_in_many_packs)
{
	round_trip(40 * MIB + 17, false, 0, 2);
	round_trip(40 * MIB + 17, false, 0, 5);
}

TEST(writer__works_in_little_memory)
{
	round_trip(20 * MIB + 17, false, 16 * MIB, 2);
	round_trip(5 * MIB, false, 1, 1);
}

TEST(writer__makes_one_pack_of_a_small_backup)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	struct err err = ERR_INIT;

	stand_init(&s);
	w = stand_writer(&s, 0, 4);
	CHECK_OK(stand_file(&s, w, "a", 1000, 1000, true, &err), &err);
	stand_finish(&s, w);
	CHECK(s.m.npacks == 1);
}

/* How many threads of this program stand back, by their niceness. */
static unsigned
standing_back(void)
{
	DIR *d = opendir("/proc/self/task");
	const struct dirent *e;
	unsigned n = 0;

	CHECK(d != NULL);
	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.' &&
		     getpriority(PRIO_PROCESS, (id_t)atoi(e->d_name)) >
			 getpriority(PRIO_PROCESS, 0);
	(void)closedir(d);
	return n;
}

TEST(writer__has_workers_that_stand_back_for_who_reads)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	unsigned i;

	stand_init(&s);
	w = stand_writer(&s, 0, 3);
	for (i = 0; i < 12000 && standing_back() < 3; i++)
		(void)usleep(5000);
	CHECK(standing_back() == 3);
	stand_finish(&s, w);
}

TEST(writer__without_entries_makes_an_empty_backup)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;

	stand_init(&s);
	w = stand_writer(&s, 0, 2);
	stand_finish(&s, w);
	CHECK(s.m.npacks == 0 && s.m.entries == 0 && s.m.nkeys == 1);
}

static int
check_sha256(void *arg, const struct entry *e, struct err *err)
{
	struct stand *s = arg;
	uint8_t sha256[SHA256_LEN];

	CHECK(e->has_sha256 == (e->type == ENTRY_FILE));
	if (e->type != ENTRY_FILE) {
		CHECK(e->data_len == 0);
		return 0;
	}
	CHECK(e->data_len == e->size);
	CHECK(e->data_pos + e->data_len <= s->stream.len);
	CHECK_OK(sha256_of(s->stream.p + e->data_pos, e->data_len, sha256, err),
	    err);
	CHECK(memcmp(sha256, e->sha256, SHA256_LEN) == 0);
	s->told++;
	return 0;
}

TEST(writer__hashes_every_file_and_knows_where_it_lies)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	char dot[] = ".";
	struct entry dir = { .path = dot, .type = ENTRY_DIR };
	struct err err = ERR_INIT;
	char path[32];
	size_t i;

	stand_init(&s);
	w = stand_writer(&s, 0, 2);
	CHECK_OK(repo_writer_add(w, &dir, &err), &err);
	for (i = 0; i < 300; i++) {
		(void)snprintf(path, sizeof(path), "f%04zu", i);
		CHECK_OK(stand_file(&s, w, path, i % 50 == 0 ? 1300000 : i * 41,
			     5000, true, &err),
		    &err);
	}
	stand_finish(&s, w);
	CHECK(s.m.entries == 301);
	rd = stand_reader(&s, 0, 2);
	s.told = 0;
	CHECK_OK(repo_reader_entries(rd, check_sha256, &s, &err), &err);
	CHECK(s.told == 300);
}

/* Write ${n} files of 0 to 89 bytes, and read all their hashes back. */
static void
check_tiny_files(int n, bool only_first)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;
	char path[32];
	size_t len;
	int i;

	stand_init(&s);
	w = stand_writer(&s, 0, 2);
	for (i = 0; i < n; i++) {
		len = only_first && i > 0 ? 0 : (size_t)(n - i) % 90;
		(void)snprintf(path, sizeof(path), "f%06d", i);
		CHECK_OK(stand_file(&s, w, path, len, 90, true, &err), &err);
	}
	stand_finish(&s, w);
	CHECK(s.priv.nentry_segs > 1);
	rd = stand_reader(&s, 0, 2);
	s.told = 0;
	CHECK_OK(repo_reader_entries(rd, check_sha256, &s, &err), &err);
	CHECK(s.told == (uint64_t)n);
}

TEST(writer__hashes_more_files_than_a_frame_has_places_for)
{
	check_tiny_files(20000, false);
}

TEST(writer__hashes_a_file_long_before_its_frame_is_full)
{
	check_tiny_files(20001, true);
}

TEST(writer__forgets_bytes_of_a_file_that_was_never_added)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;
	uint8_t *p;
	size_t n;

	stand_init(&s);
	w = stand_writer(&s, 0, 2);
	CHECK_OK(repo_writer_begin(w, 100, true, &err), &err);
	CHECK_OK(repo_writer_space(w, &p, &n, &err), &err);
	memset(p, 'x', 100);
	CHECK_OK(buf_add(&s.stream, p, 100, &err), &err);
	CHECK_OK(repo_writer_wrote(w, 100, &err), &err);
	CHECK_OK(stand_file(&s, w, "b", 5000, 700, true, &err), &err);
	stand_finish(&s, w);
	rd = stand_reader(&s, 0, 2);
	s.told = 0;
	CHECK_OK(repo_reader_entries(rd, check_sha256, &s, &err), &err);
	CHECK(s.told == 1);
}

static int
check_given(void *arg, const struct entry *e, struct err *err)
{
	(void)err;
	CHECK(e->has_sha256 && e->sha256[0] == 0xab && e->sha256[31] == 0xab);
	++*(int *)arg;
	return 0;
}

TEST(writer__believes_the_hash_that_a_source_gives)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	char path[] = "a";
	struct entry e = { .path = path, .type = ENTRY_FILE, .has_sha256 = 1 };
	struct err err = ERR_INIT;
	int seen = 0;

	stand_init(&s);
	memset(e.sha256, 0xab, SHA256_LEN);
	w = stand_writer(&s, 0, 2);
	CHECK_OK(repo_writer_begin(w, 0, false, &err), &err);
	CHECK_OK(repo_writer_add(w, &e, &err), &err);
	/* Promised and not given: none is made up. */
	CHECK_OK(repo_writer_begin(w, 0, false, &err), &err);
	e.has_sha256 = false;
	CHECK_FAIL(repo_writer_add(w, &e, &err), &err, HF_EBUG);
	stand_finish(&s, w);
	rd = stand_reader(&s, 0, 2);
	CHECK_OK(repo_reader_entries(rd, check_given, &seen, &err), &err);
	CHECK(seen == 1);
}

static int
count_entry(void *arg, const struct entry *e, struct err *err)
{
	char path[32];
	int *n = arg;

	(void)err;
	(void)snprintf(path, sizeof(path), "f%06d", (*n)++);
	CHECK_STR(e->path, path);
	return 0;
}

TEST(writer__keeps_many_empty_files_in_order)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	CLEANUP(freep_repo_reader) struct repo_reader *rd = NULL;
	struct err err = ERR_INIT;
	char path[32];
	int i, n = 0;

	stand_init(&s);
	w = stand_writer(&s, 0, 2);
	for (i = 0; i < 20000; i++) {
		(void)snprintf(path, sizeof(path), "f%06d", i);
		CHECK_OK(stand_file(&s, w, path, 0, 1, true, &err), &err);
	}
	stand_finish(&s, w);
	CHECK(s.priv.nentry_segs > 1);
	rd = stand_reader(&s, 0, 2);
	CHECK_OK(repo_reader_entries(rd, count_entry, &n, &err), &err);
	CHECK(n == 20000);
}

TEST(writer__refuses_an_entry_larger_than_a_frame)
{
	CLEANUP(stand_clear) struct stand s;
	CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
	CLEANUP(freep_mem) uint8_t *value = calloc(1, 60000);
	char names[20][8], path[] = "much";
	struct entry_xattr xattrs[20];
	struct entry e = { .path = path, .type = ENTRY_DIR };
	struct err err = ERR_INIT;
	size_t i;

	stand_init(&s);
	w = stand_writer(&s, 0, 2);
	for (i = 0; i < 20; i++) {
		(void)snprintf(
		    names[i], sizeof(names[i]), "user.%c", (char)('a' + i));
		xattrs[i] = (struct entry_xattr){ names[i], value, 60000 };
	}
	e.xattrs = xattrs;
	e.nxattrs = 20;
	CHECK_FAIL(repo_writer_add(w, &e, &err), &err, HF_ESOURCE);
	CHECK(strstr(err.msg, "'much'") != NULL);
	CHECK_OK(stand_file(&s, w, "ok", 100, 100, true, &err), &err);
	stand_finish(&s, w);
	CHECK(s.m.entries == 1);
}

/* Write until it fails; the first failure comes back, with its hint. */
TEST(writer__gives_back_the_first_failure_of_the_store)
{
	unsigned nth;

	for (nth = 1; nth <= 4; nth++) {
		CLEANUP(stand_clear) struct stand s;
		CLEANUP(freep_repo_writer) struct repo_writer *w = NULL;
		struct err err = ERR_INIT;
		int rc;

		stand_init(&s);
		s.gate.fail_put = nth;
		w = stand_writer(&s, 16 * MIB, 2);
		rc = stand_file(&s, w, "a", 12 * MIB, MIB, false, &err);
		if (rc == 0)
			rc = repo_writer_finish(w, &s.m, &s.priv, &err);
		CHECK(rc == -HF_ENOSPC);
		CHECK_STR(err.hint, "make room");
		CHECK(strstr(err.msg, "store the pack 'p/") != NULL);
		CHECK_FAIL(repo_writer_finish(w, &s.m, &s.priv, &err), &err,
		    HF_ENOSPC);
	}
}

TEST(writer__can_be_given_up_at_any_time)
{
	size_t n;

	for (n = 0; n < 12; n += 3) {
		CLEANUP(stand_clear) struct stand s;
		struct repo_writer *w;
		struct err err = ERR_INIT;

		stand_init(&s);
		w = stand_writer(&s, 0, 2);
		CHECK_OK(
		    stand_file(&s, w, "a", n * MIB, MIB, false, &err), &err);
		repo_writer_free(w);
	}
}

TEST(writer__that_cannot_be_made_leaves_nothing_behind)
{
	CLEANUP(stand_clear) struct stand s;
	struct repo_writer_opts opts = { .workers = 2 };
	struct repo_writer *w = NULL;
	struct err err = ERR_INIT;
	int rc;

	stand_init(&s);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = repo_writer_new(&s.repo, &opts, &w, &err);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && w == NULL);
	}
	test_malloc_fail(0);
	CHECK(rc == 0);
	repo_writer_free(w);
}

TEST(plan__spends_no_more_than_it_is_given)
{
	size_t memory, sum;
	unsigned workers;

	for (workers = 1; workers <= 64; workers++)
		for (memory = 16 * MIB; memory <= 1024u * MIB;
		     memory += 4 * MIB) {
			struct repo_writer_plan p =
			    repo_writer_plan_make(memory, workers, 1);

			sum = p.workers * 3 * MIB + p.frames * MIB +
			      p.packs * p.pack_size;
			CHECK(sum <= memory);
			CHECK(p.workers >= 1 && p.workers <= workers);
			CHECK(p.packs > p.workers && p.uploaders >= 1);
			CHECK(p.pack_size >= REPO_PACK_SIZE_MIN);
		}
}

TEST(plan__has_packs_of_8_mib_by_default)
{
	struct repo_writer_plan p = repo_writer_plan_make(0, 2, 1);

	CHECK(p.workers == 2 && p.pack_size == 8 * MIB && p.packs == 4);
}
