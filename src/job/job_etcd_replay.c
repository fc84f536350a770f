#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "etcd/etcd_hashkv_points.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db_impl.h"
#include "job/job_etcd_log_read.h"
#include "job/job_etcd_replay.h"
#include "repo/repo.h"
#include "repo/repo_ahead.h"

#define AHEAD_MEMORY (4u << 20) /* Bytes of logs that wait to be replayed. */

struct replay {
	const struct job_etcd_replay_opts *opts;
	/* NULL: the backup has more than is wanted, and it has no hash of a
	 * part. */
	struct etcd_hashkv_points *points;
	uint64_t proven; /* The last revision with a hash that was right. */
	bool wrong;      /* A hash was not, and this is the error. */
	struct job_etcd_replayed rep;
};

static void
clear(struct replay *p)
{
	etcd_hashkv_points_free(p->points);
}

static int
on_record(void *arg, const struct etcd_record *r, struct err *err)
{
	struct replay *p = arg;
	int rc;

	if (p->points != NULL &&
	    (rc = etcd_hashkv_points_add(p->points, r, err)) < 0)
		return rc;
	if (p->opts->fn == NULL || r->main > p->opts->revision)
		return 0;
	return p->opts->fn(p->opts->arg, r, err);
}

/* Is its hash one that can be computed from the backup's records? */
static bool
has_hash(const struct job_etcd_chain *c, const struct job_etcd_log *log)
{
	return log->hashed && log->hash_compact >= c->compact &&
	       log->hash_compact <= log->last;
}

/* How many logs are read: those that begin within the revision. */
static size_t
needed(const struct job_etcd_replay_opts *opts)
{
	const struct job_etcd_chain *c = opts->chain;
	uint64_t after = c->revision;
	size_t n;

	for (n = 0; n < c->n && after < opts->revision; n++)
		after = c->logs[n].last;
	return n;
}

static int
new_points(struct replay *p, size_t n, struct err *err)
{
	const struct job_etcd_facts *f = job_etcd_db_facts(p->opts->base);
	const struct job_etcd_chain *c = p->opts->chain;
	CLEANUP(freep_mem) uint64_t *compact = NULL;
	size_t i, used = 0;

	if ((compact = calloc(n + 1, sizeof(*compact))) == NULL)
		return err_nomem(err);
	if (f->has_hash)
		compact[used++] = f->hash_compact;
	for (i = 0; i < n; i++)
		if (has_hash(c, &c->logs[i]))
			compact[used++] = c->logs[i].hash_compact;
	return etcd_hashkv_points_new(compact, used, &p->points, err);
}

/* The range of what is not proven grows up to ${revision}. */
static void
note_unproven(struct replay *p, uint64_t revision)
{
	struct job_etcd_unproven *u = p->opts->unproven;

	if (u->from == 0) {
		u->proven = p->proven;
		u->from = p->proven < revision ? p->proven + 1 : revision;
	}
	u->to = revision;
}

static int
check(struct replay *p, uint64_t revision, uint64_t compact, uint32_t want,
    struct err *err)
{
	uint32_t hash = etcd_hashkv_points_at(p->points, revision, compact);

	if (hash == want) {
		p->proven = revision;
		return 0;
	}
	if (p->opts->unproven != NULL) {
		note_unproven(p, revision);
		return 0;
	}
	p->wrong = true;
	p->rep.restorable = p->proven;
	return err_set(err, HF_ECORRUPT,
	    "the records at revision %" PRIu64 " have the HashKV %" PRIu32
	    " and should have %" PRIu32,
	    revision, hash, want);
}

static int
replay_base(struct replay *p, struct err *err)
{
	const struct job_etcd_facts *f = job_etcd_db_facts(p->opts->base);
	struct job_etcd_db *base = p->opts->base;
	int rc;

	if (p->points == NULL)
		return job_etcd_db_records(
		    base, p->opts->revision, on_record, p, err);
	rc = base->form->records(base->state, f->revision, on_record, p, err);
	if (rc < 0)
		return rc;
	p->rep.restorable = f->revision;
	if (f->has_hash)
		return check(p, f->revision, f->hash_compact, f->hash, err);
	p->proven = f->revision;
	return 0;
}

/* Has it records at all, or does it tell the time alone? */
static bool
has_records(const struct job_etcd_log *log)
{
	return log->last >= log->first;
}

