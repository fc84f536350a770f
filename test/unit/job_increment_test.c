#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/entry.h"
#include "base/file.h"
#include "crypto/secret.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_prune.h"
#include "job/job_restore.h"
#include "job/job_verify.h"
#include "repo/repo.h"
#include "repo/repo_key_cache.h"
#include "source/source.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

#define FILES 40
#define MINUTE INT64_C(60000)
#define HOUR (60 * MINUTE)
#define DAY (24 * HOUR)

/*
 * A source of files "f00", "f01", ... whose bytes follow from a seed each.
 * It keeps what it recalls if the memo, the seed, is the same.
 */
struct seeds {
	struct source source;
	size_t len[FILES]; /* 0: there is no such file. */
	uint8_t seed[FILES];
	size_t kept; /* In the last backup. */
	struct sink_kept next;
	bool known, ended;
};

static uint8_t
byte_of(uint8_t seed, size_t i)
{
	uint64_t x = (i + 1) * 0x9e3779b97f4a7c15u + seed;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9u;
	return (uint8_t)(x >> 40);
}

/* Step on to the first file recalled that is not before ${path}. */
static int
seek(struct seeds *t, struct sink *s, const char *path, struct err *err)
{
	int rc;

	while (
	    !t->ended && (!t->known || strcmp(t->next.entry->path, path) < 0)) {
		if ((rc = sink_recall(s, &t->next, err)) < 0)
			return rc;
		t->known = rc > 0;
		t->ended = rc == 0;
	}
	return !t->ended && strcmp(t->next.entry->path, path) == 0;
}

static int
write_file(
    struct seeds *t, struct sink *s, size_t i, char *path, struct err *err)
{
	struct entry e = { .path = path,
		.type = ENTRY_FILE,
		.mode = 0600,
		.size = t->len[i] };
	size_t at, n, k;
	uint8_t *p;
	int rc;

	if ((rc = sink_begin(s, path, e.size, SINK_HASHES, err)) < 0)
		return rc;
	for (at = 0; at < t->len[i]; at += n) {
		if ((rc = sink_space(s, &p, &n, err)) < 0)
			return rc;
		if (n > t->len[i] - at)
			n = t->len[i] - at;
		for (k = 0; k < n; k++)
			p[k] = byte_of(t->seed[i], at + k);
		if ((rc = sink_wrote(s, n, err)) < 0)
			return rc;
	}
	if ((rc = sink_remember(s, &t->seed[i], 1, err)) < 0)
		return rc;
	return sink_add(s, &e, err);
}

