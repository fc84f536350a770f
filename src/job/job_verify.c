#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/parallel.h"
#include "base/str.h"
#include "base/time.h"
#include "job/job.h"
#include "job/job_attest.h"
#include "job/job_etcd_db.h"
#include "job/job_packs.h"
#include "job/job_restore.h"
#include "job/job_verify.h"
#include "job/job_verify_format.h"
#include "job/job_verify_log.h"
#include "job/job_verify_shared.h"
#include "job/job_wrappings.h"
#include "repo/repo.h"
#include "store/store.h"

#define FETCHERS 4 /* Objects read and hashed at a time, level 1. */
#define PACK_MAX (64u << 20)

enum state {
	WHOLE = 0,
	MISSING,
	WRONG_LENGTH,
	WRONG_BYTES
};

struct verify {
	const struct job *job;
	struct repo *repo;
	const struct repo_backup *b;
	const struct job_verify_opts *opts;
	struct repo_manifest m; /* Of ${b}, whole. */
	struct job_verify_report rep;
	uint8_t *state; /* enum state of every pack of the manifest. */
};

static void
verify_clear(struct verify *v)
{
	repo_manifest_clear(&v->m);
	free(v->state);
}

static void
found(struct verify *v, const char *object, const char *what)
{
	const struct job_event ev = {
		.kind = JOB_FOUND,
		.job = "verify",
		.subject = object,
		.text = what,
	};

	v->rep.bad++;
	job_tell(v->job, &ev);
}

static void
found_pack(struct verify *v, size_t i, const char *what)
{
	const struct repo_pack_row *row = &v->m.packs[i];
	char name[REPO_NAME_MAX];

	repo_name_pack(name, row->hour, row->oid);
	found(v, name, what);
}

/* Level 0: what the listing says against what the manifest says. */
static int
check_present(struct verify *v, struct err *err)
{
	CLEANUP(freep_job_packs) struct job_packs *own = NULL;
	const struct repo_manifest *m = &v->m;
	const struct job_packs *packs;
	const struct job_pack *pack;
	size_t i;
	int rc;

	if (v->opts->shared == NULL &&
	    (rc = job_packs_load(v->repo, m, &own, err)) < 0)
		return rc;
	packs = own != NULL ? own : job_verify_shared_packs(v->opts->shared);
	for (i = 0; i < m->npacks; i++) {
		v->rep.objects++;
		if ((pack = job_packs_find(packs, &m->packs[i])) == NULL) {
			v->state[i] = MISSING;
			found_pack(v, i, "is missing");
		} else if (pack->len != m->packs[i].len) {
			v->state[i] = WRONG_LENGTH;
			found_pack(v, i, "has another length than stored");
		}
	}
	return 0;
}

/* Return 1 if there is a wrapping of the data key, and it holds; 0 if not. */
static int
key_holds(struct verify *v, const uint8_t key_id[], struct err *err)
{
	CLEANUP(freep_job_wrappings) struct job_wrappings all = { NULL, 0 };
	size_t i;
	int rc;

	if ((rc = job_wrappings_load(v->repo, key_id, &all, err)) < 0)
		return rc;
	for (i = 0; i < all.n && rc == 0; i++)
		rc = job_wrapping_holds(v->repo, &all.v[i], err);
	return rc;
}

/* Level 0: every data key is wrapped for somebody. */
static int
check_key(struct verify *v, const uint8_t key_id[], struct err *err)
{
	struct job_verify_shared *shared = v->opts->shared;
	static const uint8_t any[KEY_FINGERPRINT_LEN];
	char name[REPO_NAME_MAX];
	int rc;

	v->rep.objects++;
	if (shared != NULL && job_verify_shared_has_key(shared, key_id))
		return 0;
	if ((rc = key_holds(v, key_id, err)) < 0)
		return rc;
	if (rc > 0) {
		if (shared != NULL)
			job_verify_shared_add_key(shared, key_id);
		return 0;
	}
	repo_name_wrapped(name, key_id, any);
	*(strchr(name, '.') + 1) = '\0'; /* "k/<key id>." */
	found(v, name, "no wrapping of this data key is left");
	return 0;
}

static int
check_keys(struct verify *v, struct err *err)
{
	size_t i;
	int rc;

	for (i = 0; i < v->m.nkeys; i++)
		if ((rc = check_key(v, v->m.keys[i], err)) < 0)
			return rc;
	return 0;
}

/* Level 1, on several threads: read a pack and compare its hash. */
static int
check_bytes(void *arg, size_t i, struct err *err)
{
	struct verify *v = arg;
	const struct repo_pack_row *row = &v->m.packs[i];
	CLEANUP(freep_buf) struct buf bytes = BUF_INIT;
	char name[REPO_NAME_MAX], object[REPO_NAME_MAX + 64];
	uint8_t got[SHA256_LEN];
	int rc;

	if ((rc = job_check(v->job, err)) < 0)
		return rc;
	if (v->state[i] != WHOLE)
		return 0;
	repo_name_pack(name, row->hour, row->oid);
	rc = store_get(repo_store(v->repo), repo_object(v->repo, name, object),
	    PACK_MAX, &bytes, err);
	if (rc == -HF_ENOTFOUND)
		v->state[i] = MISSING; /* Gone since it was listed. */
	else if (rc == -HF_ECORRUPT)
		v->state[i] = WRONG_LENGTH;
	if (v->state[i] != WHOLE)
		return 0;
	if (rc < 0 || (rc = sha256_of(bytes.p, bytes.len, got, err)) < 0)
		return rc;
	__atomic_add_fetch(&v->rep.bytes, bytes.len, __ATOMIC_RELAXED);
	if (memcmp(got, row->sha256, sizeof(got)) != 0)
		v->state[i] = WRONG_BYTES;
	return 0;
}