/* Begin to bring those of the first ${n} logs that have records. */
static int
bring_logs(const struct replay *p, struct repo *r, size_t n,
    const struct repo_backup **v, struct repo_ahead **ret, struct err *err)
{
	const struct job_etcd_log *logs = p->opts->chain->logs;
	size_t i, wanted = 0;

	for (i = 0; i < n; i++)
		if (has_records(&logs[i]))
			v[wanted++] = logs[i].backup;
	return repo_ahead_new(r, v, wanted, AHEAD_MEMORY, ret, err);
}

static int
replay_log(struct replay *p, const struct job *j, struct repo *r,
    struct repo_ahead *ahead, const struct job_etcd_log *log, uint64_t after,
    struct err *err)
{
	const struct job_etcd_chain *c = p->opts->chain;
	int rc = 0;

	if (has_records(log))
		rc = job_etcd_log_records(
		    j, r, ahead, log, after, on_record, p, err);
	if (rc < 0 || !has_hash(c, log) ||
	    (log->hash_compact > 0 && etcd_hashkv_points_empty(p->points)))
		return rc;
	rc = check(p, log->last, log->hash_compact, log->hash, err);
	return rc < 0 ? err_wrap(
			    err, "with the log '%s' replayed", log->backup->id)
		      : 0;
}

static int
replay_logs(struct replay *p, const struct job *j, struct repo *r, size_t n,
    struct err *err)
{
	CLEANUP(freep_mem) const struct repo_backup **v = NULL;
	CLEANUP(freep_repo_ahead) struct repo_ahead *ahead = NULL;
	const struct job_etcd_chain *c = p->opts->chain;
	const struct job_etcd_log *log;
	uint64_t after = c->revision;
	int rc;

	if ((v = calloc(n + 1, sizeof(struct repo_backup *))) == NULL)
		return err_nomem(err);
	if ((rc = bring_logs(p, r, n, v, &ahead, err)) < 0)
		return rc;
	for (; p->rep.logs < n; p->rep.logs++) {
		log = &c->logs[p->rep.logs];
		if ((rc = replay_log(p, j, r, ahead, log, after, err)) < 0)
			return rc;
		after = p->rep.restorable = log->last;
	}
	return 0;
}

/* Of what is damaged; what the caller's function or the store says is not. */
static int
say_what_is_left(const struct replay *p, struct err *err)
{
	const struct job_etcd_chain *c = p->opts->chain;
	const uint64_t left = p->rep.restorable;

	if (err->code != -HF_ECORRUPT && err->code != -HF_ENOTFOUND)
		return err->code;
	if (left < c->revision)
		return p->wrong ? err_hint(err,
				      "nothing is proven; restore it all the "
				      "same with --allow-unproven")
				: err->code;
	(void)err_wrap(
	    err, "what can be restored ends with revision %" PRIu64, left);
	if (p->wrong)
		return err_hint(err,
		    "restore it, which is proven, with --revision %" PRIu64
		    ", or what comes after it, too, with --allow-unproven",
		    left);
	return err_hint(err, "restore it with --revision %" PRIu64, left);
}

/*
 * The last hash tells of all before it.  If it is wrong, so is all behind the
 * last one that was right; what is not wanted does not count.
 */
static void
end_unproven(const struct replay *p)
{
	struct job_etcd_unproven *u = p->opts->unproven;

	if (u == NULL || u->from == 0)
		return;
	if (p->proven < u->to || u->to > p->opts->revision)
		u->to = p->opts->revision;
}

int
job_etcd_replay(const struct job *j, struct repo *r,
    const struct job_etcd_replay_opts *opts, struct job_etcd_replayed *ret,
    struct err *err)
{
	CLEANUP(clear) struct replay p = { .opts = opts };
	const size_t n = needed(opts);
	int rc = 0;

	if (opts->unproven != NULL)
		*opts->unproven = (struct job_etcd_unproven){ 0 };
	if (opts->revision >= opts->chain->revision)
		rc = new_points(&p, n, err);
	if (rc == 0 && (rc = replay_base(&p, err)) == 0)
		rc = replay_logs(&p, j, r, n, err);
	*ret = p.rep;
	if (rc < 0)
		return say_what_is_left(&p, err);
	end_unproven(&p);
	return 0;
}