static int
read_all(struct source *src, struct sink *s, struct err *err)
{
	struct seeds *t = (struct seeds *)src;
	char path[8], dot[] = ".";
	struct entry top = { .path = dot, .type = ENTRY_DIR, .mode = 0700 };
	size_t i;
	int rc;

	t->kept = 0;
	t->known = t->ended = false;
	if ((rc = sink_add(s, &top, err)) < 0)
		return rc;
	for (i = 0; i < FILES; i++) {
		if (t->len[i] == 0)
			continue;
		(void)snprintf(path, sizeof(path), "f%02zu", i);
		if ((rc = seek(t, s, path, err)) < 0)
			return rc;
		if (rc > 0 && t->next.memo_len == 1 &&
		    t->next.memo[0] == t->seed[i]) {
			rc = sink_keep(s, path, t->next.memo, 1, err);
			t->kept++;
		} else {
			rc = write_file(t, s, i, path, err);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

static const struct source_ops seeds_ops = { .name = "seeds",
	.read = read_all };

/* A repository in memory, a clock, and what was said. */
struct made {
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
	struct seeds src;
	struct job_backup_report rep;
	struct job_backup_opts opts;
	int64_t now;
	size_t notes, warnings;
	char note[300];
};

static void
clear(struct made *m)
{
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
}

static void
pass(struct made *m, int64_t ms)
{
	m->now += ms;
	store_mem_set_time(m->store, m->now);
}

static void
make(struct made *m)
{
	struct err e = ERR_INIT;
	size_t i;

	memset(m, 0, sizeof(*m));
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	m->now = INT64_C(1795168800000);
	pass(m, 0);
	CHECK_OK(test_repo_init(m->store, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, "host", "1", &m->repo, &e), &e);
	m->src.source.ops = &seeds_ops;
	for (i = 0; i < FILES; i++) {
		m->src.len[i] = 1000 + i;
		m->src.seed[i] = (uint8_t)i;
	}
	m->src.len[7] = (2u << 20) + 5;
	m->opts = (struct job_backup_opts){
		.source = "src", .type = "seeds", .label = "seeds:"
	};
}

static void
on_event(void *arg, const struct job_event *ev)
{
	struct made *m = arg;

	m->warnings += ev->kind == JOB_WARNING || ev->kind == JOB_FOUND;
	if (ev->kind != JOB_NOTE)
		return;
	m->notes++;
	(void)snprintf(m->note, sizeof(m->note), "%s", ev->text);
}

static struct job
job_of(struct made *m)
{
	return (struct job){ .on_event = on_event, .arg = m, .workers = 2 };
}

static int
try(struct made *m, struct err *err)
{
	const struct job j = job_of(m);

	m->notes = 0;
	return job_backup(&j, m->repo, &m->src.source, &m->opts, &m->rep, err);
}

static const struct repo_backup *
backup(struct made *m)
{
	const struct repo_backup *b;
	struct err e = ERR_INIT;

	pass(m, 1000);
	CHECK_OK(try(m, &e), &e);
	repo_catalogue_clear(&m->cat);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK(m->cat.nfindings == 0);
	CHECK_OK(repo_catalogue_find(&m->cat, m->rep.id, &b, &e), &e);
	CHECK(b->m.kind == m->rep.kind);
	CHECK(memcmp(b->m.sha256, m->rep.sha256, SHA256_LEN) == 0);
	return b;
}

static size_t
files(const struct made *m)
{
	size_t i, n = 0;

	for (i = 0; i < FILES; i++)
		n += m->src.len[i] > 0;
	return n;
}

/* Restore ${b} and compare it with what the source has now. */
static void
check_restores(struct made *m, struct repo *r, const struct repo_backup *b)
{
	static int times;
	const struct job j = job_of(m);
	char to[200], path[220];
	struct job_restore_opts opts = { .to = to };
	struct job_restore_report rep;
	struct err e = ERR_INIT;
	size_t i, k;

	(void)snprintf(to, sizeof(to), "%s/out%d", test_dir(), times++);
	CHECK_OK(job_restore(&j, r, b, &opts, &rep, &e), &e);
	CHECK(rep.entries == 1 + files(m) && rep.lost == 0);
	for (i = 0; i < FILES; i++) {
		CLEANUP(freep_buf) struct buf got = BUF_INIT;

		if (m->src.len[i] == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s/f%02zu", to, i);
		CHECK_OK(file_read(path, 4u << 20, &got, &e), &e);
		CHECK(got.len == m->src.len[i]);
		for (k = 0; k < got.len; k++)
			if (got.p[k] != byte_of(m->src.seed[i], k))
				break;
		CHECK(k == got.len);
	}
}

/* The length of the stream of ${b}: whole frames, needed or not. */
static uint64_t
stream_len(struct made *m, const struct repo_backup *b)
{
	CLEANUP(repo_manifest_clear) struct repo_manifest whole = { 0 };
	CLEANUP(repo_private_clear) struct repo_private p = { 0 };
	const struct secret *key;
	struct err e = ERR_INIT;

	CHECK_OK(repo_manifest_load(m->repo, b, &whole, &e), &e);
	CHECK_OK(
	    repo_data_key(m->repo, b->m.keys[b->m.priv_key], &key, &e), &e);
	CHECK_OK(repo_private_open(&whole, key, &p, &e), &e);
	return p.stream_len;
}

/* The file of the base, in the state of ${host}. */
static const char *
base_path(const char *host)
{
	static char path[200];
	char command[300];
	FILE *f;

	(void)snprintf(command, sizeof(command),
	    "ls %s/state-%s/*/base/* | grep -v new", test_dir(), host);
	CHECK((f = popen(command, "r")) != NULL);
	CHECK(fgets(path, sizeof(path), f) != NULL);
	(void)pclose(f);
	path[strcspn(path, "\n")] = '\0';
	return path;
}

static void
load_base(struct buf *b)
{
	struct err e = ERR_INIT;

	b->len = 0;
	CHECK_OK(file_read(base_path("host"), 1u << 20, b, &e), &e);
}

static void
save_base(const void *p, size_t n)
{
	struct err e = ERR_INIT;

	CHECK_OK(file_replace(base_path("host"), 0600, p, n, &e), &e);
}

TEST(increment__stores_only_what_has_changed)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	uint8_t first[SHA256_LEN];
	struct stat st;

	make(&m);
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL && m.src.kept == 0 && m.notes == 0);
	CHECK(b->m.stored_bytes > 2u << 20);
	memcpy(first, b->m.sha256, sizeof(first));
	CHECK(stat(base_path("host"), &st) == 0);
	CHECK((st.st_mode & 07777) == 0600);

	m.src.seed[3] = 99;
	m.src.len[20] = 0;
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT && m.src.kept == FILES - 2);
	CHECK(memcmp(b->m.base, first, sizeof(first)) == 0);
	CHECK(b->m.stored_bytes < 16384 && b->m.nkeys == 2);
	CHECK(b->m.entries == FILES && m.notes == 0 && m.warnings == 0);
	CHECK(b->m.plain_bytes == m.cat.backups[0].m.plain_bytes - 1020);
	check_restores(&m, m.repo, b);

	/* And on and on: each names what it needs of all before it. */
	m.src.seed[30] = 98;
	b = backup(&m);
	CHECK(b->m.nkeys == 3 && m.src.kept == FILES - 2);
	check_restores(&m, m.repo, b);
}

TEST(increment__names_a_frame_once_for_files_that_follow_each_other)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	uint64_t all;

	make(&m);
	m.src.len[7] = 10;
	b = backup(&m);
	all = stream_len(&m, b);
	CHECK(all == b->m.plain_bytes);
	b = backup(&m);
	CHECK(stream_len(&m, b) == all && b->m.plain_bytes == all);

	/* What is new lies between: the frame comes before and after it. */
	m.src.seed[20] = 99;
	b = backup(&m);
	CHECK(stream_len(&m, b) == 2 * all + m.src.len[20]);
	CHECK(b->m.plain_bytes == all);
	check_restores(&m, m.repo, b);

	/* Kept again, the three frames are. */
	b = backup(&m);
	CHECK(stream_len(&m, b) == 2 * all + m.src.len[20]);
	check_restores(&m, m.repo, b);
}

