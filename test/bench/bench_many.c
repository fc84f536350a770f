#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/params.h"
#include "base/str.h"
#include "base/time.h"
#include "crypto/secret.h"
#include "etcd/etcd_pb.h"
#include "etcd/etcd_watch.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "repo/repo.h"
#include "repo/repo_heads.h"
#include "repo/repo_impl.h"
#include "repo/repo_key_cache.h"
#include "source/etcd/source_etcd_log.h"
#include "store/fs/store_fs.h"
#include "test.h"
#include "test_etcd.h"
#include "test_repo.h"

/*
 * bench_many: make a repository with many logs, for the commands to be measured
 * with.  The environment says where (DIR: it gets the folder "repo" and the
 * file "key" that opens it), how many logs (LOGS), and after how many of them
 * there is another backup (BASE).  The last backup and its logs are real.  All
 * before them have a manifest, a pack and a time of their own, 10 s after the
 * last, but hold nothing that could be restored.
 */
#define EVERY_MS 10000
#define KEY_LOGS 360 /* In an hour: a follower has one data key for it. */

struct many {
	struct store *store;
	struct repo *repo;
	struct test_etcd etcd;
	struct source_etcd_log *log;
	struct repo_key_cache keys;
	uint8_t base[SHA256_LEN], last[SHA256_LEN];
	uint64_t revision;
	int64_t ms;

	/* What the manifests that stand for others are made from. */
	struct repo_manifest full, part;
	struct repo_head_seen head;
	uint8_t key[REPO_ID_LEN];
	char dir[256];
};

static const struct job job = { .workers = 1 };

static uint64_t
number(const char *name, uint64_t otherwise)
{
	const char *s = getenv(name);

	return s == NULL ? otherwise : strtoull(s, NULL, 10);
}

static void
open_store(struct many *m, const char *dir)
{
	static const struct store_driver *const drivers[] = { &store_fs_driver,
		NULL };
	CLEANUP(freep_params) struct params *p = NULL;
	struct err e = ERR_INIT;
	char url[256];

	(void)snprintf(url, sizeof(url), "file:%s/repo", dir);
	CHECK_OK(params_new(&p, &e), &e);
	CHECK_OK(params_set(p, "url", url, &e), &e);
	CHECK_OK(
	    store_open(drivers, p, STORE_READ | STORE_WRITE, &m->store, &e),
	    &e);
}

static void
lay_down(struct many *m, struct source *s, const uint8_t *log_of)
{
	struct job_backup_opts opts = { .source = "cp",
		.type = "etcd",
		.label = "etcd:test",
		.full = true,
		.log_of = log_of,
		.keys = &m->keys };
	struct job_backup_report rep;
	struct err e = ERR_INIT;

	CHECK_OK(job_backup(&job, m->repo, s, &opts, &rep, &e), &e);
	memcpy(m->last, rep.sha256, SHA256_LEN);
	if (log_of == NULL)
		memcpy(m->base, rep.sha256, SHA256_LEN);
}

/* The cluster begins anew. */
static void
add_base(struct many *m)
{
	lay_down(m, &m->etcd.source, NULL);
	m->revision = m->etcd.revision;
	source_etcd_log_begin(m->log, m->revision + 1, m->ms);
}

