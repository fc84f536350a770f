#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/err.h"
#include "crypto/hash.h"
#include "source/etcd/source_etcd.h"
#include "source/etcd/source_etcd_early.h"
#include "source/etcd/source_etcd_facts.h"
#include "source/etcd/source_etcd_proof.h"
#include "source/etcd/source_etcd_records.h"
#include "source/etcd/source_etcd_state.h"
#include "source/etcd/source_etcd_stream.h"
#include "source/source_paged.h"
#include "source/source_paged_map.h"
#include "source/source_pages.h"

#define PAGES_MEMORY ((size_t)8 << 20) /* bytes; the rest lies in a file. */

/* A snapshot that passes from a member to the sink. */
struct reading {
	const struct source_etcd *source;
	struct source_etcd_survey survey;
	size_t picked;
	char note[128];     /* Of source_etcd_pick. */
	char failover[512]; /* Who was tried before, and why that failed. */
	int64_t time_ns;
	struct sink *sink;
	bool begun; /* The sink has heard of a file. */

	struct source_pages *pages;
	struct source_etcd_early *early;
	struct etcd_snapshot snapshot;
	struct err stop; /* Why sink_check has ended it. */
};

static const struct source_etcd_member *
member(const struct reading *r)
{
	return &r->survey.members[r->picked];
}

static int
on_bytes(void *arg, const uint8_t *p, size_t n, struct err *err)
{
	struct reading *r = arg;
	int rc;

	if (r->early == NULL && (rc = source_etcd_early_start(
				     r->source, member(r), &r->early, err)) < 0)
		return rc;
	return source_pages_put(r->pages, p, n, err);
}

static bool
on_stop(void *arg)
{
	struct reading *r = arg;

	return sink_check(r->sink, &r->stop) < 0;
}

/* Fetch the snapshot of the member that was picked. */
static int
fetch(struct reading *r, struct err *err)
{
	const struct source_pages_opts opts = { .memory = PAGES_MEMORY };
	const struct etcd_snapshot_out out = {
		.write = on_bytes, .stop = on_stop, .arg = r
	};
	int rc;

	source_pages_free(TAKE(r->pages));
	source_etcd_early_free(TAKE(r->early));
	if ((rc = source_pages_new(&opts, &r->pages, err)) < 0)
		return rc;
	rc = etcd_snapshot_take(member(r)->client, &out, &r->snapshot, err);
	if (r->early != NULL)
		source_etcd_early_over(r->early);
	if (r->stop.code != 0) {
		*err = r->stop;
		return err->code;
	}
	return rc < 0 ? rc : source_pages_end(r->pages, err);
}

static int
stream(struct reading *r, struct err *err)
{
	return source_etcd_stream(
	    member(r), r->time_ns, r->sink, &r->begun, err);
}

/*
 * Have ${how} read a member.  If that fails before anything has gone to the
 * sink, another member is read instead.
 */
static int
read_any(struct reading *r, int (*how)(struct reading *, struct err *),
    struct err *err)
{
	struct err cause = ERR_INIT, ignore = ERR_INIT;
	struct source_etcd_member *m;
	int rc;

	for (;;) {
		rc = source_etcd_pick(
		    &r->survey, &r->picked, r->note, sizeof(r->note), &ignore);
		if (rc < 0) {
			/* The first failure says more than that no member is
			 * left. */
			*err = cause.code != 0 ? cause : ignore;
			return err->code;
		}
		m = &r->survey.members[r->picked];
		m->cause = (struct err)ERR_INIT;
		rc = how(r, &m->cause);
		if (r->begun || (rc != -HF_EUNAVAIL && rc != -HF_ESOURCE)) {
			if (rc < 0)
				*err = m->cause;
			return rc;
		}
		m->answered = false;
		if (cause.code == 0)
			cause = m->cause;
		(void)snprintf(r->failover, sizeof(r->failover),
		    "read from another member, for one failed: %.400s",
		    m->cause.msg);
	}
}

/* Write the snapshot's own pages: it cannot be stored as records. */
static int
write_pages(struct reading *r, uint32_t page_size, struct err *err)
{
	const struct entry e =
	    source_etcd_snapshot_entry(&r->snapshot, r->time_ns);
	const struct source_paged_file f = {
		.entry = &e,
		.page_size =
		    page_size > SOURCE_PAGED_MIN ? page_size : SOURCE_PAGED_MIN,
		.read = source_pages_read,
		.arg = r->pages,
	};

	return source_paged_write(&f, r->sink, err);
}

static int
write_unknown(
    struct reading *r, const struct source_etcd_db *db, struct err *err)
{
	int rc;

	if ((rc = source_etcd_fact(r->sink, err, "etcd.note.form",
		 "stored as pages: %s", db->unknown)) < 0)
		return rc;
	sink_warn(
	    r->sink, SOURCE_ETCD_SNAPSHOT, "stored as pages: %s", db->unknown);
	return write_pages(r, db->bolt.page_size, err);
}

/* What the snapshot hashes to, as a member sees it. */
struct ours {
	struct source_etcd_db *db;
	uint64_t revision, compact; /* For these, it is */
	uint32_t hash;
};

static int
our_hash(void *arg, uint64_t revision, uint64_t compact, uint32_t *ret,
    struct err *err)
{
	struct ours *o = arg;
	int rc;

	if (revision != o->revision || compact != o->compact) {
		rc = source_etcd_db_hash(
		    o->db, revision, compact, &o->hash, err);
		if (rc < 0)
			return rc;
		o->revision = revision;
		o->compact = compact;
	}
	*ret = o->hash;
	return 0;
}