TEST(increment__of_nothing_that_was_kept_is_full)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	size_t i;

	make(&m);
	(void)backup(&m);
	for (i = 0; i < FILES; i++)
		m.src.seed[i] = (uint8_t)(200 + i);
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL && b->m.nkeys == 1);
	check_restores(&m, m.repo, b);
}

TEST(increment__is_not_made_when_everything_is_to_be_read)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;

	make(&m);
	(void)backup(&m);
	m.opts.full = true;
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL && m.src.kept == 0 && m.notes == 0);
	m.opts.full = false;
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT);
	CHECK(memcmp(b->m.base, m.cat.backups[1].m.sha256, 32) == 0);
}

TEST(increment__names_no_pack_older_than_the_reuse_window)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	uint32_t since;
	int day;
	size_t i;

	make(&m);
	CHECK(repo_head(m.repo)->reuse_s == 7 * 86400);
	for (day = 0; day < 30; day++) {
		m.src.seed[FILES - 1 - day]++;
		b = backup(&m);
		CHECK(day == 0 || m.src.kept < FILES);
		since = (uint32_t)((b->m.start_ms - 7 * DAY) / HOUR);
		for (i = 0; i < b->m.npacks; i++)
			CHECK(test_pack(m.repo, b, i).hour >= since);
		/* Too old on day 8, most of it, and stored again. */
		if (day == 8)
			CHECK(b->m.stored_bytes > 2u << 20);
		if (day == 7)
			CHECK(b->m.stored_bytes < 100000);
		check_restores(&m, m.repo, b);
		pass(&m, DAY - 2000);
	}
	/* A source that rests for as long is stored anew as a whole. */
	pass(&m, 7 * DAY + HOUR);
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL && m.src.kept == 0 && m.notes == 0);
}

