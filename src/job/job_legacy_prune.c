#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "crypto/secret.h"
#include "job/job.h"
#include "job/job_legacy.h"
#include "store/store.h"

/* Younger ones may belong to a backup that is under way. */
#define UNFINISHED_MS (INT64_C(24) * 3600 * 1000)

struct prune {
	const struct job *job;
	const struct job_legacy *where;
	int64_t age_ms, now_ms;
	uint64_t min;
	struct store_eraser *eraser;
	struct repo_legacy_list list; /* The oldest first. */
	bool *good;                   /* Of each: can it be restored? */
	uint64_t ngood;
	struct job_legacy_pruned rep;
};

static void
tell(const struct prune *p, enum job_event_kind kind, const char *subject,
    const char *text)
{
	job_say(p->job, "prune", kind, subject, text);
}

/* Is there a key that opens it? */
static int
judge_key(const struct prune *p, const struct repo_legacy_entry *e, bool *good,
    struct err *err)
{
	CLEANUP(freep_secret) struct secret *key = NULL;
	struct err why = ERR_INIT;
	int64_t made_ms;
	int rc = 0;

	*good = false;
	if (!e->has_key) {
		rc = job_legacy_is_plain(p->where, e, good, err);
		if (rc == 0 && !*good)
			tell(p, JOB_WARNING, e->stem,
			    "its key object is missing: it does not count");
		return rc;
	}
	if (p->where->master == NULL) {
		*good = e->key_len == REPO_LEGACY_WRAPPED_LEN;
		return 0;
	}
	rc = job_legacy_get_key(p->where, e, &key, &made_ms, &why);
	if (rc == 0) {
		/* Wrapped anew it may be younger than the dump, never older. */
		*good = made_ms >= e->time_ms - REPO_LEGACY_APART_MS;
		if (!*good)
			tell(p, JOB_WARNING, e->stem,
			    "it was renamed to a newer time: it does not "
			    "count");
		return 0;
	}
	if (rc == -HF_EKEY || rc == -HF_ECORRUPT || rc == -HF_ENOTFOUND) {
		tell(p, JOB_WARNING, e->stem,
		    "the master key does not open it: it does not count");
		return 0;
	}
	if (rc < 0)
		*err = why;
	return rc;
}

/* Can it be restored, as far as can be told without reading all of it? */
static int
judge(const struct prune *p, const struct repo_legacy_entry *e, bool *good,
    struct err *err)
{
	int rc;

	*good = false;
	if (!e->has_dump)
		return 0;
	if ((rc = judge_key(p, e, good, err)) < 0 || !*good)
		return rc;
	*good = repo_legacy_size_ok(job_legacy_size(e, e->has_key));
	if (!*good)
		tell(p, JOB_WARNING, e->stem,
		    "its end is missing: it does not count");
	return 0;
}

static int
look(struct prune *p, struct err *err)
{
	size_t i;
	int rc;

	/* The store's clock, which stamps what others put there. */
	if ((rc = store_now(p->where->store, &p->now_ms, err)) < 0 ||
	    (rc = repo_legacy_list_load(
		 p->where->store, p->where->prefix, &p->list, err)) < 0)
		return rc;
	if ((p->good = calloc(p->list.n + 1, sizeof(*p->good))) == NULL)
		return err_nomem(err);
	for (i = 0; i < p->list.n; i++) {
		if ((rc = job_check(p->job, err)) < 0 ||
		    (rc = judge(p, &p->list.v[i], &p->good[i], err)) < 0)
			return rc;
		p->ngood += p->good[i];
	}
	return 0;
}

static bool
is_old(const struct prune *p, const struct repo_legacy_entry *e)
{
	return e->time_ms <= p->now_ms - p->age_ms;
}

static int
erase(struct prune *p, const struct repo_legacy_entry *e,
    enum repo_legacy_kind kind, struct err *err)
{
	char name[REPO_LEGACY_NAME_MAX];
	int rc;

	(void)repo_legacy_object(e, kind, name);
	if ((rc = job_check(p->job, err)) < 0 ||
	    (rc = store_erase(p->eraser, name, err)) < 0)
		return rc;
	return 0;
}