static int
check_all_bytes(struct verify *v, struct err *err)
{
	size_t i;
	int rc;

	rc = parallel_for(v->m.npacks, FETCHERS, check_bytes, v, err);
	if (rc < 0)
		return rc;
	for (i = 0; i < v->m.npacks; i++)
		if (v->state[i] == WRONG_BYTES)
			found_pack(v, i, "its bytes have changed");
	return 0;
}

/* Level 3 of an etcd: what is in its database. */
static int
check_etcd(struct verify *v, struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	int rc;

	if ((rc = job_etcd_db_open(v->job, v->repo, v->b, &db, err)) == 0)
		rc = job_etcd_db_check(db, err);
	if (rc != -HF_ECORRUPT && rc != -HF_ENOTFOUND)
		return rc;
	found(v, v->b->m.source, err->msg);
	return 0;
}

/* Level 3 of an etcd whose files are whole. */
static int
check_walk(struct verify *v, struct job_walk *walk, struct err *err)
{
	const char *what;

	if ((what = job_walk_end(walk)) != NULL)
		found(v, v->b->m.source, what);
	return check_etcd(v, err);
}

/* Level 3 of a log: that it can be replayed. */
static int
check_log(struct verify *v, struct err *err)
{
	struct job_verify_log log = { 0 };
	int rc;

	if (v->opts->logs != NULL &&
	    (rc = job_verify_logs_judge(
		 v->opts->logs, v->job, v->repo, v->b, &log, err)) < 0)
		return rc;
	if (log.what != NULL)
		found(v, v->b->m.source, log.what);
	else if (!log.replayed)
		v->rep.level = VERIFY_OPENS;
	return 0;
}

/* Level 2: a restore that writes nothing, and lets ${walk} look on. */
static int
check_files(struct verify *v, struct job_walk *walk, struct err *err)
{
	const struct job_restore_opts opts = {
		.to = "-",
		.dry_run = true,
		.keep_going = true,
		.parts = true,
		.inspect = walk != NULL ? job_walk_data : NULL,
		.inspect_arg = walk,
	};
	struct job_restore_report rep;
	int rc;

	repo_manifest_clear(&v->m); /* The restore loads its own. */
	rc = job_restore(v->job, v->repo, v->b, &opts, &rep, err);
	if (rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND) {
		/* Not a file of it, but what leads to the files. */
		found(v, v->b->name, err->msg);
		return 0;
	}
	if (rc < 0)
		return rc;
	v->rep.files += rep.entries;
	v->rep.bad += rep.lost + rep.unnamed;
	return 0;
}

static int
check_content(struct verify *v, struct err *err)
{
	CLEANUP(freep_job_walk) struct job_walk *walk = NULL;
	const bool deep = v->opts->level >= VERIFY_CONTENT;
	const uint64_t bad = v->rep.bad;
	int rc;

	if ((deep && (rc = job_walk_new(&v->b->m, &walk, err)) < 0) ||
	    (rc = check_files(v, walk, err)) < 0)
		return rc;
	/* Of a damaged log, too: it says what can be restored yet. */
	if (deep && v->b->m.kind == REPO_LOG)
		return check_log(v, err);
	if (walk == NULL || v->rep.bad > bad)
		return 0;
	return check_walk(v, walk, err);
}

static int
check(struct verify *v, struct err *err)
{
	const enum job_verify_level level = v->opts->level;
	int rc;

	if ((v->state = calloc(1, v->m.npacks + 1)) == NULL)
		return err_nomem(err);
	if ((rc = check_present(v, err)) < 0 || (rc = check_keys(v, err)) < 0)
		return rc;
	if (level >= VERIFY_BYTES && (rc = check_all_bytes(v, err)) < 0)
		return rc;
	return level >= VERIFY_OPENS ? check_content(v, err) : 0;
}

static int
run(struct verify *v, struct err *err)
{
	int rc;

	rc = repo_manifest_load(v->repo, v->b, &v->m, err);
	if (rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND) {
		/* It held when it was listed. */
		found(v, v->b->name, err->msg);
		return 0;
	}
	return rc < 0 ? rc : check(v, err);
}

static int
attest(struct verify *v, struct err *err)
{
	CLEANUP(repo_attest_clear)
	struct repo_attest a = {
		.level = (uint8_t)v->rep.level,
		.good = v->rep.bad == 0,
		.took_ms = v->rep.took_ms,
		.objects = v->rep.objects,
		.bytes = v->rep.bytes,
	};
	int rc;

	rc = str_printf(&a.message, err, "%" PRIu64 " findings", v->rep.bad);
	if (rc < 0)
		return rc;
	return job_attest(v->repo, v->b, &a, &v->rep.attested, err);
}

int
job_verify(const struct job *j, struct repo *r, const struct repo_backup *b,
    const struct job_verify_opts *opts, struct job_verify_report *rep,
    struct err *err)
{
	CLEANUP(verify_clear)
	struct verify v = {
		.job = j,
		.repo = r,
		.b = b,
		.opts = opts,
		.rep.level = opts->level,
	};
	int64_t start = time_mono_ms();
	int rc;

	if ((rc = run(&v, err)) < 0)
		return rc;
	v.rep.took_ms = (uint64_t)(time_mono_ms() - start);
	if (opts->attest && (rc = attest(&v, err)) < 0)
		return rc;
	*rep = v.rep;
	return 0;
}