static void
add_log(struct many *m)
{
	CLEANUP(freep_buf) struct buf kv = BUF_INIT;
	struct err e = ERR_INIT;
	char key[32];

	(void)snprintf(
	    key, sizeof(key), "/registry/k/%010" PRIu64, m->revision % 1000);
	CHECK_OK(pb_add_bytes(&kv, 1, key, strlen(key), &e), &e);
	CHECK_OK(pb_add_uint(&kv, 2, m->revision + 1, &e), &e);
	CHECK_OK(pb_add_uint(&kv, 3, m->revision + 1, &e), &e);
	CHECK_OK(pb_add_uint(&kv, 4, 1, &e), &e);
	CHECK_OK(pb_add_bytes(&kv, 5, key, strlen(key), &e), &e);
	const struct etcd_event ev = { .record = kv.p,
		.nrecord = kv.len,
		.kv = { .mod_revision = m->revision + 1 } };

	m->revision++;
	m->ms += EVERY_MS;
	CHECK_OK(source_etcd_log_add(m->log, &ev, &e), &e);
	CHECK_OK(source_etcd_log_complete(m->log, m->revision, m->ms, &e), &e);
	(void)str_hex(m->log->previous, m->last, SHA256_LEN);
	lay_down(m, &m->log->base, m->base);
	source_etcd_log_begin(m->log, m->revision + 1, m->ms);
}

/* Write an object of the time ${ms} past the driver, which would sync it. */
static void
drop(struct many *m, const char *name, const void *p, size_t n, int64_t ms)
{
	const struct timespec at[2] = { { .tv_sec = ms / 1000 },
		{ .tv_sec = ms / 1000 } };
	char path[600];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/repo/hf1/main/%s", m->dir, name);
	if ((f = fopen(path, "w")) == NULL) {
		*strrchr(path, '/') = '\0';
		CHECK(mkdir(path, 0700) == 0);
		path[strlen(path)] = '/';
		CHECK((f = fopen(path, "w")) != NULL);
	}
	CHECK(fwrite(p, 1, n, f) == n && fclose(f) == 0);
	CHECK(utimensat(AT_FDCWD, path, at, 0) == 0);
}

static void
set_fact(struct repo_manifest *m, const char *name, const char *value)
{
	struct err e = ERR_INIT;
	size_t i;

	for (i = 0; i < m->nevidence; i++) {
		if (strcmp(m->evidence[i].name, name) != 0)
			continue;
		free(m->evidence[i].value);
		CHECK_OK(str_dup(value, &m->evidence[i].value, &e), &e);
	}
}

/* Lay down one that stands for another, committed at ${ms}. */
static void
stand_in(struct many *m, struct repo_manifest *x, int64_t ms)
{
	CLEANUP(freep_buf) struct buf b = BUF_INIT;
	const struct secret *seed;
	static uint8_t pack[600];
	struct err e = ERR_INIT;
	char name[REPO_NAME_MAX];
	size_t i;

	x->seq = m->head.seq + 1;
	x->start_ms = x->commit_ms = ms;
	memcpy(x->parent, m->head.sha256, SHA256_LEN);
	memcpy(x->keys[0], m->key, REPO_ID_LEN);
	for (i = 0; i < x->npacks; i++) {
		x->packs[i].oid[0] = (uint8_t)i;
		memcpy(x->packs[i].oid + 1, &x->seq, sizeof(x->seq));
		x->packs[i].hour = (uint32_t)(ms / 3600000);
		x->packs[i].len = sizeof(pack);
		repo_name_pack(name, x->packs[i].hour, x->packs[i].oid);
		drop(m, name, pack, sizeof(pack), ms);
	}
	CHECK_OK(repo_writer_seed(m->repo, REPO_ROLE_WRITE, &seed, &e), &e);
	CHECK_OK(repo_manifest_encode(x, seed, &b, &e), &e);
	CHECK_OK(sha256_of(b.p, b.len, m->head.sha256, &e), &e);
	m->head.seq = x->seq;
	repo_name_manifest(name, x->seq, ms, m->head.sha256);
	drop(m, name, b.p, b.len, ms);
}

static void
stand_in_log(struct many *m, int64_t ms)
{
	char text[65];

	(void)snprintf(text, sizeof(text), "%" PRIu64, ++m->revision);
	set_fact(&m->part, "etcd.log.first", text);
	set_fact(&m->part, "etcd.log.last", text);
	(void)snprintf(text, sizeof(text), "%" PRId64, m->ms);
	set_fact(&m->part, "etcd.log.from_ms", text);
	m->ms += EVERY_MS;
	(void)snprintf(text, sizeof(text), "%" PRId64, m->ms);
	set_fact(&m->part, "etcd.log.to_ms", text);
	(void)str_hex(text, m->head.sha256, SHA256_LEN);
	set_fact(&m->part, "etcd.log.previous", text);
	stand_in(m, &m->part, ms);
}

