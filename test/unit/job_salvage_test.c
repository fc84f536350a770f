#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/file.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_restore.h"
#include "job/job_verify.h"
#include "repo/repo.h"
#include "repo/repo_pack.h"
#include "repo/repo_packs.h"
#include "source/source.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

/*
 * Packs of a backup are lost, one after the other: what lies in others comes
 * back, what does not is named, and no byte is wrong.
 */

#define FOLDERS 8
#define FILES 25 /* in each */
#define LARGE ((2u << 20) + 77)
#define LEN_MAX (96u << 10)

/*
 * The folders "d0", "d1", ... with the files "f00", "f01", ... and the links
 * "z" to "f03"; and at the end "large".  It keeps what it recalls, but "large".
 */
struct forest {
	struct source source;
	struct sink *sink;
	unsigned large_seed;
	bool names_only;   /* Every file is empty. */
	size_t more_names; /* So many files, empty, in "e". */
	struct sink_kept next;
	bool known, ended;
};

static uint8_t
byte_of(uint64_t seed, size_t i)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u + seed * 0x94d049bb133111ebu;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (uint8_t)(x >> 40);
}

static uint64_t
seed_of(const struct forest *f, unsigned dir, unsigned i)
{
	return dir == FOLDERS ? 5000 + f->large_seed : dir * 100 + i;
}

static size_t
len_of(const struct forest *f, unsigned dir, unsigned i)
{
	if (f->names_only)
		return 0;
	return dir == FOLDERS ? LARGE : (dir * 7919 + i * 10007) % LEN_MAX;
}

/* Step on to what is recalled of ${path}. */
static int
seek(struct forest *f, const char *path, struct err *err)
{
	int rc;

	while (!f->ended &&
	       (!f->known || entry_path_cmp(f->next.entry->path, path) < 0)) {
		if ((rc = sink_recall(f->sink, &f->next, err)) < 0)
			return rc;
		f->known = rc > 0;
		f->ended = rc == 0;
	}
	return !f->ended && strcmp(f->next.entry->path, path) == 0;
}

static int
put_bytes(struct forest *f, uint64_t seed, size_t len, struct err *err)
{
	size_t at, n, i;
	uint8_t *p;
	int rc;

	for (at = 0; at < len; at += n) {
		if ((rc = sink_space(f->sink, &p, &n, err)) < 0)
			return rc;
		if (n > len - at)
			n = len - at;
		for (i = 0; i < n; i++)
			p[i] = byte_of(seed, at + i);
		if ((rc = sink_wrote(f->sink, n, err)) < 0)
			return rc;
	}
	return 0;
}

static int
put_file(
    struct forest *f, char *path, unsigned dir, unsigned i, struct err *err)
{
	struct entry e = { .path = path,
		.type = ENTRY_FILE,
		.mode = 0600,
		.uid = geteuid(),
		.gid = getegid(),
		.size = len_of(f, dir, i) };
	int rc;

	if (dir < FOLDERS && (rc = seek(f, path, err)) != 0)
		return rc < 0 ? rc : sink_keep(f->sink, path, NULL, 0, err);
	if ((rc = sink_begin(f->sink, path, e.size, SINK_HASHES, err)) < 0 ||
	    (rc = put_bytes(f, seed_of(f, dir, i), e.size, err)) < 0)
		return rc;
	return sink_add(f->sink, &e, err);
}

static int
put_other(struct forest *f, char *path, enum entry_type type, char *target,
    struct err *err)
{
	const struct entry e = { .path = path,
		.type = type,
		.target = target,
		.mode = 0700,
		.uid = geteuid(),
		.gid = getegid() };

	return sink_add(f->sink, &e, err);
}

static int
put_folder(struct forest *f, unsigned dir, struct err *err)
{
	char path[16], target[16];
	unsigned i;
	int rc;

	(void)snprintf(path, sizeof(path), "d%u", dir);
	if ((rc = put_other(f, path, ENTRY_DIR, NULL, err)) < 0)
		return rc;
	for (i = 0; i < FILES; i++) {
		(void)snprintf(path, sizeof(path), "d%u/f%02u", dir, i);
		if ((rc = put_file(f, path, dir, i, err)) < 0)
			return rc;
	}
	(void)snprintf(path, sizeof(path), "d%u/z", dir);
	(void)snprintf(target, sizeof(target), "d%u/f03", dir);
	return put_other(f, path, ENTRY_HARDLINK, target, err);
}