static int
tell_proof(struct reading *r, const struct etcd_index *x,
    const struct source_etcd_verdict *v, struct err *err)
{
	struct sink *s = r->sink;
	int rc;

	if ((rc = source_etcd_fact(
		 s, err, "etcd.revision", "%" PRIu64, x->revision)) < 0 ||
	    (rc = source_etcd_fact(s, err, "etcd.compact_revision", "%" PRIu64,
		 x->compact_revision)) < 0 ||
	    (rc = source_etcd_fact(
		 s, err, "etcd.hashkv", "%" PRIu32, x->hash)) < 0 ||
	    (rc = source_etcd_fact(
		 s, err, "etcd.records", "%" PRIu64, x->records)) < 0)
		return rc;
	if ((rc = source_etcd_fact(s, err, "etcd.hashkv.members",
		 "%zu of %zu agree", v->agreed, v->members)) < 0 ||
	    v->revision == x->revision)
		return rc;
	return source_etcd_fact(s, err, "etcd.note.hashkv",
	    "compared at revision %" PRIu64
	    ", for history was compacted while the snapshot came",
	    v->revision);
}

/*
 * The members compute their hash while the records go to the sink.  The index,
 * without which the backup cannot be committed, is added only if they agree.
 */
static int
write_records(struct reading *r, struct source_etcd_db *db, struct err *err)
{
	CLEANUP(freep_source_etcd_proof) struct source_etcd_proof *proof = NULL;
	CLEANUP(freep_etcd_index) struct etcd_index x = { 0 };
	struct ours ours = { .db = db };
	struct source_etcd_verdict verdict;
	int rc;

	rc = source_etcd_proof_ask(
	    &r->survey, r->picked, db->revision, db->compact, &proof, err);
	if (rc < 0 ||
	    (rc = source_etcd_db_write(db, r->sink, r->time_ns, &x, err)) < 0)
		return rc;
	ours.revision = x.revision;
	ours.compact = x.hash_compact;
	ours.hash = x.hash;
	rc = source_etcd_proof_hear(
	    proof, r->early, our_hash, &ours, &verdict, err);
	if (rc < 0 || (rc = tell_proof(r, &x, &verdict, err)) < 0)
		return rc;
	return source_etcd_db_write_index(&x, r->sink, r->time_ns, err);
}

/* The snapshot must have the revision that the member had before. */
static int
check_revision(
    const struct reading *r, const struct source_etcd_db *db, struct err *err)
{
	const struct source_etcd_member *m = member(r);

	if (db->revision >= m->status.revision)
		return 0;
	(void)err_set(err, HF_ESOURCE,
	    "'%s' said that it is at revision %" PRIu64
	    ", and its snapshot ends with %" PRIu64,
	    etcd_client_url(m->client), m->status.revision, db->revision);
	return err_hint(err, "do not trust that member: replace it");
}

static int
lay_down(struct reading *r, struct err *err)
{
	CLEANUP(freep_source_etcd_db) struct source_etcd_db db = { 0 };
	int rc;

	rc = source_etcd_db_open(r->pages, SHA256_LEN, &db, err);
	if (rc < 0)
		return err_wrap(
		    err, "'%s'", etcd_client_url(member(r)->client));
	if (db.unknown[0] != '\0')
		rc = write_unknown(r, &db, err);
	else if ((rc = check_revision(r, &db, err)) == 0)
		rc = r->source->form == SOURCE_ETCD_PAGES
			 ? write_pages(r, db.bolt.page_size, err)
			 : write_records(r, &db, err);
	if (rc < 0)
		return rc;
	return source_etcd_tell_snapshot(&r->snapshot, r->sink, err);
}

/*
 * This is asked before the snapshot is taken, so that a change meanwhile is
 * noticed later.  A member that does not answer is passed over.
 */
static int
tell_state(struct reading *r, struct err *err)
{
	const struct source_etcd_survey *v = &r->survey;
	char state[SOURCE_ETCD_STATE_LEN];
	struct err ignore = ERR_INIT;
	size_t i;

	for (i = 0; i < v->n; i++)
		if (v->members[i].answered &&
		    source_etcd_state_ask(
			v->members[i].client, state, &ignore) == 0)
			return source_etcd_fact(
			    r->sink, err, "etcd.state", "%s", state);
	return 0;
}

static int
run(struct reading *r, struct err *err)
{
	const struct source_etcd *s = r->source;
	struct timespec now;
	int rc;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	r->time_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if ((rc = source_etcd_survey_make(s, &r->survey, err)) < 0 ||
	    (rc = tell_state(r, err)) < 0)
		return rc;
	if (s->form == SOURCE_ETCD_STREAM)
		rc = read_any(r, stream, err);
	else if ((rc = read_any(r, fetch, err)) == 0)
		rc = lay_down(r, err);
	if (rc < 0)
		return rc;
	if (r->failover[0] != '\0' &&
	    (rc = source_etcd_fact(
		 r->sink, err, "etcd.note.failover", "%s", r->failover)) < 0)
		return rc;
	if ((rc = source_etcd_tell_member(member(r), r->sink, err)) < 0)
		return rc;
	return source_etcd_tell_cluster(
	    &r->survey, member(r)->client, r->note, r->sink, err);
}

int
source_etcd_read(struct source *s, struct sink *sink, struct err *err)
{
	struct reading r = { .source = (struct source_etcd *)s, .sink = sink };
	int rc;

	rc = run(&r, err);
	source_pages_free(r.pages);
	source_etcd_early_free(r.early);
	source_etcd_survey_clear(&r.survey);
	return rc;
}