/* Of these ${n}, the last is followed by what is stored now. */
static void
stand_in_all(struct many *m, uint64_t n, uint64_t base)
{
	int64_t ms = time_now_ms() - EVERY_MS * (int64_t)n;
	struct err e = ERR_INIT;
	uint64_t i;

	for (i = 0; i < n; i++, ms += EVERY_MS) {
		CLEANUP(freep_secret) struct secret *new = NULL;

		if (i % KEY_LOGS == 0)
			CHECK_OK(
			    repo_data_key_new(m->repo, m->key, &new, &e), &e);
		if (i % base == 0) {
			stand_in(m, &m->full, ms);
			memcpy(m->part.base, m->head.sha256, SHA256_LEN);
			m->revision = m->etcd.revision;
		}
		stand_in_log(m, ms);
	}
}

/* Two that are real, for the others to be made from. */
static void
take_templates(struct many *m)
{
	CLEANUP(repo_catalogue_clear) struct repo_catalogue cat = { 0 };
	struct err e = ERR_INIT;

	add_base(m);
	add_log(m);
	CHECK_OK(repo_catalogue_load(m->repo, &cat, &e), &e);
	CHECK(cat.n == 2 && cat.backups[1].m.kind == REPO_LOG);
	CHECK_OK(
	    repo_manifest_load(m->repo, &cat.backups[0], &m->full, &e), &e);
	CHECK_OK(
	    repo_manifest_load(m->repo, &cat.backups[1], &m->part, &e), &e);
	m->head.seq = m->part.seq;
	memcpy(m->head.sha256, m->part.sha256, SHA256_LEN);
}

static void
remember(struct many *m)
{
	CLEANUP(repo_heads_clear) struct repo_heads h = { 0 };
	struct err e = ERR_INIT;

	CHECK_OK(repo_heads_load(m->repo->local, &h, &e), &e);
	CHECK_OK(repo_heads_raise(
		     &h, m->part.writer, m->head.seq, m->head.sha256, &e) < 0
		     ? e.code
		     : 0,
	    &e);
	CHECK_OK(repo_heads_save(m->repo->local, &h, &e), &e);
}

static void
write_key(const char *dir)
{
	struct err e = ERR_INIT;
	char path[256], key[64];
	size_t i;

	/* Of test_repo's key "1". */
	for (i = 0; i < sizeof(key); i++)
		key[i] = i % 2 ? '1' : '3';
	(void)snprintf(path, sizeof(path), "%s/key", dir);
	CHECK_OK(file_write_new(path, 0600, key, sizeof(key), &e), &e);
}

TEST(bench_many)
{
	const uint64_t logs = number("LOGS", 8640), base = number("BASE", 2160);
	const char *dir = getenv("DIR");
	struct many m = { .ms = 1000000 };
	struct err e = ERR_INIT;
	uint64_t i;

	if (dir == NULL)
		return;
	(void)snprintf(m.dir, sizeof(m.dir), "%s", dir);
	open_store(&m, dir);
	CHECK_OK(test_repo_init(m.store, "host", "1", &e), &e);
	CHECK_OK(test_repo_open(m.store, "host", "1", &m.repo, &e), &e);
	test_etcd_init(&m.etcd);
	CHECK_OK(source_etcd_log_new(&m.log, &e), &e);
	take_templates(&m);
	stand_in_all(&m, logs > base ? logs - base : 0, base);
	remember(&m);
	add_base(&m);
	for (i = 0; i < base && i < logs; i++)
		add_log(&m);
	write_key(dir);
}
