#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "crypto/hash.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_restore.h"
#include "job/job_verify.h"
#include "repo/repo.h"
#include "source/source.h"
#include "source/source_paged.h"
#include "source/source_paged_map.h"
#include "source_record.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

#define PAGE 4096u
#define PAGES 3000 /* Some of them have no room in memory. */

/* A source of one file, in pages; a test may change what it gives. */
struct made {
	struct source source;
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct buf file;
	void (*spoil)(struct record *, struct source_paged_map *);
	struct job_backup_report rep;
	char found[512]; /* First. */
};

static int
read_file(void *arg, uint64_t off, void *to, size_t n, struct err *err)
{
	const struct buf *b = arg;

	(void)err;
	CHECK(off <= b->len && n <= b->len - off);
	memcpy(to, b->p + off, n);
	return 0;
}

static int
write_file(const struct buf *b, struct sink *s, struct err *err)
{
	char path[] = "snapshot.db";
	struct entry e = { .path = path,
		.type = ENTRY_FILE,
		.mode = 0600,
		.size = b->len,
		.has_sha256 = true };
	const struct source_paged_file f = { &e, PAGE, read_file,
		(void *)(uintptr_t)b };
	int rc;

	rc = sha256_of(b->p, b->len, e.sha256, err);
	return rc < 0 ? rc : source_paged_write(&f, s, err);
}

/* Change the map, and what else there is. */
static void
spoil(struct made *m, struct record *rec)
{
	CLEANUP(freep_source_paged_map) struct source_paged_map map = { 0 };
	struct buf *b = &rec->v[rec->n - 1].data;
	struct err e = ERR_INIT;

	CHECK_OK(source_paged_map_decode(b->p, b->len, &map, &e), &e);
	b->len = 0;
	m->spoil(rec, &map);
	if (b->len == 0)
		CHECK_OK(source_paged_map_encode(&map, b, &e), &e);
}

static int
write_spoilt(struct made *m, struct sink *s, struct err *err)
{
	CLEANUP(freep_record) struct record rec;
	size_t i;
	int rc;

	record_init(&rec);
	if ((rc = write_file(&m->file, &rec.sink, err)) < 0)
		return rc;
	spoil(m, &rec);
	for (i = 0; i < rec.n; i++) {
		struct record_entry *v = &rec.v[i];

		v->e.size = v->data.len;
		v->e.has_sha256 = false;
		if (v->e.path[0] == '-')
			continue; /* Taken out. */
		if (v->e.type == ENTRY_FILE &&
		    ((rc = sink_begin(
			  s, v->e.path, v->e.size, SINK_HASHES, err)) < 0 ||
			(rc = sink_write(s, v->data.p, v->data.len, err)) < 0))
			return rc;
		if ((rc = sink_add(s, &v->e, err)) < 0)
			return rc;
	}
	return 0;
}

static int
read_all(struct source *src, struct sink *s, struct err *err)
{
	struct made *m = (struct made *)src;

	return m->spoil != NULL ? write_spoilt(m, s, err)
				: write_file(&m->file, s, err);
}

static const struct source_ops ops = { .name = "etcd", .read = read_all };

static void
clear(struct made *m)
{
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
	buf_free(&m->file);
}

static void
make(struct made *m, size_t pages)
{
	static uint32_t state = 1;
	static int made;
	struct err e = ERR_INIT;
	char host[16];
	size_t i;

	*m = (struct made){ .source = { .ops = &ops } };
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", made++);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	CHECK_OK(buf_reserve(&m->file, pages * PAGE + 32, &e), &e);
	m->file.len = pages * PAGE + 32;
	for (i = 0; i < m->file.len; i++) {
		state = state * 1664525 + 1013904223;
		m->file.p[i] = (uint8_t)(state >> 24);
	}
}

static void
listen(void *arg, const struct job_event *ev)
{
	struct made *m = arg;

	if (ev->kind == JOB_FOUND && m->found[0] == '\0')
		(void)snprintf(m->found, sizeof(m->found), "%s", ev->text);
}

static struct job
job_of(struct made *m)
{
	return (struct job){ .workers = 2, .on_event = listen, .arg = m };
}

static const struct repo_backup *
backup(struct made *m)
{
	static const struct job_backup_opts opts = {
		.source = "db", .type = "etcd", .label = "etcd:test"
	};
	const struct job j = job_of(m);
	const struct repo_backup *b;
	struct err e = ERR_INIT;

	CHECK_OK(job_backup(&j, m->repo, &m->source, &opts, &m->rep, &e), &e);
	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK_OK(repo_catalogue_find(&m->cat, m->rep.id, &b, &e), &e);
	return b;
}