static int
put_names(struct forest *f, struct err *err)
{
	char path[256], dir[] = "e";
	size_t i;
	int rc = 0;

	if (f->more_names > 0)
		rc = put_other(f, dir, ENTRY_DIR, NULL, err);
	for (i = 0; i < f->more_names && rc == 0; i++) {
		(void)snprintf(path, sizeof(path), "e/%0200zu", i);
		rc = put_other(f, path, ENTRY_FIFO, NULL, err);
	}
	return rc;
}

static int
read_all(struct source *src, struct sink *s, struct err *err)
{
	struct forest *f = (struct forest *)src;
	char top[] = ".", large[] = "large";
	unsigned dir;
	int rc;

	f->sink = s;
	f->known = f->ended = false;
	rc = put_other(f, top, ENTRY_DIR, NULL, err);
	for (dir = 0; dir < FOLDERS && rc == 0; dir++)
		rc = put_folder(f, dir, err);
	if (rc < 0 || (rc = put_names(f, err)) < 0)
		return rc;
	return put_file(f, large, FOLDERS, 0, err);
}

static const struct source_ops forest_ops = { .name = "tree",
	.read = read_all };

/* A repository in memory, its newest backup, and what a restore has said. */
struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	const struct repo_backup *b;
	struct repo_manifest m;
	struct forest src;
	struct job job;
	struct job_restore_report rep;
	bool lost[FOLDERS + 1][FILES]; /* Files that were named so. */
	size_t found;
};

static void
on_event(void *arg, const struct job_event *ev)
{
	struct made *m = arg;
	unsigned dir, i;

	if (ev->kind != JOB_FOUND)
		return;
	m->found++;
	if (strcmp(ev->subject, "large") == 0)
		m->lost[FOLDERS][0] = true;
	else if (sscanf(ev->subject, "d%u/f%u", &dir, &i) == 2)
		m->lost[dir][i] = true;
}

static void
clear(struct made *m)
{
	repo_manifest_clear(&m->m);
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
}

static void
backup(struct made *m)
{
	const struct job_backup_opts opts = {
		.source = "src", .type = "tree", .label = "tree:"
	};
	struct job_backup_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(
	    job_backup(&m->job, m->repo, &m->src.source, &opts, &rep, &e), &e);
	repo_catalogue_clear(&m->cat);
	repo_manifest_clear(&m->m);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK_OK(repo_catalogue_find(&m->cat, rep.id, &m->b, &e), &e);
	CHECK_OK(repo_manifest_load(m->repo, m->b, &m->m, &e), &e);
}

static void
make(struct made *m, unsigned workers)
{
	struct err e = ERR_INIT;

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	CHECK_OK(test_repo_init(m->store, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, "host", "1", &m->repo, &e), &e);
	m->src.source.ops = &forest_ops;
	m->job = (struct job){
		.on_event = on_event, .arg = m, .workers = workers, .memory = 1
	}; /* As little as can be: small packs. */
}

static const char *
pack_name(const struct made *m, size_t i)
{
	static char object[REPO_NAME_MAX + 64];
	char name[REPO_NAME_MAX];

	repo_name_pack(name, m->m.packs[i].hour, m->m.packs[i].oid);
	return repo_object(m->repo, name, object);
}

static int
restore(struct made *m, const char *to, bool keep_going, struct err *err)
{
	const struct job_restore_opts opts = {
		.to = to, .keep_going = keep_going, .overwrite = true
	};

	memset(m->lost, 0, sizeof(m->lost));
	m->found = 0;
	return job_restore(&m->job, m->repo, m->b, &opts, &m->rep, err);
}

/* Check the file; return the bytes of it that are lost. */
static size_t
check_file(const struct made *m, const char *to, unsigned dir, unsigned i)
{
	CLEANUP(freep_buf) struct buf got = BUF_INIT;
	const uint64_t seed = seed_of(&m->src, dir, i);
	const size_t len = len_of(&m->src, dir, i);
	struct err e = ERR_INIT;
	char path[300];
	size_t k;

	if (dir == FOLDERS)
		(void)snprintf(path, sizeof(path), "%s/large", to);
	else
		(void)snprintf(path, sizeof(path), "%s/d%u/f%02u", to, dir, i);
	if (m->lost[dir][i]) {
		CHECK(access(path, F_OK) < 0);
		return len;
	}
	CHECK_OK(file_read(path, 8u << 20, &got, &e), &e);
	CHECK(got.len == len);
	for (k = 0; k < len; k++)
		if (got.p[k] != byte_of(seed, k))
			break;
	CHECK(k == len);
	return 0;
}

