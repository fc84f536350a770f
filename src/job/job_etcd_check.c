#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job/job.h"
#include "job/job_etcd_check.h"
#include "job/job_etcd_db.h"
#include "source/etcd/source_etcd_survey.h"

struct check {
	const struct job *job;
	const struct job_etcd_rebuild_opts *opts;
	struct job_etcd_db *db;
	struct job_etcd_check_report *rep;
	struct job_etcd_digest last; /* As compacted by the last member. */
};

void
job_etcd_check_clear(struct job_etcd_check_report *rep)
{
	free(rep->members);
	*rep = (struct job_etcd_check_report){ 0 };
}

/* Some versions do not hash the compact revision when it is named, so a
 * member that stands there is asked for its newest. */
static int
ask(struct etcd_client *c, uint64_t revision, uint64_t newest,
    struct etcd_hashkv *h, enum etcd_revision *gone, struct err *err)
{
	int rc;

	if (newest == revision) {
		if ((rc = etcd_client_hashkv(c, 0, h, gone, err)) < 0)
			return rc;
		if (h->header.revision == revision)
			return 0;
	}
	return etcd_client_hashkv(c, revision, h, gone, err);
}

/* What this member must show: it may have been compacted since. */
static int
compare(struct check *x, struct job_etcd_checked *m, struct err *err)
{
	int rc;

	if (m->compact_revision != x->last.compact_revision) {
		rc = job_etcd_digest(
		    x->db, x->opts, m->compact_revision, &x->last, err);
		if (rc < 0)
			return rc;
	}
	m->wanted = x->last.hash;
	if (m->hash == m->wanted &&
	    m->compact_revision == x->last.compact_revision)
		m->verdict = JOB_ETCD_SAME;
	else
		m->verdict = JOB_ETCD_DIFFERENT;
	return 0;
}

static int
one(struct check *x, const struct source_etcd_member *from,
    struct job_etcd_checked *m, struct err *err)
{
	const uint64_t revision = x->rep->digest.revision;
	enum etcd_revision gone = ETCD_REVISION_READ;
	struct etcd_hashkv h;

	(void)snprintf(
	    m->url, sizeof(m->url), "%s", etcd_client_url(from->client));
	m->verdict = JOB_ETCD_SILENT;
	m->cause = from->cause;
	if (!from->answered)
		return 0;
	m->id = from->status.member_id;
	(void)snprintf(
	    m->version, sizeof(m->version), "%s", from->status.version);
	m->revision = from->status.revision;
	m->cause = (struct err)ERR_INIT;
	if (ask(from->client, revision, m->revision, &h, &gone, &m->cause) <
	    0) {
		if (gone == ETCD_REVISION_COMPACTED)
			m->verdict = JOB_ETCD_COMPACTED;
		else if (gone == ETCD_REVISION_FUTURE)
			m->verdict = JOB_ETCD_DIFFERENT;
		return job_check(x->job, err);
	}
	m->hash = h.hash;
	m->compact_revision = h.compact_revision;
	return compare(x, m, err);
}

/* Of which members the cluster itself says that their data is corrupt. */
static void
note_corrupt(const struct etcd_alarms *a, struct job_etcd_check_report *rep)
{
	size_t i;

	for (i = 0; i < a->n; i++)
		if (a->at[i].type == ETCD_ALARM_CORRUPT)
			rep->corrupt[rep->ncorrupt++] = a->at[i].member_id;
}

static int
all(struct check *x, const struct source_etcd *source, struct err *err)
{
	CLEANUP(source_etcd_survey_clear) struct source_etcd_survey v = { 0 };
	struct source_etcd any = *source;
	size_t i;
	int rc;

	/* Which of them differs is what is to be found out. */
	any.allow_corrupt = true;
	if ((rc = source_etcd_survey_make(&any, &v, err)) < 0)
		return rc;
	note_corrupt(&v.alarms, x->rep);
	x->rep->members = calloc(v.n, sizeof(*x->rep->members));
	if (x->rep->members == NULL)
		return err_nomem(err);
	x->rep->n = v.n;
	for (i = 0; i < v.n; i++)
		if ((rc = one(x, &v.members[i], &x->rep->members[i], err)) < 0)
			return rc;
	return 0;
}

int
job_etcd_check(const struct job *j, struct job_etcd_db *db,
    const struct job_etcd_rebuild_opts *opts, const struct source *source,
    struct job_etcd_check_report *rep, struct err *err)
{
	struct check x = { .job = j, .opts = opts, .db = db, .rep = rep };
	int rc;

	if (strcmp(source->ops->name, "etcd") != 0)
		return err_set(err, HF_EUSAGE,
		    "a cluster of etcd is compared, and this is a '%s'",
		    source->ops->name);
	if ((rc = job_etcd_digest(db, opts, 0, &rep->digest, err)) < 0)
		return rc;
	x.last = rep->digest;
	return all(&x, (const struct source_etcd *)source, err);
}