static const char *
out(void)
{
	static char path[4096];

	(void)snprintf(path, sizeof(path), "%s/out", test_dir());
	return path;
}

static int
restore(struct made *m, const struct repo_backup *b, const char *only,
    struct err *err)
{
	const struct job j = job_of(m);
	const struct job_restore_opts opts = { .to = out(),
		.only = &only,
		.nonly = only != NULL,
		.exact = true,
		.overwrite = true };
	struct job_restore_report rep;

	return job_restore(&j, m->repo, b, &opts, &rep, err);
}

static void
comes_back(struct made *m, const struct repo_backup *b)
{
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	struct err e = ERR_INIT;

	CHECK_OK(restore(m, b, "snapshot.db", &e), &e);
	CHECK_OK(file_read(out(), 64u << 20, &got, &e), &e);
	CHECK(got.len == m->file.len);
	CHECK(memcmp(got.p, m->file.p, got.len) == 0);
}

static uint64_t
verify(struct made *m, const struct repo_backup *b, enum job_verify_level level)
{
	const struct job_verify_opts opts = { .level = level };
	const struct job j = job_of(m);
	struct job_verify_report rep;
	struct err e = ERR_INIT;

	m->found[0] = '\0';
	CHECK_OK(job_verify(&j, m->repo, b, &opts, &rep, &e), &e);
	return rep.bad;
}

TEST(paged__comes_back_as_the_file_that_it_was)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	uint64_t full;

	make(&m, PAGES);
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL);
	full = b->m.stored_bytes;
	CHECK(full > m.file.len);
	comes_back(&m, b);
	CHECK(verify(&m, b, VERIFY_OPENS) == 0);

	m.file.p[5] ^= 1;
	m.file.p[2900 * PAGE] ^= 1;
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT);
	CHECK(b->m.stored_bytes < 4 * PAGE);
	comes_back(&m, b);

	m.file.len -= 100 * PAGE;
	m.file.p[9] ^= 1;
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT);
	CHECK(b->m.stored_bytes < 4 * PAGE);
	comes_back(&m, b);
	CHECK(verify(&m, b, VERIFY_OPENS) == 0);
}

TEST(paged__is_the_only_file_of_its_backup)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	struct err e = ERR_INIT;
	struct stat st;

	make(&m, 3);
	b = backup(&m);
	CHECK_OK(restore(&m, b, NULL, &e), &e);
	CHECK(stat(out(), &st) == 0 && (size_t)st.st_size == m.file.len);
	CHECK_FAIL(restore(&m, b, "snapshot", &e), &e, HF_ENOTFOUND);
	/* As it lies there, for who asks. */
	CHECK_OK(restore(&m, b, "snapshot.db.pages/map", &e), &e);
	CHECK(stat(out(), &st) == 0 && st.st_size == 76);
}

/* Damage to what is stored: found, and nothing of the file comes out. */
static void
bad(void (*how)(struct record *, struct source_paged_map *), const char *words)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	struct err e = ERR_INIT;

	make(&m, 600);
	m.spoil = how;
	b = backup(&m);
	(void)unlink(out());
	CHECK_FAIL(restore(&m, b, "snapshot.db", &e), &e, HF_ECORRUPT);
	if (strstr(e.msg, words) == NULL)
		CHECK_STR(e.msg, words);
	CHECK(access(out(), F_OK) < 0);
	CHECK(verify(&m, b, VERIFY_CONTENT) > 0);
	if (strstr(m.found, words) == NULL)
		CHECK_STR(m.found, words);
}

static void
swap_pages(struct record *rec, struct source_paged_map *map)
{
	uint8_t *p = rec->v[1].data.p + 100000, kept[PAGE];

	(void)map;
	memcpy(kept, p, PAGE);
	memcpy(p, p + PAGE, PAGE);
	memcpy(p + PAGE, kept, PAGE);
}

/* The first page of the second group gets the number of the first one. */
static void
page_twice(struct record *rec, struct source_paged_map *map)
{
	(void)map;
	le64_put(rec->v[2].data.p + SOURCE_PAGED_GROUP_HEAD, 254);
}

static void
page_outside(struct record *rec, struct source_paged_map *map)
{
	struct buf *b = &rec->v[3].data;

	(void)map;
	/* The last row of the last group: the file's end, of 32 bytes. */
	le64_put(b->p + SOURCE_PAGED_GROUP_HEAD +
		     (size_t)(le32_get(b->p + 12) - 1) * SOURCE_PAGED_GROUP_ROW,
	    601);
}