/*
 * Once in a window all is stored anew, though nothing changes and the backups
 * have no pause: no object is needed for ever, and what went bad unseen in an
 * old one is in none of the new.
 */
TEST(increment__of_what_never_changes_is_full_once_in_every_window)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	int64_t full_ms = 0;
	size_t fulls = 0;
	int hours;

	make(&m);
	for (hours = 0; hours < 30 * 24; hours += 6) {
		b = backup(&m);
		if (b->m.kind == REPO_FULL) {
			CHECK(m.src.kept == 0 && b->m.nkeys == 1);
			CHECK(b->m.stored_bytes > 2u << 20);
			full_ms = b->m.start_ms;
			fulls++;
		} else {
			CHECK(m.src.kept == FILES);
			CHECK(b->m.stored_bytes < 16384);
			CHECK(b->m.start_ms - full_ms <= 7 * DAY);
		}
		check_restores(&m, m.repo, b);
		pass(&m, 6 * HOUR - 2000);
	}
	CHECK(fulls == 5);
}

/* A pack's name tells but the hour in which it was begun. */
TEST(increment__takes_a_pack_for_as_old_as_its_hour)
{
	CLEANUP(clear) struct made m;

	make(&m);
	pass(&m, 30 * MINUTE);
	(void)backup(&m);
	pass(&m, 7 * DAY - 40 * MINUTE);
	CHECK(backup(&m)->m.kind == REPO_INCREMENT);
	pass(&m, 30 * MINUTE);
	CHECK(backup(&m)->m.kind == REPO_FULL);
}

/* A data key may be older than all packs that were sealed with it. */
TEST(increment__names_no_pack_whose_key_is_older_than_the_window)
{
	CLEANUP(clear) struct made m;
	CLEANUP(repo_key_cache_clear) struct repo_key_cache keys = { 0 };
	const struct repo_backup *b;

	make(&m);
	m.opts.keys = &keys;
	pass(&m, 50 * MINUTE);
	(void)backup(&m);
	pass(&m, 30 * MINUTE);
	m.opts.full = true;
	b = backup(&m); /* Its packs are of the next hour, its key is not. */
	CHECK(memcmp(b->m.keys[0], m.cat.backups[0].m.keys[0], 16) == 0);
	CHECK(test_pack(m.repo, b, 0).hour ==
	      test_pack(m.repo, &m.cat.backups[0], 0).hour + 1);
	m.opts.keys = NULL;
	m.opts.full = false;
	pass(&m, 7 * DAY - 25 * MINUTE);
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL && m.src.kept == 0);
}

TEST(increment__is_full_when_the_memory_is_damaged)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf good = BUF_INIT;
	const struct repo_backup *b;
	size_t at;

	make(&m);
	m.src.len[7] = 10;
	(void)backup(&m);
	load_base(&good);
	for (at = 0; at < good.len; at += 97) {
		good.p[at] ^= 1;
		save_base(good.p, good.len);
		good.p[at] ^= 1;
		b = backup(&m);
		CHECK(b->m.kind == REPO_FULL && b->m.warnings == 0);
		CHECK(m.notes == 1 && m.warnings == 0);
		CHECK(strstr(m.note, "damaged") != NULL);
	}
	for (at = 0; at < good.len; at += 501) {
		save_base(good.p, at);
		b = backup(&m);
		CHECK(b->m.kind == REPO_FULL && m.notes == 1);
	}
	/* It is whole again by that. */
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT && m.notes == 0);
}

TEST(increment__is_full_when_there_is_no_memory)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;

	make(&m);
	(void)backup(&m);
	CHECK(unlink(base_path("host")) == 0);
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL && m.notes == 0);
}

TEST(increment__does_not_trust_what_another_host_remembers)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	char command[500];
	struct err e = ERR_INIT;

	make(&m);
	(void)backup(&m);
	repo_free(TAKE(m.repo));
	(void)snprintf(command, sizeof(command),
	    "cd %s && cp -a state-host state-twin", test_dir());
	CHECK(system(command) == 0);
	CHECK_OK(test_repo_open(m.store, "twin", "1", &m.repo, &e), &e);
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL && m.notes == 1);
	CHECK(strstr(m.note, "on another host") != NULL);
}