/* Compare the tree at ${to} with the source; return the bytes lost. */
static size_t
check_all(const struct made *m, const char *to)
{
	size_t lost = check_file(m, to, FOLDERS, 0), n = m->lost[FOLDERS][0];
	unsigned dir, i;
	struct stat a, z;
	char path[300];

	for (dir = 0; dir < FOLDERS; dir++) {
		for (i = 0; i < FILES; i++) {
			lost += check_file(m, to, dir, i);
			n += m->lost[dir][i];
		}
		(void)snprintf(path, sizeof(path), "%s/d%u/f03", to, dir);
		if (m->lost[dir][3])
			continue;
		CHECK(lstat(path, &a) == 0);
		(void)snprintf(path, sizeof(path), "%s/d%u/z", to, dir);
		CHECK(lstat(path, &z) == 0 && z.st_ino == a.st_ino);
	}
	CHECK(m->rep.lost == n);
	return lost;
}

/*
 * All that is lost lies in pack ${i}, or shares a frame of 1 MiB with it: a
 * pack of a little more has one or two.
 */
static void
check_loss(const struct made *m, size_t i, size_t lost)
{
	if (m->lost[FOLDERS][0])
		lost -= LARGE;
	CHECK(lost <= m->m.packs[i].len + 4u * LEN_MAX);
}

/* Lose each pack in turn; what is lost of all of them is all there is. */
static void
lose_each(struct made *m)
{
	size_t i, n, all = 0;
	char to[200];

	for (i = 0; i < m->m.npacks; i++) {
		CLEANUP(freep_buf) struct buf pack = BUF_INIT;
		struct err e = ERR_INIT;

		(void)snprintf(to, sizeof(to), "%s/out%zu", test_dir(), i);
		CHECK_OK(
		    store_get(m->store, pack_name(m, i), 64u << 20, &pack, &e),
		    &e);
		test_object_put(m->store, pack_name(m, i), NULL, 0);
		CHECK_OK(restore(m, to, true, &e), &e);
		CHECK(m->rep.unnamed == 0);
		CHECK(m->rep.lost == m->found);
		CHECK(m->rep.lost > 0 || m->rep.warnings > 0 ||
		      m->m.packs[i].len < 100000);
		n = check_all(m, to);
		check_loss(m, i, n);
		all += n;
		test_object_put(m->store, pack_name(m, i), pack.p, pack.len);
	}
	for (i = 0, n = 0; i < FOLDERS * FILES; i++)
		n += len_of(&m->src, (unsigned)i / FILES, (unsigned)i % FILES);
	CHECK(all >= n + LARGE);
}

TEST(restore__brings_back_all_that_is_not_in_the_pack_that_is_lost)
{
	CLEANUP(clear) struct made m;

	make(&m, 1);
	backup(&m);
	CHECK(m.m.npacks > 8);
	lose_each(&m);
}

TEST(restore__does_so_whatever_the_workers_did)
{
	CLEANUP(clear) struct made m;

	make(&m, 3);
	m.job.memory = 0; /* As little makes one worker. */
	backup(&m);
	CHECK(m.m.npacks > 1);
	lose_each(&m);
}

TEST(restore__of_an_increment_loses_no_more_than_a_pack_either)
{
	CLEANUP(clear) struct made m;

	make(&m, 2);
	backup(&m);
	m.src.large_seed = 1;
	backup(&m);
	CHECK(m.m.kind == REPO_INCREMENT);
	lose_each(&m);
}

/* Flip a bit of the frame ${ref}. */
static void
damage(struct made *m, const struct repo_ref *ref)
{
	test_object_flip(m->store, pack_name(m, ref->pack), ref->off);
}

/* Damage the first frame of the entries, or of the frame list. */
static void
damage_segment(struct made *m, bool list)
{
	CLEANUP(repo_private_clear) struct repo_private priv = { 0 };
	const struct secret *key;
	struct err e = ERR_INIT;

	CHECK_OK(
	    repo_data_key(m->repo, m->m.keys[m->m.priv_key], &key, &e), &e);
	CHECK_OK(repo_private_open(&m->m, key, &priv, &e), &e);
	CHECK(priv.nentry_segs > 0 && priv.nframe_segs == 1);
	damage(m, list ? priv.frame_segs : priv.entry_segs);
}