static void
page_short(struct record *rec, struct source_paged_map *map)
{
	struct buf *b = &rec->v[1].data;

	(void)map;
	le32_put(b->p + SOURCE_PAGED_GROUP_HEAD + 8, PAGE - 1);
	b->len--;
}

static void
cut_group(struct record *rec, struct source_paged_map *map)
{
	(void)map;
	rec->v[2].data.len--;
}

static void
no_group(struct record *rec, struct source_paged_map *map)
{
	(void)map;
	rec->v[2].e.path[0] = '-';
}

static void
other_group(struct record *rec, struct source_paged_map *map)
{
	(void)rec;
	map->groups[2].number++;
}

static void
other_hash(struct record *rec, struct source_paged_map *map)
{
	(void)rec;
	map->sha256[31] ^= 1;
}

static void
other_size(struct record *rec, struct source_paged_map *map)
{
	(void)rec;
	map->size++;
}

static void
too_many(struct record *rec, struct source_paged_map *map)
{
	(void)rec;
	map->size = 5000000 * (uint64_t)PAGE;
	map->groups[0].pages = map->groups[0].alive =
	    5000000 - map->groups[1].pages - map->groups[2].pages;
}

static void
no_map(struct record *rec, struct source_paged_map *map)
{
	(void)map;
	rec->v[4].e.path[0] = '-';
	rec->v[4].data.p[0] = 0;
	rec->v[4].data.len = 1;
}

static void
empty_map(struct record *rec, struct source_paged_map *map)
{
	(void)map;
	rec->v[4].data.p[0] = 0;
	rec->v[4].data.len = 1;
}

static void
odd_name(struct record *rec, struct source_paged_map *map)
{
	(void)map;
	strcpy(strchr(rec->v[3].e.path, '/') + 1, "3");
}

TEST(paged__of_parts_that_do_not_fit_nothing_is_restored)
{
	bad(swap_pages, "differ from the hash");
	bad(page_twice, "a page is there twice");
	bad(page_outside, "a page lies outside of its file");
	bad(page_short, "a page lies outside of its file");
	bad(cut_group, "its pages are not all there");
	bad(no_group, "names 3 groups, and there are 2");
	bad(other_group, "does not name the groups that are there");
	bad(other_hash, "differ from the hash");
	bad(other_size, "a page lies outside of its file");
	bad(too_many, "does not name the groups that are there");
	bad(no_map, "the map of pages is missing");
	bad(empty_map, "the map of pages: it is none");
	bad(odd_name, "a group of pages has no number");
}

TEST(paged__with_a_damaged_pack_is_lost_as_a_whole)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf pack = BUF_INIT;
	const char *only = "snapshot.db";
	const struct job j = job_of(&m);
	struct job_restore_opts opts = { .to = out(),
		.only = &only,
		.nonly = 1,
		.dry_run = true,
		.keep_going = true };
	struct job_restore_report rep;
	const struct repo_backup *b;
	struct err e = ERR_INIT;
	char name[200];

	make(&m, PAGES);
	b = backup(&m);
	(void)snprintf(
	    name, sizeof(name), "%s", test_first(m.store, "hf1/main/p/"));
	CHECK_OK(store_get(m.store, name, 64u << 20, &pack, &e), &e);
	pack.p[3000000] ^= 1;
	test_object_put(m.store, name, pack.p, pack.len);
	(void)unlink(out());
	CHECK_FAIL(restore(&m, b, only, &e), &e, HF_ECORRUPT);
	CHECK(access(out(), F_OK) < 0);
	CHECK_OK(job_restore(&j, m.repo, b, &opts, &rep, &e), &e);
	CHECK(rep.entries == 1 && rep.lost == 1 && rep.bytes == 0);
	/* The pack, and the group or the file that it leaves incomplete. */
	CHECK(verify(&m, b, VERIFY_OPENS) == 2);
	CHECK(verify(&m, b, VERIFY_CONTENT) == 2);
}

TEST(paged__survives_running_out_of_memory_anywhere)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	struct err e = ERR_INIT;
	int rc = -1;

	make(&m, 3);
	b = backup(&m);
	(void)unlink(out());
	TEST_TORTURE (n) {
		e = (struct err)ERR_INIT;
		test_malloc_fail(n);
		rc = restore(&m, b, "snapshot.db", &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM && access(out(), F_OK) < 0);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
}