TEST(increment__does_not_trust_a_store_whose_clock_was_set_back)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;

	make(&m);
	(void)backup(&m);
	pass(&m, -DAY);
	b = backup(&m);
	CHECK(b->m.kind == REPO_FULL && m.notes == 1);
	CHECK(strstr(m.note, "yet to come") != NULL);
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT);
}

TEST(increment__does_not_trust_a_store_that_has_lost_the_last_backup)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	char object[300];
	struct err e = ERR_INIT;

	make(&m);
	b = backup(&m);
	(void)snprintf(object, sizeof(object), "hf1/main/%s", b->name);
	test_object_put(m.store, object, NULL, 0);
	m.src.seed[1]++;
	CHECK_OK(try(&m, &e), &e);
	CHECK(m.rep.kind == REPO_FULL && m.notes == 1);
	CHECK(strstr(m.note, "no longer in the store") != NULL);
}

TEST(increment__of_another_type_or_source_has_a_memory_of_its_own)
{
	CLEANUP(clear) struct made m;

	make(&m);
	(void)backup(&m);
	m.opts.source = "other";
	CHECK(backup(&m)->m.kind == REPO_FULL && m.notes == 0);
	CHECK(backup(&m)->m.kind == REPO_INCREMENT);
	m.opts.source = "src";
	CHECK(backup(&m)->m.kind == REPO_INCREMENT);
	m.opts.type = "another";
	CHECK(backup(&m)->m.kind == REPO_FULL && m.notes == 1);
}

/* Killed between the commit and the rename, the older base is there. */
TEST(increment__builds_on_the_one_before_when_the_last_was_not_noted)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf older = BUF_INIT;
	const struct repo_backup *b;

	make(&m);
	(void)backup(&m);
	load_base(&older);
	m.src.seed[5]++;
	(void)backup(&m);
	save_base(older.p, older.len);
	m.src.seed[6]++;
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT && m.src.kept == FILES - 2);
	CHECK(memcmp(b->m.base, m.cat.backups[0].m.sha256, 32) == 0);
	check_restores(&m, m.repo, b);
}

TEST(increment__that_cannot_be_remembered_is_a_backup_all_the_same)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	char path[220];
	int fd;

	make(&m);
	(void)backup(&m);
	/* Another process is backing the source up. */
	(void)snprintf(path, sizeof(path), "%s.new", base_path("host"));
	CHECK((fd = open(path, O_WRONLY | O_CREAT, 0600)) >= 0);
	CHECK(flock(fd, LOCK_EX) == 0);
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT && m.notes == 1);
	CHECK(strstr(m.note, "under way") != NULL && m.warnings == 0);
	CHECK(close(fd) == 0); /* Killed: its file stays, and is used. */
	m.src.seed[1]++;
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT && m.notes == 0);
	CHECK(memcmp(b->m.base, m.cat.backups[0].m.sha256, 32) == 0);
	CHECK(access(path, F_OK) < 0);
	check_restores(&m, m.repo, b);
}

TEST(increment__needs_no_place_to_remember_a_backup)
{
	CLEANUP(clear) struct made m;
	char command[500];

	make(&m);
	(void)snprintf(command, sizeof(command),
	    "touch $(dirname %s/state-host/*/F)/base", test_dir());
	CHECK(system(command) == 0);
	CHECK(backup(&m)->m.kind == REPO_FULL && m.warnings == 0);
	CHECK(strstr(m.note, "will not know") != NULL);
}

TEST(increment__of_a_source_that_fails_leaves_the_memory_as_it_was)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf before = BUF_INIT;
	CLEANUP(freep_buf) struct buf after = BUF_INIT;
	struct err e = ERR_INIT;
	sig_atomic_t stop = 1;
	struct job j;

	make(&m);
	(void)backup(&m);
	load_base(&before);
	j = job_of(&m);
	j.cancel = &stop;
	CHECK_FAIL(job_backup(&j, m.repo, &m.src.source, &m.opts, &m.rep, &e),
	    &e, HF_EINTR);
	load_base(&after);
	CHECK(before.len == after.len &&
	      memcmp(before.p, after.p, before.len) == 0);
}

