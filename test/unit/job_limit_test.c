#include <stdio.h>
#include <string.h>

#include "base/entry.h"
#include "base/limit.h"
#include "etcd/etcd_clock.h"
#include "job/job.h"
#include "job/job_backup.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_log_read.h"
#include "job/job_restore.h"
#include "repo/repo.h"
#include "source/source.h"
#include "store/mem/store_mem.h"
#include "store/store.h"
#include "test.h"
#include "test_repo.h"

/*
 * Backups whose lists are longer than this host may be made to keep: who is
 * certified to write has made them, for a host that restores.  That many
 * entries would take minutes to write; here each row of one list counts for
 * very many.
 */
#define N 200
#define MANY UINT64_C(1000000)

static const char *tight; /* The list. */

int __real_limit_take(
    struct limit *l, uint64_t n, const char *what, struct err *err);
int __wrap_limit_take(
    struct limit *l, uint64_t n, const char *what, struct err *err);
int
__wrap_limit_take(
    struct limit *l, uint64_t n, const char *what, struct err *err)
{
	if (tight != NULL && strcmp(what, tight) == 0)
		n *= MANY;
	return __real_limit_take(l, n, what, err);
}

void *__real_limit_grow(struct limit *l, void *v, size_t *cap, size_t size,
    const char *what, struct err *err);
void *__wrap_limit_grow(struct limit *l, void *v, size_t *cap, size_t size,
    const char *what, struct err *err);
void *
__wrap_limit_grow(struct limit *l, void *v, size_t *cap, size_t size,
    const char *what, struct err *err)
{
	if (tight != NULL && strcmp(what, tight) == 0 &&
	    __real_limit_take(l, (*cap + 1) * size * MANY, what, err) < 0)
		return NULL;
	return __real_limit_grow(l, v, cap, size, what, err);
}

/* So many empty files, and as many hard links to them if there is a name. */
struct made {
	struct source source;
	const char *files, *links; /* Before their numbers. */
	struct store *store;
	struct repo *repo;
	struct repo_catalogue cat;
};

static int
add(struct sink *s, const struct entry *e, struct err *err)
{
	int rc = 0;

	if (e->type == ENTRY_FILE)
		rc = sink_begin(s, e->path, 0, SINK_HASHES, err);
	return rc < 0 ? rc : sink_add(s, e, err);
}

static void
name(const char *prefix, int i, char to[64])
{
	(void)snprintf(to, 64, "%s%016x", prefix, (unsigned)i);
}

static int
read_all(struct source *src, struct sink *s, struct err *err)
{
	const struct made *m = (struct made *)src;
	char path[64], target[64];
	struct entry e = { .path = path, .type = ENTRY_DIR, .mode = 0700 };
	int i, rc;

	(void)strcpy(path, ".");
	if ((rc = add(s, &e, err)) < 0)
		return rc;
	e.type = ENTRY_FILE;
	for (i = 0; i < N; i++) {
		name(m->files, i, path);
		if ((rc = add(s, &e, err)) < 0)
			return rc;
	}
	e.type = ENTRY_HARDLINK;
	e.target = target;
	for (i = 0; m->links != NULL && i < N; i++) {
		name(m->links, i, path);
		name(m->files, i, target);
		if ((rc = add(s, &e, err)) < 0)
			return rc;
	}
	return 0;
}

static const struct source_ops ops = { .name = "etcd", .read = read_all };

static void
clear(struct made *m)
{
	tight = NULL;
	repo_catalogue_clear(&m->cat);
	repo_free(m->repo);
	store_free(m->store);
}

static void
make(struct made *m, const char *files, const char *links)
{
	static const struct job_backup_opts opts = {
		.source = "db", .type = "etcd", .label = "etcd:test"
	};
	static const struct job job = { .workers = 1 };
	static int count;
	struct job_backup_report rep;
	struct err e = ERR_INIT;
	char host[16];

	*m = (struct made){
		.source = { .ops = &ops }, .files = files, .links = links
	};
	CHECK_OK(store_mem_new(&m->store, &e), &e);
	/* A host knows one repository in a place. */
	(void)snprintf(host, sizeof(host), "host%d", count++);
	CHECK_OK(test_repo_init(m->store, host, "1", &e), &e);
	CHECK_OK(test_repo_open(m->store, host, "1", &m->repo, &e), &e);
	CHECK_OK(job_backup(&job, m->repo, &m->source, &opts, &rep, &e), &e);
	CHECK_OK(repo_catalogue_load(m->repo, &m->cat, &e), &e);
	CHECK(m->cat.n == 1);
}

static int
open_db(struct made *m, struct err *err)
{
	static const struct job job = { .workers = 1 };
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;

	return job_etcd_db_open(&job, m->repo, &m->cat.backups[0], &db, err);
}

static int
open_log(struct made *m, struct err *err)
{
	static const struct job job = { .workers = 1 };
	const struct job_etcd_log log = { .backup = &m->cat.backups[0] };
	struct etcd_clock clock = { 0 };

	return job_etcd_log_clock(&job, m->repo, &log, &clock, err);
}

static int
restore_links(struct made *m, struct err *err)
{
	static const struct job job = { .workers = 1 };
	static const char *const only[] = { "link*" };
	char to[300];
	const struct job_restore_opts opts = {
		.to = to, .only = only, .nonly = 1
	};
	struct job_restore_report rep;

	(void)snprintf(to, sizeof(to), "%s/to%d", test_dir(), tight != NULL);
	return job_restore(&job, m->repo, &m->cat.backups[0], &opts, &rep, err);
}

/* Read with ${how}, ${code} comes of it, unless ${list} takes too much. */
static void
check(struct made *m, int (*how)(struct made *, struct err *),
    enum hf_code code, const char *list)
{
	struct err e = ERR_INIT;
	char want[128];

	if (code == 0)
		CHECK_OK(how(m, &e), &e);
	else
		CHECK_FAIL(how(m, &e), &e, code);
	e = (struct err)ERR_INIT;
	tight = list;
	CHECK_FAIL(how(m, &e), &e, HF_ENOSPC);
	(void)snprintf(want, sizeof(want), "%s takes more than 256 MiB", list);
	if (strstr(e.msg, want) == NULL || strstr(e.hint, "--memory") == NULL)
		test_fail(__FILE__, __LINE__, want, &e);
	tight = NULL;
}

TEST(limit__of_the_hard_links_that_a_restore_notes)
{
	CLEANUP(clear) struct made m;

	make(&m, "file", "link");
	check(&m, restore_links, 0, "the list of the backup's hard links");
}

TEST(limit__of_the_segments_of_an_etcd)
{
	CLEANUP(clear) struct made m;

	/* Within it, what they are the segments of is missing. */
	make(&m, "records/", NULL);
	check(&m, open_db, HF_ECORRUPT, "the list of etcd's segments");
	check(&m, open_log, HF_ECORRUPT, "the list of a log's segments");
}

TEST(limit__of_the_groups_of_a_backup_in_pages)
{
	CLEANUP(clear) struct made m;

	make(&m, "snapshot.db.pages/", NULL);
	check(&m, open_db, HF_ECORRUPT, "the list of groups of pages");
}
