#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "etcd/etcd_lease_file.h"
#include "job/job.h"
#include "job/job_etcd_chain.h"
#include "job/job_etcd_db.h"
#include "job/job_etcd_leases.h"
#include "job/job_etcd_log_read.h"
#include "job/job_etcd_recall.h"
#include "repo/repo.h"

/*
 * So many older backups are asked: a lease that lives for long is in the next
 * one, and a far store takes its time.
 */
#define BACKUPS_ASKED 8
#define TOLD_MAX 8 /* So many leases are named one by one. */

struct recall {
	const struct job_etcd_recall *opts;
	struct etcd_lease_file *gone;
	size_t unknown, told;
	const struct repo_backup *from; /* Whom is asked. */
	bool at_leases;                 /* Their bucket is at hand. */
};

static void
tell(struct recall *x, const struct etcd_lease_row *row)
{
	char lease[32], text[128];

	if (x->told++ >= TOLD_MAX)
		return;
	(void)snprintf(lease, sizeof(lease), "lease %016" PRIx64, row->id);
	(void)snprintf(text, sizeof(text),
	    "granted again for %" PRIu64 " s, as backup '%s' knows",
	    row->granted, x->from->id);
	job_say(x->opts->job, "restore", JOB_NOTE, lease, text);
}

static void
learn(struct recall *x, const struct etcd_lease_row *known)
{
	struct etcd_lease_row *row = etcd_lease_file_find(x->gone, known->id);

	if (row == NULL || row->granted != 0 || known->granted == 0)
		return;
	row->granted = known->granted;
	x->unknown--;
	tell(x, row);
}

/* Is it the older backup alone that has nothing to say? */
static bool
may_pass(const struct err *e)
{
	return e->code == -HF_ECORRUPT || e->code == -HF_ENOTFOUND;
}

static int
ask_log(struct recall *x, const struct job_etcd_log *log, struct err *err)
{
	CLEANUP(freep_etcd_lease_file) struct etcd_lease_file f = { 0 };
	struct err e = ERR_INIT;
	size_t i;

	x->from = log->backup;
	if (job_etcd_log_leases(x->opts->job, x->opts->repo, log, &f, &e) < 0) {
		if (may_pass(&e))
			return 0;
		*err = e;
		return err->code;
	}
	for (i = 0; i < f.n; i++)
		learn(x, &f.v[i]);
	return 0;
}

/*
 * Ask the logs of ${c} on both sides of the revision.  Who had a key then was
 * alive, so these lists have it, unless it came and went between them.
 */
static int
ask_logs(struct recall *x, const struct job_etcd_chain *c, struct err *err)
{
	const struct job_etcd_log *before = NULL, *after = NULL, *l;
	size_t i;
	int rc;

	for (i = 0; i < c->n && after == NULL; i++) {
		l = &c->logs[i];
		if (job_etcd_fact(l->backup, "etcd.log.leases") == NULL)
			continue;
		if (l->last <= x->opts->revision)
			before = l;
		else
			after = l;
	}
	if (before != NULL && (rc = ask_log(x, before, err)) < 0)
		return rc;
	return after != NULL ? ask_log(x, after, err) : 0;
}

static int
on_bucket(void *arg, const uint8_t *name, size_t n, uint64_t sequence,
    struct err *err)
{
	struct recall *x = arg;

	(void)sequence;
	(void)err;
	x->at_leases = n == 5 && memcmp(name, "lease", 5) == 0;
	return 0;
}

static int
on_pair(void *arg, const uint8_t *key, size_t nkey, const uint8_t *value,
    size_t nvalue, struct err *err)
{
	struct etcd_lease_row row;
	struct recall *x = arg;
	int rc;

	(void)key;
	(void)nkey;
	if (!x->at_leases)
		return 0;
	if ((rc = job_etcd_lease_read(value, nvalue, &row, err)) < 0)
		return rc;
	learn(x, &row);
	return 0;
}

static int
ask_backup(struct recall *x, const struct repo_backup *b, struct err *err)
{
	CLEANUP(freep_job_etcd_db) struct job_etcd_db *db = NULL;
	const struct etcd_bucket_sink sink = { on_bucket, on_pair, x };
	struct err e = ERR_INIT;

	x->from = b;
	x->at_leases = false;
	if (job_etcd_db_open(x->opts->job, x->opts->repo, b, &db, &e) == 0 &&
	    job_etcd_db_buckets(db, &sink, &e) == 0)
		return 0;
	if (may_pass(&e))
		return 0;
	*err = e;
	return err->code;
}

/* ${*asked}: whether it is one that logs can continue. */
static int
ask(struct recall *x, const struct repo_backup *b, bool *asked, struct err *err)
{
	CLEANUP(freep_job_etcd_chain) struct job_etcd_chain c = { 0 };
	struct err e = ERR_INIT;
	int rc;

	rc = job_etcd_chain_find(x->opts->cat, b, &c, &e);
	*asked = rc != -HF_EUSAGE;
	if (rc == -HF_EUSAGE)
		return 0;
	if (rc < 0) {
		*err = e;
		return rc;
	}
	if ((rc = ask_logs(x, &c, err)) < 0 || x->unknown == 0)
		return rc;
	return ask_backup(x, b, err);
}

int
job_etcd_recall(const struct job_etcd_recall *opts,
    struct etcd_lease_file *gone, struct err *err)
{
	struct recall x = { .opts = opts, .gone = gone, .unknown = gone->n };
	size_t i = (size_t)(opts->backup - opts->cat->backups), n = 0;
	const struct repo_backup *b;
	bool asked;
	int rc;

	while (i-- > 0 && x.unknown > 0 && n < BACKUPS_ASKED) {
		b = &opts->cat->backups[i];
		if (b->removed || b->m.kind == REPO_LOG ||
		    strcmp(b->m.source, opts->backup->m.source) != 0)
			continue;
		if ((rc = ask(&x, b, &asked, err)) < 0)
			return rc;
		n += asked;
	}
	return 0;
}