/* What it needs is public: no key of the host opens what it keeps. */
TEST(increment__is_made_by_a_host_that_can_open_nothing)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_repo) struct repo *owner = NULL;
	const struct secret *key;
	const struct repo_backup *b;
	struct err e = ERR_INIT;
	uint8_t id[REPO_ID_LEN];
	size_t i;

	make(&m);
	repo_free(TAKE(m.repo));
	store_free(TAKE(m.store));
	CHECK_OK(store_mem_new(&m.store, &e), &e);
	pass(&m, 0);
	CHECK_OK(test_repo_init(m.store, "other", "ir", &e), &e);
	CHECK_OK(test_repo_open(m.store, "other", "i", &owner, &e), &e);
	CHECK_OK(test_repo_open(m.store, "weak", "ir", &m.repo, &e), &e);
	(void)backup(&m); /* This has got it certified. */
	repo_free(TAKE(m.repo));
	CHECK_OK(test_repo_open(m.store, "weak", "r", &m.repo, &e), &e);
	for (i = 0; i < 3; i++) {
		m.store->power = STORE_WRITE;
		m.src.seed[i]++;
		pass(&m, 1000);
		CHECK_OK(try(&m, &e), &e);
		m.store->power = STORE_READ | STORE_WRITE;
		CHECK(m.rep.kind == REPO_INCREMENT && m.notes == 0);
		CHECK(m.rep.stored_bytes < 16384);
	}
	repo_catalogue_clear(&m.cat);
	CHECK_OK(repo_catalogue_load(owner, &m.cat, &e), &e);
	CHECK_OK(repo_catalogue_find(&m.cat, m.rep.id, &b, &e), &e);
	memcpy(id, b->m.keys[0], sizeof(id));
	CHECK_FAIL(repo_data_key(m.repo, id, &key, &e), &e, HF_EKEY);
	check_restores(&m, owner, b);
}

TEST(increment__outlives_its_base)
{
	CLEANUP(clear) struct made m;
	const struct repo_backup *b;
	const struct job_prune_opts opts = { .rule = { .last = 1 },
		.undo_ms = 0 };
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	struct job j;
	size_t packs;

	make(&m);
	j = job_of(&m);
	(void)backup(&m);
	m.src.seed[7]++; /* The big one. */
	(void)backup(&m);
	m.src.seed[7]++; /* What the one before stored is of no use now. */
	(void)backup(&m);
	packs = test_count(m.store, "hf1/main/p/");
	CHECK_OK(job_prune(&j, m.repo, &opts, &rep, &e), &e);
	CHECK(rep.removed == 2 && rep.packs == 0);
	pass(&m, 30 * DAY);
	CHECK_OK(job_prune(&j, m.repo, &opts, &rep, &e), &e);
	CHECK(rep.erased == 2 && rep.packs > 0);
	CHECK(test_count(m.store, "hf1/main/p/") < packs);
	repo_catalogue_clear(&m.cat);
	CHECK_OK(repo_catalogue_load(m.repo, &m.cat, &e), &e);
	CHECK(m.cat.n == 1 && m.cat.backups[0].m.kind == REPO_INCREMENT);
	b = &m.cat.backups[0];
	check_restores(&m, m.repo, b);
}

TEST(increment__missing_a_pack_of_its_base_is_found_at_level_0)
{
	CLEANUP(clear) struct made m;
	const struct job_verify_opts opts = { .level = VERIFY_PRESENT };
	struct job_verify_report rep;
	const struct repo_backup *b;
	struct err e = ERR_INIT;
	struct job j;
	char first[300];

	make(&m);
	j = job_of(&m);
	(void)backup(&m);
	(void)snprintf(
	    first, sizeof(first), "%s", test_first(m.store, "hf1/main/p/"));
	b = backup(&m);
	CHECK_OK(job_verify(&j, m.repo, b, &opts, &rep, &e), &e);
	CHECK(rep.bad == 0);
	test_object_put(m.store, first, NULL, 0);
	CHECK_OK(job_verify(&j, m.repo, b, &opts, &rep, &e), &e);
	CHECK(rep.bad == 1);
}

