#include <inttypes.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/time.h"
#include "etcd/etcd_clock.h"
#include "job/job.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db_impl.h"
#include "job/job_etcd_db_log.h"
#include "job/job_etcd_leases.h"
#include "job/job_etcd_log_read.h"
#include "job/job_etcd_replay.h"
#include "repo/repo.h"

/* A database that logs continue. */
struct logs {
	const struct job *job;
	struct repo *repo;
	const struct job_etcd_chain *chain;
	struct job_etcd_db *base;
	struct etcd_lease_file known, next;
	bool has_known, has_next;
	struct job_etcd_unproven *unproven;
};

static void
logs_free(void *form)
{
	struct logs *l = form;

	if (l == NULL)
		return;
	job_etcd_db_free(l->base);
	etcd_lease_file_clear(&l->known);
	etcd_lease_file_clear(&l->next);
	free(l);
}

static void
freep_logs(struct logs **l)
{
	logs_free(*l);
}

static int
logs_buckets(void *form, const struct etcd_bucket_sink *to, struct err *err)
{
	struct logs *l = form;
	struct job_etcd_leases leases = {
		.known = l->has_known ? &l->known : NULL,
		.next = l->has_next ? &l->next : NULL,
		.to = to,
	};
	const struct etcd_bucket_sink sink = job_etcd_leases_sink(&leases);
	int rc;

	if ((rc = job_etcd_db_buckets(l->base, &sink, err)) == 0)
		rc = job_etcd_leases_end(&leases, err);
	job_etcd_leases_clear(&leases);
	return rc;
}

static int
logs_records(void *form, uint64_t revision, etcd_record_fn *fn, void *arg,
    struct err *err)
{
	struct logs *l = form;
	const struct job_etcd_replay_opts opts = {
		.chain = l->chain,
		.base = l->base,
		.revision = revision,
		.fn = fn,
		.arg = arg,
		.unproven = l->unproven,
	};
	struct job_etcd_replayed rep;

	return job_etcd_replay(l->job, l->repo, &opts, &rep, err);
}

static const struct job_etcd_form logs_form = {
	.buckets = logs_buckets,
	.records = logs_records,
	.free = logs_free,
};

/* That of the last log, unless the clock was set back. */
static int64_t
latest_ms(const struct job_etcd_chain *c)
{
	int64_t ms = 0;
	size_t i;

	for (i = 0; i < c->n; i++)
		if (c->logs[i].to_ms > ms)
			ms = c->logs[i].to_ms;
	return ms;
}

static int
not_there(const struct job_etcd_chain *c, struct err *err)
{
	const uint64_t first = c->compact > 0 ? c->compact : 1;
	char from[TIME_TEXT_MAX], to[TIME_TEXT_MAX];

	if (c->beyond != 0)
		return err_hint(err,
		    "it has the revisions %" PRIu64 " to %" PRIu64
		    "; the log that has revision %" PRIu64
		    " is missing, and those behind it have nothing to "
		    "continue",
		    first, c->last, c->last + 1);
	if (c->n == 0)
		return err_hint(err,
		    "it has the revisions %" PRIu64 " to %" PRIu64
		    ", and no log continues it",
		    first, c->last);
	return err_hint(err,
	    "it has the revisions %" PRIu64 " to %" PRIu64
	    " and the times from %s to %s",
	    first, c->last, time_format(c->logs[0].from_ms, from),
	    time_format(latest_ms(c), to));
}

static int
revision_at(const struct logs *l, int64_t ms, uint64_t *ret, struct err *err)
{
	CLEANUP(freep_etcd_clock) struct etcd_clock clock = { 0 };
	const struct job_etcd_log *log = job_etcd_chain_log_at(l->chain, ms);
	const struct etcd_clock_row *row;
	char text[TIME_TEXT_MAX];
	int rc;

	if (log == NULL) {
		(void)err_set(err, HF_ENOTFOUND,
		    "what there was at %s is in no log of backup '%s'",
		    time_format(ms, text), l->chain->base->id);
		return not_there(l->chain, err);
	}
	if ((rc = job_etcd_log_clock(l->job, l->repo, log, &clock, err)) < 0)
		return rc;
	row = etcd_clock_at(&clock, ms);
	*ret = row == NULL ? log->first - 1 : row->revision;
	if (*ret > log->last || *ret < log->first - 1)
		return err_set(err, HF_ECORRUPT,
		    "the clock of the log '%s' tells of revision %" PRIu64,
		    log->backup->id, *ret);
	return 0;
}

static int
find_revision(const struct logs *l, const struct job_etcd_at *at, uint64_t *ret,
    struct err *err)
{
	const struct job_etcd_chain *c = l->chain;

	if (at->time_ms != 0)
		return revision_at(l, at->time_ms, ret, err);
	*ret = at->revision == 0 ? c->last : at->revision;
	if (*ret >= c->compact && *ret <= c->last)
		return 0;
	(void)err_set(err, HF_ENOTFOUND,
	    "revision %" PRIu64 " is not in backup '%s' and its logs", *ret,
	    c->base->id);
	return not_there(c, err);
}

static bool
lists_leases(const struct job_etcd_log *log)
{
	return job_etcd_fact(log->backup, "etcd.log.leases") != NULL;
}

/* The lists of leases on both sides of the revision. */
static int
read_leases(struct logs *l, uint64_t revision, struct err *err)
{
	const struct job_etcd_log *known = NULL, *next = NULL, *log;
	size_t i;
	int rc;

	for (i = 0; i < l->chain->n && next == NULL; i++) {
		log = &l->chain->logs[i];
		if (!lists_leases(log))
			continue;
		if (log->last <= revision)
			known = log;
		else
			next = log;
	}
	l->has_known = known != NULL;
	l->has_next = next != NULL && revision > l->chain->revision;
	if (l->has_known && (rc = job_etcd_log_leases(
				 l->job, l->repo, known, &l->known, err)) < 0)
		return rc;
	if (!l->has_next)
		return 0;
	return job_etcd_log_leases(l->job, l->repo, next, &l->next, err);
}

int
job_etcd_db_open_log(const struct job *j, struct repo *r,
    const struct job_etcd_chain *chain, const struct job_etcd_at *at,
    struct job_etcd_unproven *unproven, struct job_etcd_db **ret,
    struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	CLEANUP(freep_logs) struct logs *l = NULL;
	uint64_t revision;
	int rc;

	if ((db = calloc(1, sizeof(*db))) == NULL ||
	    (l = calloc(1, sizeof(*l))) == NULL)
		return err_nomem(err);
	l->job = j;
	l->repo = r;
	l->chain = chain;
	l->unproven = unproven;
	if ((rc = find_revision(l, at, &revision, err)) < 0 ||
	    (rc = read_leases(l, revision, err)) < 0 ||
	    (rc = job_etcd_db_open(j, r, chain->base, &l->base, err)) < 0)
		return rc;
	db->job = j;
	db->facts = *job_etcd_db_facts(l->base);
	if (db->facts.revision != chain->revision ||
	    db->facts.compact_revision != chain->compact)
		return err_set(err, HF_ECORRUPT,
		    "backup '%s' holds other revisions than it says",
		    chain->base->id);
	db->facts.revision = revision;
	if (revision > chain->revision)
		db->facts.others_revision = revision;
	db->facts.has_hash = false;
	db->form = &logs_form;
	db->state = TAKE(l);
	*ret = TAKE(db);
	return 0;
}