/* The dump first: a key alone does no harm, a dump alone would be useless. */
static int
remove_backup(
    struct prune *p, const struct repo_legacy_entry *e, struct err *err)
{
	int rc;

	tell(p, JOB_DECIDED, e->stem, "remove (too old)");
	if ((rc = erase(p, e, REPO_LEGACY_DUMP, err)) < 0)
		return rc;
	if (e->has_key && (rc = erase(p, e, REPO_LEGACY_KEY, err)) < 0)
		return rc;
	p->rep.removed++;
	return 0;
}

/* Return how many backups that can be restored may go, the oldest first. */
static uint64_t
spare(const struct prune *p)
{
	uint64_t old = 0, young;
	size_t i;

	for (i = 0; i < p->list.n; i++)
		old += p->good[i] && is_old(p, &p->list.v[i]);
	young = p->ngood - old;
	if (young >= p->min)
		return old;
	return old > p->min - young ? old - (p->min - young) : 0;
}

/*
 * With a wrong master key, none of the backups counts as good: then there are
 * no more than ${min}, and nothing is removed.
 */
static int
remove_backups(struct prune *p, struct err *err)
{
	bool enough = p->ngood > p->min;
	uint64_t left = enough ? spare(p) : 0;
	const struct repo_legacy_entry *e;
	size_t i;
	int rc;

	for (i = 0; i < p->list.n; i++) {
		e = &p->list.v[i];
		if (!e->has_dump)
			continue;
		if (!is_old(p, e) || !enough || (p->good[i] && left == 0)) {
			p->rep.kept += p->good[i];
			p->rep.useless += !p->good[i];
			continue;
		}
		left -= p->good[i];
		if ((rc = remove_backup(p, e, err)) < 0)
			return rc;
	}
	return 0;
}

/* A key without a dump restores nothing, however few backups there are. */
static int
remove_orphans(struct prune *p, struct err *err)
{
	const struct repo_legacy_entry *e;
	size_t i;
	int rc;

	for (i = 0; i < p->list.n; i++) {
		e = &p->list.v[i];
		if (e->has_dump || !is_old(p, e) ||
		    e->time_ms > p->now_ms - UNFINISHED_MS)
			continue;
		tell(p, JOB_DECIDED, e->stem, "remove (a key without a dump)");
		if ((rc = erase(p, e, REPO_LEGACY_KEY, err)) < 0)
			return rc;
		p->rep.orphans++;
	}
	return 0;
}

/*
 * The older tool never needed the right to list uploads, so it may be missing.
 */
static int
sweep(struct prune *p, struct err *err)
{
	CLEANUP(freep_mem) char *prefix = NULL;
	struct err e = ERR_INIT;
	int rc;

	if ((rc = str_printf(&prefix, err, "%s-", p->where->prefix)) < 0)
		return rc;
	rc = store_sweep(
	    p->eraser, prefix, p->now_ms - UNFINISHED_MS, &p->rep.uploads, &e);
	if (rc == 0)
		return 0;
	if (rc == -HF_EDENIED) {
		tell(p, JOB_WARNING, "dead uploads", e.msg);
		return 0;
	}
	*err = e;
	return rc;
}

static int
run(struct prune *p, struct err *err)
{
	int rc;

	if ((rc = store_eraser_new(p->where->store, &p->eraser, err)) < 0 ||
	    (rc = look(p, err)) < 0 || (rc = remove_backups(p, err)) < 0 ||
	    (rc = remove_orphans(p, err)) < 0)
		return rc;
	return sweep(p, err);
}

int
job_legacy_prune(const struct job *j, const struct job_legacy *where,
    int64_t age_ms, uint64_t min, struct job_legacy_pruned *rep,
    struct err *err)
{
	struct prune p = {
		.job = j,
		.where = where,
		.age_ms = age_ms,
		.min = min,
	};
	int rc;

	rc = run(&p, err);
	store_eraser_free(p.eraser);
	free(p.good);
	repo_legacy_list_clear(&p.list);
	*rep = p.rep; /* Also of a run that failed: what is gone is gone. */
	return rc;
}