TEST(increment__survives_running_out_of_memory)
{
	CLEANUP(clear) struct made m;
	CLEANUP(freep_buf) struct buf base = BUF_INIT;
	struct err e;
	int rc;

	make(&m);
	m.src.len[7] = 10;
	(void)backup(&m);
	load_base(&base);
	TEST_TORTURE (n) {
		e = (struct err)ERR_INIT;
		m.src.seed[4]++;
		test_malloc_fail(n);
		rc = try(&m, &e);
		if (!test_malloc_failed())
			break;
		test_malloc_fail(0);
		/* What is lost may be but the memory of it. */
		CHECK(rc == -HF_ENOMEM || rc == 0);
		save_base(base.p, base.len);
	}
	test_malloc_fail(0);
	CHECK_OK(rc, &e);
	CHECK(m.rep.kind == REPO_INCREMENT);
	CHECK(backup(&m)->m.kind == REPO_INCREMENT);
	check_restores(&m, m.repo, &m.cat.backups[m.cat.n - 1]);
}

TEST(log__has_the_base_it_was_given_and_shares_a_key_with_others)
{
	CLEANUP(clear) struct made m;
	CLEANUP(repo_key_cache_clear) struct repo_key_cache keys = { 0 };
	const struct repo_backup *b;
	uint8_t base[SHA256_LEN];
	size_t wrapped;

	make(&m);
	(void)backup(&m);
	memcpy(base, m.rep.sha256, sizeof(base));
	m.opts.log_of = base;
	m.opts.keys = &keys;
	b = backup(&m);
	CHECK(b->m.kind == REPO_LOG && m.src.kept == 0);
	CHECK(memcmp(b->m.base, base, sizeof(base)) == 0);
	wrapped = test_count(m.store, "hf1/main/k/");
	(void)backup(&m);
	CHECK(test_count(m.store, "hf1/main/k/") == wrapped);
	check_restores(&m, m.repo, &m.cat.backups[2]);
	pass(&m, HOUR);
	(void)backup(&m);
	CHECK(test_count(m.store, "hf1/main/k/") == wrapped + 1);
	/* The next increment knows nothing of them. */
	m.opts.log_of = NULL;
	b = backup(&m);
	CHECK(b->m.kind == REPO_INCREMENT);
	CHECK(memcmp(b->m.base, base, sizeof(base)) == 0);
}

TEST(log__is_removed_and_brought_back_with_its_base)
{
	CLEANUP(clear) struct made m;
	const struct job_prune_opts opts = { .rule = { .last = 1 },
		.undo_ms = JOB_PRUNE_UNDO_MS };
	struct job_prune_report rep;
	struct err e = ERR_INIT;
	uint8_t base[SHA256_LEN];
	struct job j;

	make(&m);
	j = job_of(&m);
	(void)backup(&m);
	memcpy(base, m.rep.sha256, sizeof(base));
	m.opts.log_of = base;
	m.src.len[7] = 10; /* Small: it is no measure of a shrunken source. */
	(void)backup(&m);
	m.opts.log_of = NULL;
	m.src.len[7] = (2u << 20) + 5;
	(void)backup(&m);
	CHECK_OK(job_prune(&j, m.repo, &opts, &rep, &e), &e);
	CHECK(rep.removed == 2 && rep.kept == 1);
	repo_catalogue_clear(&m.cat);
	CHECK_OK(repo_catalogue_load(m.repo, &m.cat, &e), &e);
	CHECK(m.cat.backups[0].removed && m.cat.backups[1].removed);
	CHECK_OK(job_prune_undo(
		     m.repo, &m.cat, &m.cat.backups[0], JOB_PRUNE_UNDO_MS, &e),
	    &e);
	repo_catalogue_clear(&m.cat);
	CHECK_OK(repo_catalogue_load(m.repo, &m.cat, &e), &e);
	CHECK(!m.cat.backups[0].removed && !m.cat.backups[1].removed);
	CHECK(m.cat.nfindings == 0);
}