/* Damage all copies that there are. */
static size_t
damage_copies(struct made *m)
{
	CLEANUP(freep_repo_packs) struct repo_packs *packs = NULL;
	CLEANUP(freep_repo_unpacker) struct repo_unpacker *u = NULL;
	CLEANUP(freep_buf) struct buf sealed = BUF_INIT;
	struct err e = ERR_INIT;
	size_t j, n, copies = 0;
	uint32_t i;

	CHECK_OK(repo_packs_new(m->repo, &m->m, &packs, &e), &e);
	CHECK_OK(repo_unpacker_new(&u, &e), &e);
	for (i = 0; i < m->m.npacks; i++) {
		CLEANUP(freep_mem) struct repo_ref *refs = NULL;
		CLEANUP(freep_mem) uint8_t *kinds = NULL;

		CHECK_OK(repo_packs_table(
			     packs, u, i, &sealed, &refs, &kinds, &n, &e),
		    &e);
		for (j = 0; j < n; j++) {
			if (kinds[j] != REPO_FRAME_COPY)
				continue;
			damage(m, &refs[j]);
			copies++;
		}
	}
	return copies;
}

TEST(restore__without_keep_going_reads_copies_and_warns)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	char to[200];

	(void)snprintf(to, sizeof(to), "%s/out", test_dir());
	make(&m, 2);
	backup(&m);
	damage_segment(&m, false);
	damage_segment(&m, true);
	CHECK_OK(restore(&m, to, false, &e), &e);
	CHECK(m.rep.warnings == 2 && m.rep.lost == 0);
	CHECK(check_all(&m, to) == 0);
}

TEST(verify__of_a_backup_whose_copies_serve_finds_it_damaged)
{
	const struct job_verify_opts opts = { .level = VERIFY_OPENS };
	CLEANUP(clear) struct made m;
	struct job_verify_report rep;
	struct err e = ERR_INIT;

	make(&m, 2);
	backup(&m);
	damage_segment(&m, true);
	CHECK_OK(job_verify(&m.job, m.repo, m.b, &opts, &rep, &e), &e);
	CHECK(rep.bad == 1);
}

TEST(restore__without_any_frame_list_names_all_that_has_data)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	char to[200];

	(void)snprintf(to, sizeof(to), "%s/out", test_dir());
	make(&m, 2);
	backup(&m);
	damage_segment(&m, true);
	CHECK(damage_copies(&m) >= 2);
	CHECK_FAIL(restore(&m, to, false, &e), &e, HF_ECORRUPT);
	CHECK(access(to, F_OK) < 0);
	CHECK_OK(restore(&m, to, true, &e), &e);
	/* "d0/f00" is empty: it is all that is left of the files. */
	CHECK(m.rep.unnamed == 0 && m.rep.lost == FOLDERS * FILES);
	CHECK(!m.lost[0][0] && m.rep.bytes == 0);
	CHECK(check_all(&m, to) > 0);
}

TEST(restore__without_some_entries_counts_them)
{
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	struct stat st;
	char to[200], path[500];

	(void)snprintf(to, sizeof(to), "%s/out", test_dir());
	make(&m, 2);
	m.src.more_names = 5000;
	backup(&m);
	damage_segment(&m, false);
	CHECK(damage_copies(&m) >= 3);
	CHECK_FAIL(restore(&m, to, false, &e), &e, HF_ECORRUPT);
	CHECK_OK(restore(&m, to, true, &e), &e);
	CHECK(m.rep.lost == 0 && m.found == 1);
	CHECK(m.rep.unnamed > FOLDERS * FILES);
	CHECK(m.rep.unnamed + m.rep.entries == m.m.entries);
	/* The top folder, and "d0" to "d7", are among them. */
	CHECK(check_file(&m, to, FOLDERS, 0) == 0);
	(void)snprintf(path, sizeof(path), "%s/e/%0200u", to, 4999u);
	CHECK(lstat(path, &st) == 0 && S_ISFIFO(st.st_mode));
}

TEST(backup__that_is_a_single_pack_has_no_copies)
{
	CLEANUP(clear) struct made m;

	make(&m, 2);
	m.src.names_only = true;
	backup(&m);
	CHECK(m.m.npacks == 1 && damage_copies(&m) == 0);
}

TEST(restore__of_copies_fails_for_want_of_memory_and_no_otherwise)
{
	const struct job_restore_opts opts = {
		.to = "-", .keep_going = true, .dry_run = true
	};
	CLEANUP(clear) struct made m;
	struct err e = ERR_INIT;
	int rc;

	make(&m, 1);
	backup(&m);
	damage_segment(&m, true);
	TEST_TORTURE (n) {
		test_malloc_fail(n);
		rc = job_restore(&m.job, m.repo, m.b, &opts, &m.rep, &e);
		if (!test_malloc_failed())
			break;
		CHECK(rc == -HF_ENOMEM || rc == 0);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
}
